-- id: review.bill.negative
-- title: A bill below zero that feeding in does not explain
-- why: Money that leaves by mistake rarely comes back.
-- stage: assemble
-- severity: hold
-- grain: bill
-- parameter: floor = 1000000 money: a smaller credit is not worth a look
-- evidence: total money: total of the segment
-- evidence: exported ukwh: energy fed in
-- evidence: highest money: the largest of the customer's bills so far
-- money_at_risk: the credit
-- direction: under
-- message: The bill is {total} with {exported} fed in; the largest bill so far was {highest}.
-- remedy: Check the credit lines and their readings; a credit needs a reason that one can name.
SELECT u.segment, u.bill, u.account, u.metering_point, u.total_u AS total,
  u.export_ukwh AS exported, p.max_total_u AS highest, -u.total_u AS at_risk
FROM usage u LEFT JOIN past p ON p.segment = u.segment
WHERE u.total_u < -$floor
  AND (u.export_ukwh = 0 OR -u.total_u > 3 * greatest(coalesce(p.max_total_u, 0), 0) + 50000000)
