-- id: review.reactive.jump
-- title: A power factor far from that of comparable customers
-- why: Reactive dials that are misread or multiplied wrongly turn a discount into a penalty.
-- stage: determine
-- severity: warn
-- grain: base
-- parameter: jump = 3000 times: reactive share as a multiple of the usual, up or down
-- parameter: least = 200 permille: reactive share of active energy below which nothing is said
-- evidence: share permille: reactive energy as a share of active
-- evidence: usual permille: the customer's own last share, or the middle of the tariff
-- evidence: adjustment money: power factor adjustment billed
-- money_at_risk: twice the adjustment, or 5 % of the bill where it is small
-- direction: row
-- message: Reactive energy is {share} of active energy, where {usual} is usual; adjustment {adjustment}.
-- remedy: Compare the reactive readings with the load; check multiplier and channel of the dial.
WITH flows AS (
  SELECT segment, sum(value) FILTER (contains(name, '/reactive_')) AS ukvarh,
    max(value) FILTER (starts_with(name, 'energy/import')) AS ukwh
  FROM determinants GROUP BY segment
), before AS (
  SELECT s.agreement, quantile_disc(f.share, 0.5) AS share FROM (
    SELECT segment, sum(value) FILTER (contains(name, '/reactive_')) * 1000
      // nullif(max(value) FILTER (starts_with(name, 'energy/import')), 0) AS share
    FROM past_determinants GROUP BY segment
  ) f JOIN history s ON s.segment = f.segment GROUP BY s.agreement
), shares AS (
  SELECT u.*, CAST(f.ukvarh AS HUGEINT) * 1000 // nullif(u.import_ukwh, 0) AS share
  FROM usage u JOIN flows f ON f.segment = u.segment WHERE f.ukvarh > 0
), middle AS (
  SELECT tariff, quantile_disc(share, 0.5) AS share, count(*) AS bills FROM shares GROUP BY tariff
), adjusted AS (
  SELECT segment, CAST(sum(amount) * 1000000 AS BIGINT) AS adjustment
  FROM lines WHERE kind = 'power_factor' GROUP BY segment
), judged AS (
  SELECT s.*, a.adjustment, coalesce(b.share, CASE WHEN m.bills >= 10 THEN m.share END) AS usual
  FROM shares s JOIN adjusted a ON a.segment = s.segment
  JOIN middle m ON m.tariff = s.tariff LEFT JOIN before b ON b.agreement = s.agreement
)
SELECT segment, bill, account, metering_point, share, usual, adjustment,
  CASE WHEN share > usual THEN 'over' ELSE 'under' END AS direction,
  greatest(2 * abs(adjustment), abs(total_u) // 20) AS at_risk
FROM judged
WHERE greatest(share, usual) > $least
  AND (share * 1000 > usual * $jump OR share * $jump < usual * 1000)
