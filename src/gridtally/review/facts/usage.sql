-- id: usage
-- title: One row per segment of the period: what is billed, for whom, and which known causes apply
WITH terms AS (
  SELECT segment, max(span) AS last_span, max(contract_ukw) AS contract_ukw,
    max(capacity_ukva) AS capacity_ukva, count(DISTINCT tariff) > 1 AS price_changed,
    count(DISTINCT contract_ukw) > 1 OR count(DISTINCT capacity_ukva) > 1 AS capacity_changed
  FROM spans GROUP BY segment
), priced AS (
  SELECT spans.segment, spans.tariff AS digest, tariffs.id AS tariff
  FROM spans JOIN terms ON terms.segment = spans.segment AND terms.last_span = spans.span
  LEFT JOIN tariffs ON tariffs.digest = spans.tariff
), starts AS (
  SELECT agreement, min("from") AS since, max(coalesce("to", DATE '9999-01-01')) AS until
  FROM agreements GROUP BY agreement
), exchanges AS (
  SELECT s.segment, count(*) AS exchanges
  FROM segments s JOIN meters m ON m.metering_point = s.metering_point
    AND m."from" > s."from" AND m."from" < s."to"
  GROUP BY s.segment
)
SELECT row_number() OVER (ORDER BY s.segment) AS id,
  s.segment, s.bill, s.agreement, s.account, s.metering_point,
  s."from" AS from_day, s."to" AS to_day, s."to" - s."from" AS days, s.legal_source, s.currency,
  -- HUGEINT: energy times price passes 64 bits.
  CAST(s.import_ukwh AS HUGEINT) AS import_ukwh, CAST(s.export_ukwh AS HUGEINT) AS export_ukwh,
  CAST(s.estimated_ukwh AS HUGEINT) AS estimated_ukwh, CAST(s.demand_ukw AS HUGEINT) AS demand_ukw,
  CAST(s.import_ukwh AS HUGEINT) // (s."to" - s."from") AS day_ukwh,
  CAST(s.total * 1000000 AS HUGEINT) AS total_u,
  CAST(s.total * 1000000 AS HUGEINT) * 1000000 // nullif(s.import_ukwh, 0) AS price_u,
  coalesce(a.segment, '') AS customer_segment,
  p.region, p.fuse_ukw, t.contract_ukw, t.capacity_ukva, x.tariff, x.digest,
  list_contains(string_split(coalesce(p.features, ''), ' '), 'pv') AS pv,
  list_contains(string_split(coalesce(p.features, ''), ' '), 'ev') AS ev,
  list_contains(string_split(coalesce(p.features, ''), ' '), 'heatpump') AS heatpump,
  list_contains(string_split(coalesce(p.features, ''), ' '), 'vacant') AS vacant,
  coalesce(b.since > s."from" - 45 OR b.until <= s."to", TRUE) AS moved,
  coalesce(e.exchanges, 0) > 0 AS exchanged,
  coalesce(t.price_changed, FALSE) AS price_changed,
  coalesce(t.capacity_changed, FALSE) AS capacity_changed
FROM segments s
LEFT JOIN terms t ON t.segment = s.segment
LEFT JOIN priced x ON x.segment = s.segment
LEFT JOIN starts b ON b.agreement = s.agreement
LEFT JOIN exchanges e ON e.segment = s.segment
LEFT JOIN accounts a ON a.account = s.account
LEFT JOIN metering_points p ON p.metering_point = s.metering_point
