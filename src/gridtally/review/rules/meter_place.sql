-- id: review.meter.place
-- title: A meter that is recorded in two places, or read where it is not recorded
-- why: Swapped serial numbers make neighbours pay each other's energy.
-- stage: receive
-- severity: warn
-- grain: base
-- evidence: meter text: serial number
-- evidence: here text: metering point of this bill
-- evidence: there text: the other metering point
-- money_at_risk: the whole bill: it may be somebody else's energy
-- direction: over
-- message: Meter {meter} is billed at {here} and recorded at {there}.
-- remedy: Have the serial number on the wall checked at both places before either bill leaves.
WITH used AS (
  SELECT DISTINCT r.segment, r.meter, u.metering_point, u.from_day, u.to_day
  FROM register_readings r JOIN usage u ON u.segment = r.segment
  UNION
  SELECT u.segment, m.meter, u.metering_point, u.from_day, u.to_day
  FROM usage u JOIN meters m ON m.metering_point = u.metering_point
    AND m."from" < u.to_day AND coalesce(m."to", DATE '9999-01-01') > u.from_day
), doubled AS (
  SELECT r.segment, r.meter, r.metering_point, min(m.metering_point) AS there
  FROM used r JOIN meters m ON m.meter = r.meter AND m.metering_point <> r.metering_point
    AND m."from" < r.to_day AND coalesce(m."to", DATE '9999-01-01') > r.from_day
  GROUP BY r.segment, r.meter, r.metering_point
)
SELECT u.segment, u.bill, u.account, u.metering_point, d.meter, d.metering_point AS here, d.there,
  abs(u.total_u) AS at_risk
FROM doubled d JOIN usage u ON u.segment = d.segment
