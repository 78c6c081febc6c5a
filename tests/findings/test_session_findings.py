"""Every finding on a charging session, on its smallest input: code, severity, message, remedy."""

import json

import pytest

from gridtally.rating.sessions import rate_sessions

TARIFF = {
    "id": "T", "currency": "EUR", "end_date_time": "2027-01-01T00:00:00Z",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]},
        {"price_components": [{"type": "TIME", "price": 1, "step_size": 1}],
         "restrictions": {"max_current": 32, "end_time": "12:00"}},
    ],
}  # fmt: skip
GOOD = {"start": "2026-05-04T10:00:00Z", "end": "2026-05-04T11:00:00Z", "state": "charging",
        "energy_kwh": "10", "current_a": 16}  # fmt: skip
PARKED = {"start": "2026-05-04T11:00:00Z", "end": "2026-05-04T12:00:00Z", "state": "parking"}


def findings(*periods, **more):
    told = {"id": "S", "time_zone": "UTC", "periods": list(periods)} | more
    answer = rate_sessions(
        json.dumps(TARIFF).encode(), json.dumps([told]).encode(),
        tariff_name="t.json", sessions_name="s.json",
    )  # fmt: skip
    held = [row for row in answer["findings"] if row["severity"] == "hold"]
    assert len(answer["bills"]) == (0 if held else 1)
    return [(row["code"], row["message"], row["remedy"]) for row in answer["findings"]]


CASES = {
    "backwards": (
        [GOOD | {"end": "2026-05-04T09:00:00Z"}], {},
        "periods[0].end: lies before start.", "Exchange the two.",
    ),
    "duplicate": ([GOOD], {"twice": True}, "", ""),
    "energy_misplaced": (
        [PARKED | {"energy_kwh": "0.1"}], {},
        "periods[0].energy_kwh: is above zero while parking.",
        "Make it a charging period, or move the energy to one.",
    ),
    "energy_missing": (
        [{k: v for k, v in GOOD.items() if k != "energy_kwh"}], {},
        "S: periods[0] has no energy, and the tariff asks for it.",
        "Add energy_kwh; write 0 when none flowed.",
    ),
    "finer": (
        [GOOD | {"energy_kwh": "0.1234567"}], {},
        "periods[0].energy_kwh: 0.1234567 has more than 6 decimals.", "Round it to 6 decimals.",
    ),
    "gap": (
        [GOOD, PARKED | {"start": "2026-05-04T11:00:01.500Z"}], {},
        "periods[1].start: leaves 1.500 s after the period before.",
        "Add a period that says what happened then (charging or parking).",
    ),
    "negative": (
        [GOOD | {"energy_kwh": "-1"}], {}, "periods[0].energy_kwh: is below zero.",
        "Energy that flows back is no charging session; check the sign.",
    ),
    "open": (
        [GOOD | {"current_a": None}], {},
        "S: the TIME price of periods[0] (charging) depends on a current or power that is not "
        "told, or that crosses a limit within the period.",
        "Add current_a and power_kw, or split the period where the limit is crossed.",
    ),
    "order": (
        [GOOD, PARKED | {"state": "reserved"}], {},
        "periods[1].state: a reservation after charging or parking.",
        "Make it a session of its own.",
    ),
    "outside": (
        [GOOD | {"start": "2027-01-01T00:00:00Z", "end": "2027-01-01T01:00:00Z"}], {},
        "S: the tariff is not in force at its start, 2027-01-01T00:00:00Z.",
        "Rate it under the tariff of that day (start_date_time, end_date_time).",
    ),
    "overlap": (
        [GOOD, PARKED | {"start": "2026-05-04T10:59:00Z"}], {},
        "periods[1].start: overlaps the period before by 60 s.",
        "Let each period end where the next starts.",
    ),
    "zone_missing": (
        [GOOD], {"time_zone": None},
        "time_zone: is missing, and the tariff asks for local time.", "Add it, or give --zone.",
    ),
    "invalid": (
        [GOOD | {"state": "charged"}], {}, "periods[0].state: 'charged' is unknown.",
        "Did you mean charging?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(CASES.keys() - {"duplicate"}))
def test_a_session_that_is_wrong_is_held(code):
    """One finding with its path and its remedy, and no bill."""
    periods, more, message, remedy = CASES[code]
    where = "" if message.startswith("S: ") else "sessions[0]."
    assert findings(*periods, **more) == [(f"rating.session.{code}", f"{where}{message}", remedy)]


@pytest.mark.parametrize(
    ("periods", "more", "message"),
    [
        ([GOOD | {"kwh": 1}], {}, "periods[0].kwh: is an unknown key."),
        ([GOOD | {"start": "yesterday"}], {}, "periods[0].start: 'yesterday' is no instant."),
        ([GOOD | {"start": None}], {}, "periods[0].start: is missing."),
        ([GOOD | {"energy_kwh": True}], {}, "periods[0].energy_kwh: 'True' is no number."),
        ([GOOD | {"energy_kwh": "1e3"}], {},
         "periods[0].energy_kwh: '1e3' is not a plain decimal number."),
        ([GOOD | {"energy_kwh": "10000000"}], {},
         "periods[0].energy_kwh: 10000000 is not below 10000000."),
        ([GOOD | {"current_a": None, "min_current_a": 9, "max_current_a": 8}], {},
         "periods[0].max_current_a: is below min_current_a."),
        ([], {}, "periods: must be a list with at least one entry."),
        ([GOOD], {"time_zone": "Berlin"}, "time_zone: There is no time zone named 'Berlin'."),
        ([GOOD], {"id": 7}, "id: must be a text of 1 to 200 characters."),
        ([7], {}, "periods[0]: is no JSON object."),
    ],
)  # fmt: skip
def test_a_key_that_is_wrong(periods, more, message):
    """`rating.session.invalid` names the path; each has a remedy."""
    found = findings(*periods, **more)
    assert ("rating.session.invalid", f"sessions[0].{message}") in [row[:2] for row in found]
    assert all(row[2] for row in found)


def test_an_expired_reservation_stands_alone():
    """Expired means that nobody charged."""
    expired = {"start": GOOD["start"], "end": GOOD["start"], "state": "expired"}
    found = findings(expired, GOOD)
    assert found == [
        ("rating.session.order",
         "sessions[0].periods: an expired reservation with other states.",
         "Say reserved if the reservation was used, or make two sessions."),
    ]  # fmt: skip


def test_a_session_twice_is_rated_once():
    """The second of one id is held; the first has its bill."""
    told = {"id": "S", "time_zone": "UTC", "periods": [GOOD]}
    answer = rate_sessions(
        json.dumps(TARIFF).encode(), json.dumps([told, told]).encode(),
        tariff_name="t.json", sessions_name="s.json",
    )  # fmt: skip
    assert len(answer["bills"]) == 1
    assert [(row["code"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.duplicate", "sessions[1].id: 'S' was there before.")
    ]


def test_a_huge_number_is_refused_at_once():
    """1e999999999 is never written out."""
    data = json.dumps(TARIFF).replace('"price": 1,', '"price": 1e999999999,', 1).encode()
    with pytest.raises(Exception, match="out of all proportion"):
        rate_sessions(data, b"[]", tariff_name="t", sessions_name="s")


def test_all_that_is_wrong_with_a_session_at_once():
    """A word for a number and a gap: two findings, one correction."""
    later = PARKED | {"start": "2026-05-04T11:01:00Z"}
    assert [row[:2] for row in findings(GOOD | {"energy_kwh": "ten"}, later)] == [
        ("rating.session.invalid",
         "sessions[0].periods[0].energy_kwh: 'ten' is not a plain decimal number."),
        ("rating.session.gap",
         "sessions[0].periods[1].start: leaves 60 s after the period before."),
    ]  # fmt: skip
