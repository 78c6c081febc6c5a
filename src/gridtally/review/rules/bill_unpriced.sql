-- id: review.bill.unpriced
-- title: No amount could be calculated
-- why: A bill without lines is never a bill of zero; what it would usually be says how urgent it is.
-- stage: rate
-- severity: hold
-- must_hold: yes
-- grain: bill
-- evidence: usual money: the customer's usual total for a period of this length
-- evidence: months months: past bills behind it
-- money_at_risk: the usual total
-- direction: under
-- message: No amount could be calculated; a bill of this length is usually {usual}.
-- remedy: Put right what the other findings name, then calculate again.
SELECT u.segment, u.bill, u.account, u.metering_point, p.total_day_u * u.days AS usual,
  coalesce(p.months, 0) AS months, abs(p.total_day_u) * u.days AS at_risk
FROM usage u LEFT JOIN past p ON p.segment = u.segment
WHERE u.total_u IS NULL
