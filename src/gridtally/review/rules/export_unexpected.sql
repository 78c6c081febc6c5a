-- id: review.export.unexpected
-- title: Energy fed into the grid, or none, against what is known of the premises
-- why: An unknown generator is unsafe and unbilled; a lost channel keeps the customer's credit back.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: floor = 20000000 ukwh: less energy than this is not worth a look
-- evidence: exported ukwh: export billed
-- evidence: usual ukwh: usual export of a period of this length
-- evidence: problem text: what is odd
-- cause: a move
-- money_at_risk: the export in question at the bill's or the past average price
-- direction: row
-- message: {problem}: {exported}, usual {usual}.
-- remedy: Ask whether the premises have a generator, and check the export channel of the meter.
WITH judged AS (
  SELECT u.*, p.price_u AS past_price_u, coalesce(p.export_day_ukwh, 0) * u.days AS usual,
    CASE
      WHEN u.export_ukwh > $floor AND NOT u.pv AND coalesce(p.max_export_day_ukwh, 0) = 0
        THEN 'Energy was fed in and no generator is known'
      WHEN u.export_ukwh = 0 AND p.export_day_ukwh * u.days > $floor
        THEN 'Nothing was fed in'
    END AS problem
  FROM usage u LEFT JOIN past p ON p.segment = u.segment
)
SELECT segment, bill, account, metering_point, export_ukwh AS exported, usual, problem,
  CASE WHEN export_ukwh = 0 THEN 'over' ELSE 'under' END AS direction,
  CAST(greatest(export_ukwh, usual) AS HUGEINT)
    * abs(coalesce(past_price_u, price_u)) // 1000000 AS at_risk
FROM judged WHERE problem IS NOT NULL AND NOT moved
