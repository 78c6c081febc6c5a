-- id: review.energy.sum
-- title: Registers and intervals of the same meter disagree
-- why: Two measurements of one flow; whichever is billed, the difference is money.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: share = 20 permille: difference that is tolerated
-- parameter: least = 10000000 ukwh: difference that is tolerated in any case
-- evidence: channel_name text: the channel
-- evidence: dials ukwh: advance of the dials
-- evidence: intervals ukwh: sum of the intervals
-- cause: intervals that are missing or mostly estimated
-- money_at_risk: the difference at the bill's average price
-- direction: row
-- message: For {channel_name} the dials counted {dials} and the intervals {intervals}.
-- remedy: Find out which is right (missing pulses, a wrong multiplier, a misread dial) before releasing.
WITH dials AS (
  SELECT a.segment, a.channel,
    coalesce(sum(a.value) FILTER (a.bucket = 'total'), sum(a.value)) AS ukwh
  FROM advances a WHERE a.kind = 'cumulative' GROUP BY a.segment, a.channel
)
SELECT u.segment, u.bill, u.account, u.metering_point, d.channel, d.channel AS channel_name,
  d.ukwh AS dials, i.ukwh AS intervals,
  CASE WHEN (d.ukwh > i.ukwh) = (u.legal_source = 'register') THEN 'over' ELSE 'under' END
    AS direction,
  CAST(abs(d.ukwh - i.ukwh) AS HUGEINT) * coalesce(u.price_u, p.price_u) // 1000000 AS at_risk
FROM dials d
JOIN profile i ON i.segment = d.segment AND i.channel = d.channel
JOIN usage u ON u.segment = d.segment
LEFT JOIN past p ON p.segment = d.segment
WHERE d.channel IN ('import', 'export') AND i.days = u.days AND i.estimated_ukwh * 2 < i.ukwh
  AND abs(d.ukwh - i.ukwh) > greatest($least, d.ukwh * $share // 1000)
