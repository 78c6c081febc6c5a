-- id: review.meter.multiplier
-- title: A dial's multiplier differs from the record, from its neighbours or from before
-- why: A wrong current-transformer ratio bills the same wrong factor every month.
-- stage: determine
-- severity: warn
-- grain: base
-- parameter: norm = 980 permille: share of a customer segment that makes a norm
-- evidence: multiplier factor: multiplier used
-- evidence: other factor: multiplier it should be compared with
-- evidence: source text: where the other one comes from
-- money_at_risk: the part of the bill that the ratio of the two explains
-- direction: row
-- message: The meter was billed with a multiplier of {multiplier}; {source} has {other}.
-- remedy: Compare with the plate on the current transformers; correct the register record if needed.
WITH used AS (
  SELECT segment, meter, register, multiplier, max(time_utc) AS until FROM register_readings
  WHERE multiplier IS NOT NULL GROUP BY segment, meter, register, multiplier
), meant AS (
  SELECT *, lag(multiplier) OVER own AS before
  FROM used WINDOW own AS (PARTITION BY segment ORDER BY until, multiplier, meter, register)
), point AS (
  SELECT segment, min(multiplier) AS low, max(multiplier) AS high FROM used GROUP BY segment
), classed AS (
  SELECT u.customer_segment, count(*) AS points,
    count(*) FILTER (p.low = 1000000 AND p.high = 1000000) AS ones
  FROM point p JOIN usage u ON u.segment = p.segment GROUP BY u.customer_segment
), before AS (
  SELECT s.segment, min(b.multiplier) AS low, max(b.multiplier) AS high
  FROM used u JOIN segments s ON s.segment = u.segment
  JOIN past_readings b ON b.meter = u.meter AND b.register = u.register GROUP BY s.segment
), told AS (
  SELECT u.segment, max(u.multiplier) AS multiplier, max(r.multiplier) AS other,
    'the register record' AS source
  FROM used u JOIN registers r ON r.meter = u.meter AND r.register = u.register
  WHERE r.multiplier <> u.multiplier GROUP BY u.segment
  UNION ALL
  SELECT segment, multiplier, before, 'another dial at the same point' FROM meant
  WHERE before <> multiplier
  UNION ALL
  SELECT p.segment, p.high, b.high, 'the bill before' FROM point p
  JOIN before b ON b.segment = p.segment WHERE b.high = b.low AND p.high = p.low AND b.high <> p.high
  UNION ALL
  SELECT p.segment, p.high, 1000000, 'nearly every ' || u.customer_segment FROM point p
  JOIN usage u ON u.segment = p.segment JOIN classed c ON c.customer_segment = u.customer_segment
  WHERE p.low = p.high AND p.high <> 1000000 AND c.points >= 50
    AND c.ones * 1000 >= c.points * $norm
), worst AS (
  SELECT *, row_number() OVER (PARTITION BY segment ORDER BY source, multiplier, other) AS nth
  FROM told
)
SELECT u.segment, u.bill, u.account, u.metering_point,
  w.multiplier // 1000 AS multiplier, w.other // 1000 AS other, w.source,
  CASE WHEN w.multiplier > w.other THEN 'over' ELSE 'under' END AS direction,
  abs(u.total_u) * abs(w.multiplier - w.other)
    // w.multiplier AS at_risk
FROM worst w JOIN usage u ON u.segment = w.segment WHERE w.nth = 1
