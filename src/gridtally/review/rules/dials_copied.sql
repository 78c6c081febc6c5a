-- id: review.dials.copied
-- title: The same opening and closing on another meter's dial
-- why: One line of the reading list was entered twice.
-- stage: receive
-- severity: warn
-- grain: base
-- parameter: least = 10000000 ukwh: an advance below this may be chance
-- parameter: turned = 1000000000 ukwh: a dial that shows less is new, and may agree by chance
-- evidence: meter text: serial number
-- evidence: twin text: the other meter
-- evidence: opening ukwh: opening reading of both
-- evidence: closing ukwh: closing reading of both
-- money_at_risk: half of the bill
-- direction: over
-- message: Meters {meter} and {twin} both went from {opening} to {closing}.
-- remedy: Read one of the two again.
WITH ends AS (
  SELECT segment, meter, register, channel, min(reading) AS opening, max(reading) AS closing
  FROM register_readings WHERE kind = 'cumulative'
  GROUP BY segment, meter, register, channel
  HAVING max(reading) - min(reading) > $least AND min(reading) > $turned
), twins AS (
  SELECT *, min(meter) OVER own AS one, max(meter) OVER own AS last,
    row_number() OVER (PARTITION BY segment ORDER BY meter, register, channel) AS nth
  FROM ends WINDOW own AS (PARTITION BY register, channel, opening, closing)
)
SELECT u.segment, u.bill, u.account, u.metering_point, min(t.meter) AS meter,
  min(CASE WHEN t.one = t.meter THEN t.last ELSE t.one END) AS twin,
  min(t.opening) AS opening, min(t.closing) AS closing,
  abs(u.total_u) // 2 AS at_risk
FROM twins t JOIN usage u ON u.segment = t.segment
WHERE t.one <> t.last
GROUP BY u.segment, u.bill, u.account, u.metering_point, u.total_u
