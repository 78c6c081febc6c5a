-- id: review.tax.missing
-- title: A bill without the tax that comparable bills have
-- why: Tax that was not billed is owed all the same, by the utility.
-- stage: rate
-- severity: hold
-- grain: base
-- parameter: norm = 950 permille: share of the customer segment that pays the tax
-- evidence: tariff text: tariff billed
-- evidence: kind text: the customer's segment
-- evidence: usual permille: tax as a share of comparable bills
-- money_at_risk: that share of this bill
-- direction: under
-- message: No tax line on {tariff}, though nearly every {kind} pays {usual}.
-- remedy: Check the exemption certificate; without one, correct the tariff and rate again.
WITH taxed AS (
  SELECT segment, CAST(sum(amount) * 1000000 AS BIGINT) AS tax_u FROM lines
  WHERE kind = 'tax' GROUP BY segment
), bills AS (
  SELECT u.*, coalesce(t.tax_u, 0) AS tax_u, t.segment IS NOT NULL AS has_tax
  FROM usage u LEFT JOIN taxed t ON t.segment = u.segment WHERE u.total_u <> 0
), norm AS (
  SELECT customer_segment, count(*) AS bills, count(*) FILTER (has_tax) AS with_tax,
    quantile_disc(CAST(tax_u AS HUGEINT) * 1000 // nullif(total_u - tax_u, 0), 0.5) AS usual
  FROM bills GROUP BY customer_segment
)
SELECT b.segment, b.bill, b.account, b.metering_point, b.tariff, b.customer_segment AS kind,
  n.usual, abs(b.total_u) * n.usual // 1000 AS at_risk
FROM bills b JOIN norm n ON n.customer_segment = b.customer_segment
WHERE NOT b.has_tax AND n.bills >= 10 AND n.with_tax * 1000 >= n.bills * $norm
