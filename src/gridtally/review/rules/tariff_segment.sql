-- id: review.tariff.segment
-- title: A tariff that this kind of customer does not have
-- why: A shop on a household tariff, or the reverse, is wrong by 10 to 30 % every month.
-- stage: rate
-- severity: warn
-- grain: base
-- parameter: rare = 15 permille: share of the customer segment below which a tariff is strange to it
-- parameter: home = 100 permille: share of another segment that shows where the tariff belongs
-- evidence: tariff text: tariff billed
-- evidence: kind text: the customer's segment
-- evidence: belongs text: the segment where this tariff is common
-- evidence: price price: average price billed
-- evidence: usual_price price: the customer's own before, on another tariff; else the middle of the segment
-- money_at_risk: the difference of average prices, times the energy
-- direction: row
-- message: This {kind} is billed on {tariff}, a tariff of {belongs} customers.
-- remedy: Check the contract and the use of the premises; correct the agreement if the class is wrong.
WITH counted AS (
  SELECT customer_segment, tariff, count(*) AS bills FROM usage
  WHERE tariff IS NOT NULL GROUP BY customer_segment, tariff
), shared AS (
  SELECT *, bills * 1000 // sum(bills) OVER (PARTITION BY customer_segment) AS share,
    sum(bills) OVER (PARTITION BY customer_segment) AS base
  FROM counted
), belongs AS (
  SELECT tariff, customer_segment, share,
    row_number() OVER (PARTITION BY tariff ORDER BY share DESC, customer_segment) AS nth
  FROM shared
), prices AS (
  SELECT customer_segment, quantile_disc(price_u, 0.5) AS price_u FROM usage
  WHERE price_u > 0 GROUP BY customer_segment
), priced AS (
  -- The customer's own price on another tariff says more than that of the segment.
  SELECT u.*, coalesce(CASE WHEN h.tariff <> u.tariff THEN h.price_u END, p.price_u) AS usual_price
  FROM usage u LEFT JOIN past h ON h.segment = u.segment
  LEFT JOIN prices p ON p.customer_segment = u.customer_segment
)
SELECT u.segment, u.bill, u.account, u.metering_point, u.tariff, u.customer_segment AS kind,
  b.customer_segment AS belongs, u.price_u AS price, u.usual_price,
  CASE WHEN u.price_u > u.usual_price THEN 'over' ELSE 'under' END AS direction,
  greatest(abs(u.price_u - u.usual_price) * u.import_ukwh // 1000000, abs(u.total_u) // 10)
    AS at_risk
FROM priced u
JOIN shared s ON s.customer_segment = u.customer_segment AND s.tariff = u.tariff
JOIN belongs b ON b.tariff = u.tariff AND b.nth = 1
WHERE s.share < $rare AND s.base >= 20 AND b.share >= $home
  AND b.customer_segment <> u.customer_segment
