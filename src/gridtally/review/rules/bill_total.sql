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
-- parameter: new_load = 700000000 ukwh: what a new electric car can add in a month
-- cause: a move, a capacity change, an electric car as far as it explains the energy
-- money_at_risk: the difference to the usual bill
-- direction: over
-- message: The bill comes to {total} in 30 days; the highest so far was {highest}, usual is {usual}.
-- remedy: Explain the difference line by line before it leaves, or talk to the customer first.
SELECT u.segment, u.bill, u.account, u.metering_point,
  u.total_u // u.days * 30 AS total, p.max_total_day_u * 30 AS highest,
  p.total_day_u * 30 AS usual, u.total_u - p.total_day_u * u.days AS at_risk
FROM usage u JOIN past p ON p.segment = u.segment
WHERE p.months >= 3 AND p.max_total_day_u > 0 AND NOT u.moved AND NOT u.capacity_changed
  AND NOT (u.ev AND u.import_ukwh - p.recent_day_ukwh * u.days < $new_load)
  AND u.total_u // u.days * 1000 > p.max_total_day_u * $above
  AND u.total_u - p.total_day_u * u.days > $floor
