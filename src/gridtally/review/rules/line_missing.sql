-- id: review.line.missing
-- title: A charge that every other bill on this tariff version has
-- why: A standing, demand or tax line that is left out is money nobody asks for.
-- stage: rate
-- severity: hold
-- grain: base
-- parameter: norm = 990 permille: share of the version's bills that have the line
-- evidence: component text: the charge that is missing
-- evidence: usual money: its usual amount
-- evidence: bills count: bills on the same tariff version
-- money_at_risk: its usual amount
-- direction: under
-- message: The charge {component} (usually {usual}) is missing; {bills} bills have this tariff version.
-- remedy: Rate the bill again; if it stays away, look at the terms of the agreement.
WITH priced AS (
  SELECT DISTINCT l.segment, s.tariff AS digest, l.component
  FROM lines l JOIN spans s ON s.segment = l.segment AND s.span = l.span
  WHERE l.kind IN ('fixed', 'demand', 'tax')
), versions AS (
  SELECT tariff AS digest, count(DISTINCT segment) AS bills FROM spans
  WHERE segment IN (SELECT segment FROM lines) GROUP BY tariff
), usual AS (
  SELECT s.tariff AS digest, l.component, count(DISTINCT l.segment) AS having_it,
    CAST(quantile_disc(l.amount, 0.5) * 1000000 AS BIGINT) AS usual
  FROM lines l JOIN spans s ON s.segment = l.segment AND s.span = l.span
  WHERE l.kind IN ('fixed', 'demand', 'tax') GROUP BY s.tariff, l.component
), norm AS (
  SELECT u.*, v.bills FROM usual u JOIN versions v ON v.digest = u.digest
  WHERE v.bills >= 20 AND u.having_it < v.bills AND u.having_it * 1000 >= v.bills * $norm
)
SELECT DISTINCT g.segment, g.bill, g.account, g.metering_point, n.component, n.usual, n.bills,
  abs(n.usual) AS at_risk
FROM norm n
JOIN spans s ON s.tariff = n.digest
JOIN usage g ON g.segment = s.segment
LEFT JOIN priced p ON p.segment = s.segment AND p.digest = n.digest AND p.component = n.component
WHERE p.segment IS NULL AND g.total_u <> 0 AND g.import_ukwh > 0
