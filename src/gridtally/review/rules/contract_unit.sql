-- id: review.contract.unit
-- title: The contracted demand does not fit the customer's size
-- why: A contract of 1,600 kW entered for 160 kW is charged in full, month after month.
-- stage: rate
-- severity: warn
-- grain: bill
-- parameter: far = 5000 times: how far contract and demand may lie apart
-- evidence: contract ukw: contracted demand
-- evidence: demand ukw: largest demand, now and in the past
-- evidence: capacity ukva: connected capacity
-- money_at_risk: the share of the bill by which the contract exceeds or undercuts the demand
-- direction: row
-- message: The contract is for {contract}; the largest demand is {demand}, the connection {capacity}.
-- remedy: Compare with the signed contract: a slipped digit, or kW and W mixed up.
WITH sized AS (
  SELECT u.*, greatest(coalesce(m.demand_ukw, 0), coalesce(p.max_demand_ukw, 0),
    u.import_ukwh // (u.days * 24)) AS largest
  FROM usage u LEFT JOIN past p ON p.segment = u.segment
  LEFT JOIN (
    SELECT segment, max(value) AS demand_ukw FROM determinants
    WHERE starts_with(name, 'demand/') GROUP BY segment
  ) m ON m.segment = u.segment
)
SELECT segment, bill, account, metering_point, contract_ukw AS contract, largest AS demand,
  capacity_ukva AS capacity,
  CASE WHEN contract_ukw > largest THEN 'over' ELSE 'under' END AS direction,
  CAST(total_u AS HUGEINT) * abs(contract_ukw - largest) // (2 * greatest(contract_ukw, largest))
    AS at_risk
FROM sized
WHERE contract_ukw IS NOT NULL AND largest > 0 AND NOT vacant AND (
  CAST(contract_ukw AS HUGEINT) * 1000 > CAST(largest AS HUGEINT) * $far
  OR CAST(contract_ukw AS HUGEINT) * $far < CAST(largest AS HUGEINT) * 1000
  OR (contract_ukw > capacity_ukva AND capacity_ukva > 0)
)
