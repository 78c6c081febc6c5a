-- id: past
-- title: One row per segment that has a past: the same account at the same metering point before
-- needs: usage
WITH joined AS (
  SELECT u.id, u.segment, u.from_day, h."from" AS since, h."to" AS until, h.segment AS earlier,
    h."to" - h."from" AS days, h.import_ukwh, h.export_ukwh, h.estimated_ukwh, h.demand_ukw,
    h.tariff, TRY_CAST(h.total * 1000000 AS BIGINT) AS total_u
  FROM usage u
  JOIN history h ON h.account = u.account AND h.metering_point = u.metering_point
  WHERE h."to" <= u.from_day AND h."to" - h."from" >= 10
), ranked AS (
  SELECT *, import_ukwh // days AS day_ukwh, export_ukwh // days AS export_day_ukwh,
    total_u // days AS total_day_u,
    CAST(total_u AS HUGEINT) * 1000000 // nullif(import_ukwh, 0) AS price_u,
    row_number() OVER own AS back,
    lead(import_ukwh // days) OVER own AS older_day_ukwh
  FROM joined WINDOW own AS (PARTITION BY id ORDER BY until DESC, since DESC, earlier)
), near AS (
  -- The middle of the last three; of two the lower.
  SELECT id,
    CASE count(day_ukwh) WHEN 3 THEN sum(day_ukwh) - max(day_ukwh) - min(day_ukwh)
      ELSE min(day_ukwh) END AS recent_day_ukwh,
    CASE count(export_day_ukwh) WHEN 3
      THEN sum(export_day_ukwh) - max(export_day_ukwh) - min(export_day_ukwh)
      ELSE min(export_day_ukwh) END AS export_day_ukwh,
    CASE count(demand_ukw) WHEN 3 THEN sum(demand_ukw) - max(demand_ukw) - min(demand_ukw)
      ELSE min(demand_ukw) END AS demand_ukw,
    CASE count(price_u) WHEN 3 THEN sum(price_u) - max(price_u) - min(price_u)
      ELSE min(price_u) END AS price_u,
    CASE count(total_day_u) WHEN 3 THEN sum(total_day_u) - max(total_day_u) - min(total_day_u)
      ELSE min(total_day_u) END AS total_day_u
  FROM ranked WHERE back <= 3 GROUP BY id
), whole AS (
  SELECT id, segment, count(*) AS months, max(until) AS until,
    max(day_ukwh) FILTER (back = 1) AS last_day_ukwh,
    max(import_ukwh) FILTER (back = 1) AS last_ukwh,
    max(import_ukwh) FILTER (back = 2) AS before_last_ukwh,
    max(tariff) FILTER (back = 1) AS tariff,
    max(day_ukwh) FILTER (since BETWEEN from_day - 380 AND from_day - 350) AS year_day_ukwh,
    max(day_ukwh) AS max_day_ukwh, min(day_ukwh) AS min_day_ukwh,
    max(export_day_ukwh) AS max_export_day_ukwh, min(export_day_ukwh) AS min_export_day_ukwh,
    max(demand_ukw) AS max_demand_ukw,
    max(total_u) AS max_total_u, max(total_day_u) AS max_total_day_u,
    -- How much the customer's use goes up and down from month to month [10^-3 of itself].
    coalesce(sum(abs(day_ukwh - older_day_ukwh)) FILTER (back <= 6) * 1000
      // nullif(sum(day_ukwh) FILTER (back <= 6), 0), 0) AS rough,
    coalesce(min(back) FILTER (estimated_ukwh * 2 <= import_ukwh) - 1, count(*))
      AS estimated_streak
  FROM ranked GROUP BY id, segment
)
-- HUGEINT: energy times price passes 64 bits.
SELECT whole.* REPLACE (
    CAST(last_day_ukwh AS HUGEINT) AS last_day_ukwh, CAST(year_day_ukwh AS HUGEINT) AS year_day_ukwh,
    CAST(max_day_ukwh AS HUGEINT) AS max_day_ukwh, CAST(min_day_ukwh AS HUGEINT) AS min_day_ukwh,
    CAST(max_demand_ukw AS HUGEINT) AS max_demand_ukw, CAST(max_total_u AS HUGEINT) AS max_total_u,
    CAST(max_total_day_u AS HUGEINT) AS max_total_day_u
  ),
  near.recent_day_ukwh, near.export_day_ukwh, near.demand_ukw, near.price_u, near.total_day_u
FROM whole JOIN near ON near.id = whole.id
