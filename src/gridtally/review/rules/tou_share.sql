-- id: review.tou.share
-- title: The split by time of day is unlike that of the last bill
-- why: A meter clock that is hours off, or channels or dials exchanged, moves energy between hours.
-- stage: determine
-- severity: hold
-- grain: base
-- parameter: shift = 100 permille: smallest change of a bucket's share, beyond that of others, to speak of
-- parameter: many = 2000 times: how often the change that 19 in 20 comparable customers stay below
-- parameter: floor = 80000000 ukwh: energy from which shares are that steady
-- parameter: small_shift = 200 permille: change that is too much below that energy
-- parameter: least = 30000000 ukwh: less energy than this is not worth a look
-- evidence: bucket text: the bucket of the calendar that changed most
-- evidence: share permille: its share of the energy now
-- evidence: usual permille: its share on the last bill, moved as comparable customers moved
-- cause: an electric car, a move, solar panels that are new
-- cause: a season: hours that nobody on the tariff had on the last bill, or that nobody has now
-- cause: a heat pump, as far as other heat pumps changed likewise
-- money_at_risk: what the energy that changed its hours costs more or less at this bill's prices
-- direction: row
-- message: {share} of the energy is in {bucket} hours, where {usual} is usual for this customer.
-- remedy: Compare the meter's clock with the standard time; check that no channels or dials are exchanged.
WITH parts AS (
  SELECT segment, split_part(name, '/', 3) AS calendar, trim(split_part(name, '/', 4), '=') AS bucket,
    sum(value) AS ukwh
  FROM determinants
  WHERE starts_with(name, 'energy/import/') AND split_part(name, '/', 4) <> 'all'
  GROUP BY segment, calendar, bucket
), past_parts AS (
  SELECT h.account, h.metering_point, split_part(d.name, '/', 3) AS calendar,
    trim(split_part(d.name, '/', 4), '=') AS bucket, sum(d.value) AS ukwh
  FROM past_determinants d JOIN history h ON h.segment = d.segment
  WHERE starts_with(d.name, 'energy/import/') AND split_part(d.name, '/', 4) <> 'all'
  GROUP BY h.account, h.metering_point, calendar, bucket
), shares AS (
  SELECT segment, calendar, bucket, sum(ukwh) OVER own AS whole,
    ukwh * 1000 // nullif(sum(ukwh) OVER own, 0) AS share
  FROM parts WINDOW own AS (PARTITION BY segment, calendar)
), past_shares AS (
  SELECT account, metering_point, calendar, bucket, sum(ukwh) OVER own AS whole,
    ukwh * 1000 // nullif(sum(ukwh) OVER own, 0) AS share
  FROM past_parts WINDOW own AS (PARTITION BY account, metering_point, calendar)
), moved AS (
  SELECT s.*, b.share AS before, u.tariff, u.heatpump, s.share - b.share AS move,
    least(s.whole, b.whole) AS steady
  FROM shares s
  JOIN usage u ON u.segment = s.segment
  JOIN past p ON p.segment = s.segment AND p.tariff = u.tariff
  JOIN past_shares b ON b.account = u.account AND b.metering_point = u.metering_point
    AND b.calendar = s.calendar AND b.bucket = s.bucket
  WHERE s.whole > $least AND b.whole > $least AND NOT u.ev AND NOT u.moved
    AND NOT (u.pv AND p.export_day_ukwh = 0)
), seasons AS (
  SELECT tariff, calendar FROM (
    SELECT tariff, calendar, bucket, max(share) > 0 AS used, max(before) > 0 AS was_used
    FROM moved GROUP BY tariff, calendar, bucket
  ) GROUP BY tariff, calendar HAVING bool_or(used <> was_used)
), comparable AS (
  SELECT * FROM moved ANTI JOIN seasons USING (tariff, calendar)
), others AS (
  SELECT tariff, bucket, heatpump,
    CASE WHEN count(*) >= 10 THEN quantile_disc(move, 0.5) ELSE 0 END AS move
  FROM comparable GROUP BY tariff, bucket, heatpump
), spread AS (
  SELECT m.tariff, m.bucket, m.heatpump, quantile_disc(abs(m.move - o.move), 0.95) AS usual
  FROM comparable m JOIN others o ON o.tariff = m.tariff AND o.bucket = m.bucket
    AND o.heatpump = m.heatpump
  GROUP BY m.tariff, m.bucket, m.heatpump HAVING count(*) >= 20
), prices AS (
  SELECT segment, split_part(bucket, '/', 1) AS bucket,
    CAST(sum(amount) * 1000000 AS HUGEINT) * 1000000
      // nullif(CAST(sum(quantity) * 1000000 AS HUGEINT), 0) AS price_u
  FROM lines WHERE unit = 'kWh' AND bucket <> '' AND amount > 0
  GROUP BY segment, split_part(bucket, '/', 1)
), judged AS (
  SELECT m.*, m.before + o.move AS usual, m.move - o.move AS shift,
    greatest($shift, coalesce(s.usual, 0) * $many // 1000) AS limit_shift,
    row_number() OVER (PARTITION BY m.segment ORDER BY abs(m.move - o.move) DESC, m.bucket) AS nth,
    sum((m.move - o.move) * m.whole // 1000 * coalesce(p.price_u, 0) // 1000000)
      OVER (PARTITION BY m.segment) AS effect
  FROM comparable m JOIN others o ON o.tariff = m.tariff AND o.bucket = m.bucket
    AND o.heatpump = m.heatpump
  LEFT JOIN spread s ON s.tariff = m.tariff AND s.bucket = m.bucket AND s.heatpump = m.heatpump
  LEFT JOIN prices p ON p.segment = m.segment AND p.bucket = m.bucket
)
SELECT u.segment, u.bill, u.account, u.metering_point, j.bucket, j.share,
  greatest(0, least(1000, j.usual)) AS usual,
  CASE WHEN j.effect > 0 THEN 'over' ELSE 'under' END AS direction, abs(j.effect) AS at_risk
FROM judged j JOIN usage u ON u.segment = j.segment
WHERE j.nth = 1
  AND abs(j.shift) > CASE WHEN j.steady > $floor THEN j.limit_shift
    ELSE greatest($small_shift, j.limit_shift) END
