-- id: review.account.unbilled
-- title: An account with an agreement in force and no bill
-- why: Nobody may be forgotten: whoever is in scope ends released, held or excluded.
-- stage: assemble
-- severity: hold
-- must_hold: yes
-- grain: base
-- evidence: agreement text: the agreement in force
-- evidence: point text: its metering point
-- evidence: usual money: the usual total of this account
-- money_at_risk: the usual total of this account
-- direction: under
-- message: The agreement {agreement} at {point} is in force and was not billed; usual is {usual}.
-- remedy: Look for the reason (no tariff, no meter, left out of the cycle), then bill it in a
--   supplementary run.
WITH inside AS (
  SELECT DISTINCT agreement, account, metering_point FROM agreements
  WHERE "from" < $period_to AND coalesce("to", DATE '9999-01-01') > $period_from
), usual AS (
  SELECT account, metering_point, CAST(quantile_disc(total, 0.5) * 1000000 AS BIGINT) AS total_u
  FROM history GROUP BY account, metering_point
)
SELECT i.account, i.metering_point, i.agreement, i.metering_point AS point, u.total_u AS usual,
  abs(u.total_u) AS at_risk
FROM inside i
LEFT JOIN segments s ON s.agreement = i.agreement
LEFT JOIN usual u ON u.account = i.account AND u.metering_point = i.metering_point
WHERE s.segment IS NULL
