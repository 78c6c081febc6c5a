-- id: review.price.history
-- title: The average price moved, and that of comparable customers did not
-- why: The same energy at another price: a wrong tariff, a missing charge, a charge twice.
-- stage: rate
-- severity: warn
-- grain: base
-- parameter: move = 250 permille: how much more than the tariff's customers a price may move
-- parameter: similar = 700 permille: energy must be at least this share of the usual, both ways
-- parameter: floor = 5000000 money: a smaller difference is not worth a look
-- evidence: price price: average price now
-- evidence: before price: average price of the last bills
-- evidence: others permille: middle price of comparable customers now, of what it was before
-- cause: yearly tiers, whose price moves with what was used before
-- cause: a move, a change of tariff or capacity, new solar panels, other than usual energy
-- money_at_risk: the unexplained part of the price, times the energy
-- direction: row
-- message: The average price is {price} and was {before}; comparable customers are at {others} of before.
-- remedy: Compare the lines with the last bill: a charge missing, added, or at another price.
WITH moved AS (
  SELECT u.*, p.price_u AS before_u, CAST(u.price_u AS HUGEINT) * 1000 // p.price_u AS move
  FROM usage u JOIN past p ON p.segment = u.segment AND p.tariff = u.tariff
  WHERE p.price_u > 0 AND u.price_u <> 0 AND p.months >= 2 AND NOT u.moved
    AND NOT EXISTS (
      SELECT 1 FROM carry c WHERE c.segment = u.segment AND starts_with(c.key, 'tier/')
    )
    AND NOT u.capacity_changed AND NOT u.vacant AND NOT u.pv AND p.max_export_day_ukwh = 0
    AND u.day_ukwh * 1000 BETWEEN p.recent_day_ukwh * $similar
      AND p.recent_day_ukwh * 1000000 // $similar
), others AS (
  SELECT tariff, quantile_disc(move, 0.5) AS move, count(*) AS bills FROM moved GROUP BY tariff
)
SELECT m.segment, m.bill, m.account, m.metering_point, m.price_u AS price, m.before_u AS before,
  o.move AS others,
  CASE WHEN m.move > o.move THEN 'over' ELSE 'under' END AS direction,
  abs(m.move - o.move) * m.before_u // 1000 * m.import_ukwh // 1000000 AS at_risk
FROM moved m JOIN others o ON o.tariff = m.tariff
WHERE o.bills >= 10 AND abs(m.move - o.move) > $move
  AND abs(m.move - o.move) * m.before_u // 1000 * m.import_ukwh // 1000000 > $floor
