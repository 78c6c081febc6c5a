-- id: review.tou.sum
-- title: The parts by time of day do not add up to the whole
-- why: One of the dials was misread, or one part is priced that nobody used.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: share = 5 permille: difference that is tolerated
-- parameter: least = 2000000 ukwh: difference that is tolerated in any case, times the multiplier
-- evidence: parts ukwh: sum of the time-of-use dials
-- evidence: whole ukwh: the total dial
-- evidence: channel_name text: the channel
-- money_at_risk: the difference at the bill's average price
-- direction: row
-- message: The dials by time of day sum to {parts} of {channel_name}, the total dial shows {whole}.
-- remedy: Read the dials of this meter again: one of them was misread or exchanged with another.
WITH sums AS (
  SELECT segment, channel, sum(value) FILTER (bucket <> 'total') AS parts,
    sum(value) FILTER (bucket = 'total') AS whole
  FROM advances WHERE kind = 'cumulative' GROUP BY segment, channel
), large AS (
  SELECT segment, max(multiplier) AS multiplier FROM register_readings GROUP BY segment
)
SELECT u.segment, u.bill, u.account, u.metering_point, s.channel, s.channel AS channel_name,
  s.parts, s.whole, CASE WHEN s.parts > s.whole THEN 'over' ELSE 'under' END AS direction,
  CAST(abs(s.parts - s.whole) AS HUGEINT) * u.price_u // 1000000 AS at_risk
FROM sums s JOIN usage u ON u.segment = s.segment LEFT JOIN large m ON m.segment = s.segment
WHERE s.parts IS NOT NULL AND s.whole IS NOT NULL AND abs(s.parts - s.whole)
  > greatest(CAST($least AS HUGEINT) * coalesce(m.multiplier, 1000000) // 1000000,
    s.whole * $share // 1000)
