"""The second opinion against amounts worked out by hand: demand."""

import pytest
from reference_cases import KWH, case, document, held, lines, rate


def demand(more, price="price = 10"):
    return f'[[components]]\nid = "kw"\nshape = "demand"\n{price}\n{more}\n'


TOU = """
[[calendars.tou.rules]]
bucket = "peak"
hours = ["08:00-12:00"]
[[calendars.tou.rules]]
otherwise = "off"
"""


def ramp(clock):
    """0.25 kWh a quarter (1 kW), but 2 kWh (8 kW) at 09:15 and 3 kWh (12 kW) at 22:00 on day 3."""
    if clock.day == 3 and (clock.hour, clock.minute) == (9, 15):
        return 2 * KWH
    if clock.day == 3 and (clock.hour, clock.minute) == (22, 0):
        return 3 * KWH
    return KWH // 4


JUNE = ("2026-06-01", "2026-07-01")


def quarters(toml, *days, **more):
    return case(toml, *(days or JUNE), step=900, **({"import": ramp} | more))


def test_the_largest_interval():
    """12 kW in the quarter at 22:00, a whole month: 12 x 10 = 120."""
    toml = document(demand(""))
    assert lines(quarters(toml), toml) == [("kw", "", "12", "10", "1", "120")]
    assert rate(quarters(toml), toml)["lines"][0]["unit"] == "kW"


def test_a_longer_window():
    """Half hours from midnight: 22:00-22:30 has 3 + 0.25 kWh = 3.25 kWh: 6.5 kW. Hours:
    3.75 kWh: 3.75 kW."""
    for minutes, kw in ((15, "12"), (30, "6.5"), (60, "3.75")):
        toml = document(demand(f"window_min = {minutes}"))
        assert lines(quarters(toml), toml)[0][2] == kw


def test_a_power_without_end_is_rounded_half_even():
    """45 minutes from 21:45 to 22:30: 0.25 + 3 + 0.25 = 3.5 kWh; x 60/45 = 4.666666... -> 4.666667.
    Midnight plus 29 x 45 min is 21:45, so the window is there."""
    toml = document(demand("window_min = 45"))
    assert lines(quarters(toml), toml)[0][2] == "4.666667"


def test_demand_by_bucket():
    """Peak 8 kW at 09:15, off 12 kW: 8 x 20 + 12 x 5."""
    more = 'calendar = "tou"'
    toml = document(demand(more, "prices = { peak = 20, off = 5 }"), extra=TOU)
    assert lines(quarters(toml), toml) == [
        ("kw", "peak", "8", "20", "1", "160"),
        ("kw", "off", "12", "5", "1", "60"),
    ]


def test_demand_tiers():
    """12 kW: 5 in the first tier at 2, 7 in the second at 3; thresholds are not pro-rated: half of
    June has factor 1/2: 5, 10.5."""
    toml = document(demand("tiers = [{upto = 5, price = 2}, {price = 3}]", ""))
    assert lines(quarters(toml, "2026-06-01", "2026-06-16"), toml) == [
        ("kw", "tier-1", "5", "2", "1/2", "5"),
        ("kw", "tier-2", "7", "3", "1/2", "10.5"),
    ]


def test_proration():
    """15 of 30 days: 12 x 10 x 1/2 = 60; without proration 120."""
    days = ("2026-06-01", "2026-06-16")
    toml = document(demand(""))
    assert lines(quarters(toml, *days), toml)[0][4:] == ("1/2", "60")
    toml = document(demand('proration = "none"'))
    assert lines(quarters(toml, *days), toml)[0][4:] == ("1", "120")


def test_a_minimum_and_a_rounding():
    """At least 20 kW; 12 kW rounded up to tens is 20 as well, 6.5 rounded half even to whole: 6."""
    toml = document(demand("minimum_kw = 20"))
    assert lines(quarters(toml), toml)[0][2] == "20"
    toml = document(demand('round_kw = {places = 0, mode = "half_even"}\nwindow_min = 30'))
    assert lines(quarters(toml), toml)[0][2] == "6"


def test_months():
    """The peak is on the 3rd of June; a component of July sees 1 kW and 1 of 31 days:
    1 x 31 x 1/31 = 1."""
    toml = document(demand("months = [7]", "price = 31"))
    given = quarters(
        toml,
        "2026-06-01",
        "2026-07-02",
        **{"import": lambda c: ramp(c) if c.month == 6 else KWH // 4},
    )
    assert lines(given, toml) == [("kw", "", "1", "31", "1/31", "1")]


RATCHET = demand("ratchet = { percent = 80, months = 3 }")


def test_a_ratchet():
    """June looks at March, April and May: 80 % of 20 kW is 16 kW, above 12; February's 100 kW is
    too old and falls out. June's 12 kW goes to carry; March to June stay."""
    carry = [
        ("demand/kw/all", "2026-02-01", 100 * KWH),
        ("demand/kw/all", "2026-03-01", 20 * KWH),
        ("demand/kw/all", "2026-05-01", 5 * KWH),
    ]
    toml = document(RATCHET)
    given = quarters(toml, carry=carry)
    assert lines(given, toml) == [("kw", "", "16", "10", "1", "160")]
    assert [(e["at"], e["value"]) for e in rate(given, toml)["carry_out"]] == [
        ("2026-03-01", 20 * KWH),
        ("2026-05-01", 5 * KWH),
        ("2026-06-01", 12 * KWH),
    ]


def test_a_ratchet_keeps_the_largest_of_its_month():
    """Two spans of June: 12 kW on the 3rd, 1 kW later; the month's carry stays at 12, and the
    second span is not raised by its own month."""
    toml = document(RATCHET)
    given = quarters(toml, "2026-06-01", "2026-06-16", "2026-07-01")
    assert [line[2] for line in lines(given, toml)] == ["12", "1"]
    assert [e["value"] for e in rate(given, toml)["carry_out"]] == [12 * KWH]


def test_a_ratchet_over_the_turn_of_the_year():
    """January 2026 with 3 months: from October 2025 on."""
    carry = [("demand/kw/all", "2025-09-01", 90 * KWH), ("demand/kw/all", "2025-10-01", 10 * KWH)]
    toml = document(RATCHET)
    given = quarters(toml, "2026-01-01", "2026-02-01", carry=carry, **{"import": KWH})
    assert [line[2] for line in lines(given, toml)] == ["8"]  # 4 kW measured, 80 % of 10
    assert [e["at"] for e in rate(given, toml)["carry_out"]] == ["2025-10-01", "2026-01-01"]


def contract(reading, more=""):
    return demand(
        'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
        f'excess_reading = "{reading}"\n{more}'
    )


EXCESS = ("excess", "150", "20", "3000")


@pytest.mark.parametrize(
    ("reading", "measured", "expected"),
    [
        # C = 1000 kW; up to 1050 kW the contract is billed
        ("above_contract", 1050, [("contract", "1000", "10", "10000")]),
        ("above_threshold", 1050, [("contract", "1000", "10", "10000")]),
        # 1200 kW: 150 above, at twice the price; 1000 or 1050 below
        ("above_contract", 1200, [("contract", "1000", "10", "10000"), EXCESS]),
        ("above_threshold", 1200, [("contract", "1050", "10", "10500"), EXCESS]),
    ],
)
def test_contract_demand_in_both_readings(reading, measured, expected):
    """The two readings of the Chinese rule on demand above 105 % of the contract."""
    toml = document(contract(reading))
    given = quarters(toml, contract=1000 * KWH, **{"import": measured * KWH // 4})
    assert [(b, q, p, a) for _, b, q, p, _, a in lines(given, toml)] == expected


def test_contract_demand_without_a_contract():
    """No contract: held."""
    toml = document(contract("above_contract"))
    assert held(quarters(toml), toml) == "rating.term.missing"


def test_windows_on_a_short_day():
    """Lisbon, 29 March 2026, 23 hours: windows of 2 hours from midnight on the elapsed clock, the
    last of 1 hour. 1 kWh an hour: 1 kW everywhere, also in the short one."""
    toml = document(demand("window_min = 120"), zone="Europe/Lisbon")
    given = case(toml, "2026-03-29", "2026-03-30", zone="Europe/Lisbon", **{"import": KWH})
    assert lines(given, toml)[0][2] == "1"


@pytest.mark.parametrize(
    ("component", "extra", "code"),
    [
        (demand("window_min = 20"), "", "rating.demand.window"),  # 15 does not divide 20
        (
            # an edge at 08:00 inside the window 07:30-09:00
            demand('window_min = 90\ncalendar = "tou"', "prices = {peak = 1, off = 2}"),
            TOU,
            "rating.calendar.finer",
        ),
    ],
)
def test_windows_that_do_not_fit(component, extra, code):
    """A window must be made of whole intervals and lie in one bucket."""
    toml = document(component, extra=extra)
    assert held(quarters(toml), toml) == code
