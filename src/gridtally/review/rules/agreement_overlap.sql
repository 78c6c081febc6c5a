-- id: review.agreement.overlap
-- title: One metering point billed twice for the same days
-- why: Two agreements in force at once: the energy is charged to two accounts, or twice to one.
-- stage: assemble
-- severity: hold
-- grain: base
-- evidence: other text: the other bill
-- evidence: shared days: days that both bill
-- evidence: used ukwh: energy billed here
-- money_at_risk: this bill's total, as far as the days are shared
-- direction: over
-- message: {metering_point} is also billed on {other}, for {shared} of the same period.
-- remedy: End the agreement that is no longer in force, then rate both bills again.
SELECT a.segment, a.bill, a.account, a.metering_point, min(b.bill) AS other,
  max(least(a.to_day, b.to_day) - greatest(a.from_day, b.from_day)) AS shared,
  a.import_ukwh AS used,
  abs(a.total_u)
    * max(least(a.to_day, b.to_day) - greatest(a.from_day, b.from_day)) // a.days AS at_risk
FROM usage a JOIN usage b ON b.metering_point = a.metering_point AND b.segment <> a.segment
  AND b.from_day < a.to_day AND a.from_day < b.to_day
GROUP BY a.segment, a.bill, a.account, a.metering_point, a.import_ukwh, a.total_u, a.days
