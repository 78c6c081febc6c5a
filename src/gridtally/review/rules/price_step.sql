-- id: review.price.step
-- title: A price that jumps by more than half between two tariff versions
-- why: Cents taken for euros, or a decimal slipped in a new tariff, hits every customer at once.
-- stage: rate
-- severity: hold
-- grain: base
-- parameter: step = 500 permille: largest step that passes without a second look
-- evidence: tariff text: the tariff
-- evidence: component text: the component and bucket
-- evidence: before number: price before the change
-- evidence: after number: price after it
-- evidence: bills count: bills with a line at the new price
-- money_at_risk: what the step makes of this bill's lines at the new price
-- direction: row
-- message: In {tariff} the price of {component} goes from {before} to {after}, on {bills} bills.
-- remedy: Have a second person compare the new tariff version with its legal source before any of
--   these bills leave.
WITH priced AS (
  SELECT l.segment, s.span, s.tariff AS digest, t.id AS tariff, t.valid_from,
    l.component || CASE WHEN l.bucket = '' THEN '' ELSE '/' || l.bucket END AS component,
    l.price, l.amount
  FROM lines l
  JOIN spans s ON s.segment = l.segment AND s.span = l.span
  JOIN tariffs t ON t.digest = s.tariff
  WHERE l.kind NOT IN ('tax', 'rounding', 'minimum', 'maximum', 'power_factor')
    AND l.unit <> t.currency AND l.bucket <> 'excess'
), versions AS (
  SELECT tariff, digest, valid_from, component, min(price) AS price, count(DISTINCT segment) AS bills
  FROM priced GROUP BY tariff, digest, valid_from, component
), steps AS (
  SELECT *, lag(price) OVER (PARTITION BY tariff, component ORDER BY valid_from, digest) AS before
  FROM versions
)
SELECT p.segment, s.bill, s.account, s.metering_point, v.tariff, v.component,
  v.before, v.price AS after, v.bills,
  CASE WHEN v.price > v.before THEN 'over' ELSE 'under' END AS direction,
  CAST(sum(abs(p.amount)) * 1000000 AS HUGEINT) AS at_risk
FROM steps v
JOIN priced p ON p.digest = v.digest AND p.component = v.component
JOIN segments s ON s.segment = p.segment
WHERE v.before <> 0 AND abs(v.price - v.before) * 1000 > abs(v.before) * $step
GROUP BY p.segment, s.bill, s.account, s.metering_point, v.tariff, v.component, v.before, v.price,
  v.bills
