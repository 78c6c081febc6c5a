"""Every change of offset that a zone has from 2015 to 2035: periods tile, energy is conserved.

Each change x {15, 30, 60 minutes} x {day, month, anniversary on the 29th, 30th, 31st, quarter}.
Here a part of the zones; `./run sweep` takes all of them. Expected values come from Python's own
`datetime`, or from plain sums of the readings.
"""

import calendar
import os
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gridtally.intake.decode import decode
from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.metering.determine import determine
from gridtally.periods import Period, Zone, zones
from gridtally.periods import zone as zone_of
from gridtally.rating.calendars import Calendar, Rule, labels
from gridtally.tables import ADVANCES, SPANS, empty, table
from gridtally.terms import Wanted

FROM, TO = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2015, 2036))
STEPS = (900, 1800, 3600)
KINDS = ("day", "month", "29", "30", "31", "quarter")
PARTS = 1 if os.environ.get("GRIDTALLY_SWEEP") == "all" else 24
ODD = ("Australia/Lord_Howe", "Asia/Pyongyang", "America/Caracas", "Africa/Casablanca",
       "Asia/Kathmandu", "Antarctica/Troll")  # fmt: skip
"""Half-hour changes, changes of law, two changes a year around Ramadan, 45 minutes, two hours."""
EVERY = tuple(range(12)), tuple(range(8))
HOURS, _ = Calendar.of(
    "hours", [Rule("night", *EVERY, ((0, 420), (1320, 1440)))], "day", frozenset()
)  # fmt: skip


def names():
    """The zones of this sweep: a part of all, and the odd ones."""
    every = sorted(zones())
    chosen = {name for number, name in enumerate(every) if number % PARTS == 0} | set(ODD)
    return [name for name in every if name in chosen]


def changes(zone):
    """Instants at which the offset of a zone changes. [s]"""
    return zone.changes[(zone.changes >= FROM) & (zone.changes < TO)].tolist()


def clamped(year, month, day):
    month, year = (month - 1) % 12 + 1, year + (month - 1) // 12
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def period_with(kind, day):
    """The billing period of that kind in which a local day lies."""
    if kind == "day":
        return Period(day, day + timedelta(1))
    if kind == "month":
        return Period(day.replace(day=1), clamped(day.year, day.month + 1, 1))
    if kind == "quarter":
        first = (day.month - 1) // 3 * 3 + 1
        return Period(date(day.year, first, 1), clamped(day.year, first + 3, 1))
    anchor = int(kind)
    start = clamped(day.year, day.month, anchor)
    if start > day:
        return Period(clamped(day.year, day.month - 1, anchor), start)
    return Period(start, clamped(day.year, day.month + 1, anchor))


def test_the_table_of_offsets_is_that_of_datetime():
    """Each zone's table says what `datetime` says, an hour before and after each change."""
    seen = 0
    for name in names():
        zone = zone_of(name)
        at = np.array(changes(zone), np.int64)
        around = np.concatenate([at - 1, at, at - 3600, at + 3599]) if len(at) else at
        wanted = [
            datetime.fromtimestamp(t, zone.info).utcoffset().total_seconds()
            for t in around.tolist()
        ]
        assert zone.offset(around).tolist() == wanted, name
        seen += len(at)
    assert seen > 150


@pytest.mark.parametrize("kind", KINDS)
def test_periods_tile(kind):
    """All instants of a period are in its days, and the ones beside it are not."""
    for name in names():
        zone = zone_of(name)
        for change in changes(zone):
            period = period_with(kind, zone.date(change))
            start, end = zone.bounds(period)
            local = zone.to_local(np.arange(start, end, 900)) // 86_400
            first = (period.start - date(1970, 1, 1)).days
            where = f"{name} {period}"
            assert (np.diff(local) >= 0).all(), where
            assert (local[0], local[-1]) == (first, first + period.days - 1), where
            assert zone.date(start - 1) < period.start <= zone.date(start), where
            assert zone.date(end - 1) < period.end <= zone.date(end), where
            bounds = zone.day_bounds(period)
            assert (bounds[0], bounds[-1]) == (start, end), where
            assert np.bincount(local - first).tolist() == (np.diff(bounds) // 900).tolist(), where


def alike(pick):
    """Zones with the same changes from 2015 to 2035 are one case; the first name stands for it."""
    found: dict[bytes, Zone] = {}
    for name in pick:
        zone = zone_of(name)
        at = np.array(changes(zone), np.int64)
        found.setdefault(at.tobytes() + zone.offset(np.r_[FROM, at]).tobytes(), zone)
    return [zone for zone in found.values() if changes(zone)]


def readings(zone, step):
    """A grid over all changes, on the local clock of its first day; values anybody can repeat."""
    start = zone.midnight(zone.date(changes(zone)[0]) - timedelta(130))
    end = zone.midnight(zone.date(changes(zone)[-1]) + timedelta(130))
    count = (end - start) // step
    values = (np.arange(count) * 48_271 + 11) % 2_147_483
    return Dense(
        ("P",), "import", start, step, values[None, :], np.full((1, count), ACTUAL, np.uint8)
    )


def spans_of(zone, periods):
    rows = []
    for number, period in enumerate(periods):
        start, end = zone.bounds(period)
        rows.append({
            "segment": f"{number}", "span": 0, "agreement": "A", "account": "C",
            "metering_point": "P", "zone": zone.name, "from": period.start, "to": period.end,
            "start_utc": start, "end_utc": end, "legal_source": "interval", "tariff": "t",
        })  # fmt: skip
    return table(SPANS, rows)


def by_hour(zone):
    """A tariff that asks for the energy of the night, from 22 to 7, and of the day."""

    def found(start, end, step):
        return labels(HOURS, zone.name, start, end, step)

    return {"t": [Wanted("energy", "import", "hours", ("night", "day"), (), None, False, found)]}


@pytest.mark.parametrize("step", STEPS)
def test_energy_is_conserved(step):
    """A period's energy is the plain sum of its readings, and so is that of night and day.

    Where the clock moves by half an hour, hours no longer begin with the day: the period is held.
    """
    cases = held = 0
    for zone in alike(names()):
        grid = readings(zone, step)
        periods = sorted(
            {period_with(kind, zone.date(at)) for at in changes(zone) for kind in KINDS}
        )
        spans = spans_of(zone, periods)
        found, odd = determine(
            spans, dense=[grid], advances=empty(ADVANCES), wanted=by_hour(zone)
        )  # fmt: skip
        got = found.filter(pc.match_substring(found["name"], "energy/import"))
        sums = {(row["segment"], row["name"]): row["value"] for row in got.to_pylist()}
        refused = set(odd["segment"].to_pylist())
        prefix = np.r_[0, np.cumsum(grid.values[0])]
        for row in spans.to_pylist():
            low, off = divmod(row["start_utc"] - grid.start_utc, step)
            high, rest = divmod(row["end_utc"] - grid.start_utc, step)
            where = f"{zone.name} {row['from']} {row['to']}"
            cases += 1
            if off or rest or row["segment"] in refused:
                held += 1
                assert row["segment"] in refused, where
                assert off or rest or _moved(zone, row) % step, where
                continue
            total = int(prefix[high] - prefix[low])
            night, day = (
                sums[row["segment"], f"energy/import/hours/{name}"] for name in ("night", "day")
            )
            assert night + day == total, where
            assert sums[row["segment"], "energy/import/all/all"] == total, where
            if (row["to"] - row["from"]).days == 1:
                assert night == _night(zone, grid, low, high), where
    assert cases > 1000
    assert held < cases // 4
    assert step > 1800 or not held


def _moved(zone, row):
    """By how much the clock stands otherwise than on the grid at some instant of a period. [s]"""
    offset = zone.offset(np.arange(row["start_utc"], row["end_utc"], 900))
    return int(np.ptp(offset)) or int(offset[0] - zone.offset(np.array([changes(zone)[0] - 1]))[0])


def _night(zone, grid, low, high):
    """The energy of a day's night hours, by `datetime`, reading by reading."""
    total = 0
    for slot in range(low, high):
        at = datetime.fromtimestamp(grid.start_utc + slot * grid.resolution_s, zone.info)
        total += int(grid.values[0, slot]) if at.hour < 7 or at.hour >= 22 else 0
    return total


@pytest.mark.parametrize("step", STEPS)
def test_local_days_are_read_as_they_are(step):
    """A row per local day with as many values as the day has: each lands on its instant."""
    most = 26 * 3600 // step
    header = "metering_point,channel,date,resolution_min," + ",".join(
        f"v{n + 1}" for n in range(most)
    )
    rows = 0
    for zone in alike(names()):
        days = sorted({zone.date(at) for at in changes(zone)})
        bounds = [zone.bounds(Period(day, day + timedelta(1))) for day in days]
        whole = [(d, b) for d, b in zip(days, bounds, strict=True) if (b[1] - b[0]) % step == 0]
        lines = [
            f"P,import,{day},{step // 60}," + ",".join(
                str(n % 97 + 1) for n in range((end - start) // step)
            )
            for day, (start, end) in whole
        ]  # fmt: skip
        if not lines:
            continue
        text = "\n".join([header, *lines, ""]).encode()
        got = decode(text, name="days.csv", as_of=TO + 10**8, zone=zone.name)
        rejected = got.findings.filter(pc.not_equal(got.findings["severity"], "note"))
        assert not got.quarantined, (zone.name, rejected.to_pylist()[:2])
        assert got.accepted == len(lines), zone.name
        starts = got.blocks["start_utc"].cast(pa.int64()).to_pylist()
        lengths = pc.list_value_length(got.blocks["values"]).to_pylist()
        assert sorted(zip(starts, lengths, strict=True)) == [
            (start, (end - start) // step) for _, (start, end) in whole
        ], zone.name
        wanted = sum(n % 97 + 1 for _, (a, b) in whole for n in range((b - a) // step))
        assert sum(pc.list_flatten(got.blocks["values"]).to_pylist()) == wanted * 10**6
        rows += len(lines)
    assert rows > 150
