-- id: review.demand.energy
-- title: Demand and energy contradict each other
-- why: A demand below the average power is impossible; one far above its own past is a slipped digit.
-- stage: determine
-- severity: warn
-- grain: bill
-- parameter: jump = 2500 times: change of demand that the change of energy does not explain
-- parameter: floor = 5000000 ukw: a smaller change is not worth a look
-- evidence: demand ukw: demand billed
-- evidence: usual ukw: demand of the last bills
-- evidence: average ukw: energy billed, spread over all hours
-- evidence: problem text: what contradicts what
-- cause: a move, a capacity change
-- money_at_risk: the share of the bill by which the demand changed
-- direction: row
-- message: The demand is {demand}, {problem} (average power {average}, usual demand {usual}).
-- remedy: Read the demand register again: a slipped decimal, a dial not reset, or a wrong multiplier.
WITH compared AS (
  SELECT u.*, p.demand_ukw AS usual, u.import_ukwh // (u.days * 24) AS average,
    p.recent_day_ukwh,
    CASE
      WHEN u.demand_ukw = 0 AND u.import_ukwh > 0 AND p.demand_ukw > 0
        THEN 'though energy was used'
      WHEN u.demand_ukw * u.days * 24 * 1010 < u.import_ukwh * 1000
        THEN 'less than the average power'
      WHEN u.demand_ukw * (p.recent_day_ukwh // 1000) * 1000
          > p.max_demand_ukw * (greatest(u.day_ukwh, p.recent_day_ukwh) // 1000) * $jump
        THEN 'far more than ever while the energy is as usual'
      WHEN u.demand_ukw * (p.recent_day_ukwh // 1000) * $jump
          < p.demand_ukw * (least(u.day_ukwh, p.recent_day_ukwh) // 1000) * 1000
        THEN 'far less than usual while the energy is as usual'
    END AS problem
  FROM usage u LEFT JOIN past p ON p.segment = u.segment
  WHERE u.demand_ukw IS NOT NULL
)
SELECT segment, bill, account, metering_point, demand_ukw AS demand, usual, average, problem,
  CASE WHEN problem LIKE '%more than ever%' THEN 'over' ELSE 'under' END AS direction,
  CAST(total_u AS HUGEINT) * abs(demand_ukw - coalesce(usual, average))
    // (2 * greatest(demand_ukw, coalesce(usual, average), 1)) AS at_risk
FROM compared
WHERE problem IS NOT NULL AND NOT capacity_changed AND NOT moved
  AND abs(demand_ukw - coalesce(usual, average)) > $floor
