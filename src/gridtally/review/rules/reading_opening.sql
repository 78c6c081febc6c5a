-- id: review.reading.opening
-- title: The period opens at another reading than the last one closed
-- why: Energy between the two is billed twice or not at all.
-- stage: determine
-- severity: hold
-- grain: bill
-- evidence: meter text: serial number and dial
-- evidence: closed ukwh: closing reading of the last bill
-- evidence: opened ukwh: opening reading of this bill
-- money_at_risk: the difference, times multiplier, at the bill's average price
-- direction: row
-- message: Dial {meter} was billed up to {closed} and is now billed from {opened}.
-- remedy: Find the reading that was corrected after the last bill; bill the difference there.
WITH closed AS (
  SELECT meter, register, channel, reading, time_utc,
    row_number() OVER (PARTITION BY meter, register, channel ORDER BY time_utc DESC, reading) AS nth
  FROM past_readings WHERE kind = 'cumulative'
), opened AS (
  SELECT segment, meter, register, channel, multiplier, reading, time_utc,
    row_number() OVER (
      PARTITION BY segment, meter, register, channel ORDER BY time_utc, reading
    ) AS nth
  FROM register_readings WHERE kind = 'cumulative'
)
SELECT u.segment, u.bill, u.account, u.metering_point, o.meter || ' ' || o.register AS meter,
  c.reading AS closed, o.reading AS opened,
  CASE WHEN o.reading < c.reading THEN 'over' ELSE 'under' END AS direction,
  CAST(abs(o.reading - c.reading) AS HUGEINT) * o.multiplier // 1000000
    * coalesce(u.price_u, 0) // 1000000 AS at_risk
FROM opened o
JOIN closed c ON c.meter = o.meter AND c.register = o.register AND c.channel = o.channel
JOIN usage u ON u.segment = o.segment
WHERE o.nth = 1 AND c.nth = 1 AND o.reading <> c.reading
  AND epoch_us(o.time_utc) - epoch_us(c.time_utc) BETWEEN -172800000000 AND 172800000000
