"""The second opinion against amounts worked out by hand: the shapes, one by one."""

import pytest
from reference_cases import (
    ENERGY_TOU,
    FLAT,
    KWH,
    POWER_FACTOR,
    TOU,
    case,
    document,
    fixed,
    lines,
    rate,
    tiered,
)

# ------------------------------------------------------------ time of use


def test_time_of_use():
    """June 2026 has 22 weekdays and 8 other days. 1 kWh an hour:
    peak 22 x 6 = 132 kWh, off 720 - 132 = 588 kWh.
    132 x 0.25 = 33.00; 588 x 0.125 = 73.50; together 106.50."""
    toml = document(ENERGY_TOU, extra=TOU)
    answer = rate(case(toml, "2026-06-01", "2026-07-01", **{"import": KWH}), toml)
    assert lines(case(toml, "2026-06-01", "2026-07-01", **{"import": KWH}), toml) == [
        ("energy", "peak", "132", "0.25", "1", "33"),
        ("energy", "off", "588", "0.125", "1", "73.5"),
    ]
    assert answer["total"] == "106.5"
    assert answer["lines"][0]["unit"] == "kWh"
    assert answer["lines"][0]["kind"] == "energy"
    assert answer["carry_out"] == []


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("2026-03-29", "2026-03-30"), [("peak", "2"), ("off", "44")]),
        (("2026-10-25", "2026-10-26"), [("peak", "6"), ("off", "44")]),
    ],
)
def test_days_with_a_clock_change(days, expected):
    """1 kWh each half hour, peak 00:30-02:30 local in Lisbon. In spring 01:00-02:00 is not there:
    peak is 00:30 and 02:00, 2 of 46 half hours. In autumn it comes twice: 00:30, 01:00, 01:30,
    01:00, 01:30, 02:00, 6 of 50."""
    tou = '[[calendars.tou.rules]]\nbucket="peak"\nhours=["00:30-02:30"]\n'
    tou += '[[calendars.tou.rules]]\notherwise="off"\n'
    toml = document(ENERGY_TOU, extra=tou, zone="Europe/Lisbon")
    given = case(toml, *days, zone="Europe/Lisbon", step=1800, **{"import": KWH})
    assert [line[1:3] for line in lines(given, toml)] == expected


def test_holidays_only_where_a_calendar_names_them():
    """1 January 2026 is a Thursday. A calendar whose rule names holiday bills it as off; one that
    does not bills its 6 weekday peak hours."""
    holidays = '[holidays]\nsource="x"\nyears=[2026]\ndates=[2026-01-01]\n'
    named = TOU.replace('otherwise = "off"', 'bucket = "off"\ndays = ["holiday", "weekend"]')
    named += '[[calendars.tou.rules]]\nbucket="off"\ndays=["weekday"]\n'
    named += 'hours=["00:00-08:00","12:00-18:00","20:00-24:00"]\n'
    toml = document(ENERGY_TOU, extra=holidays + named, head="valid_to = 2027-01-01").replace(
        b"valid_from = 2020", b"valid_from = 2026"
    )
    given = case(toml, "2026-01-01", "2026-01-02", **{"import": KWH})
    assert [line[1:3] for line in lines(given, toml)] == [("off", "24")]
    toml = document(ENERGY_TOU, extra=holidays + TOU)
    given = case(toml, "2026-01-01", "2026-01-02", **{"import": KWH})
    assert [line[1:3] for line in lines(given, toml)] == [("peak", "6"), ("off", "18")]


def test_seasons_by_month():
    """May at 1 kWh an hour: 744 kWh; a rule for months 6 to 8 does not touch it."""
    tou = '[[calendars.tou.rules]]\nbucket="peak"\nmonths=[6,7,8]\n'
    tou += '[[calendars.tou.rules]]\notherwise="off"\n'
    toml = document(ENERGY_TOU, extra=tou)
    given = case(toml, "2026-05-31", "2026-06-02", **{"import": KWH})
    assert [line[1:3] for line in lines(given, toml)] == [("peak", "24"), ("off", "24")]


# ------------------------------------------------------- rounding and signs


@pytest.mark.parametrize(
    ("mode", "amount"),
    [("half_up", "0.13"), ("half_even", "0.12"), ("down", "0.12"), ("up", "0.13")],
)
def test_line_rounding(mode, amount):
    """1 kWh at 0.125 is a tie: half up 0.13, half even 0.12, down 0.12, up 0.13; as a credit the
    mirror image."""
    component = FLAT.replace("0.1", "0.125")
    toml = document(component, line=mode)

    def one(clock):
        return KWH if clock.hour == 0 else 0

    assert lines(case(toml, "2026-01-01", "2026-01-02", **{"import": one}), toml)[0][-1] == amount
    toml = document(component + "credit = true\n", line=mode)
    given = case(toml, "2026-01-01", "2026-01-02", **{"import": one})
    assert lines(given, toml)[0][-1] == "-" + amount


def test_the_rounding_line():
    """Lines to 3 places, total to 2: 24 kWh x 0.0101 = 0.2424 -> 0.242; total 0.24; the last line
    is -0.002."""
    toml = document(FLAT.replace("0.1", "0.0101"), places=3)
    given = case(toml, "2026-01-01", "2026-01-02", **{"import": KWH})
    answer = rate(given, toml)
    assert [line["amount"] for line in answer["lines"]] == ["0.242", "-0.002"]
    last = answer["lines"][-1]
    assert (last["component"], last["kind"], last["quantity"], last["unit"], last["price"]) == (
        ("rounding", "rounding", "1", "EUR", "-0.002")
    )
    assert answer["total"] == "0.24"


def test_a_components_own_rounding():
    """24 kWh x 0.0101 = 0.2424, rounded up to one place: 0.3."""
    component = FLAT.replace("0.1", "0.0101") + 'rounding = {places = 1, mode = "up"}\n'
    toml = document(component)
    assert lines(case(toml, "2026-01-01", "2026-01-02", **{"import": KWH}), toml)[0][-1] == "0.3"


def test_a_line_of_zero_is_left_out():
    """No energy, no line; the total is 0."""
    toml = document(FLAT)
    answer = rate(case(toml, "2026-01-01", "2026-01-02", **{"import": 0}), toml)
    assert (answer["lines"], answer["total"], answer["findings"]) == ([], "0", [])


# -------------------------------------------------------------------- fixed


@pytest.mark.parametrize(
    ("per", "price", "more", "expected"),
    [
        # 17 of 31 days: 31 x 17/31 = 17
        ("month", 31, "", ("1", "31", "17/31", "17")),
        ("month", 31, 'proration = "none"', ("1", "31", "1", "31")),
        # 17 days at 0.5
        ("day", 0.5, "", ("17", "0.5", "1", "8.5")),
        # 17 of 365 days: 73 x 17/365 = 3.4
        ("year", 73, "", ("1", "73", "17/365", "3.4")),
        ("year", 73, 'proration = "none"', ("1", "73", "1", "73")),
        # 100 kVA x 3.1 x 17/31 = 170; 40 kW x 3.1 x 17/31 = 68
        ("kva_month", 3.1, "", ("100", "3.1", "17/31", "170")),
        ("kw_month", 3.1, "", ("40", "3.1", "17/31", "68")),
    ],
)
def test_fixed(per, price, more, expected):
    """1 to 18 January 2026, every way to charge for time or size."""
    toml = document(fixed(per, price, more))
    given = case(toml, "2026-01-01", "2026-01-18", contract=40 * KWH, capacity=100 * KWH)
    assert lines(given, toml) == [("fix", "", *expected)]


def test_fixed_over_the_turn_of_the_year():
    """16 December 2027 to 16 January 2028: 16 days of 365 and 15 of 366;
    16/365 + 15/366 = (16 x 366 + 15 x 365) / 133590 = 11331/133590 = 1259/14843.33..., in lowest
    terms 3777/44530. By months 16/31 + 15/31 = 1."""
    toml = document(fixed("year", 44530))
    given = case(toml, "2027-12-16", "2028-01-16")
    assert lines(given, toml) == [("fix", "", "1", "44530", "3777/44530", "3777")]
    toml = document(fixed("month", 5))
    assert lines(case(toml, "2027-12-16", "2028-01-16"), toml)[0][4:] == ("1", "5")


def test_fixed_of_nothing_still_shows():
    """A fixed price of zero gives its line."""
    toml = document(fixed("month", 0))
    assert lines(case(toml, "2026-01-01", "2026-02-01"), toml) == [("fix", "", "1", "0", "1", "0")]


def test_months_of_a_fixed_component():
    """20 June to 11 July 2026, months = [7]: 10 of 31 days: 31 x 10/31 = 10. In May: no line."""
    toml = document(fixed("month", 31, "months = [7]"))
    given = case(toml, "2026-06-20", "2026-07-11")
    assert lines(given, toml) == [("fix", "", "1", "31", "10/31", "10")]
    toml = document(fixed("day", 1, "months = [7]"))
    assert lines(given | {"spans": case(toml, "2026-06-20", "2026-07-11")["spans"]}, toml) == [
        ("fix", "", "10", "1", "1", "10")
    ]
    assert lines(case(toml, "2026-05-01", "2026-06-01"), toml) == []


def test_months_of_energy():
    """30 June to 2 July at 1 kWh an hour, months = [7]: 24 kWh of 48."""
    toml = document(FLAT + "months = [7]\n")
    given = case(toml, "2026-06-30", "2026-07-02", **{"import": KWH})
    assert lines(given, toml) == [("energy", "", "24", "0.1", "1", "2.4")]


# -------------------------------------------------------------------- tiers


def test_tiers_of_a_month():
    """January, 744 kWh: 100 x 0.1 = 10, 200 x 0.2 = 40, 444 x 0.3 = 133.2."""
    toml = document(tiered(""))
    given = case(toml, "2026-01-01", "2026-02-01", **{"import": KWH})
    assert lines(given, toml) == [
        ("energy", "tier-1", "100", "0.1", "1", "10"),
        ("energy", "tier-2", "200", "0.2", "1", "40"),
        ("energy", "tier-3", "444", "0.3", "1", "133.2"),
    ]


def test_a_threshold_belongs_to_the_lower_tier():
    """Exactly 100 kWh: one line, tier 1."""
    toml = document(tiered(""))
    given = case(
        toml,
        "2026-01-01",
        "2026-02-01",
        **{"import": lambda c: 100 * KWH if c.day + c.hour == 1 else 0},
    )
    assert lines(given, toml) == [("energy", "tier-1", "100", "0.1", "1", "10")]


def test_tiers_of_part_of_a_month():
    """17 days of January, 408 kWh: thresholds 100 x 17/31 = 54.838709677... -> 54.83871 and
    300 x 17/31 = 164.516129032... -> 164.516129. Amounts 5.483871 -> 5.48,
    109.677419 x 0.2 = 21.9354838 -> 21.94, 243.483871 x 0.3 = 73.0451613 -> 73.05."""
    toml = document(tiered(""))
    given = case(toml, "2026-01-01", "2026-01-18", **{"import": KWH})
    assert [line[2] for line in lines(given, toml)] == ["54.83871", "109.677419", "243.483871"]
    assert [line[-1] for line in lines(given, toml)] == ["5.48", "21.94", "73.05"]
    toml = document(tiered('proration = "none"'))
    given = case(toml, "2026-01-01", "2026-01-18", **{"import": KWH})
    assert [line[2] for line in lines(given, toml)] == ["100", "200", "108"]


def test_tiers_start_anew_with_each_span():
    """Two spans of January (17 and 14 days) with a monthly window: each has its own thresholds;
    the second 100 x 14/31 = 45.161290."""
    toml = document(tiered(""))
    given = case(toml, "2026-01-01", "2026-01-18", "2026-02-01", **{"import": KWH})
    answer = rate(given, toml)
    first = [line["quantity"] for line in answer["lines"] if line["bucket"] == "tier-1"]
    assert first == ["54.83871", "45.16129"]
    assert [line["span"] for line in answer["lines"]] == [0, 0, 0, 1, 1, 1]


def test_tiers_of_a_year():
    """Position 250 kWh carried from the window of 1 January; a day of 24 kWh lies in tier 2 until
    300: with 10 kWh an hour, 240 kWh: 50 in tier 2, 190 in tier 3. Carry out 490 kWh."""
    toml = document(tiered('window = "year"'))
    given = case(
        toml,
        "2026-03-01",
        "2026-03-02",
        carry=[("tier/energy", "2026-01-01", 250 * KWH)],
        **{"import": 10 * KWH},
    )
    assert [line[1:3] for line in lines(given, toml)] == [("tier-2", "50"), ("tier-3", "190")]
    assert rate(given, toml)["carry_out"] == [
        {"key": "tier/energy", "at": "2026-01-01", "value": 490 * KWH}
    ]


@pytest.mark.parametrize(
    ("resets", "day", "at", "position"),
    [
        ("03-01", "2026-03-01", "2026-03-01", 0),  # a window starts here
        ("01-01", "2026-03-01", "2026-01-01", 250),  # the carried one goes on
        ("07-01", "2026-03-01", "2025-07-01", 0),  # the carry is of another window
    ],
)
def test_the_window_of_a_year(resets, day, at, position):
    """A window starts on its day of the year, at zero; a carry of another window is not read.
    24 kWh from the position: carry out is position + 24."""
    toml = document(tiered(f'window = "year"\nresets = "{resets}"'))
    carry = [("tier/energy", "2026-01-01", 250 * KWH)]
    given = case(toml, day, "2026-03-02", carry=carry, **{"import": KWH})
    assert rate(given, toml)["carry_out"] == [
        {"key": "tier/energy", "at": at, "value": (position + 24) * KWH}
    ]


def test_a_position_goes_from_span_to_span():
    """Two days of 80 kWh in two spans: tier 1 takes 80 and then 20, tier 2 60."""
    toml = document(tiered('window = "year"'))
    given = case(
        toml,
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
        **{"import": lambda c: 80 * KWH if c.hour == 0 else 0},
    )
    assert [line[1:3] for line in lines(given, toml)] == [
        ("tier-1", "80"),
        ("tier-1", "20"),
        ("tier-2", "60"),
    ]


def test_pooled_tiers():
    """One weekday, 100 kWh an hour in the 6 peak hours, 100 in 18 others: 600 and 1800, 2400 in
    all. Tiers to 600 and above: 600/2400 = 1/4 and 3/4 of each bucket.
    peak 600 x 0.1 x 1/4 = 15; off 1800 x 0.05 x 1/4 = 22.5; 600 x 0.2 x 3/4 = 90;
    1800 x 0.07 x 3/4 = 94.5."""
    tiers = """[{upto = 600, prices = {peak = 0.1, off = 0.05}},
      {prices = {peak = 0.2, off = 0.07}}]""".replace("\n", " ")
    more = 'calendar = "tou"\npooling = "pro_rata"\nproration = "none"'
    toml = document(tiered(more, tiers), extra=TOU)
    given = case(toml, "2026-01-05", "2026-01-06", **{"import": 100 * KWH})
    assert lines(given, toml) == [
        ("energy", "peak/tier-1", "600", "0.1", "1/4", "15"),
        ("energy", "off/tier-1", "1800", "0.05", "1/4", "22.5"),
        ("energy", "peak/tier-2", "600", "0.2", "3/4", "90"),
        ("energy", "off/tier-2", "1800", "0.07", "3/4", "94.5"),
    ]


# ---------------------------------------------------- netting, export, bank


def test_netting_with_a_bank():
    """A day: import 24 kWh, export 48 kWh, bank 6: 24 - 48 - 6 = -30: nothing billed, bank 30."""
    toml = document(FLAT + 'netting = "month"\n')
    given = case(
        toml,
        "2026-06-01",
        "2026-06-02",
        carry=[("bank/energy/all", "2026-06-01", 6 * KWH)],
        **{"import": KWH, "export": 2 * KWH},
    )
    assert lines(given, toml) == []
    assert rate(given, toml)["carry_out"] == [
        {"key": "bank/energy/all", "at": "2026-06-02", "value": 30 * KWH}
    ]


def test_netting_draws_on_the_bank():
    """Import 24, export 0, bank 6: 18 kWh at 0.1 = 1.8; bank 0 is written out."""
    toml = document(FLAT + 'netting = "month"\n')
    given = case(
        toml,
        "2026-06-01",
        "2026-06-02",
        carry=[("bank/energy/all", "2026-06-01", 6 * KWH)],
        **{"import": KWH, "export": 0},
    )
    assert lines(given, toml) == [("energy", "", "18", "0.1", "1", "1.8")]
    assert rate(given, toml)["carry_out"][0]["value"] == 0


def test_netting_per_bucket_and_span():
    """Monday: peak 6 kWh imported, 12 exported at peak; off 18 imported. Second day the same
    import without export: peak 6 - bank 6 = 0, off 18."""
    toml = document(ENERGY_TOU + 'netting = "month"\n', extra=TOU)
    peak = {8, 9, 10, 11, 18, 19}
    given = case(
        toml,
        "2026-01-05",
        "2026-01-06",
        "2026-01-07",
        **{
            "import": KWH,
            "export": lambda c: 2 * KWH if c.hour in peak and c.day == 5 else 0,
        },
    )
    assert [(line[1], line[2]) for line in lines(given, toml)] == [("off", "18"), ("off", "18")]
    assert [e["value"] for e in rate(given, toml)["carry_out"]] == [0, 0]


def test_netting_of_tiers():
    """Import 240, export 120: net 120: 100 in tier 1, 20 in tier 2 (no proration)."""
    toml = document(tiered('netting = "month"\nproration = "none"'))
    given = case(toml, "2026-06-01", "2026-06-02", **{"import": 10 * KWH, "export": 5 * KWH})
    assert [line[1:3] for line in lines(given, toml)] == [("tier-1", "100"), ("tier-2", "20")]


def test_export_is_credited():
    """24 kWh exported at 0.05: the customer gets 1.20."""
    toml = document(FLAT.replace('"import"', '"export"').replace("0.1", "0.05") + "credit = true\n")
    given = case(toml, "2026-06-01", "2026-06-02", export=KWH)
    assert lines(given, toml) == [("energy", "", "24", "0.05", "1", "-1.2")]
    assert rate(given, toml)["total"] == "-1.2"


# -------------------------------------------------------- on other lines


def test_a_chain_of_percentages():
    """Energy 24 x 0.1 = 2.40; levy 5 % of it 0.12; vat 20 % of both 2.52 x 0.2 = 0.504 -> 0.50.
    The document names vat before the levy: lines stay in its order."""
    toml = document(
        FLAT
        + '[[components]]\nid = "vat"\nshape = "percentage"\nkind = "tax"\n'
        + 'of = ["energy", "levy"]\npercent = 20\n'
        + '[[components]]\nid = "levy"\nshape = "percentage"\nof = ["energy"]\npercent = 5\n'
    )
    given = case(toml, "2026-06-01", "2026-06-02", **{"import": KWH})
    assert lines(given, toml) == [
        ("energy", "", "24", "0.1", "1", "2.4"),
        ("vat", "", "2.52", "20", "1/100", "0.5"),
        ("levy", "", "2.4", "5", "1/100", "0.12"),
    ]
    answer = rate(given, toml)
    assert [line["kind"] for line in answer["lines"]] == ["energy", "tax", "percentage"]
    assert answer["lines"][1]["unit"] == "EUR"


def bound(shape, amount, more=""):
    return (
        f'[[components]]\nid = "bound"\nshape = "{shape}"\nof = ["energy"]\n'
        f"amount = {amount}\n{more}\n"
    )


@pytest.mark.parametrize(
    ("shape", "amount", "days", "expected"),
    [
        # energy: 24 kWh a day x 0.1; one day of June: bound 90/30 = 3; 2.40 lacks 0.60
        ("minimum", 90, ("2026-06-01", "2026-06-02"), ("1", "0.6", "1", "0.6")),
        ("minimum", 60, ("2026-06-01", "2026-06-02"), None),
        # bound 60/30 = 2: 0.40 too much
        ("maximum", 60, ("2026-06-01", "2026-06-02"), ("1", "-0.4", "1", "-0.4")),
        ("maximum", 90, ("2026-06-01", "2026-06-02"), None),
    ],
)
def test_minimum_and_maximum(shape, amount, days, expected):
    """A bound is pro-rated by days and rounded; only the difference makes a line."""
    toml = document(FLAT + bound(shape, amount))
    found = lines(case(toml, *days, **{"import": KWH}), toml)[1:]
    assert found == ([("bound", "", *expected)] if expected else [])


def test_a_minimum_without_proration():
    """2.40 lacks 87.60 of 90."""
    toml = document(FLAT + bound("minimum", 90, 'proration = "none"'))
    given = case(toml, "2026-06-01", "2026-06-02", **{"import": KWH})
    assert lines(given, toml)[1][-1] == "87.6"


# ------------------------------------------------------------ power factor


@pytest.mark.parametrize(
    ("active", "reactive", "bucket", "percent"),
    [
        (3, 4, None, None),  # 0.60: below the last row
        (4, 3, "0.80", "5"),  # exactly 0.8
        (24, 10, "0.92", "-1"),  # 24/26 = 0.92307...
        (1, 0, "1.00", "-5"),
        (200, 45, "0.98", "-4"),  # 200/205 = 0.97560...
        # 0.995 is the edge to 1.00: P²/(P²+Q²) >= 0.990025: Q²/P² <= 0.010075...; 199:20 gives
        # 39601/40001 = 0.99000025 < 0.990025, so 0.99; 200:20 = 0.990099 is above: 1.00
        (199, 20, "0.99", "-4.5"),
        (200, 20, "1.00", "-5"),
    ],
)
def test_power_factor(active, reactive, bucket, percent):
    """The factor is rounded half up to two decimals by whole numbers, then the row is taken."""
    toml = document(FLAT + POWER_FACTOR)
    given = case(
        toml,
        "2026-06-01",
        "2026-06-02",
        **{"import": active * KWH, "reactive_import": reactive * KWH, "reactive_export": 0},
    )
    if bucket is None:
        assert rate(given, toml)["findings"][0]["code"] == "rating.price.missing"
        return
    name, *rest = lines(given, toml)[1]
    assert (name, rest[0], rest[2], rest[3]) == ("pf", bucket, percent, "1/100")


def test_both_directions_of_reactive_energy_count():
    """P 4, Q 1 + 2 = 3: 0.80, 5 % of 4 x 24 x 0.1 = 9.6: 0.48."""
    toml = document(FLAT + POWER_FACTOR)
    channels = {"import": 4 * KWH, "reactive_import": KWH, "reactive_export": 2 * KWH}
    given = case(toml, "2026-06-01", "2026-06-02", **channels)
    assert lines(given, toml)[1] == ("pf", "0.80", "9.6", "5", "1/100", "0.48")


def test_a_component_at_rest_hands_its_carry_on():
    """In June nothing of a component of July is billed, but its position and its bank stay."""
    toml = document(
        tiered('window = "year"\nmonths = [7]')
        + FLAT.replace('"energy"', '"net"', 1).replace(
            "price", 'netting = "month"\nmonths = [7]\nprice'
        )
        + fixed("kw_month", 3, "months = [7]")
        + '[[components]]\nid = "tax"\nshape = "percentage"\nof = ["fix"]\npercent = 5\n'
    )
    carry = [("bank/net/all", "2026-06-01", 5 * KWH), ("tier/energy", "2026-01-01", 9 * KWH)]
    given = case(
        toml, "2026-06-01", "2026-06-02", carry=carry, **{"import": KWH, "export": 2 * KWH}
    )
    assert lines(given, toml) == []
    assert rate(given, toml)["carry_out"] == [
        {"key": "bank/net/all", "at": "2026-06-02", "value": 5 * KWH},
        {"key": "tier/energy", "at": "2026-01-01", "value": 9 * KWH},
    ]
