"""The workspace that bad files are delivered to: four homes, a meter with dials, and a past."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

ZONE = "Europe/Lisbon"
HOMES = ("MP-1", "MP-2", "MP-3", "MP-4", *(f"MP-{n}" for n in range(11, 19)))
"""So many that a mistake of all of them is told from a change of each."""
HEADER = "metering_point,channel,start,value,unit,quality,version"

TARIFF = """\
schema = 1
tariff = "{name}"
title = "{name}"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2025-01-01
source = "made up for this test"

[rounding]
line = {{ places = 2, mode = "half_up" }}
total = {{ places = 2, mode = "half_up" }}
{calendar}
[[components]]
id = "energy"
shape = "energy"
title = "Energy"
channel = "import"
{price}
ledger = "revenue.energy"
"""
FLAT = TARIFF.format(name="flat", calendar="", price="price = 0.15")
TOU = TARIFF.format(
    name="tou",
    calendar="""
[[calendars.day.rules]]
bucket = "high"
hours = ["08:00-22:00"]

[[calendars.day.rules]]
bucket = "low"
hours = ["00:00-08:00", "22:00-24:00"]
""",
    price='calendar = "day"\nprices = { high = 0.20, low = 0.10 }',
)


def hours(first, last):
    """Instants of every hour between two UTC days."""
    at = datetime.fromisoformat(first).replace(tzinfo=UTC)
    end = datetime.fromisoformat(last).replace(tzinfo=UTC)
    while at < end:
        yield at
        at += timedelta(hours=1)


def load(point, at):
    """The load of a home in an hour [Wh]: its own shape, and its own days; never the same twice."""
    digest = hashlib.sha256(f"{point} {at:%Y-%m-%d %H}".encode()).digest()
    since = (at.hour - 5 * HOMES.index(point)) % 24 if point in HOMES else at.hour
    return 200 + (1500 if since < 4 else 0) + digest[0]


def reading(point, at, value=None, *, unit="Wh", channel="import", more=",A,0"):
    """A row of csv-long."""
    value = load(point, at) if value is None else value
    return f"{point},{channel},{at:%Y-%m-%dT%H:%M:%SZ},{value},{unit}{more}"


def file_of(rows, header=HEADER):
    """CSV bytes of rows."""
    return ("\n".join([header, *rows]) + "\n").encode()


def homes(first, last, *, points=HOMES, change=lambda point, at: None):
    """Readings of homes; `change` gives another value [Wh], or "" for no row at all."""
    rows = []
    for point in points:
        for at in hours(first, last):
            value = change(point, at)
            if value != "":
                rows.append(reading(point, at, value))
    return file_of(rows)


# Local October 2026 in Lisbon: UTC+1 until the 25th, then UTC.
AUGUST = ("2026-07-31 23:00", "2026-08-31 23:00")
SEPTEMBER = ("2026-08-31 23:00", "2026-09-30 23:00")
OCTOBER = ("2026-09-30 23:00", "2026-11-01 00:00")

DIALS = "metering_point,meter,register,time,reading,unit,quality,reason"


def dial(
    time, value, *, meter="M-9", point="MP-9", register="1.8.0", reason="routine", quality="A"
):
    """A row of csv-registers."""
    return f"{point},{meter},{register},{time},{value},kWh,{quality},{reason}"


def master():
    """Files of master data and tariffs."""
    points = [*HOMES, "MP-9", "MP-8"]
    return {
        "flat.toml": FLAT.encode(),
        "tou.toml": TOU.encode(),
        "accounts.csv": file_of(
            [f"A-{point[3:]},household,en" for point in points], "account,segment,language"
        ),
        "metering_points.csv": file_of(
            [f"{point},{ZONE},north,10" for point in points], "metering_point,zone,region,fuse_kw"
        ),
        "meters.csv": file_of(
            [*(f"M-{point[3:]},{point},2020-01-01," for point in HOMES),
             "M-9,MP-9,2020-01-01,", "M-8,MP-8,2020-01-01,2026-10-15", "M-7,MP-8,2026-10-15,"],
            "meter,metering_point,from,to",
        ),
        "registers.csv": file_of(
            [*(f"M-{point[3:]},1.8.0,import,total,cumulative,6,1" for point in HOMES),
             "M-3,2.8.0,export,total,cumulative,6,1",
             *(f"{meter},1.8.0,import,total,cumulative,5,1" for meter in ("M-9", "M-8", "M-7"))],
            "meter,register,channel,bucket,kind,digits,multiplier",
        ),
        "agreements.csv": file_of(
            [*(f"G-{p[3:]},A-{p[3:]},{p},2025-01-01,,{'tou' if p == 'MP-4' else 'flat'},interval"
               for p in HOMES),
             *(f"G-{p[3:]},A-{p[3:]},{p},2025-01-01,,flat,register" for p in ("MP-9", "MP-8"))],
            "agreement,account,metering_point,from,to,tariff,legal_source",
        ),
    }  # fmt: skip


def past():
    """Readings of August and September, and the dials until the first of October."""
    return {
        "august.csv": homes(*AUGUST),
        "september.csv": homes(*SEPTEMBER),
        "dials.csv": file_of(
            [dial("2026-07-31T23:00:00Z", 90000), dial("2026-08-31T23:00:00Z", 90300),
             dial("2026-09-30T23:00:00Z", 90610),
             *(dial(t, v, meter="M-8", point="MP-8") for t, v in (
                 ("2026-07-31T23:00:00Z", 100), ("2026-08-31T23:00:00Z", 400),
                 ("2026-09-30T23:00:00Z", 710)))],
            DIALS,
        ),
    }  # fmt: skip
