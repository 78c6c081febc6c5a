"""Random segments under random tariffs, from intervals or from dials, for the two raters.

Around clock changes of either hemisphere and the turn of the year, with carry; some towns have
faults: gaps, missing channels, dials that go back, exchanges without their readings.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
from random_tariffs import tariffs_that_load

from gridtally.market import NO_MARKET, Events, Market, Series
from gridtally.metering.blocks import Dense
from gridtally.metering.registers import advances
from gridtally.periods import Period, zone
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, METERS, REGISTER_READINGS, REGISTERS, SPANS, table

ZONES = (
    "Europe/Lisbon", "Asia/Shanghai", "UTC", "Australia/Lord_Howe", "America/St_Johns",
    "America/Santiago",
)  # fmt: skip
"""Hour and half-hour changes, by day and at midnight, odd offsets, none."""
STARTS = ("2026-01-01", "2026-03-20", "2026-10-20", "2026-12-20", "2026-04-01", "2026-09-01")
"""Around clock changes of either hemisphere and the turn of the year."""
FIRSTS = tuple((month, 1) for month in range(1, 13))
HUGE = (2**62 // 3600 - 1, 2**63 // 3600 // 4 + 10**9, 27 * 10**12, 10**12)
"""Readings of which one fits exact integers and a window, or a mean, of them may not. [ukWh]"""
CHANNELS = ("import", "export", "reactive_import", "reactive_export")


@dataclass
class Town:
    """Segments of one period under a few tariffs, as the tables that the kernel reads."""

    spans: pa.Table
    dense: list[Dense]
    carry: pa.Table
    tariffs: dict[str, bytes]
    market: Market = NO_MARKET


def a_town(r, *, segments=12, step=None, days=None):
    """Interval-billed segments, some with something missing."""
    name = r.choice(ZONES)
    step = step or r.choices((900, 1800, 3600, 300, 7200), (6, 3, 8, 1, 1))[0]
    first = date.fromisoformat(r.choice(STARTS)) + timedelta(days=r.randint(0, 12))
    days = days or r.choices((1, 2, 3, 5, 28, 31, 35), (6, 6, 6, 3, 1, 1, 1))[0]
    end = first + timedelta(days=days)
    texts = tariffs_that_load(r, name, max(15, step // 60))
    digests = [load(text, name="t").digest for text in texts]
    rows, carry, faults = [], [], r.random() < 0.3
    for number in range(segments):
        rows += some_spans(r, number, name, first, end, digests, faults=faults)
        carry += some_carry(r, number, first, faults=faults)
    return Town(
        table(SPANS, rows),
        some_readings(r, name, first, end, step, segments, faults=faults),
        table(CARRY, carry),
        dict(zip(digests, texts, strict=True)),
        a_market(r, name, first, end, step, faults=faults),
    )


def some_spans(r, number, name, first, end, digests, *, faults):
    """One to three spans; resets in April and October are cut most of the time."""
    days = (end - first).days
    cuts = {first, end} | {
        first + timedelta(days=r.randint(1, days)) for _ in range(r.randint(0, 2))
    }
    if r.random() < 0.9 or not faults:
        for year in (first.year, first.year + 1):
            for month, day in ((1, 1), (4, 1), (10, 1), (3, 29), *FIRSTS):
                if first < date(year, month, day) < end:
                    cuts.add(date(year, month, day))
    ordered = sorted(cuts)
    segment = f"A{number}/{first}/{end}"
    digest, rows, terms = r.choice(digests), [], None
    began = r.choice((None, first, first - timedelta(days=r.randint(0, 500))))
    for n, (a, b) in enumerate(pairwise(ordered)):
        digest = r.choice((digest, r.choice(digests)))
        start_utc, end_utc = zone(name).bounds(Period(a, b))
        terms = some_terms(r, faults=faults) if n == 0 or r.random() < 0.5 else terms
        rows.append(
            {
                "segment": segment, "span": n, "agreement": f"A{number}", "account": "C",
                "metering_point": f"P{number}", "zone": name, "from": a, "to": b,
                "start_utc": start_utc, "end_utc": end_utc, "legal_source": "interval",
                "tariff": digest if r.random() < 0.99 or not faults else None,
                "contract_ukw": r.choice((1, 3_000_000, 50_000_000, None if faults else 1_234_567)),
                "capacity_ukva": r.choice((6_900_000, 100_000_000, None if faults else 30_000)),
                "terms": terms, "look_back_from": began,
            }
        )  # fmt: skip
    return rows


def some_carry(r, number, first, *, faults):
    """What a predecessor may have handed on, used or not, sometimes twice."""
    out = {}
    for component in range(7):
        kinds = ("tier", "quota", "bank", "demand", "demand", "money", "bound", "none", "none")
        kind = r.choice(kinds)
        buckets = r.sample(("all", "peak", "mid", "off", "called"), r.randint(1, 5))
        if kind == "tier":
            at = r.choice((date(first.year, 1, 1), date(2025, 10, 1), date(2026, 4, 1)))
            out[f"tier/c{component}", at] = r.randint(0, 2_000_000_000)
        elif kind == "quota":
            at = r.choice((date(first.year, 1, 1), date(2025, 10, 1), date(2026, 4, 1)))
            for tier in range(1, 5):
                out[f"tier/c{component}/{tier}", at] = r.choice((0, r.randint(0, 2_000_000_000)))
        elif kind == "money":
            out[f"money/c{component}", first] = r.choice((0, r.randint(0, 900_000_000_000)))
        elif kind == "bound":
            out[f"bound/c{component}", first] = r.randint(0, 900_000_000_000)
            out[f"sum/c{component}", first] = r.randint(-90_000_000_000, 900_000_000_000)
        elif kind == "bank":
            for bucket in buckets:
                out[f"bank/c{component}/{bucket}", first] = r.randint(0, 200_000_000)
        elif kind == "demand":
            for bucket in buckets:
                for back in r.choice((range(15), r.sample(range(15), r.randint(1, 3)))):
                    month = first.year * 12 + first.month - 1 - back
                    at = date(month // 12, month % 12 + 1, 1)
                    out[f"demand/c{component}/{bucket}", at] = r.randint(0, 30_000_000)
    if faults and out and r.random() < 0.03:
        key, at = r.choice(list(out))
        out[key, at + timedelta(days=0 if key.startswith("demand") else 1)] = 1
    return [
        {"agreement": f"A{number}", "segment": "before", "key": key, "at": at, "value": value}
        for (key, at), value in out.items()
    ]


def some_terms(r, *, faults):
    """What an agreement states, as canonical JSON."""
    found = {
        "deal": r.choice(("0.12345678", "1", "0.5", "2.675", "0")),
        "rate": r.choice(("21", "8.25", "0.5", "50", "33.33333333", "0")),
        "share": r.choice(("0.5", "0.33333333", "1", "0.1")),
        "size": r.choice(("2", "12.5", "400", "0.00000005", "3.123456789"[:10])),
        "persons": r.choice(("1", "5", "7", "0")),
        "meters": r.choice(("1", "3")),
        "volts": r.choice(("0.4", "12.5", "400")),
    }
    if faults and r.random() < 0.1:
        found[r.choice(list(found))] = r.choice(
            ("-1", "0", "150", "999999", "-99.5", "-100.00000001", "-150")
        )
    if faults and r.random() < 0.1:
        del found[r.choice(list(found))]
    return json.dumps(found, sort_keys=True, separators=(",", ":"))


def a_market(r, name, first, end, step, *, faults, still=False):
    """Prices and events that reach beyond the period; with faults some are not known."""
    low, high = zone(name).bounds(Period(first, end))
    before, after = low - r.choice((0, 86_400)), high + r.choice((0, 7200))
    series = {}
    for number, per in (("spot", 100), ("month", 1), ("varh", 1)):
        length = r.choice((step, step, 3600, 86_400, 10**9)) if number == "spot" else 10**9
        length = max(length, step) if r.random() < 0.97 else step // 2
        length = 10**9 if still and r.random() < 0.8 else length
        starts = tuple(range(before, after, length))
        values = [Decimal(r.choice((r.randint(-2000, 20_000), 0, 12345678))) * per / 10**5
                  for _ in starts]  # fmt: skip
        if faults and r.random() < 0.1:
            values[r.randrange(len(values))] = None
        to = after if not faults or r.random() < 0.95 else max(before + 1, high - 3600)
        starts = tuple(at for at in starts if at < to)
        if not faults or r.random() < 0.97:
            series[number] = Series(starts, tuple(values[: len(starts)]), to)
    events = {}
    for number in ("critical", "calls"):
        edges = sorted(r.sample(range(before - 7200, after + 7200, max(step, 900)),
                                2 * r.randint(0, 4)))  # fmt: skip
        if edges and r.random() < 0.05:
            edges[0] -= 7
        times = tuple(zip(edges[::2], edges[1::2], strict=True))
        complete = after if not faults or r.random() < 0.95 else high - 1
        if not faults or r.random() < 0.97:
            events[number] = Events(before, complete, times)
    return Market(series, events)


def some_readings(r, name, first, end, step, count, *, faults):
    """A grid per channel; some points have not all channels, some have gaps."""
    start_utc, end_utc = zone(name).bounds(Period(first, end))
    generator = np.random.default_rng(r.randint(0, 2**32))
    grids, finest = [], step
    for channel in CHANNELS:
        step = 2 * finest if faults and channel != "import" and r.random() < 0.1 else finest
        width = -(-(end_utc - start_utc) // step)
        rare = 0 if not faults else 0.03 if channel == "import" else 0.12
        points = [f"P{n}" for n in range(count) if r.random() > rare]
        if not points:
            continue
        values = generator.integers(0, 3_000_000, (len(points), width))
        kind = generator.integers(0, 4, len(points))
        values[kind == 0] = 0
        values[kind == 1] //= 1000
        quality = generator.choice(np.array([1, 2, 3], np.uint8), (len(points), width))
        for row in range(len(points)):
            chance = r.random() if faults else 1
            if chance < 0.02:
                quality[row, r.randrange(width)] = 0
            elif chance < 0.05:
                values[row, r.randrange(width)] = -r.choice((1, 10**9, 10**12))
            elif chance < 0.07:
                at = r.randrange(width)
                values[row, at : at + 200] = r.choice(HUGE)
        values[quality == 0] = 0
        grids.append(Dense(tuple(points), channel, start_utc, step, values, quality))
    return grids


# --------------------------------------------------------- register-billed


@dataclass
class Dials:
    """What the meters of a town showed, as the tables that the kernel reads."""

    readings: list[dict]
    meters: list[dict]
    registers: list[dict]


def a_register_town(r, *, segments=12):
    """As `a_town`, billed from dials: exchanges, roll-overs, check readings, and mistakes."""
    name = r.choice(ZONES)
    first = date.fromisoformat(r.choice(STARTS)) + timedelta(days=r.randint(0, 12))
    end = first + timedelta(days=r.choice((5, 28, 31, 35, 62)))
    texts = tariffs_that_load(r, name, 15, dials=True)
    digests = [load(text, name="t").digest for text in texts]
    rows, carry, dials, faults = [], [], Dials([], [], []), r.random() < 0.3
    for number in range(segments):
        own = some_spans(r, number, name, first, end, digests, faults=faults)
        for row in own:
            row["legal_source"] = "register"
        rows += own
        carry += some_carry(r, number, first, faults=faults)
        some_dials(r, dials, f"P{number}", own, faults=faults)
    town = Town(
        table(SPANS, rows), [], table(CARRY, carry), dict(zip(digests, texts, strict=True)),
        a_market(r, name, first, end, 900, faults=faults, still=True),
    )  # fmt: skip
    return town, dials


def some_dials(r, dials, point, spans, *, faults):
    """One meter, or two with an exchange, each with the same dials."""
    start, end = spans[0]["start_utc"], spans[-1]["end_utc"]
    turns = [span["start_utc"] for span in spans[1:]]
    kinds = the_dials(r, faults=faults)
    exchange = r.randrange(start + 600, end - 600, 600) if r.random() < 0.25 else None
    if exchange is None:
        bounds = [
            (f"M{point}", around(r, start, faults), around(r, end, faults), "routine", "routine")
        ]
    else:
        after = exchange + r.choice((0, 0, 3600))
        bounds = [
            (f"M{point}a", around(r, start, faults), exchange, "routine", "exchange_out"),
            (f"M{point}b", min(after, end - 1), around(r, end, faults), "exchange_in", "routine"),
        ]
    for n, (meter, opens, closes, reason_in, reason_out) in enumerate(bounds):
        if opens >= closes:
            continue
        days = [spans[0]["from"] - timedelta(days=90), spans[-1]["to"] + timedelta(days=90)]
        if exchange is not None:
            days[1 - n] = local_day(exchange, spans[0]["zone"])
        dials.meters.append(
            {"meter": meter, "metering_point": point, "from": days[0], "to": days[1]}
        )
        for channel, bucket, kind in kinds:
            if faults and r.random() < 0.02:
                continue
            inner = [t for t in turns if opens < t < closes and r.random() < 0.5]
            if closes - opens > 1 and r.random() < 0.5:
                inner.append(r.randint(opens + 1, closes - 1))
            reasons = [reason_in, *(["check"] * len(set(inner))), reason_out]
            times = [opens, *sorted(set(inner)), closes]
            names = (point, meter, channel, bucket, kind)
            a_dial(r, dials, names, times, reasons, faults=faults)


def local_day(instant, name):
    return zone(name).date(instant)


def around(r, instant, faults):
    """Mostly the instant itself, sometimes within a day of it, rarely beyond."""
    off = r.choices((0, r.randint(-80_000, 80_000), 90_500), weights=(85, 14, faults))[0]
    return instant + off


def the_dials(r, *, faults):
    """Total and by bucket, some demand, some reactive."""
    out = []
    for channel in CHANNELS:
        if channel != "import" and faults and r.random() < 0.5:
            continue
        which = r.choice(("total" if faults else "both", "buckets", "buckets", "both"))
        if which != "buckets":
            out.append((channel, "total", "cumulative"))
        if which != "total":
            out += [
                (channel, b, "cumulative")
                for b in ("peak", "mid", "off", "called")
                if r.random() < 0.9 or not faults
            ]
    which = r.choice(("none" if faults else "total", "total", "buckets", "buckets"))
    if which == "total":
        out.append(("import", "total", "demand"))
    elif which == "buckets":
        out += [("import", b, "demand") for b in ("peak", "mid", "off", "called")]
    return out


def a_dial(r, dials, names, times, reasons, *, faults):
    """Readings of one dial: it grows, sometimes over its end, and rarely goes back."""
    point, meter, channel, bucket, kind = names
    digits = r.randint(4, 7)
    full = 10**digits * 1_000_000
    register = f"{channel}.{bucket}.{kind}"
    multiplier = r.choice((1_000_000, 1_000_000, 40_000_000, 1_000_500, 333_333, 2_500_000))
    dials.registers.append(
        {
            "meter": meter, "register": register, "channel": channel, "bucket": bucket,
            "kind": kind, "digits": digits, "multiplier": multiplier,
        }
    )  # fmt: skip
    shown = r.choice((r.randrange(full), full - 1 - r.randrange(full // 10), r.randrange(full)))
    for n, (time, reason) in enumerate(zip(times, reasons, strict=True)):
        if n:
            moved = r.choice(
                (r.randrange(full // 20), r.randrange(1000), r.randrange(full // 200), 0)
            )
            moved = -r.randrange(1, 10**6) if faults and r.random() < 0.01 else moved
            shown = (shown + moved) % full if kind == "cumulative" else r.randrange(full // 10)
        if faults and r.random() < 0.004:
            continue
        row = {
            "metering_point": point, "meter": meter, "register": register, "channel": channel,
            "bucket": bucket, "kind": kind, "time_utc": time, "reading": shown, "digits": digits,
            "multiplier": multiplier, "quality": r.choice("AAAASE"), "reason": reason,
            "version": 0, "load_seq": 1, "source": "s", "line": len(dials.readings) + 1,
        }  # fmt: skip
        dials.readings.append(row)
        if faults and r.random() < 0.005:
            dials.readings.append(row | {"reading": (shown + 1) % full})


def from_dials(town, dials):
    """What step 5 makes of the dials: the arguments of `compare`."""
    found = advances(
        town.spans,
        table(REGISTER_READINGS, dials.readings),
        table(METERS, dials.meters),
        table(REGISTERS, dials.registers),
    )
    return {"used": found.used, "advances": found.advances, "held": [found.findings]}
