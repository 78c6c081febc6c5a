"""The law of the two raters: the kernel and the second opinion never disagree.

Random tariffs of all shapes, random segments around clock changes and turns of the year, with
carry, exchanges, roll-overs, gaps. A seed that fails is its own reproduction.
"""

import hashlib
import random
from collections import Counter

import pytest
import two_raters
from hypothesis import given, settings
from hypothesis import strategies as st
from random_towns import a_register_town, a_town, from_dials
from two_raters import compare, differences, town_of

SEEDS = st.integers(0, 2**40)
SOME = settings(max_examples=12, deadline=None)


@SOME
@given(SEEDS)
def test_from_intervals(seed):
    """Interval-billed segments: the same lines, totals, carry, and the same held."""
    assert list(compare(a_town(random.Random(seed), segments=6))) == []


@SOME
@given(SEEDS)
def test_from_registers(seed):
    """Register-billed segments, from raw dial readings on."""
    town, dials = a_register_town(random.Random(seed), segments=6)
    assert list(compare(town, **from_dials(town, dials))) == []


def test_the_law_is_not_empty(monkeypatch):
    """A few fixed towns have many rated segments, of every shape, many of them with carry."""
    seen, shapes = Counter(), Counter()

    def watch(segment, answer, why, lines, carry):
        seen["held" if why else "rated"] += 1
        seen["carry"] += bool(carry)
        shapes.update(line["kind"] for line in lines)
        return differences(segment, answer, why, lines, carry)

    monkeypatch.setattr(two_raters, "differences", watch)
    for seed in range(36):
        assert list(compare(a_town(random.Random(seed), segments=4))) == []
    assert seen["rated"] > 50
    assert seen["held"] > 10
    assert seen["carry"] > 40
    names = "energy tiered demand fixed percentage table power_factor reactive minimum maximum bank"
    assert {*names.split(), "transfer", "rounding", "tax"} <= shapes.keys()


LINE = {
    "line": 0, "span": 0, "component": "e", "kind": "energy", "bucket": "", "unit": "kWh",
    "factor": "1", "quantity": "2", "price": "0.5", "amount": "1",
}  # fmt: skip
ANSWER = {"lines": [LINE], "total": "1", "carry_out": [], "findings": []}


@pytest.mark.parametrize(
    ("answer", "why", "lines", "carry", "what"),
    [
        ({}, None, [LINE], [], None),
        ({}, None, [LINE | {"amount": "1.01"}], [], "lines"),
        ({}, None, [LINE | {"factor": "1/2"}], [], "lines"),
        ({}, None, [], [], "lines"),
        ({"total": "2"}, None, [LINE], [], "total"),
        ({}, None, [LINE], [{"key": "k", "at": "2026-01-01", "value": 1}], "carry"),
        ({}, ["rating.price.missing"], [], [], "held"),
        ({"findings": [{"code": "x"}]}, None, [], [], "held"),
        ({"findings": [{"code": "x"}]}, ["y"], [], [], "held"),
        ({"findings": [{"code": "x"}]}, ["x"], [LINE], [], "lines of a held segment"),
    ],
)
def test_a_disagreement_is_seen(answer, why, lines, carry, what):
    """The comparison itself: one cent, one factor, one carry, one hold makes a difference."""
    found = [entry[1] for entry in differences("s", ANSWER | answer, why, lines, carry)]
    assert (found[0] if found else None) == what


# ------------------------------------------------------ disagreements of old

HEAD = """
schema = 1
tariff = "t"
currency = "EUR"
zone = "UTC"
valid_from = 2026-01-01
source = "x"
[rounding]
line = { places = 8, mode = "half_up" }
total = { places = 2, mode = "half_up" }
"""
YEARLY = """
[[components]]
id = "e"
shape = "tiered"
channel = "import"
tiers = [{ upto = 10, price = 1 }, { price = 2 }]
window = "year"
"""


def a_case(*texts, channels=("import",), value=1_000_000):
    """One day per text from 1 June 2026 on, 1 kWh an hour on each channel."""
    tariffs = {f"sha256:{hashlib.sha256(t.encode()).hexdigest()}": t.encode() for t in texts}
    days = [f"2026-06-{n:02}" for n in range(1, len(texts) + 2)]
    names = [f"sha256:{hashlib.sha256(t.encode()).hexdigest()}" for t in texts]
    case = {
        "schema": 1,
        "agreement": "A",
        "metering_point": "P",
        "zone": "UTC",
        "legal_source": "interval",
        "from": days[0],
        "to": days[-1],
        "spans": [
            {"from": a, "to": b, "tariff": name, "contract_ukw": None, "capacity_ukva": None}
            for a, b, name in zip(days[:-1], days[1:], names, strict=True)
        ],
        "channels": {
            name: {
                "start": "2026-06-01T00:00:00Z",
                "resolution_s": 3600,
                "values": [value] * 24 * len(texts),
                "quality": "A" * 24 * len(texts),
            }
            for name in channels
        },
        "registers": [],
        "carry_in": [],
    }
    return case, tariffs


@pytest.mark.parametrize(
    ("texts", "total", "more"),
    [
        # The window of 1 January, that of 1 April, the first again, each from zero:
        # 10 x 1 + 14 x 2 = 38 a day.
        ([HEAD + YEARLY, HEAD + YEARLY + 'resets = "04-01"\n', HEAD + YEARLY], "114", {}),
        # 1 kW at 10^-8, one day of June: rounds to 0.00; the price has an exponent in no text.
        ([HEAD + '[[components]]\nid="d"\nshape="demand"\nprice=0.00000001\n'], "0", {}),
        # In June a component of July asks for nothing: no export, no 15-minute window.
        (
            [
                HEAD
                + '[[components]]\nid="x"\nshape="energy"\nchannel="export"\nprice=1\nmonths=[7]\n'
                + '[[components]]\nid="d"\nshape="demand"\nprice=1\nwindow_min=15\nmonths=[7]\n'
                + YEARLY
            ],
            "38",
            {},
        ),
    ],
)
def test_what_once_differed(texts, total, more):
    """Both raters say what the page says."""
    case, tariffs = a_case(*texts, **more)
    assert two_raters.rate_case(case, tariffs)["total"] == total
    assert list(compare(town_of(case, tariffs))) == []


def test_holds_for_different_reasons_differ():
    """The reason of the second rater is among the kernel's, as it says it or in its words."""
    answer = {"findings": [{"code": "rating.quantity.missing"}]}

    def told(*codes):
        return [what for _, what, *_ in differences("A/1", answer, list(codes), [], [])]

    assert told("rating.term.missing") == ["held"]
    assert told() == ["held"]
    assert told("rating.term.missing", "rating.quantity.missing") == []
    assert told("metering.determinant.incomplete") == []
