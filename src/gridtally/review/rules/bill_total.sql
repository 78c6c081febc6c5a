-- id: review.bill.total
-- title: The bill is a multiple of all bills before
-- why: A shock bill that the energy does not explain costs trust, whoever is right.
-- stage: assemble
-- severity: warn
-- grain: bill
-- parameter: above = 2500 times: multiple of the highest bill so far
-- parameter: floor = 50000000 money: a smaller difference is not worth a look
-- evidence: total money: this bill, per 30 days
-- evidence: highest money: the highest so far, per 30 days
-- evidence: usual money: the usual one, per 30 days
-- cause: a move, a capacity change
-- money_at_risk: the difference to the usual bill
-- direction: over
-- message: The bill comes to {total} in 30 days; the highest so far was {highest}, usual is {usual}.
-- remedy: Explain the difference line by line before it leaves, or talk to the customer first.
WITH before AS (
  SELECT account, metering_point, count(*) AS bills,
    max(CAST(total * 1000000 AS HUGEINT) * 30 // ("to" - "from")) AS highest,
    quantile_disc(CAST(total * 1000000 AS HUGEINT) * 30 // ("to" - "from"), 0.5) AS usual
  FROM history WHERE "to" - "from" >= 10 GROUP BY account, metering_point
)
SELECT u.segment, u.bill, u.account, u.metering_point,
  CAST(u.total_u AS HUGEINT) * 30 // u.days AS total, b.highest, b.usual,
  CAST(u.total_u AS HUGEINT) - b.usual * u.days // 30 AS at_risk
FROM usage u JOIN before b ON b.account = u.account AND b.metering_point = u.metering_point
WHERE b.bills >= 3 AND b.highest > 0 AND NOT u.moved AND NOT u.capacity_changed
  AND CAST(u.total_u AS HUGEINT) * 30000 // u.days > b.highest * $above
  AND CAST(u.total_u AS HUGEINT) - b.usual * u.days // 30 > $floor
