-- id: review.demand.capacity
-- title: More power or energy than the connection can carry
-- why: Above the fuse or the transformer a figure is not a surprise but impossible.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: share = 1100 permille: how much above the limit is still believed
-- evidence: power ukw: demand billed, or the average power of the energy billed
-- evidence: limit_power ukw: what the connection can carry
-- evidence: what text: demand or average power
-- money_at_risk: the part of the bill above the limit
-- direction: over
-- message: The {what} is {power}, but the connection carries {limit_power}.
-- remedy: Check the multiplier and the unit of the reading; then the capacity on record.
WITH limits AS (
  SELECT u.*, least(coalesce(u.fuse_ukw, u.capacity_ukva), coalesce(u.capacity_ukva, u.fuse_ukw))
    AS limit_ukw, u.import_ukwh // (u.days * 24) AS average_ukw
  FROM usage u
)
SELECT segment, bill, account, metering_point, limit_ukw AS limit_power,
  greatest(coalesce(demand_ukw, 0), average_ukw) AS power,
  CASE WHEN coalesce(demand_ukw, 0) > average_ukw THEN 'billed demand' ELSE 'average power' END
    AS what,
  CAST(total_u AS HUGEINT) * (greatest(coalesce(demand_ukw, 0), average_ukw) - limit_ukw)
    // greatest(coalesce(demand_ukw, 0), average_ukw) AS at_risk
FROM limits
WHERE limit_ukw > 0
  AND CAST(greatest(coalesce(demand_ukw, 0), average_ukw) AS HUGEINT) * 1000 > limit_ukw * $share
