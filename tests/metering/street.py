"""Small tables for the checks of readings that need more than one grid."""

from datetime import date

import pyarrow as pa
from grids import KWH, THURSDAY, grid

from gridtally.metering.blocks import Dense
from gridtally.metering.checks_channels import channels
from gridtally.metering.profiles import profiles
from gridtally.metering.thresholds import Thresholds
from gridtally.metering.validate import judge
from gridtally.periods import zone
from gridtally.tables import (
    ADVANCES,
    AGREEMENTS,
    CYCLES,
    HISTORY,
    METERING_POINTS,
    REGISTERS_USED,
    REMARKS,
    SEGMENTS,
    SPANS,
    TOPOLOGY,
    findings_table,
    table,
)

OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))


def rows(found):
    """Rows of a table, or of what a check yields."""
    return (found if isinstance(found, pa.Table) else findings_table(found)).to_pylist()


def codes(found):
    """Code -> metering points that it is about."""
    result = {}
    for row in rows(found):
        result.setdefault(row["code"].removeprefix("metering."), []).append(row["metering_point"])
    return result


def span(point="P", first=OCTOBER[0], last=OCTOBER[1], **more):
    """A row of SPANS in UTC."""
    start, end = zone("UTC").midnight(first), zone("UTC").midnight(last)
    agreement = more.pop("agreement", f"A-{point}")
    return {
        "segment": f"{agreement}/{first}/{last}", "span": 0, "agreement": agreement,
        "account": f"K-{agreement}", "metering_point": point, "zone": "UTC", "from": first,
        "to": last, "start_utc": start, "end_utc": end, "legal_source": "register", "tariff": "t",
    } | more  # fmt: skip


def spans(*given):
    return table(SPANS, given or [span()])


def place(point="P", **more):
    """A row of METERING_POINTS."""
    return {"metering_point": point, "zone": "UTC", "region": "R", "features": ""} | more


def places(*given):
    return table(METERING_POINTS, given or [place()])


def side(channel, values, *, points=("P",), step=3600):
    """A grid of one channel."""
    return grid(values, channel=channel, points=points, step=step)


def crossed(*grids_, features="", capacity=None, fuse=None, zone="UTC"):
    """Findings of channels against each other."""
    judged = [judge(one, zone=zone) for one in grids_]
    terms = spans(*(span(p, capacity_ukva=capacity) for p in grids_[0].points))
    where = places(*(place(p, features=features, fuse_ukw=fuse) for p in grids_[0].points))
    return channels(judged, spans=terms, points=where)


def month(days, *, start=THURSDAY, points=None):
    """PROFILES of four weeks of these days: one list of 24 hours per point."""
    values = [list(day) * 28 for day in days]
    dense: Dense = grid(values, start=start, points=points)
    return profiles([dense], spans(*(span(point) for point in dense.points)))


def advance(value, kind="cumulative", bucket="total", segment=None):
    """A row of ADVANCES."""
    name = segment or span()["segment"]
    return {"segment": name, "span": 0, "channel": "import", "bucket": bucket, "kind": kind,
            "value": value, "estimated": 0}  # fmt: skip


def advanced(*given):
    return table(ADVANCES, given)


def shown(
    day, reading, *, kind="cumulative", segment=None, quality="A", meter="M", reason="routine"
):
    """A row of REGISTERS_USED at midnight UTC."""
    return {
        "segment": segment or span()["segment"], "meter": meter, "register": "T",
        "channel": "import", "bucket": "total", "kind": kind, "digits": 6, "multiplier": KWH,
        "time_utc": zone("UTC").midnight(day), "reading": reading * KWH, "quality": quality,
        "reason": reason,
    }  # fmt: skip


def used(*given):
    return table(REGISTERS_USED, given)


def bill(first, last, energy, point="P", **more):
    """A row of SEGMENTS, or of HISTORY."""
    return {
        "segment": f"A-{point}/{first}/{last}", "agreement": f"A-{point}", "account": f"K-{point}",
        "metering_point": point, "from": first, "to": last, "import_ukwh": energy,
        "export_ukwh": 0, "estimated_ukwh": 0,
    } | more  # fmt: skip


def segments(*given):
    return table(SEGMENTS, given)


def history(*given):
    return table(HISTORY, given)


def months(count, energy, *, end=OCTOBER[0], point="P", **more):
    """So many months before a day, the latest last; energy per day [10^-6 kWh]."""
    found, last = [], end
    for _ in range(count):
        number = last.year * 12 + last.month - 2
        first = date(number // 12, number % 12 + 1, 1)
        found.append(bill(first, last, energy * (last - first).days, point, **more))
        last = first
    return found[::-1]


def limits(count=1, **values):
    """Thresholds of so many points."""
    return Thresholds().changed(None, values).of([""] * count)


def remark(key, value="", *, at=THURSDAY, point="P", channel=""):
    """A row of REMARKS."""
    return {
        "metering_point": point, "channel": channel, "start_utc": at, "end_utc": at, "key": key,
        "value": value, "version": 0, "load_seq": 1, "source": "f", "line": 1,
    }  # fmt: skip


def remarks(*given):
    return table(REMARKS, given)


def link(child, parent="P", relation="child_of", since=date(2026, 1, 1), until=None):
    """A row of TOPOLOGY."""
    return {"parent": parent, "child": child, "from": since, "to": until, "relation": relation}


def links(*given):
    return table(TOPOLOGY, given)


def cycle(**more):
    """CYCLES with one that is read on the first of the month, two days either way."""
    row = {"cycle": "C", "read_day": 1, "months": 1, "first_month": 1, "window_before_days": 2,
           "window_after_days": 2}  # fmt: skip
    return table(CYCLES, [row | more])


def agreements(*given):
    row = {"agreement": "A-P", "metering_point": "P", "from": date(2026, 1, 1), "to": None,
           "cycle": "C"}  # fmt: skip
    return table(AGREEMENTS, [row | one for one in given or [{}]])
