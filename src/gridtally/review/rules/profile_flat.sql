-- id: review.profile.flat
-- title: Almost the same energy every day
-- why: People do not live so evenly: a stuck value, or an estimate that is not marked as one.
-- stage: validate
-- severity: warn
-- grain: bill
-- parameter: spread = 10 permille: difference between days that still counts as the same
-- parameter: days = 10 count: days in a row that must be alike; nine or more
-- parameter: floor = 1000000 ukwh: daily energy below which nothing is said
-- evidence: alike days: days in a row
-- evidence: each ukwh: energy on each of them
-- evidence: since date: first of them
-- money_at_risk: a third of the energy on those days at the bill's average price
-- direction: over
-- message: From {since} on, {alike} have the same {each}: as if estimated, but marked as read.
-- remedy: Ask the sender for the original readings of these days.
WITH fives AS (
  -- So many days alike hold five that begin on a fixed fifth day: a cheap first sieve.
  SELECT metering_point FROM daily
  WHERE channel = 'import' AND day >= $period_from AND day < $period_to
  GROUP BY metering_point, (day - $period_from) // 5
  HAVING count(*) = 5 AND min(ukwh) > $floor
    AND CAST(max(ukwh) - min(ukwh) AS HUGEINT) * 1000 <= CAST(max(ukwh) AS HUGEINT) * $spread * 4
), steps AS (
  SELECT metering_point, day, ukwh,
    CASE WHEN CAST(abs(ukwh - lag(ukwh) OVER own) AS HUGEINT) * 1000
      <= CAST(ukwh AS HUGEINT) * $spread THEN 0 ELSE 1 END AS broken
  FROM daily
  WHERE channel = 'import' AND day >= $period_from AND day < $period_to AND estimated_ukwh = 0
    AND metering_point IN (SELECT metering_point FROM fives)
  WINDOW own AS (PARTITION BY metering_point ORDER BY day)
), runs AS (
  SELECT *, sum(broken) OVER (PARTITION BY metering_point ORDER BY day) AS run FROM steps
), flat AS (
  SELECT metering_point, run, count(*) AS alike, min(day) AS since, max(ukwh) AS each,
    sum(ukwh) AS ukwh, row_number() OVER (PARTITION BY metering_point ORDER BY count(*) DESC, run)
      AS nth
  FROM runs GROUP BY metering_point, run
  HAVING count(*) >= $days AND min(ukwh) > $floor
)
SELECT u.segment, u.bill, u.account, u.metering_point, f.alike, f.each, f.since,
  f.ukwh * u.price_u // 3000000 AS at_risk
FROM flat f JOIN usage u ON u.metering_point = f.metering_point
  AND f.since >= u.from_day AND f.since < u.to_day
WHERE f.nth = 1
