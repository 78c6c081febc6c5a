-- id: review.bill.sum
-- title: Lines, segments and bill do not add up
-- why: Conservation of money: what is on the lines is what is on the bill, to the last digit.
-- stage: assemble
-- severity: hold
-- must_hold: yes
-- grain: bill
-- evidence: parts money: sum of the parts
-- evidence: whole money: what the bill says
-- evidence: level text: which sum it is
-- money_at_risk: the difference
-- direction: row
-- message: The {level} add up to {parts}, the total says {whole}.
-- remedy: Do not release; rate the bill again and report it: this must not happen.
WITH lined AS (
  SELECT s.segment, s.bill, s.account, coalesce(sum(l.amount), 0) AS parts, s.total AS whole,
    'lines of a segment' AS level
  FROM segments s LEFT JOIN lines l ON l.segment = s.segment
  GROUP BY s.segment, s.bill, s.account, s.total
), summed AS (
  SELECT '' AS segment, b.bill, b.account, coalesce(sum(s.total), 0) AS parts, b.total AS whole,
    'segments of the bill' AS level
  FROM bills b LEFT JOIN segments s ON s.bill = b.bill GROUP BY b.bill, b.account, b.total
)
SELECT segment, bill, account, level, CAST(parts * 1000000 AS HUGEINT) AS parts,
  CAST(whole * 1000000 AS HUGEINT) AS whole,
  CASE WHEN whole > parts THEN 'over' ELSE 'under' END AS direction,
  CAST(abs(whole - parts) * 1000000 AS HUGEINT) AS at_risk
FROM (SELECT * FROM lined UNION ALL SELECT * FROM summed) sums
WHERE parts <> whole
