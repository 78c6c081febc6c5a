"""Step 7: segments and bills of an account, and a bill explained down to its readings."""

import re
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from rating_world import header
from rich.console import Console

from gridtally.errors import NotFound
from gridtally.metering.blocks import ACTUAL, ESTIMATED, Dense
from gridtally.metering.determine import determine
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period, zone
from gridtally.rating.assemble import assemble
from gridtally.rating.explain import explain
from gridtally.rating.explain.difference import difference
from gridtally.rating.explain.effects import EFFECTS
from gridtally.rating.explain.render import render
from gridtally.rating.rate import rate
from gridtally.rating.shipped import IN_PART, UNVERIFIED
from gridtally.rating.tariff import load
from gridtally.tables import (
    ADVANCES,
    AGREEMENTS,
    BILLS,
    CARRY,
    LINES,
    METERING_POINTS,
    REGISTERS_USED,
    SEGMENTS,
    SPANS,
    empty,
    table,
)

JANUARY, FEBRUARY = Period.month(2026, 1), Period.month(2026, 2)
BODY = (
    '[[components]]\nid = "fixed"\nshape = "fixed"\nper = "month"\nprice = 10\n'
    '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\nprice = 0.125\n'
    'source = "article 7"\n'
    '[[components]]\nid = "tax"\nshape = "percentage"\nof = ["fixed", "energy"]\npercent = 10\n'
)


def world(agreements, *, documents, period=JANUARY, kwh=1, gaps=(), estimated=()):
    """Tables of a run over agreements {name: (account, from, tariff)}; a point per agreement."""
    versions = [load(text.encode(), name="t") for text in documents]
    rows = [
        {"agreement": name, "account": account, "metering_point": f"MP-{name}", "from": first,
         "tariff": tariff, "legal_source": "interval"}
        for name, (account, first, tariff) in agreements.items()
    ]  # fmt: skip
    points = [{"metering_point": row["metering_point"], "zone": "UTC"} for row in rows]
    spans, found = scope(
        table(AGREEMENTS, rows), table(METERING_POINTS, points), period=period,
        versions=[Version(v.id, v.digest, v.valid_from, v.valid_to) for v in versions],
    )  # fmt: skip
    start, end = zone("UTC").bounds(period)
    shape = (len(rows), (end - start) // 3600)
    quality = np.full(shape, ACTUAL, np.uint8)
    quality[list(gaps)] = 0
    quality[list(estimated), :10] = ESTIMATED
    names = tuple(row["metering_point"] for row in rows)
    grid = Dense(names, "import", start, 3600, np.full(shape, kwh * 10**6), quality)
    tariffs = {version.digest: version for version in versions}
    wanted = {digest: version.wanted for digest, version in tariffs.items()}
    determinants, more = determine(spans, dense=[grid], advances=empty(ADVANCES), wanted=wanted)
    rated = rate(spans, determinants, tariffs=tariffs, carry_in=empty(CARRY), incomplete=more)
    findings = pa.concat_tables([found, more, rated.findings])
    segments, bills, last = assemble(
        spans, rated.lines, determinants, tariffs=tariffs, findings=findings,
        input_digests={"A/2026-01-01/2026-02-01": "abc"},
    )  # fmt: skip
    return {
        "spans": spans, "lines": rated.lines, "determinants": determinants, "tariffs": tariffs,
        "segments": segments, "bills": bills, "findings": last, "carry_out": rated.carry,
        "carry_in": empty(CARRY), "used": empty(REGISTERS_USED),
    }  # fmt: skip


def explained(made, bill):
    names = ("bills", "segments", "spans", "lines", "determinants", "used", "carry_in",
             "carry_out", "tariffs")  # fmt: skip
    return explain(bill, **{name: made[name] for name in names})


ONE = [header("UTC") + BODY]


def test_segments_of_an_account_are_one_bill():
    """Two agreements of one account, one of them from the 17th: sums, bounds, digests."""
    made = world(
        {"A": ("AC", date(2025, 5, 1), "t"), "B": ("AC", date(2026, 1, 17), "t"),
         "C": ("AD", date(2025, 5, 1), "t")},
        documents=ONE, estimated=(0,),
    )  # fmt: skip
    first, second, _ = made["segments"].to_pylist()
    assert first == {
        "segment": "A/2026-01-01/2026-02-01", "bill": "AC/2026-01-01/2026-02-01",
        "agreement": "A", "account": "AC", "metering_point": "MP-A",
        "from": date(2026, 1, 1), "to": date(2026, 2, 1), "legal_source": "interval",
        "tariffs": next(iter(made["tariffs"])), "currency": "EUR",
        "import_ukwh": 744_000_000, "export_ukwh": 0, "estimated_ukwh": 10_000_000,
        "demand_ukw": None, "total": Decimal("113.3"), "input_digest": "abc",
    }  # fmt: skip
    assert (second["from"], second["total"]) == (date(2026, 1, 17), Decimal("54.82"))
    bills = made["bills"].to_pylist()
    assert [(b["bill"], b["segments"], b["total"], b["state"]) for b in bills] == [
        ("AC/2026-01-01/2026-02-01", 2, Decimal("168.12"), "draft"),
        ("AD/2026-01-01/2026-02-01", 1, Decimal("113.3"), "draft"),
    ]
    assert made["findings"].num_rows == 0


def test_a_held_segment_has_no_total_and_neither_has_its_bill():
    """Null, never zero; the account stays in the list of bills."""
    made = world(
        {"A": ("AC", date(2025, 5, 1), "t"), "B": ("AC", date(2025, 5, 1), "t")},
        documents=ONE, gaps=(1,),
    )  # fmt: skip
    assert made["segments"]["total"].to_pylist() == [Decimal("113.3"), None]
    assert made["segments"]["import_ukwh"].to_pylist() == [744_000_000, None]
    assert made["bills"]["total"].to_pylist() == [None]


def test_a_bill_in_two_currencies_is_held():
    """Its sum would mean nothing."""
    other = header("UTC", currency='"USD"').replace('"t"', '"u"') + BODY
    made = world(
        {"A": ("AC", date(2025, 5, 1), "t"), "B": ("AC", date(2025, 5, 1), "u")},
        documents=[*ONE, other],
    )  # fmt: skip
    assert made["bills"].select(["currency", "total"]).to_pylist() == [
        {"currency": None, "total": None}
    ]
    (found,) = made["findings"].to_pylist()
    assert (found["code"], found["must_hold"]) == ("rating.currency.bill", True)
    assert found["message"] == (
        "The segments of bill AC/2026-01-01/2026-02-01 are in different currencies."
    )


def test_nothing_in_nothing_out():
    """No spans: empty tables."""
    lines = rate(empty(SPANS), empty_determinants(), tariffs={}, carry_in=empty(CARRY)).lines
    assert lines.schema.equals(LINES)
    made = assemble(
        empty(SPANS), lines, empty_determinants(), tariffs={}, findings=world_findings()
    )
    assert [part.schema for part in made[:2]] == [SEGMENTS, BILLS]
    assert [part.num_rows for part in made] == [0, 0, 0]


def empty_determinants():
    return determine(empty(SPANS), dense=[], advances=empty(ADVANCES), wanted={})[0]


def world_findings():
    return determine(empty(SPANS), dense=[], advances=empty(ADVANCES), wanted={})[1]


def test_a_bill_explained():
    """Total <- segment <- span <- line <- determinant, price with its clause, rounding step."""
    made = world({"A": ("AC", date(2025, 5, 1), "t")}, documents=ONE, estimated=(0,))
    made["used"] = table(REGISTERS_USED, [
        {"segment": "A/2026-01-01/2026-02-01", "meter": "M1", "register": "1.8.0",
         "channel": "import", "bucket": "total", "kind": "cumulative", "digits": 5,
         "multiplier": 20_000_000, "time_utc": datetime.fromisoformat(at), "reading": value,
         "quality": "A", "reason": "routine"}
        for at, value in (("2026-01-01T00:00:00+00:00", 100_000_000),
                          ("2026-02-01T00:00:00+00:00", 137_200_000))
    ])  # fmt: skip
    tree = explained(made, "AC/2026-01-01/2026-02-01")
    assert (tree["total"], tree["currency"]) == ("113.3", "EUR")
    (segment,) = tree["segments"]
    (dial,) = segment["readings"]
    assert [reading["reading"] for reading in dial["readings"]] == ["100", "137.2"]
    assert dial["multiplier"] == "20"
    assert (dial["steps"], dial["rolled_over"], dial["gives"]) == ("37.2", 0, "744")
    (span,) = segment["spans"]
    assert (span["days"], span["tariff"]["source"]) == (31, "a test")
    _, energy, tax = span["lines"]
    assert energy["amount"] == energy["exact"] == "93"
    assert energy["clause"] == "article 7"
    assert energy["from"] == [
        {"kind": "determinant", "of": "energy/import/all/all", "value": "744", "actual": "734",
         "estimated": "10", "unit": "kWh"},
    ]  # fmt: skip
    assert tax["clause"] == "a test"
    assert tax["from"] == [{"kind": "lines", "of": "fixed"}, {"kind": "lines", "of": "energy"}]
    assert sum(Decimal(line["amount"]) for line in span["lines"]) == Decimal(tree["total"])
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(tree))
    text = console.export_text()
    for said in ("dial 1.8.0 x 20: 100 (A, 2026-01-01) -> 137.2 (A, 2026-02-01)",
                 "energy: 744 kWh x 0.125 = 93.00 EUR", "10 of it estimated",
                 "AC/2026-01-01/2026-02-01  113.30 EUR", "readings: 113.30 EUR",
                 "the lines of fixed, energy\n", f"= {Decimal(tax['amount']):.2f} EUR",
                 f"{Decimal(tax['quantity']):.2f} EUR x {tax['price']} % = "):  # fmt: skip
        assert said in text


def test_the_tree_says_what_the_tariff_assumes():
    """The mark stands beside the tariff's title, and every assumption under it."""
    for said, mark in ((UNVERIFIED, "unverified"), (f"{IN_PART}losses.", "checked in part")):
        head = header("UTC", title='"Home"', assumptions=f'["{said}", "A day is 24 hours."]')
        made = world({"A": ("AC", date(2025, 5, 1), "t")}, documents=[head + BODY])
        console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        console.print(render(explained(made, "AC/2026-01-01/2026-02-01")))
        text = console.export_text()
        assert f"31 days: Home {mark}\n" in re.sub(" +\n", "\n", text)
        assert f"Assumed: {said}" in text
        assert "Assumed: A day is 24 hours." in text


def test_a_dial_over_its_end():
    """99,990 of five digits to 15 is 25, once over the end; a demand dial gives its largest."""
    made = world({"A": ("AC", date(2025, 5, 1), "t")}, documents=ONE)
    made["used"] = table(REGISTERS_USED, [
        {"segment": "A/2026-01-01/2026-02-01", "meter": "M1", "register": name, "channel": "import",
         "bucket": "total", "kind": kind, "digits": 5, "multiplier": 20_000_000,
         "time_utc": datetime.fromisoformat(at), "reading": value * 10**6, "quality": "A",
         "reason": "routine"}
        for name, kind, values in (
            ("1.6.0", "demand", (7, 3)), ("1.8.0", "cumulative", (99990, 15)))
        for at, value in zip(
            ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"), values, strict=True)
    ])  # fmt: skip
    demand, energy = explained(made, "AC/2026-01-01/2026-02-01")["segments"][0]["readings"]
    assert (energy["steps"], energy["rolled_over"], energy["gives"]) == ("25", 1, "500")
    assert (demand["rolled_over"], demand["gives"]) == (0, "60")
    console = Console(width=150, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(explained(made, "AC/2026-01-01/2026-02-01")))
    assert "= 25, times 20 = 500, over its end once" in console.export_text()


def test_markup_in_names_is_text():
    """A tariff's title cannot change how the tree is printed."""
    head = header("UTC", title='"[red]Home[/red]"')
    made = world({"A": ("AC", date(2025, 5, 1), "t")}, documents=[head + BODY])
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(explained(made, "AC/2026-01-01/2026-02-01")))
    assert "[red]Home[/red]" in console.export_text()


def test_there_is_no_such_bill():
    """A name that is not in the run."""
    made = world({"A": ("AC", date(2025, 5, 1), "t")}, documents=ONE)
    with pytest.raises(NotFound):
        explained(made, "AC/2020")


def test_the_difference_of_two_bills_adds_up():
    """February has 28 days, twice the energy per hour, and another price: residual zero."""
    agreement = {"A": ("AC", date(2025, 5, 1), "t")}
    january = explained(world(agreement, documents=ONE), "AC/2026-01-01/2026-02-01")
    dearer = [ONE[0].replace("price = 0.125", "price = 0.25")]
    february = explained(
        world(agreement, documents=dearer, period=FEBRUARY, kwh=2), "AC/2026-02-01/2026-03-01"
    )
    told = difference(january, february)
    assert told["residual"] == "0"
    parts = {part["component"]: part for part in told["components"]}
    zero = dict.fromkeys(EFFECTS, "0")
    # 31 days x 24 kWh x 0.125 = 93; 28 x 48 x 0.25 = 336. Mean over the six orders: days
    # -3 x (2 x 24 x 0.125 + 24 x 0.25 + 48 x 0.125 + 2 x 48 x 0.25) / 6 = -3 x 42 / 6 = -21;
    # usage 24 x (2 x 31 x 0.125 + 31 x 0.25 + 28 x 0.125 + 2 x 28 x 0.25) / 6 = 24 x 33 / 6 = 132;
    # price 0.125 x (2 x 31 x 24 + 31 x 48 + 28 x 24 + 2 x 28 x 48) / 6 = 0.125 x 6336 / 6 = 132.
    assert parts["energy"] == zero | {
        "component": "energy", "title": "energy", "before": "93", "after": "336", "days": "-21",
        "usage": "132", "price": "132",
    }  # fmt: skip
    assert parts["fixed"] == zero | {
        "component": "fixed", "title": "fixed", "before": "10", "after": "10",
    }  # fmt: skip
    # Ten percent of all that: tax follows what it is a tax on.
    assert parts["tax"] == zero | {
        "component": "tax", "title": "tax", "before": "10.3", "after": "34.6", "days": "-2.1",
        "usage": "13.2", "price": "13.2",
    }  # fmt: skip
    total = told["total"]
    steps = ("before", *EFFECTS)
    assert sum(Decimal(total[step]) for step in steps) == Decimal(total["after"])
    assert Decimal(total["after"]) == Decimal(february["total"])


def test_a_component_that_comes_or_goes():
    """A new charge is told as such, whole."""
    agreement = {"A": ("AC", date(2025, 5, 1), "t")}
    without = [header("UTC") + BODY.partition('[[components]]\nid = "tax"')[0]]
    before = explained(world(agreement, documents=without), "AC/2026-01-01/2026-02-01")
    after = explained(world(agreement, documents=ONE), "AC/2026-01-01/2026-02-01")
    told = difference(before, after)
    assert told["residual"] == "0"
    assert told["components"][-1]["came_or_went"] == "10.3"
    assert told["words"]["en"] == (
        "AC/2026-01-01/2026-02-01, made anew, is 10.30 EUR higher than it was: "
        "+10.30 because of the new tax."
    )
