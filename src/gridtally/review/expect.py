"""Step 8, the expectation: what a bill's energy should have been, as an interval.

A modest model that can be read: the customer's recent daily use, times how the customer's class
moved between then and now, give or take what bills were off by in the past, in units of how much
this customer goes up and down from month to month. Where there is a same month last year, the
interval is widened to what that would have said. All integers.

Calibration happens outside the run (`calibrate`) and is a versioned table; `coverage` checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pyarrow as pa

from gridtally.review.inputs import CALIBRATION, EXPECTED, NO_BOUND, complete
from gridtally.review.library import add_facts
from gridtally.review.sandbox import sandbox

__all__ = ["calibrate", "coverage", "expect"]

BILLS_MIN = 100
"""A class with fewer past bills takes the bounds of all classes together."""

ROUGH_LEAST = 60
"""Nobody is steadier than this: added to every customer's own ups and downs. [10^-3]"""

_FIXED = {"cap": NO_BOUND, "least_rough": ROUGH_LEAST}

_REPLAY = """
WITH month AS (
  SELECT customer_segment, account, metering_point, "from" AS since,
    CAST(import_ukwh // ("to" - "from") AS HUGEINT) AS day_ukwh, export_ukwh > 0 AS exports
  FROM history WHERE "to" - "from" >= 20
), steps AS (
  SELECT *, abs(day_ukwh - lag(day_ukwh) OVER (
    PARTITION BY account, metering_point ORDER BY since)) AS step
  FROM month
), walk AS (
  SELECT *, count(*) OVER own AS months, bool_or(exports) OVER own AS pv,
    CASE count(*) OVER own
      WHEN 3 THEN sum(day_ukwh) OVER own - max(day_ukwh) OVER own - min(day_ukwh) OVER own
      ELSE min(day_ukwh) OVER own END AS recent,
    coalesce(sum(step) OVER half * 1000 // nullif(sum(day_ukwh) OVER half, 0), 0) AS rough
  FROM steps
  WINDOW own AS (PARTITION BY account, metering_point ORDER BY since
    ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING),
  half AS (PARTITION BY account, metering_point ORDER BY since
    ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING)
), classed AS (
  SELECT *, customer_segment || CASE WHEN pv THEN '/pv' ELSE '' END AS class
  FROM walk WHERE months >= 2 AND recent > 100000 AND ($only IS NULL OR since = $only)
    AND ($before IS NULL OR since < $before)
), moved AS (
  SELECT class, since, quantile_disc(day_ukwh * 1000 // recent, 0.5) AS growth
  FROM classed GROUP BY class, since HAVING count(*) >= 10
)
SELECT c.class, c.since, CAST(least($cap,
    (c.day_ukwh * 1000000 // greatest(1, c.recent * coalesce(m.growth, 1000)) - 1000) * 1000
    // (c.rough + $least_rough)) AS BIGINT) AS off
FROM classed c LEFT JOIN moved m ON m.class = c.class AND m.since = c.since
"""

_BOUNDS = """
SELECT class, quantile_disc(off, $tail) AS low, quantile_disc(off, $rest) AS high,
  count(*) AS bills, $coverage AS coverage
FROM (SELECT class, off FROM replay UNION ALL SELECT '', off FROM replay)
GROUP BY class HAVING count(*) >= $least OR class = '' ORDER BY class
"""

_INSIDE = """
SELECT count(*) FILTER (r.off BETWEEN coalesce(k.low, a.low) AND coalesce(k.high, a.high))
  AS inside, count(*) AS bills
FROM replay r LEFT JOIN calibration k ON k.class = r.class LEFT JOIN calibration a ON a.class = ''
"""

_EXPECT = """
WITH classed AS (
  SELECT u.segment, u.days, CAST(u.day_ukwh AS HUGEINT) AS day_ukwh, p.months,
    u.customer_segment || CASE WHEN p.max_export_day_ukwh > 0 THEN '/pv' ELSE '' END AS class,
    CAST(p.recent_day_ukwh AS HUGEINT) AS recent, CAST(p.year_day_ukwh AS HUGEINT) AS year,
    p.rough + $least_rough AS rough
  FROM usage u JOIN past p ON p.segment = u.segment WHERE p.recent_day_ukwh > 0
), moved AS (
  SELECT class,
    CASE WHEN count(*) >= 10 THEN quantile_disc(day_ukwh * 1000 // recent, 0.5) END AS growth,
    CASE WHEN count(year) >= 10 THEN quantile_disc(day_ukwh * 1000 // nullif(year, 0), 0.5) END
      AS year_growth
  FROM classed GROUP BY class
), predicted AS (
  SELECT c.segment, c.months, c.days * c.recent * coalesce(m.growth, 1000) // 1000 AS by_recent,
    coalesce(c.days * nullif(c.year, 0) * coalesce(m.year_growth, 1000) // 1000,
      c.days * c.recent * coalesce(m.growth, 1000) // 1000) AS by_year,
    greatest(0, 1000 + coalesce(k.low, a.low) * c.rough // 1000) AS low,
    1000 + coalesce(k.high, a.high) * c.rough // 1000 AS high,
    coalesce(k.coverage, a.coverage) AS coverage
  FROM classed c JOIN moved m ON m.class = c.class
  LEFT JOIN calibration k ON k.class = c.class LEFT JOIN calibration a ON a.class = ''
)
SELECT segment, CAST(least($cap, least(by_recent, by_year) * low // 1000) AS BIGINT) AS low_ukwh,
  CAST(least($cap, (by_recent + by_year) // 2) AS BIGINT) AS usual_ukwh,
  CAST(least($cap, greatest(by_recent, by_year) * high // 1000) AS BIGINT) AS high_ukwh,
  CAST(months AS BIGINT) AS months, CAST(coverage AS BIGINT) AS coverage
FROM predicted WHERE low IS NOT NULL ORDER BY segment
"""


def calibrate(history: pa.Table, *, coverage: int = 980, before: date | None = None) -> pa.Table:
    """How far past bills were off what their past said, per class: CALIBRATION.

    `history` has schema HISTORY; `coverage` [10^-3] is the share that the interval shall hold.
    Every past month is replayed from the three before it. The row of class '' is all bills
    together, and answers for a class with fewer than 100. `before` leaves later months out.
    """
    tail = Decimal((1000 - coverage) // 2) / 1000
    with sandbox({"history": history}, seconds=600, memory_mib=2048) as room:
        room.keep("replay", _REPLAY, {"only": None, "before": before, **_FIXED})
        bounds = {"tail": tail, "rest": 1 - tail, "least": BILLS_MIN, "coverage": coverage}
        return room.select(_BOUNDS, bounds, name="calibrate").cast(CALIBRATION)


def coverage(history: pa.Table, calibration: pa.Table, *, month: date) -> tuple[int, int]:
    """How many bills of a past month lie inside their interval, and how many there are.

    Honest only when `calibration` was made with `before=month`.
    """
    with sandbox({"history": history, "calibration": calibration}, seconds=600) as room:
        room.keep("replay", _REPLAY, {"only": month, "before": None, **_FIXED})
        found = room.select(_INSIDE, {}, name="coverage").to_pylist()[0]
    return int(found["inside"] or 0), int(found["bills"])


def expect(tables: Mapping[str, pa.Table], calibration: pa.Table) -> pa.Table:
    """EXPECTED: one row per segment of the period that has a past.

    `tables` as for `audit`; how its class moved is taken from the period's own bills, as a
    median, so it wants the whole base.
    """
    with sandbox({**complete(tables), "calibration": calibration}, memory_mib=2048) as room:
        add_facts(room, ("usage", "past"))
        return room.select(_EXPECT, _FIXED, name="expect").cast(EXPECTED)
