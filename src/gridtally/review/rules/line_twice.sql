-- id: review.line.twice
-- title: The same charge twice on one bill
-- why: A duplicated line is charged twice, and no sum shows it.
-- stage: rate
-- severity: hold
-- must_hold: yes
-- grain: bill
-- evidence: component text: the charge
-- evidence: times_billed count: how often it is there
-- evidence: value money: its amount
-- money_at_risk: the amount, once less than it is billed
-- direction: over
-- message: The charge {component} of {value} is on the bill {times_billed} times.
-- remedy: Rate the bill again; if it comes back, the tariff document names the charge twice.
SELECT l.segment, s.bill, s.account, s.metering_point,
  l.component || CASE WHEN l.bucket = '' THEN '' ELSE '/' || l.bucket END AS component,
  count(*) AS times_billed, CAST(min(l.amount) * 1000000 AS BIGINT) AS value,
  abs(CAST(min(l.amount) * 1000000 AS BIGINT)) * (count(*) - 1) AS at_risk
FROM lines l JOIN segments s ON s.segment = l.segment
GROUP BY l.segment, s.bill, s.account, s.metering_point, l.span, l.component, l.bucket, l.price,
  l.quantity
HAVING count(*) > 1
