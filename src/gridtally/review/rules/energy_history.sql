-- id: review.energy.history
-- title: Energy far from what this customer usually uses
-- why: Shock bills come from misread dials, wrong multipliers and stopped meters; all show here.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: above = 1250 times: how far above the usual range is too far
-- parameter: below = 500 times: how far below the usual range is too far
-- parameter: floor = 40000000 ukwh: a smaller distance from the range is not worth a look
-- parameter: new_load = 700000000 ukwh: what a new electric car can add in a month
-- evidence: used ukwh: energy billed
-- evidence: low ukwh: lower end of the usual range
-- evidence: high ukwh: upper end of the usual range
-- evidence: months months: past bills behind the range
-- cause: a move within the last 45 days or in the period
-- cause: new or vacant premises, a capacity change
-- cause: solar panels explain less, an electric car explains more
-- money_at_risk: energy beyond the usual middle, at the bill's average price
-- direction: row
-- message: Billed {used}, usually {low} to {high} (from {months} of past bills).
-- remedy: Compare the closing reading with a photo or a re-read; ask about new equipment or absence.
SELECT u.segment, u.bill, u.account, u.metering_point,
  u.import_ukwh AS used, e.low_ukwh AS low, e.high_ukwh AS high, e.months,
  CASE WHEN u.import_ukwh > e.high_ukwh THEN 'over' ELSE 'under' END AS direction,
  abs(u.import_ukwh - e.usual_ukwh) * coalesce(u.price_u, p.price_u) // 1000000 AS at_risk
FROM usage u
JOIN expected e ON e.segment = u.segment
JOIN past p ON p.segment = u.segment
WHERE u.import_ukwh > 0 AND e.months >= 3 AND NOT u.moved AND NOT u.capacity_changed
  AND ((
    u.import_ukwh > CAST(e.high_ukwh AS HUGEINT) * $above // 1000
    AND u.import_ukwh - e.high_ukwh > $floor
    AND NOT (u.ev AND u.import_ukwh - e.high_ukwh < $new_load)
  ) OR (
    u.import_ukwh < CAST(e.low_ukwh AS HUGEINT) * $below // 1000
    AND e.low_ukwh - u.import_ukwh > $floor
    AND NOT u.vacant AND NOT (u.pv AND p.max_export_day_ukwh = 0)
  ))
