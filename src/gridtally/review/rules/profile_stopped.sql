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
SELECT u.segment, u.bill, u.account, u.metering_point,
  u.to_day - f.last_used - 1 AS silent, f.ukwh // f.used_days AS usual, f.last_used + 1 AS since,
  f.ukwh // f.used_days * (u.to_day - f.last_used - 1) * u.price_u // 1000000 AS at_risk
FROM profile f JOIN usage u ON u.segment = f.segment
WHERE f.channel = 'import' AND f.days = u.days AND NOT u.vacant AND NOT u.moved
  AND u.to_day - f.last_used > $days AND f.ukwh // f.used_days > $floor
