-- id: review.channels.swapped
-- title: Import and export look exchanged
-- why: With the channels exchanged the customer is paid for what was used, or pays for what was fed in.
-- stage: determine
-- severity: warn
-- grain: base
-- parameter: floor = 40000000 ukwh: a smaller exchange is not worth a look
-- parameter: close = 500 permille: how far the two changes may differ, as a share of the larger
-- parameter: share = 250 permille: smallest change, as a share of import and export together
-- evidence: imported ukwh: import billed
-- evidence: usual_import ukwh: import that would be usual
-- evidence: exported ukwh: export billed
-- evidence: usual_export ukwh: export that would be usual
-- cause: a move, solar panels that came within the past that is known
-- money_at_risk: the energy that seems to be on the wrong side, at the past average price
-- direction: row
-- message: Import {imported} (usual {usual_import}) and export {exported} (usual {usual_export}).
-- remedy: Check which channel is which on this meter, from the day on which they changed.
WITH pairs AS (
  SELECT u.segment, CAST(u.export_ukwh // u.days AS HUGEINT) * 1000 // p.export_day_ukwh AS move
  FROM usage u JOIN past p ON p.segment = u.segment
  WHERE p.export_day_ukwh > 0 AND NOT u.moved
), season AS (
  SELECT quantile_disc(move, 0.5) AS move, count(*) AS bills FROM pairs
), flows AS (
  SELECT u.*, p.price_u AS past_price_u, e.usual_ukwh AS usual_import,
    CAST(p.export_day_ukwh * u.days AS HUGEINT)
      * CASE WHEN s.bills >= 10 THEN s.move ELSE 1000 END // 1000 AS usual_export
  FROM usage u JOIN past p ON p.segment = u.segment JOIN expected e ON e.segment = u.segment
  CROSS JOIN season s
  WHERE p.min_export_day_ukwh > 0 AND p.months >= 2 AND NOT u.moved
), changed AS (
  SELECT *, import_ukwh - usual_import AS more_in, export_ukwh - usual_export AS more_out
  FROM flows
)
SELECT segment, bill, account, metering_point, import_ukwh AS imported, usual_import,
  export_ukwh AS exported, usual_export,
  CASE WHEN more_in > 0 THEN 'over' ELSE 'under' END AS direction,
  least(abs(more_in), abs(more_out)) * abs(coalesce(past_price_u, price_u)) // 1000000 AS at_risk
FROM changed
WHERE sign(more_in) = -sign(more_out) AND least(abs(more_in), abs(more_out)) > $floor
  AND abs(more_in + more_out) * 1000 < greatest(abs(more_in), abs(more_out)) * $close
  AND least(abs(more_in), abs(more_out)) * 1000 > (usual_import + usual_export) * $share
