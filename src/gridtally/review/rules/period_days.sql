-- id: review.period.days
-- title: Days that no bill covers, or that two bills cover
-- why: Bills of one agreement follow each other without a gap; a day twice is money twice.
-- stage: assemble
-- severity: hold
-- grain: bill
-- evidence: last date: day up to which the last bill went
-- evidence: first date: first day of this bill
-- evidence: off days: days between the two
-- money_at_risk: those days at this bill's daily average
-- direction: row
-- message: The last bill went up to {last} (not included), this one begins on {first}: {off} apart.
-- remedy: Bill the missing days too, or take the days off that were billed before.
WITH last AS (
  SELECT u.segment, max(h."to") AS last
  FROM usage u JOIN history h ON h.agreement = u.agreement AND h.metering_point = u.metering_point
  WHERE h."from" < u.from_day GROUP BY u.segment
)
SELECT u.segment, u.bill, u.account, u.metering_point, l.last, u.from_day AS first,
  abs(u.from_day - l.last) AS off,
  CASE WHEN u.from_day < l.last THEN 'over' ELSE 'under' END AS direction,
  abs(u.total_u) * abs(u.from_day - l.last) // u.days AS at_risk
FROM usage u JOIN last l ON l.segment = u.segment
WHERE u.from_day <> l.last
