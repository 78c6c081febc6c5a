"""Where readings took the place of estimates, charge by charge, by hand."""

from datetime import date
from fractions import Fraction

import pytest
from rating_world import header
from shape_world import TOU, component

from gridtally.periods import Period
from gridtally.rating.explain.replaced import replaced
from gridtally.rating.tariff import load

MARCH = Period(date(2026, 3, 15), date(2026, 4, 1))
APRIL = Period(date(2026, 4, 1), date(2026, 4, 14))
HOURS = 30 * 24


def version(body):
    return load((header("UTC") + body).encode(), name="t")


def case(guessed=(), registers=()):
    """One kWh an hour; those guessed were estimated at nothing."""
    values = [0 if hour in guessed else 10**6 for hour in range(HOURS)]
    quality = "".join("E" if hour in guessed else "A" for hour in range(HOURS))
    grid = {"start": "2026-03-15T00:00:00Z", "resolution_s": 3600, "values": values,
            "quality": quality}  # fmt: skip
    return {"zone": "UTC", "channels": {} if registers else {"import": grid},
            "registers": list(registers)}  # fmt: skip


def test_by_span_hours_and_months():
    """10:00 and 22:00 of 15 March, 10:00 of 1 April: three kWh, each where it is charged."""
    april = 17 * 24
    guessed = {10, 22, april + 10}
    body = TOU + component("energy", 'channel = "import"\nprice = 1\nmonths = [1, 2, 3]', "winter")
    body += component("energy", 'channel = "import"\nprice = 1\n'
                      "months = [4, 5, 6, 7, 8, 9, 10, 11, 12]", "summer")  # fmt: skip
    body += component("energy", 'channel = "import"\ncalendar = "c"\n'
                      "prices = { peak = 2, off = 1 }", "hours")  # fmt: skip
    one = version(body)
    whole = Period(MARCH.start, APRIL.end)
    (cut, uncut) = replaced(
        case(guessed), case(), sides=[[(MARCH, one), (APRIL, one)], [(whole, one)]]
    )
    assert cut == {
        (0, "winter", ""): 2, (1, "summer", ""): 1,
        (0, "hours", "peak"): 1, (0, "hours", "off"): 1, (1, "hours", "peak"): 1,
    }  # fmt: skip
    assert uncut == {
        (0, "winter", ""): 2, (0, "summer", ""): 1, (0, "hours", "peak"): 2, (0, "hours", "off"): 1,
    }  # fmt: skip


def dial(bucket, closing, quality):
    readings = [("1", 0, "A"), ("2", closing * 10**6, quality)]
    return {"meter": "M", "register": bucket, "channel": "import", "bucket": bucket,
            "kind": "cumulative", "digits": 5, "multiplier": 10**6,
            "readings": [{"time": t, "reading": v, "quality": q} for t, v, q in readings],
            }  # fmt: skip


@pytest.mark.parametrize(
    ("dials", "charge"),
    [
        (["peak"], "hours"),
        (["total"], "energy"),
        (["peak", "off"], "energy"),
    ],
)
def test_dials_by_days(dials, charge):
    """30 kWh less in 30 days: 17 of them in March."""
    body = {
        "hours": TOU + component("energy", 'channel = "import"\ncalendar = "c"\n'
                                 "prices = { peak = 2, off = 1 }", "hours"),
        "energy": component("energy", 'channel = "import"\nprice = 1', "energy"),
    }[charge]  # fmt: skip
    one = version(body)
    then = case(registers=[dial(name, 90, "E") for name in dials])
    now = case(registers=[dial(name, 60, "A") for name in dials])
    (found,) = replaced(then, now, sides=[[(MARCH, one), (APRIL, one)]])
    bucket, count = ("peak", 1) if charge == "hours" else ("", len(dials))
    assert found == {
        (0, charge, bucket): Fraction(-17 * count), (1, charge, bucket): Fraction(-13 * count),
    }  # fmt: skip


def test_a_late_reading_is_no_estimate():
    """What was read before is usage, however it changes; nothing is sorted."""
    late = case()
    late["channels"]["import"]["values"][3] = 0
    assert replaced(
        late,
        case(),
        sides=[[(MARCH, version(component("energy", 'channel = "import"\nprice = 1')))]] * 2,
    ) == ({}, {})
