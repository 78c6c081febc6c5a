"""Whatever stands in a tariff, a session or a CDR: an answer or a refusal, never a crash."""

import copy
import json

import pytest
from session_world import element, price, session, tariff, text_of

from gridtally.errors import GridtallyError
from gridtally.rating.sessions import rate_sessions

NASTY = (
    None, True, [], {}, "", "\ud800", "x" * 300, -1, 0, 10**30, "1e9", "NaN", "２０", [None], [[]],
    {"a": 1}, "2026-13-01", "25:61", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
)  # fmt: skip
TARIFF = tariff(
    element(price("FLAT", 1, vat=19), price("TIME", 2, vat=19, step=60),
            start_time="08:00", end_time="20:00", start_date="2026-01-01", end_date="2027-01-01",
            min_kwh=0, max_kwh=50, min_duration=0, max_duration=7200, day_of_week=["MONDAY"],
            min_current=0, max_current=63),
    element(price("TIME", 1), reservation="RESERVATION"),
    element(price("ENERGY", "0.3", vat=19)),
    min_price={"before_taxes": 1, "after_taxes": 2}, max_price={"excl_vat": 90, "incl_vat": 99},
    tax_included="NO", start_date_time="2026-01-01T00:00:00Z",
)  # fmt: skip
SESSION = session(("reserved", 5), ("charging", 60, "10", {"current_a": 16, "power_kw": 11}),
                  ("parking", 5))  # fmt: skip
CDR = {
    "id": "C", "currency": "EUR", "start_date_time": "2026-05-04T10:00:00Z",
    "end_date_time": "2026-05-04T11:00:00Z", "cdr_location": {"time_zone": "UTC"}, "credit": False,
    "charging_periods": [{"start_date_time": "2026-05-04T10:00:00Z", "tariff_id": "T",
                          "dimensions": [{"type": "TIME", "volume": 1},
                                         {"type": "ENERGY", "volume": 9}]}],
    "total_cost": {"before_taxes": 5, "taxes": [{"name": "VAT", "amount": 1}]},
}  # fmt: skip


def places(value, path=()):
    """Every place in a JSON value."""
    if path:
        yield path
    for key in (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    ):
        yield from places(value[key], (*path, key))


def changed(value, path, nasty):
    result = copy.deepcopy(value)
    at = result
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = nasty
    return result


def answered(document, told):
    parts = [json.dumps(part, default=text_of).encode() for part in (document, told)]
    try:
        answer = rate_sessions(*parts, tariff_name="t", sessions_name="s", zone="UTC")
    except GridtallyError:
        return
    json.dumps(answer, ensure_ascii=False).encode()
    held = {row["severity"] for row in answer["findings"]}
    assert answer["bills"] or "hold" in held


@pytest.mark.parametrize("nasty", NASTY, ids=repr)
def test_nothing_crashes(nasty):
    """Each place of each document in turn holds something that nobody expects."""
    for path in places(TARIFF):
        answered(changed(TARIFF, path, nasty), [SESSION])
    for told in (SESSION, CDR):
        for path in places([told]):
            answered(TARIFF, changed([told], path, nasty))
