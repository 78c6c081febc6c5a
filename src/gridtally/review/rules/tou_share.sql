-- id: review.tou.share
-- title: The split by time of day is unlike before, or unlike comparable customers
-- why: A meter clock that is hours off puts peak energy into the night, and the reverse.
-- stage: determine
-- severity: warn
-- grain: base
-- parameter: shift = 250 permille: change of a bucket's share that is too much
-- parameter: floor = 60000000 ukwh: less energy than this is not worth a look
-- evidence: bucket text: the bucket of the calendar
-- evidence: share permille: its share of the energy now
-- evidence: usual permille: its share before, or the middle of comparable customers
-- evidence: spread permille: how far nine in ten comparable customers lie apart
-- cause: solar panels, an electric car, a move
-- money_at_risk: a third of the bill's average price on the energy that changed its bucket
-- direction: row
-- message: {share} of the energy is {bucket}, where {usual} is usual.
-- remedy: Compare the meter's clock with the standard time; check that the dials are not exchanged.
WITH parts AS (
  SELECT segment, split_part(name, '/', 3) AS calendar, split_part(name, '/', 4) AS bucket,
    sum(value) AS ukwh
  FROM determinants
  WHERE starts_with(name, 'energy/import/') AND split_part(name, '/', 4) <> 'all'
  GROUP BY segment, calendar, bucket
), past_parts AS (
  SELECT segment, split_part(name, '/', 3) AS calendar, split_part(name, '/', 4) AS bucket,
    sum(value) AS ukwh
  FROM past_determinants
  WHERE starts_with(name, 'energy/import/') AND split_part(name, '/', 4) <> 'all'
  GROUP BY segment, calendar, bucket
), past_shares AS (
  SELECT h.account, h.metering_point, q.bucket, quantile_disc(q.share, 0.5) AS share
  FROM (
    SELECT segment, bucket,
      ukwh * 1000 // nullif(sum(ukwh) OVER (PARTITION BY segment, calendar), 0) AS share
    FROM past_parts
  ) q JOIN history h ON h.segment = q.segment GROUP BY h.account, h.metering_point, q.bucket
), shares AS (
  SELECT p.segment, p.bucket, w.ukwh AS total_ukwh,
    p.ukwh * 1000 // nullif(w.ukwh, 0) AS share
  FROM parts p JOIN (
    SELECT segment, calendar, sum(ukwh) AS ukwh FROM parts GROUP BY segment, calendar
  ) w ON w.segment = p.segment AND w.calendar = p.calendar
), placed AS (
  SELECT s.*, u.bill, u.account, u.metering_point, u.tariff, u.customer_segment, u.price_u,
    u.pv, u.ev, u.moved
  FROM shares s JOIN usage u ON u.segment = s.segment WHERE s.total_ukwh > $floor
), peers AS (
  SELECT tariff, customer_segment, bucket, quantile_disc(share, 0.5) AS middle, count(*) AS bills,
    quantile_disc(share, 0.95) - quantile_disc(share, 0.05) AS spread
  FROM placed GROUP BY tariff, customer_segment, bucket
), judged AS (
  SELECT p.*, coalesce(b.share, CASE WHEN g.bills >= 20 THEN g.middle END) AS usual,
    CASE WHEN b.share IS NULL THEN g.spread ELSE 0 END AS spread
  FROM placed p
  JOIN peers g ON g.tariff = p.tariff AND g.customer_segment = p.customer_segment
    AND g.bucket = p.bucket
  LEFT JOIN past_shares b ON b.account = p.account AND b.metering_point = p.metering_point
    AND b.bucket = p.bucket
), worst AS (
  SELECT *, row_number() OVER (PARTITION BY segment ORDER BY abs(share - usual) DESC, bucket) AS nth
  FROM judged
  WHERE usual IS NOT NULL AND NOT pv AND NOT moved AND abs(share - usual) > $shift
    AND abs(share - usual) > spread AND NOT (ev AND contains(bucket, 'off') AND share > usual)
)
SELECT segment, bill, account, metering_point, bucket, share, usual, spread,
  CASE WHEN (share > usual) = (contains(bucket, 'off') OR contains(bucket, 'valley')
    OR contains(bucket, 'night')) THEN 'under' ELSE 'over' END AS direction,
  CAST(abs(share - usual) AS HUGEINT) * total_ukwh // 1000 * price_u // 3000000 AS at_risk
FROM worst WHERE nth = 1
