"""The digest of a rating case is the same whichever way it is worked out."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from gridtally.market import Events, Market, Series
from gridtally.metering.blocks import Dense
from gridtally.metering.cases import Cases, input_digest
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period
from gridtally.proof import record
from gridtally.tables import AGREEMENTS, CARRY, METERING_POINTS, REGISTERS_USED, empty, table

POINTS = ("P1", 'P"2', "P\u6c34", "P4")


def made(*, carry=(), split=False, quality=None):
    versions = [Version("t", "sha256:a", date(2025, 1, 1), date(2026, 10, 16) if split else None)]
    versions += [Version("t", "sha256:b", date(2026, 10, 16), None)] if split else []
    rows = [
        {"agreement": f"A{n}", "account": f"C{n}", "metering_point": point, "tariff": "t",
         "from": date(2020, 1, 1) if n else date(2026, 10, 9), "legal_source": "interval"}
        for n, point in enumerate(POINTS)
    ]  # fmt: skip
    points = [{"metering_point": point, "zone": "Europe/Lisbon"} for point in POINTS]
    spans, _ = scope(
        table(AGREEMENTS, rows),
        table(METERING_POINTS, points),
        period=Period.month(2026, 10),
        versions=versions,
    )
    start, width = 1790809200, 745
    values = np.arange(len(POINTS) * width, dtype=np.int64).reshape(len(POINTS), width)
    codes = np.full(values.shape, 3, np.uint8)
    codes[1, 5] = 1
    codes[3] = 0
    grids = [
        Dense(POINTS, "import", start, 3600, values, codes),
        Dense(POINTS[:2], "export", start, 3600, values[:2] * 7, codes[:2]),
    ]
    return Cases(spans, dense=grids, used=empty(REGISTERS_USED), carry=table(CARRY, carry))


NEVER = Series((0,), (None,), 1)
CARRIED = {"agreement": "A1", "segment": "s", "key": "tier/x", "at": date(2026, 1, 1), "value": 5}


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("carry", [(), (CARRIED,)])
def test_three_ways_to_one_digest(split, carry):
    """All at once, one by one, and by the proof's own code over the full case: the same text."""
    cases = made(carry=carry, split=split)
    digests = cases.digests()

    assert len(set(digests.values())) == len(POINTS)
    for segment in cases:
        full = cases.case(segment)
        assert digests[segment] == cases.digest(segment) == input_digest(full)
        assert digests[segment] == record.input_digest(full)


def test_a_changed_reading_changes_the_digest():
    """One unit in one interval, one quality letter, one carried unit: another digest."""
    before = made().digests()

    after = made(carry=(CARRIED,)).digests()
    assert {s for s in before if before[s] != after[s]} == {"A1/2026-10-01/2026-11-01"}


def test_the_first_day_of_the_agreement_is_in_the_digest():
    """All at once and one by one; a case that looks back to nothing does not have it."""
    spans = made()._table
    at = spans.schema.get_field_index("look_back_from")
    days = pa.array([date(2020, 1, 1), None, date(2020, 1, 2), None], pa.date32())
    spans = spans.set_column(at, spans.schema.field("look_back_from"), days)
    cases = Cases(spans, dense=made()._grids, used=empty(REGISTERS_USED), carry=table(CARRY, []))
    digests, before = cases.digests(), made().digests()
    for segment in cases:
        full = cases.case(segment)
        assert digests[segment] == cases.digest(segment) == record.input_digest(full)
    told = [cases.case(segment).get("look_back_from") for segment in cases]
    assert told == ["2020-01-01", None, "2020-01-02", None]
    assert [digests[s] == before[s] for s in cases] == [False, True, False, True]


def test_nothing_is_no_channel():
    """A point without a single reading has no channel in its case."""
    cases = made()

    assert cases.case("A3/2026-10-01/2026-11-01")["channels"] == {}


DECLARED = SimpleNamespace(series={"spot": None}, events={"calls": None})
"""A tariff version, as far as a case needs it: it refers to one series and one event."""


def test_terms_prices_and_events_are_in_the_digest():
    """All at once and one by one; a tariff that declares nothing has none of them in its case."""
    spans = made()._table
    at = spans.schema.get_field_index("terms")
    said = ['{"deal":"0.5","persons":"5"}', None, None, '{"deal":"0.6"}']
    spans = spans.set_column(at, spans.schema.field("terms"), pa.array(said, pa.string()))
    start = 1790809200
    market = Market(
        {"spot": Series((0, start + 7200), (Decimal("52.13"), None), 2**40), "other": NEVER},
        {"calls": Events(0, 2**40, ((start + 60, start + 120), (2**39, 2**39 + 1)))},
    )
    options = {"dense": made()._grids, "used": empty(REGISTERS_USED), "carry": table(CARRY, [])}
    cases = Cases(spans, market=market, tariffs={"sha256:b": DECLARED}, **options)
    digests = cases.digests()
    for segment in cases:
        full = cases.case(segment)
        assert digests[segment] == cases.digest(segment) == input_digest(full)
        assert digests[segment] == record.input_digest(full)
    first = cases.case("A0/2026-10-09/2026-11-01")
    assert first["spans"][0]["terms"] == {"deal": "0.5", "persons": "5"}
    assert "terms" not in cases.case("A1/2026-10-01/2026-11-01")["spans"][0]
    assert "series" not in first
    told = Cases(spans, market=market, tariffs={"sha256:a": DECLARED}, **options)
    assert all(a != b for a, b in zip(told.digests().values(), digests.values(), strict=True))
    case = told.case("A1/2026-10-01/2026-11-01")
    assert case["series"] == {"spot": {
        "steps": [["2026-09-30T23:00:00Z", "52.13"]],
        "to": "2026-10-01T01:00:00Z",
    }}  # fmt: skip
    assert case["events"]["calls"]["times"] == [["2026-09-30T23:01:00Z", "2026-09-30T23:02:00Z"]]
    assert told.digests()["A1/2026-10-01/2026-11-01"] == record.input_digest(case)


def test_readings_that_do_not_begin_with_the_segment():
    """Readings of two hours from 1 March, UTC; a segment of Lisbon's summer begins at 23:00Z.

    The first reading within it begins at midnight, UTC: that one is first, and labelled so.
    """
    row = {"agreement": "A", "account": "C", "metering_point": "P", "tariff": "t",
           "from": date(2026, 4, 10), "legal_source": "interval"}  # fmt: skip
    spans, _ = scope(
        table(AGREEMENTS, [row]),
        table(METERING_POINTS, [{"metering_point": "P", "zone": "Europe/Lisbon"}]),
        period=Period.month(2026, 4),
        versions=[Version("t", "sha256:a", date(2025, 1, 1), None)],
    )
    start, width = 1772323200, 61 * 12  # 2026-03-01T00:00:00Z
    values = np.arange(width, dtype=np.int64)[None, :]
    grid = Dense(("P",), "import", start, 7200, values, np.full(values.shape, 3, np.uint8))
    used, carry = empty(REGISTERS_USED), table(CARRY, [])
    cases = Cases(spans, dense=[grid], used=used, carry=carry)
    (segment,) = cases
    full = cases.case(segment)
    channel = full["channels"]["import"]
    assert channel["start"] == "2026-04-10T00:00:00Z"
    # 40 days of 12 readings lie before it; the last one within ends at 22:00Z of 30 April.
    assert channel["values"] == list(range(480, 731))
    assert cases.digests()[segment] == cases.digest(segment) == record.input_digest(full)
