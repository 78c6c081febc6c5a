-- id: review.energy.repeated
-- title: The same energy as last month, to the last digit
-- why: A reading that nobody took is often the last one copied forward.
-- stage: receive
-- severity: warn
-- grain: bill
-- parameter: times = 3 count: how often in a row it must repeat
-- parameter: floor = 20000000 ukwh: less energy than this may be chance
-- evidence: used ukwh: energy billed now and before
-- evidence: repeats count: bills in a row with this energy, this one included
-- money_at_risk: a fifth of the bill: what estimates are commonly off by
-- direction: over
-- message: {used} were billed {repeats} times in a row, the same to the last digit.
-- remedy: Ask who read the meter; take a reading before releasing.
WITH counted AS (
  SELECT u.*, 1 + CAST(p.last_ukwh = u.import_ukwh AS INTEGER)
    * (1 + CAST(coalesce(p.before_last_ukwh = u.import_ukwh, FALSE) AS INTEGER)) AS repeats
  FROM usage u JOIN past p ON p.segment = u.segment
)
SELECT segment, bill, account, metering_point, import_ukwh AS used, repeats,
  abs(total_u) // 5 AS at_risk
FROM counted WHERE repeats >= $times AND import_ukwh > $floor
