-- id: review.energy.multiplier
-- title: Energy off by a power of ten or by the meter's own multiplier
-- why: A multiplier forgotten, applied twice or entered wrongly is off by exactly that factor.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: close = 180 permille: how near to the factor counts as the factor
-- parameter: floor = 60000000 ukwh: a smaller difference is not worth a look
-- evidence: used ukwh: energy billed
-- evidence: usual ukwh: the middle of the usual range
-- evidence: factor times: the suspected factor
-- cause: a move within the last 45 days or in the period, vacant premises
-- money_at_risk: the energy beyond or below the usual, at the bill's average price
-- direction: row
-- message: Billed {used} where {usual} is usual: about {factor}, as if a multiplier were wrong.
-- remedy: Compare the multiplier with the plate on the current transformers and with the last bill.
WITH factors AS (
  SELECT DISTINCT segment, multiplier // 1000 AS factor
  FROM register_readings WHERE multiplier > 1500000
  UNION SELECT DISTINCT segment, CAST(1000000000 // multiplier AS BIGINT)
  FROM register_readings WHERE multiplier > 1500000
  UNION SELECT s.segment, f.factor FROM segments s
  CROSS JOIN (
    SELECT 10000 AS factor UNION ALL SELECT 100000 UNION ALL SELECT 1000000
    UNION ALL SELECT 100 UNION ALL SELECT 10 UNION ALL SELECT 1
  ) f
), near AS (
  SELECT u.segment, max(f.factor) AS factor
  FROM usage u JOIN expected e ON e.segment = u.segment
  JOIN factors f ON f.segment = u.segment
  WHERE f.factor > 0 AND f.factor <> 1000
    AND u.import_ukwh * 1000000
      BETWEEN CAST(e.usual_ukwh AS HUGEINT) * f.factor * (1000 - $close)
      AND CAST(e.usual_ukwh AS HUGEINT) * f.factor * 1000000 // (1000 - $close)
    AND abs(u.import_ukwh - e.usual_ukwh) > $floor
  GROUP BY u.segment
)
SELECT u.segment, u.bill, u.account, u.metering_point,
  u.import_ukwh AS used, e.usual_ukwh AS usual, n.factor,
  CASE WHEN u.import_ukwh > e.usual_ukwh THEN 'over' ELSE 'under' END AS direction,
  abs(u.import_ukwh - e.usual_ukwh) * coalesce(p.price_u, u.price_u) // 1000000 AS at_risk
FROM near n
JOIN usage u ON u.segment = n.segment
JOIN expected e ON e.segment = n.segment
JOIN past p ON p.segment = n.segment
WHERE NOT u.moved AND NOT u.vacant AND e.months >= 3
  AND (n.factor < 1000 OR u.import_ukwh > e.high_ukwh)
  AND (n.factor > 1000 OR u.import_ukwh < e.low_ukwh)
