-- id: review.estimate.share
-- title: Much of the energy is estimated, or it has been for months
-- why: Long estimates end in a shock bill; rules in many countries cap them.
-- stage: estimate
-- severity: warn
-- grain: bill
-- parameter: share = 350 permille: estimated share that is too much
-- parameter: streak = 3 count: mostly estimated bills in a row that are too many
-- parameter: floor = 10000000 money: a smaller estimated amount is not worth a look
-- evidence: estimated ukwh: energy estimated
-- evidence: part permille: its share of the bill
-- evidence: before count: mostly estimated bills before this one
-- money_at_risk: a fifth of the estimated amount: what estimates are commonly off by
-- direction: over
-- message: {estimated} ({part} of the bill) are estimated; mostly estimated bills before: {before}.
-- remedy: Ask for a reading or for the missing intervals; release only if the estimate is plausible.
SELECT u.segment, u.bill, u.account, u.metering_point, u.estimated_ukwh AS estimated,
  u.estimated_ukwh * 1000 // u.import_ukwh AS part,
  coalesce(p.estimated_streak, 0) AS before,
  u.estimated_ukwh * u.price_u // 5000000 AS at_risk
FROM usage u LEFT JOIN past p ON p.segment = u.segment
WHERE u.import_ukwh > 0 AND u.estimated_ukwh < u.import_ukwh
  AND u.estimated_ukwh * u.price_u // 1000000 > $floor
  AND (u.estimated_ukwh * 1000 > u.import_ukwh * $share
    OR (u.estimated_ukwh * 2 > u.import_ukwh AND p.estimated_streak >= $streak))
