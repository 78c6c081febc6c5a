-- id: review.reactive.missing
-- title: No reactive energy where the tariff adjusts by power factor
-- why: Without kvarh the power factor is a perfect 1.00 and the customer gets the best discount.
-- stage: determine
-- severity: warn
-- grain: base
-- parameter: share = 800 permille: share of the tariff's bills that have reactive energy
-- evidence: used ukwh: active energy billed
-- evidence: factor text: power factor applied
-- evidence: adjustment money: power factor adjustment billed
-- money_at_risk: the adjustment, and 5 % of the bill for the penalty that may be due
-- direction: under
-- message: {used} were billed with a power factor of {factor} because no reactive energy arrived.
-- remedy: Ask for the reactive channel or dial of this meter; rate again when it is there.
WITH reactive AS (
  SELECT u.segment, u.tariff, coalesce(sum(d.value), 0) AS ukvarh
  FROM usage u LEFT JOIN determinants d ON d.segment = u.segment AND contains(d.name, '/reactive_')
  GROUP BY u.segment, u.tariff
), adjusted AS (
  SELECT segment, max(bucket) AS factor, CAST(sum(amount) * 1000000 AS BIGINT) AS adjustment
  FROM lines WHERE kind = 'power_factor' GROUP BY segment
), tariff AS (
  SELECT r.tariff, count(*) AS bills, count(*) FILTER (r.ukvarh > 0) AS with_reactive,
    count(a.segment) AS with_factor
  FROM reactive r LEFT JOIN adjusted a ON a.segment = r.segment GROUP BY r.tariff
)
SELECT u.segment, u.bill, u.account, u.metering_point, u.import_ukwh AS used,
  coalesce(a.factor, 'none') AS factor, coalesce(a.adjustment, 0) AS adjustment,
  abs(coalesce(a.adjustment, 0)) + abs(u.total_u) // 20 AS at_risk
FROM reactive r
JOIN usage u ON u.segment = r.segment
JOIN tariff t ON t.tariff = r.tariff
LEFT JOIN adjusted a ON a.segment = r.segment
WHERE r.ukvarh = 0 AND u.import_ukwh > 0 AND t.with_factor > 0
  AND t.with_reactive * 1000 >= t.bills * $share
