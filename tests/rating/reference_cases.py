"""Small builders for the tests of the second opinion: a document, a case, its readings."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from gridtally.rating.reference import rate_case

KWH = 1_000_000
TOU = """
[[calendars.tou.rules]]
bucket = "peak"
days = ["weekday"]
hours = ["08:00-12:00", "18:00-20:00"]
[[calendars.tou.rules]]
otherwise = "off"
"""
ENERGY_TOU = """
[[components]]
id = "energy"
shape = "energy"
channel = "import"
calendar = "tou"
prices = { peak = 0.25, off = 0.125 }
"""
FLAT = """
[[components]]
id = "energy"
shape = "energy"
channel = "import"
price = 0.1
"""


def fixed(per, price, more=""):
    return f'[[components]]\nid = "fix"\nshape = "fixed"\nper = "{per}"\nprice = {price}\n{more}\n'


def tiered(more, tiers="[{upto = 100, price = 0.1}, {upto = 300, price = 0.2}, {price = 0.3}]"):
    return (
        '[[components]]\nid = "energy"\nshape = "tiered"\nchannel = "import"\n'
        f'method = "graduated"\ntiers = {tiers}\n{more}\n'
    )


ROWS = "\n".join(f'"{n / 100:.2f}" = {(90 - n) / 2}' for n in range(100, 69, -1))
POWER_FACTOR = (
    '[[components]]\nid = "pf"\nshape = "power_factor"\nof = ["energy"]\nstandard = 0.9\n'
    f"[components.rows]\n{ROWS}\n"
)


def document(components, *, zone="UTC", line="half_up", places=2, extra="", head=""):
    """A tariff document with these components; two decimals, half up, unless told."""
    return f"""
schema = 1
tariff = "test"
currency = "EUR"
zone = "{zone}"
valid_from = 2020-01-01
source = "a test"
{head}
[rounding]
line = {{ places = {places}, mode = "{line}" }}
total = {{ places = 2, mode = "half_up" }}
{extra}
{components}
""".encode()


def name_of(toml):
    return "sha256:" + hashlib.sha256(toml).hexdigest()


def midnight(day, zone="UTC"):
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def stamp(instant):
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def channel(first, end, value, *, zone="UTC", step=3600):
    """A constant, or a function of the local start, as a channel from first to end."""
    start = midnight(first, zone).astimezone(UTC)
    count = int((midnight(end, zone).astimezone(UTC) - start).total_seconds()) // step
    clocks = [
        (start + timedelta(seconds=step * n)).astimezone(ZoneInfo(zone)) for n in range(count)
    ]
    values = [value(clock) if callable(value) else value for clock in clocks]
    return {
        "start": stamp(start),
        "resolution_s": step,
        "values": values,
        "quality": "A" * count,
    }


def case(
    toml,
    *days,
    zone="UTC",
    step=3600,
    carry=(),
    contract=None,
    capacity=None,
    terms=None,
    series=None,
    events=None,
    **channels,
):
    """An interval case over the spans between `days` ("2026-01-01"), each with the same tariff.

    `series` has steps by name, `events` times, known for the whole segment.
    """
    tomls = toml if isinstance(toml, list) else [toml] * (len(days) - 1)
    start, end = (stamp(midnight(date.fromisoformat(days[n]), zone)) for n in (0, -1))
    outside = {}
    if series is not None:
        outside["series"] = {n: {"steps": each, "to": end} for n, each in series.items()}
    if events is not None:
        outside["events"] = {
            name: {"from": start, "to": end, "times": times} for name, times in events.items()
        }
    return outside | {
        "schema": 1,
        "agreement": "A-1",
        "metering_point": "MP-1",
        "zone": zone,
        "legal_source": "interval",
        "from": days[0],
        "to": days[-1],
        "spans": [
            {
                "from": a,
                "to": b,
                "tariff": name_of(each),
                "contract_ukw": contract,
                "capacity_ukva": capacity,
                **({} if terms is None else {"terms": terms}),
            }
            for a, b, each in zip(days[:-1], days[1:], tomls, strict=True)
        ],
        "channels": {
            name: channel(
                date.fromisoformat(days[0]),
                date.fromisoformat(days[-1]),
                value,
                zone=zone,
                step=step,
            )
            for name, value in channels.items()
        },
        "registers": [],
        "carry_in": [{"key": key, "at": at, "value": value} for key, at, value in carry],
    }


def dial(readings, *, bucket="total", channel="import", meter="M1", kind="cumulative", **more):
    """A dial of 5 digits; `readings` are (time, kWh) or (time, kWh, reason)."""
    return {
        "meter": meter,
        "register": more.get("register", bucket),
        "channel": channel,
        "bucket": bucket,
        "kind": kind,
        "digits": more.get("digits", 5),
        "multiplier": int(more.get("multiplier", 1) * 1_000_000),
        "readings": [
            {
                "time": each[0] if "T" in each[0] else f"{each[0]}T00:00:00Z",
                "reading": round(each[1] * 1000) * 1000,
                "quality": "A",
                "reason": each[2] if len(each) > 2 else "routine",
            }
            for each in readings
        ],
    }


def register_case(toml, *days, dials, **more):
    """A register case."""
    return case(toml, *days, **more) | {"legal_source": "register", "registers": dials}


def rate(given, *tomls):
    return rate_case(given, {name_of(toml): toml for toml in tomls})


def lines(given, *tomls):
    """(component, bucket, quantity, price, factor, amount) of each line; nothing is held."""
    answer = rate(given, *tomls)
    assert answer["findings"] == []
    keys = ("component", "bucket", "quantity", "price", "factor", "amount")
    return [tuple(line[key] for key in keys) for line in answer["lines"]]


def held(given, *tomls):
    """The code of the finding of a held segment, which has nothing else."""
    answer = rate(given, *tomls)
    assert answer["lines"] == []
    assert answer["total"] is None
    assert answer["carry_out"] == []
    (finding,) = answer["findings"]
    return finding["code"]
