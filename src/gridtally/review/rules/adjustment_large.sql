-- id: review.adjustment.large
-- title: An adjustment that is a large part of the bill
-- why: Adjustments are where errors are hidden, and where money is taken.
-- stage: rate
-- severity: warn
-- grain: bill
-- parameter: share = 300 permille: share of the bill that passes without a look
-- parameter: floor = 20000000 money: a smaller adjustment is not worth a look
-- evidence: adjusted money: sum of the adjustment lines
-- evidence: total money: total of the segment
-- money_at_risk: the adjustment
-- direction: row
-- message: Adjustments of {adjusted} on a bill of {total}.
-- remedy: Ask for the ticket and the approver of the adjustment.
WITH adjusted AS (
  SELECT segment, CAST(sum(amount) * 1000000 AS BIGINT) AS adjusted FROM lines
  WHERE kind = 'adjustment' GROUP BY segment
)
SELECT u.segment, u.bill, u.account, u.metering_point, a.adjusted, u.total_u AS total,
  CASE WHEN a.adjusted > 0 THEN 'over' ELSE 'under' END AS direction, abs(a.adjusted) AS at_risk
FROM adjusted a JOIN usage u ON u.segment = a.segment
WHERE abs(a.adjusted) > $floor AND abs(a.adjusted) * 1000 > abs(u.total_u - a.adjusted) * $share
