-- id: review.agreement.gap
-- title: Energy used on days that no agreement bills
-- why: After a move the old agreement ended and the new one began later: nobody pays for between.
-- stage: assemble
-- severity: warn
-- grain: base
-- parameter: floor = 150000000 ukwh: less energy than this is not worth a look
-- evidence: days days: days with energy and without agreement
-- evidence: used ukwh: energy on them
-- evidence: since date: first of those days
-- money_at_risk: that energy at the middle price of all bills
-- direction: under
-- message: {metering_point} used {used} on {days} that no agreement covers, from {since}.
-- remedy: Find out who was in the premises and date the agreement back, or record the vacancy.
WITH covered AS (
  SELECT metering_point FROM agreements
  WHERE "from" <= $period_from AND coalesce("to", DATE '9999-01-01') >= $period_to
), doubtful AS (
  SELECT metering_point FROM metering_points
  WHERE metering_point NOT IN (SELECT metering_point FROM covered)
), open AS (
  SELECT d.metering_point, d.day, d.ukwh
  FROM doubtful JOIN daily d ON d.metering_point = doubtful.metering_point
  WHERE d.channel = 'import' AND d.day >= $period_from AND d.day < $period_to
    AND NOT EXISTS (
      SELECT 1 FROM agreements a WHERE a.metering_point = d.metering_point
        AND a."from" <= d.day AND coalesce(a."to", DATE '9999-01-01') > d.day
    )
), price AS (
  SELECT quantile_disc(price_u, 0.5) AS price_u FROM usage WHERE price_u > 0
), next AS (
  SELECT metering_point, min(account) AS account, min(bill) AS bill, min(segment) AS segment
  FROM usage GROUP BY metering_point
)
SELECT o.metering_point, n.account, n.bill, n.segment, count(*) AS days, sum(o.ukwh) AS used,
  min(o.day) AS since, sum(o.ukwh) * max(p.price_u) // 1000000 AS at_risk
FROM open o CROSS JOIN price p LEFT JOIN next n ON n.metering_point = o.metering_point
WHERE o.ukwh > 0
GROUP BY o.metering_point, n.account, n.bill, n.segment HAVING sum(o.ukwh) > $floor
