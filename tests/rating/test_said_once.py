"""One cause, one finding: what step 5 found wrong, and what is not known, are each said once."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from rating_world import header
from shape_world import TOU, bill, component

from gridtally.periods import Period
from gridtally.rating.assemble import assemble
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, DETERMINANTS, SPANS, empty, table

HALF_PAST = TOU.replace("08:00-20:00", "08:30-20:00")
SERIES = '[series.s]\nper = "kWh"\n'


def test_an_hour_off_the_grid_is_one_finding_that_names_it():
    """Peak from 08:30 with readings of an hour: energy, two nettings and a demand ask for it."""
    prices = 'calendar = "c"\nprices = { peak = 1, off = 1 }'
    body = "".join(
        component(shape, f"{rest}\n{prices}", name)
        for name, shape, rest in (
            ("a", "energy", 'channel = "import"'),
            ("b", "energy", 'channel = "import"\nnetting = "interval"'),
            ("c", "energy", 'channel = "export"\nnetting = "hour"'),
            ("d", "demand", ""),
        )
    )
    found = bill(HALF_PAST + body, kwh={"export": 31}).findings
    said = "The hours of c change inside the 60 minutes from 2026-01-01T08:00:00Z on, "
    assert [(row["code"], row["message"]) for row in found] == [
        ("rating.calendar.finer", f"{said}which are billed as one."),
    ]


def test_what_step_5_held_is_not_said_to_be_unknown():
    """A gap is named by step 5; the export, which nobody has, is a finding of its own."""
    prices = [component("energy", f'channel = "{c}"\nprice = 1', c) for c in ("import", "export")]
    quality = np.full(744, 3, np.uint8)
    quality[5] = 0
    found = bill("".join(prices), quality={"import": quality}).findings
    codes = Counter((row["code"], row["channel"]) for row in found)
    assert codes["metering.determinant.incomplete", "import"] == 1
    assert not any("import energy" in row["message"] and "not known" in row["message"]
                   for row in found)  # fmt: skip


LOSS = '[losses.iron]\nadds_to = "import"\nno_load = 0.1\nload = 2\nreactive = false\n'


def test_a_capacity_that_is_not_stated_is_no_zero():
    """Only the true reason: no "the agreement says zero", no carry that is too large."""
    energy = component("energy", 'channel = "import"\nprice = 1\nlosses = ["iron"]')
    tiers = 'tiers = [{ upto = 10, price = 1 }, { price = 2 }]\nwindow = "year"'
    tiered = component("tiered", f'channel = "import"\nlosses = ["iron"]\n{tiers}', "t")
    given = {"kwh": {"import": 3 * 10**6}}
    found = bill(LOSS + energy + tiered, **given).findings
    assert {row["code"] for row in found} == {"rating.capacity.missing"}


FIXED = component("fixed", 'per = "month"\nprice = 100')


def spans_of(*rows):
    """Spans of one account: (segment, number, first day, day after the last, tariff)."""
    return table(SPANS, [
        {"segment": segment, "span": number, "agreement": segment, "account": "C",
         "metering_point": "M", "zone": "UTC", "from": date(2026, 1, first),
         "to": date(2026, 1, end), "tariff": tariff, "legal_source": "interval"}
        for segment, number, first, end, tariff in rows
    ])  # fmt: skip


@pytest.mark.parametrize("missing", ["first", "last"])
def test_a_tariff_that_is_missing_has_no_currency_of_its_own(missing):
    """Neither in a segment, nor between the segments of a bill; two known ones are two."""
    eur, usd = (load((header("UTC", currency=f'"{c}"') + FIXED).encode(), name=c)
                for c in ("EUR", "USD"))  # fmt: skip
    given = {version.digest: version for version in (eur, usd)}
    pair = (None, eur.digest) if missing == "first" else (eur.digest, None)
    spans = spans_of(
        ("A", 0, 1, 15, pair[0]), ("A", 1, 15, 31, pair[1]), ("B", 0, 1, 31, pair[0]),
        ("D", 0, 1, 31, eur.digest), ("E", 0, 1, 15, eur.digest), ("E", 1, 15, 31, usd.digest),
    )  # fmt: skip
    rated = rate(spans, empty(DETERMINANTS), tariffs=given, carry_in=empty(CARRY))
    codes = Counter((row["segment"], row["code"]) for row in rated.findings.to_pylist())
    assert codes["A", "rating.currency.mixed"] == 0
    assert codes["E", "rating.currency.mixed"] == 1
    spans = spans.filter(np.isin(spans["segment"].to_pylist(), ["A", "B", "D"]))
    _, bills, found = assemble(
        spans, rated.lines, empty(DETERMINANTS), tariffs=given, findings=rated.findings
    )
    assert found.num_rows == 0
    assert bills.select(["currency", "total"]).to_pylist() == [{"currency": "EUR", "total": None}]


HOLIDAY = """
[holidays]
source = "x"
years = [{years}]
dates = [2026-01-01]
[calendars.c]
clock = "standard"
[[calendars.c.rules]]
bucket = "hol"
days = ["holiday"]
[[calendars.c.rules]]
otherwise = "off"
"""


@pytest.mark.parametrize(
    ("zone", "years", "first", "held"),
    [
        ("Australia/Sydney", "2026", date(2026, 1, 1), True),
        ("Australia/Sydney", "2025, 2026", date(2026, 1, 1), False),
        ("Australia/Sydney", "2026", date(2026, 1, 2), False),
        ("Australia/Brisbane", "2026", date(2026, 1, 1), False),
        ("Europe/Lisbon", "2026", date(2026, 1, 1), False),
    ],
)
def test_an_hour_that_belongs_to_the_year_before_asks_for_its_holidays(zone, years, first, held):
    """In Sydney it is 23:00 of 31 December by standard time when 1 January begins."""
    energy = component("energy", 'channel = "import"\ncalendar = "c"\nprices = {hol = 1, off = 2}')
    body = HOLIDAY.replace("{years}", years) + energy
    found = bill(body, zone=zone, period=Period(first, date(2026, 2, 1))).findings
    assert [row["code"] for row in found] == ["rating.holidays.missing"] * held
    assert all("those of 2025" in row["message"] for row in found)
