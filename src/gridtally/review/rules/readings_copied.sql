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
WITH twins AS (
  SELECT f.*, u.metering_point, u.bill, u.account, u.total_u,
    min(u.metering_point) OVER own AS one, max(u.metering_point) OVER own AS last
  FROM profile f JOIN usage u ON u.segment = f.segment
  WHERE f.channel = 'import' AND f.used_days >= $days AND f.estimated_ukwh = 0
    AND f.max_ukwh > f.min_ukwh
  WINDOW own AS (PARTITION BY f.print, f.ukwh, f.days)
), varied AS (
  SELECT t.segment FROM twins t JOIN daily d ON d.metering_point = t.metering_point
    AND d.channel = 'import'
  WHERE t.one <> t.last GROUP BY t.segment HAVING count(DISTINCT d.ukwh) >= $kinds
)
SELECT t.segment, t.bill, t.account, t.metering_point,
  CASE WHEN t.one = t.metering_point THEN t.last ELSE t.one END AS twin,
  t.days AS same, t.ukwh AS used, abs(t.total_u) // 2 AS at_risk
FROM twins t JOIN varied v ON v.segment = t.segment
