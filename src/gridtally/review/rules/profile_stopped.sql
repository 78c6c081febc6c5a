-- id: review.profile.stopped
-- title: Energy as usual, then nothing up to the end
-- why: A meter that stops in mid-month hides behind the days before.
-- stage: validate
-- severity: warn
-- grain: bill
-- parameter: days = 7 count: days of exactly nothing at the end
-- parameter: floor = 2000000 ukwh: daily use before, below which nothing is said
-- evidence: silent days: days without energy
-- evidence: usual ukwh: daily energy before
-- evidence: since date: first day without energy
-- cause: vacant premises, a move
-- money_at_risk: the usual energy of those days at the bill's average price
-- direction: under
-- message: From {since} to the end nothing was counted for {silent}; before it was {usual} a day.
-- remedy: Check the meter and its communication: even an empty home uses a little.
WITH used AS (
  SELECT u.segment, d.day, d.ukwh,
    max(CASE WHEN d.ukwh > 0 THEN d.day END) OVER (PARTITION BY u.segment) AS last
  FROM usage u JOIN daily d ON d.metering_point = u.metering_point AND d.channel = 'import'
    AND d.day >= u.from_day AND d.day < u.to_day
  WHERE NOT u.vacant AND NOT u.moved AND u.import_ukwh > 0
), found AS (
  SELECT segment, count(*) FILTER (day > last) AS silent, min(day) FILTER (day > last) AS since,
    quantile_disc(ukwh, 0.5) FILTER (day <= last) AS usual
  FROM used GROUP BY segment
)
SELECT u.segment, u.bill, u.account, u.metering_point, f.silent, f.usual, f.since,
  CAST(f.usual AS HUGEINT) * f.silent * u.price_u // 1000000 AS at_risk
FROM found f JOIN usage u ON u.segment = f.segment
WHERE f.silent >= $days AND f.usual > $floor
