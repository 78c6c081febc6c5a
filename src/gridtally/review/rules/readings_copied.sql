-- id: review.readings.copied
-- title: Day by day the same energy as another metering point
-- why: Two homes never use the same to the watt-hour on every day: one file was copied.
-- stage: receive
-- severity: warn
-- grain: base
-- parameter: days = 14 count: days that must agree
-- parameter: kinds = 6 count: different daily values that there must be
-- evidence: twin text: the other metering point
-- evidence: same days: days that agree
-- evidence: used ukwh: energy on them
-- money_at_risk: half of the bill
-- direction: over
-- message: On {same} the energy of {metering_point} equals that of {twin} to the last digit.
-- remedy: Ask the sender whose readings these are; the other set is probably lost.
WITH prints AS (
  SELECT metering_point, count(*) AS same, sum(ukwh) AS ukwh, count(DISTINCT ukwh) AS kinds,
    sum(hash(day, ukwh)) AS print
  FROM daily
  WHERE channel = 'import' AND day >= $period_from AND day < $period_to AND estimated_ukwh = 0
    AND ukwh > 0
  GROUP BY metering_point HAVING count(*) >= $days AND count(DISTINCT ukwh) >= $kinds
), twins AS (
  SELECT *, min(metering_point) OVER own AS one, max(metering_point) OVER own AS last,
    count(*) OVER own AS points
  FROM prints WINDOW own AS (PARTITION BY same, ukwh, print)
), owners AS (
  SELECT metering_point, min(segment) AS segment FROM usage GROUP BY metering_point
)
SELECT u.segment, u.bill, u.account, t.metering_point,
  CASE WHEN t.one = t.metering_point THEN t.last ELSE t.one END AS twin, t.same, t.ukwh AS used,
  abs(u.total_u) // 2 AS at_risk
FROM twins t JOIN owners o ON o.metering_point = t.metering_point
JOIN usage u ON u.segment = o.segment
WHERE t.points > 1
