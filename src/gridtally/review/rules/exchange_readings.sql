-- id: review.exchange.readings
-- title: A meter exchange of which only one meter was read
-- why: Without the old meter's last reading its energy is lost; without the new one's first, invented.
-- stage: determine
-- severity: warn
-- grain: bill
-- evidence: old text: the meter that was taken away
-- evidence: new text: the meter that came
-- evidence: day date: day of the exchange
-- evidence: read count: how many of the two have readings in this bill
-- money_at_risk: half of the bill
-- direction: under
-- message: Meter {old} was replaced by {new} on {day}, but this bill has readings of {read} of the two.
-- remedy: Get the removal and installation readings from the fitter's note.
WITH exchanged AS (
  SELECT u.segment, a.meter AS old, b.meter AS new, b."from" AS day
  FROM usage u
  JOIN meters b ON b.metering_point = u.metering_point AND b."from" > u.from_day
    AND b."from" < u.to_day
  JOIN meters a ON a.metering_point = u.metering_point AND a.meter <> b.meter
    AND a."to" - b."from" BETWEEN 0 AND 1
  WHERE u.legal_source = 'register'
), seen AS (
  SELECT DISTINCT segment, meter FROM register_readings
)
SELECT u.segment, u.bill, u.account, u.metering_point, e.old, e.new, e.day,
  count(r.meter) AS read, abs(u.total_u) // 2 AS at_risk
FROM exchanged e JOIN usage u ON u.segment = e.segment
LEFT JOIN seen r ON r.segment = e.segment AND r.meter IN (e.old, e.new)
GROUP BY u.segment, u.bill, u.account, u.metering_point, e.old, e.new, e.day, u.total_u
HAVING count(r.meter) < 2
