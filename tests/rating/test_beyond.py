"""Names, terms and readings at the bounds of what a bill knows: held or billed rightly."""

import numpy as np
import pytest
from rating_world import header
from shape_world import JANUARY, bill, component, lines, world

from gridtally.errors import InvalidDocument
from gridtally.metering.determine import determine
from gridtally.periods import zone
from gridtally.rating.assemble import assemble
from gridtally.rating.reference import rate_case
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, LINES, SPANS, empty, findings_table, table

CALLED_ALL = """
[calendars.all]
[[calendars.all.rules]]
bucket = "all"
hours = ["08:00-20:00"]
[[calendars.all.rules]]
otherwise = "off"
"""
FLAT = component("energy", 'channel = "import"\nprice = 0.1', "flat")
ALL = component("energy", 'channel = "import"\ncalendar = "all"\nprices = { all = 0.3, off = 0.2 }')


@pytest.mark.parametrize("body", [CALLED_ALL + FLAT + ALL, CALLED_ALL + ALL + FLAT])
def test_a_calendar_may_be_called_all(body):
    """310 kWh, half of them by day: 155 x 0.3 + 155 x 0.2, and 310 x 0.1 whatever the hour."""
    found = {row[:2]: row[-1] for row in lines(body)}
    assert found == {("x", "all"): "46.5", ("x", "off"): "31", ("flat", ""): "31"}


def test_the_bill_states_all_energy_beside_a_bucket_all():
    """The energy that a segment states is that of all hours, not that of a bucket called all."""
    version = load((header("UTC") + CALLED_ALL + ALL).encode(), name="t")
    low, high = zone("UTC").bounds(JANUARY)
    row = {
        "segment": "S", "span": 0, "agreement": "A", "account": "C", "metering_point": "MP",
        "zone": "UTC", "from": JANUARY.start, "to": JANUARY.end, "start_utc": low,
        "end_utc": high, "tariff": version.digest, "legal_source": "interval",
    }  # fmt: skip
    spans, given = table(SPANS, [row]), {version.digest: version}
    found, _ = determine(
        spans, dense=world("").grids(), advances=empty(ADVANCES),
        wanted={version.digest: version.wanted},
    )  # fmt: skip
    segments, _, _ = assemble(
        spans, empty(LINES), found, tariffs=given, findings=findings_table([])
    )
    assert segments["import_ukwh"].to_pylist() == [310_000_000]


@pytest.mark.parametrize("method", ["on_top", "inside", "included"])
@pytest.mark.parametrize(("percent", "held"), [("-100.00000001", True), ("-99.5", False)])
def test_a_percentage_of_a_term_is_at_least_minus_100(method, percent, held):
    """Whatever `negative` says: a percentage lies between -100 and 100."""
    of = f'of = ["f"]\npercent = {{ term = "p" }}\nnegative = true\nmethod = "{method}"'
    fixed = component("fixed", 'per = "month"\nprice = 100', "f")
    found = bill("[terms.p]\n" + fixed + component("percentage", of), stated={"p": percent})
    assert [row["code"] for row in found.findings] == ["rating.term.range"] * held


def test_no_component_calls_its_lines_rounding():
    """Both raters refuse it: such a line could not be told from those that round."""
    given = world(component("fixed", 'per = "month"\nprice = 1\nkind = "rounding"'))
    text = given.documents[0].encode()
    with pytest.raises(InvalidDocument, match="the kind of the lines that round"):
        load(text, name="t")
    _, cases, documents = world(component("fixed", 'per = "month"\nprice = 1')).rated()
    (segment,), (digest,) = list(cases), documents
    answer = rate_case(cases.case(segment), {digest: text})
    assert [row["code"] for row in answer["findings"]] == ["rating.tariff.invalid"]


QUARTERS = 31 * 96


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ("window_min = 60", 2**63 // 3600 // 4 + 10**9),
        ("window_min = 1440", 27 * 10**12),
        ("window_min = 60\nrolling_min = 15", 2**63 // 3600 // 4 + 10**9),
        ('measure = "mean"', 2**62 // 3600 - 1),
        ("top = 100", 2**62 // 3600 - 1),
        ('power = "apparent"\nwindow_min = 60', 2**63 // 3600 // 4 + 10**9),
    ],
)
def test_a_demand_that_does_not_fit_is_held(more, value):
    """Every reading is below the bound of a sum; the window, or the mean, would wrap around."""
    values = np.full(QUARTERS, 1000, np.int64)
    values[96:1056] = value
    kwh = {"import": values, "reactive_import": values}
    found = bill(component("demand", f"price = 0.00000001\n{more}"), kwh=kwh, step=900)
    assert [row["code"] for row in found.findings][:1] == ["metering.determinant.overflow"]
    assert not found.lines


@pytest.mark.parametrize("more", ["window_min = 60", "window_min = 60\nrolling_min = 60"])
def test_a_demand_that_just_fits_is_billed(more):
    """Four quarter-hours of 3 x 10^14 ukWh are 1.2 x 10^15 ukW for an hour."""
    values = np.full(QUARTERS, 3 * 10**14, np.int64)
    found = bill(component("demand", f"price = 0.000001\n{more}"), kwh={"import": values}, step=900)
    assert [row["quantity"] for row in found.lines] == ["1200000000"]
