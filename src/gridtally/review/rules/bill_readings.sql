-- id: review.bill.readings
-- title: A bill that no reading supports
-- why: Energy that is estimated throughout is a guess in the form of a bill.
-- stage: estimate
-- severity: warn
-- grain: bill
-- parameter: all = 990 permille: estimated share that counts as everything
-- parameter: streak = 2 count: mostly estimated bills before this one that are too many
-- parameter: floor = 40000000 money: money at risk from which one such bill is enough
-- evidence: used ukwh: energy billed
-- evidence: estimated ukwh: part of it that was estimated
-- evidence: streak count: bills before this one that were mostly estimated, without a break
-- money_at_risk: a fifth of the bill: what estimates are commonly off by
-- direction: over
-- message: All of the {used} billed are estimated; mostly estimated bills before this one: {streak}.
-- remedy: Get one reading, if only from the customer, before this bill leaves.
SELECT u.segment, u.bill, u.account, u.metering_point, u.import_ukwh AS used,
  u.estimated_ukwh AS estimated, coalesce(p.estimated_streak, 0) AS streak,
  abs(u.total_u) // 5 AS at_risk
FROM usage u LEFT JOIN past p ON p.segment = u.segment
WHERE u.import_ukwh > 0
  AND (p.estimated_streak >= $streak OR abs(u.total_u) // 5 > $floor)
  AND u.estimated_ukwh * 1000 >= u.import_ukwh * $all
