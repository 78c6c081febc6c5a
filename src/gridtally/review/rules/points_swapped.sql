-- id: review.points.swapped
-- title: Two customers whose use looks exchanged
-- why: Two meters in one cellar, recorded crosswise: each pays for the other.
-- stage: receive
-- severity: note
-- grain: base
-- parameter: close = 60 permille: how near each must come to the other's usual
-- parameter: floor = 60000000 ukwh: a smaller change is not worth a look
-- evidence: used ukwh: energy billed
-- evidence: usual ukwh: usual energy here
-- evidence: twin text: the other metering point
-- evidence: twin_usual ukwh: usual energy there
-- cause: a move, an electric car, vacant premises, more than one possible partner
-- money_at_risk: the difference at the bill's average price
-- direction: row
-- message: Billed {used} where {usual} is usual; {twin}, usually {twin_usual}, changed the other way.
-- remedy: Compare the serial numbers at both places with the record.
WITH off AS (
  SELECT u.segment, u.bill, u.account, u.metering_point, u.region, u.customer_segment, u.price_u,
    u.import_ukwh AS used, e.usual_ukwh AS usual
  FROM usage u JOIN expected e ON e.segment = u.segment
  WHERE NOT u.moved AND NOT u.ev AND NOT u.vacant AND abs(u.import_ukwh - e.usual_ukwh) > $floor
    AND (u.import_ukwh > e.high_ukwh OR u.import_ukwh < e.low_ukwh)
), pairs AS (
  SELECT a.segment AS one, b.segment AS other, count(*) OVER (PARTITION BY a.segment) AS partners,
    count(*) OVER (PARTITION BY b.segment) AS suitors
  FROM off a JOIN off b ON b.segment <> a.segment AND b.region = a.region
    AND b.customer_segment = a.customer_segment
  WHERE abs(a.used - b.usual) * 1000 < b.usual * $close
    AND abs(b.used - a.usual) * 1000 < a.usual * $close
)
SELECT a.segment, a.bill, a.account, a.metering_point, a.used, a.usual,
  b.metering_point AS twin, b.usual AS twin_usual,
  CASE WHEN a.used > a.usual THEN 'over' ELSE 'under' END AS direction,
  abs(a.used - a.usual) * greatest(a.price_u, b.price_u) // 1000000 AS at_risk
FROM pairs p JOIN off a ON a.segment = p.one JOIN off b ON b.segment = p.other
WHERE p.partners = 1 AND p.suitors = 1
