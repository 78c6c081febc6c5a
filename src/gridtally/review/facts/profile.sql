-- id: profile
-- title: One row per segment and channel that has intervals: its days in a few figures
-- needs: usage
SELECT u.segment, d.channel, count(*) AS days, sum(d.ukwh) AS ukwh,
  sum(d.estimated_ukwh) AS estimated_ukwh, min(d.ukwh) AS min_ukwh, max(d.ukwh) AS max_ukwh,
  count(*) FILTER (d.ukwh > 0) AS used_days, max(d.day) FILTER (d.ukwh > 0) AS last_used,
  -- A print of the days: equal for equal days, whatever the order of the rows.
  sum(hash(d.day, d.ukwh)) AS print
FROM daily d JOIN usage u ON u.metering_point = d.metering_point
  AND d.day >= u.from_day AND d.day < u.to_day
GROUP BY u.segment, d.channel
