-- id: past
-- title: One row per segment that has a past: the same account at the same metering point before
-- needs: usage
WITH earlier AS (
  SELECT u.segment, u.from_day, h."from" AS since, h."to" AS until,
    h.import_ukwh // (h."to" - h."from") AS day_ukwh,
    h.export_ukwh // (h."to" - h."from") AS export_day_ukwh,
    h.import_ukwh, h.estimated_ukwh, h.demand_ukw, h.tariff,
    CAST(h.total * 1000000 AS BIGINT) AS total_u,
    CAST(h.total * 1000000 AS HUGEINT) * 1000000 // nullif(h.import_ukwh, 0) AS price_u,
    row_number() OVER (
      PARTITION BY u.segment ORDER BY h."to" DESC, h."from" DESC, h.segment
    ) AS back
  FROM usage u
  JOIN history h ON h.account = u.account AND h.metering_point = u.metering_point
  WHERE h."to" <= u.from_day AND h."to" - h."from" >= 10
)
SELECT segment, count(*) AS months, max(until) AS until,
  max(day_ukwh) FILTER (back = 1) AS last_day_ukwh,
  max(import_ukwh) FILTER (back = 1) AS last_ukwh,
  max(import_ukwh) FILTER (back = 2) AS before_last_ukwh,
  quantile_disc(day_ukwh, 0.5) FILTER (back <= 3) AS recent_day_ukwh,
  max(day_ukwh) FILTER (since BETWEEN from_day - 380 AND from_day - 350) AS year_day_ukwh,
  max(day_ukwh) AS max_day_ukwh, min(day_ukwh) AS min_day_ukwh,
  quantile_disc(export_day_ukwh, 0.5) FILTER (back <= 3) AS export_day_ukwh,
  max(export_day_ukwh) AS max_export_day_ukwh,
  quantile_disc(demand_ukw, 0.5) FILTER (back <= 6) AS demand_ukw,
  max(demand_ukw) AS max_demand_ukw,
  quantile_disc(price_u, 0.5) FILTER (back <= 3) AS price_u,
  quantile_disc(total_u, 0.5) FILTER (back <= 6) AS total_u,
  max(total_u) AS max_total_u,
  max(tariff) FILTER (back = 1) AS tariff,
  coalesce(min(back) FILTER (estimated_ukwh * 2 <= import_ukwh) - 1, count(*)) AS estimated_streak
FROM earlier GROUP BY segment
