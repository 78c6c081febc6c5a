-- id: review.energy.zero
-- title: No energy at all where there always was some
-- why: A stopped meter, a broken channel or a reading entered twice bills nothing, and nobody complains.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: usual_min = 500000 ukwh: daily use below which nothing is not odd
-- evidence: usual ukwh: energy of a usual period of this length
-- evidence: months months: past bills behind it
-- cause: vacant premises, a move
-- money_at_risk: the usual energy at the customer's own past price
-- direction: under
-- message: No energy was billed; {usual} would be usual.
-- remedy: Check that the meter still counts and that somebody lives there before releasing.
SELECT u.segment, u.bill, u.account, u.metering_point,
  p.recent_day_ukwh * u.days AS usual, p.months,
  p.recent_day_ukwh * u.days * p.price_u // 1000000 AS at_risk
FROM usage u JOIN past p ON p.segment = u.segment
WHERE u.import_ukwh = 0 AND p.recent_day_ukwh > $usual_min AND p.min_day_ukwh > 0
  AND NOT u.vacant AND NOT u.moved
