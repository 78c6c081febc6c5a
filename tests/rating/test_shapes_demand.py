"""Demand by rolling windows, means, apparent power, look-backs: by hand from docs/tariff.md."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from shape_world import TOU, bill, component, lines, world

from gridtally.errors import InvalidDocument
from gridtally.market import Events, Market
from gridtally.metering.blocks import Dense
from gridtally.metering.windows import apparent
from gridtally.periods import Period
from gridtally.periods import zone as zone_of

DAY = Period(date(2026, 1, 1), date(2026, 1, 2))
TWO = Period(date(2026, 1, 1), date(2026, 1, 3))
QUARTERS = np.zeros(96, np.int64)
QUARTERS[[3, 4, 5, 50]] = [1_000_000, 1_500_000, 1_000_000, 1_200_000]
"""Energy of quarter-hours [10^-6 kWh]: 00:45 1.0, 01:00 1.5, 01:15 1.0, 12:30 1.2."""


def demand(rest, *, kwh=QUARTERS, period=DAY, step=900, **options):
    """(bucket, quantity, unit, factor) of each line at a price of 1."""
    rest = rest if "prices" in rest else f"price = 1\n{rest}"
    body = options.pop("more", "") + component("demand", rest)
    channels = kwh if isinstance(kwh, dict) else {"import": kwh}
    found = bill(body, kwh=channels, period=period, step=step, **options)
    assert not found.findings, found.findings
    return [(x["bucket"], x["quantity"], x["unit"], x["factor"]) for x in found.lines
            if x["component"] == "x"]  # fmt: skip


def held(rest, **options):
    found = bill(component("demand", f"price = 1\n{rest}"), period=DAY, **options)
    assert not found.lines
    return {row["code"] for row in found.findings}


@pytest.mark.parametrize(
    ("rest", "kw"),
    [
        ("window_min = 30", "5"),  # 01:00 to 01:30: 2.5 kWh in half an hour
        ("window_min = 60", "2.5"),
        ("window_min = 60\nrolling_min = 15", "3.5"),  # 00:45 to 01:45: 3.5 kWh
        ("window_min = 60\nrolling_min = 30", "3.5"),  # 00:30 to 01:30
        ("window_min = 30\nrolling_min = 15", "5"),
        ("window_min = 60\nrolling_min = 60", "2.5"),
    ],
)
def test_windows_that_roll(rest, kw):
    """Every 15, 30 or 60 minutes from midnight on a window of an hour begins."""
    assert demand(f'{rest}\nproration = "none"') == [("", kw, "kW", "1")]


def test_a_rolling_window_runs_past_midnight_and_not_beyond_the_span():
    """23:45 of 1 January and 00:00 of the 2nd: 2 kWh in an hour; alone each is 1."""
    energy = np.zeros(192, np.int64)
    energy[[95, 96]] = 1_000_000
    rest = 'window_min = 60\nrolling_min = 15\nproration = "none"'
    assert demand(rest, kwh=energy, period=TWO)[0][1] == "2"
    assert demand(rest, kwh=energy[:96], period=DAY)[0][1] == "1"
    plain = 'window_min = 60\nproration = "none"'
    assert demand(plain, kwh=energy, period=TWO)[0][1] == "1"


def test_a_rolling_window_lies_wholly_in_its_bucket():
    """07:30 to 08:30 is in no bucket; of 8:00 on, peak has 1.5 kWh in its first hour."""
    energy = np.zeros(96, np.int64)
    energy[[30, 31, 32, 33]] = [2_000_000, 2_000_000, 1_000_000, 500_000]
    rest = 'window_min = 60\nrolling_min = 15\ncalendar = "c"\nprices = { peak = 1, off = 1 }'
    found = demand(f'{rest}\nproration = "none"', kwh=energy, more=TOU)
    assert [x[:2] for x in found] == [("peak", "1.5"), ("off", "4")]


@pytest.mark.parametrize(
    ("rest", "kw"),
    [
        ("top = 1", "6"),
        ("top = 3", "4.933333"),  # (6 + 4.8 + 4) / 3, half even
        ("top = 100", "0.203"),  # 18.8 and 1.5 over 100
        ("top = 2\ndistinct_days = true", "3.75"),  # 6 and 1.5
        ("top = 3\ndistinct_days = true", "3.75"),  # there are two days
        ('measure = "mean"', "0.105729"),  # 20.3 over 192
    ],
)
def test_means_of_the_largest(rest, kw):
    """Quarters of 4, 6, 4 and 4.8 kW on the first day; of 1.5 kW on the second."""
    energy = np.zeros(192, np.int64)
    energy[:96] = QUARTERS
    energy[100] = 375_000
    assert demand(f'{rest}\nproration = "none"', kwh=energy, period=TWO)[0][1] == kw


def test_the_mean_of_coincident_hours():
    """Two called hours of 1 and 3 kW: 2 kW; a bucket without a window has none."""
    start, end = zone_of("UTC").bounds(DAY)
    calendar = (
        '[events.peak]\n[calendars.c]\n[[calendars.c.rules]]\nbucket = "called"\nevent = "peak"\n'
        '[[calendars.c.rules]]\notherwise = "plain"\n'
    )
    rest = 'measure = "mean"\ncalendar = "c"\nprices = { called = 1, plain = 0 }'
    energy = np.full(24, 500_000)
    energy[[7, 18]] = [1_000_000, 3_000_000]
    times = ((start + 7 * 3600, start + 8 * 3600), (start + 18 * 3600, start + 19 * 3600))
    options = {"kwh": energy, "step": 3600, "more": calendar}
    market = Market(events={"peak": Events(start, end, times)})
    found = demand(f'{rest}\nproration = "none"', market=market, **options)
    assert found[0][:2] == ("called", "2")
    never = Market(events={"peak": Events(start, end, ())})
    found = demand(f'{rest}\nproration = "none"', market=never, **options)
    assert [x[0] for x in found] == ["plain"]


def test_apparent_power_of_one_window():
    """3 kWh and 4 kvarh in one hour are 5 kVA; the largest P and Q of other hours do not meet."""
    active, reactive = np.zeros(24, np.int64), np.zeros(24, np.int64)
    active[[3, 5]], reactive[[3, 9]] = [3_000_000, 3_500_000], [2_500_000, 3_000_000]
    other = np.zeros(24, np.int64)
    other[3] = 1_500_000
    kwh = {"import": active, "reactive_import": reactive, "reactive_export": other}
    found = demand('power = "apparent"\nproration = "none"', kwh=kwh, step=3600)
    assert found == [("", "5", "kVA", "1")]
    assert "rating.quantity.missing" in held('power = "apparent"', kwh={"import": 24})


def test_apparent_power_of_readings_of_two_lengths():
    """Active energy by the quarter, reactive by the hour: windows of an hour have both."""
    active, reactive = np.zeros(96, np.int64), np.zeros(24, np.int64)
    active[12:16], reactive[3] = 750_000, 4_000_000
    one = world(
        component("demand", 'price = 1\npower = "apparent"\nwindow_min = 60\nproration = "none"'),
        kwh={"import": active}, period=DAY, step=900,
    )  # fmt: skip
    fine = one.grids()
    start, width = fine[0].start_utc, np.full((1, 24), 3, np.uint8)
    coarse = Dense(("MP",), "reactive_import", start, 3600, reactive[None, :], width)
    both = replace(one)
    both.grids = lambda: [*fine, coarse]
    found, _, _ = both.rated()
    assert [(x["quantity"], x["unit"]) for x in found.lines] == [("5", "kVA")]
    other = replace(one, documents=[one.documents[0].replace("window_min = 60\n", "")])
    other.grids = lambda: [*fine, coarse]
    assert "metering.channels.lengths" in {row["code"] for row in other.rated()[0].findings}


@pytest.mark.parametrize(
    ("active", "reactive", "seconds", "expected"),
    [
        (3, 4, 3600, 5),
        (3, 4, 7200, 2),  # 2.5, half even
        (9, 12, 7200, 8),  # 7.5, half even
        (1, 1, 3600, 1),  # 1.414
        (1, 1, 900, 6),  # 5.657
        (10**15, 10**15, 900, 5_656_854_249_492_380),  # 4 x 10^15 x 1.4142135623730950…
        (0, 0, 900, 0),
    ],
)
def test_the_root_is_exact(active, reactive, seconds, expected):
    """Rounded once, to the nearest, whatever the size."""
    one = np.array([[active]], np.int64)
    assert apparent(one, np.array([[reactive]], np.int64), np.array([seconds]))[0, 0] == expected


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("window_min = 30", "metering.demand.window"),
        ("window_min = 120\nrolling_min = 30", "metering.demand.window"),
        ("top = 3\nwindow_min = 30", "metering.demand.window"),
    ],
)
def test_readings_that_are_too_coarse_hold(rest, code):
    """Hourly readings do not say what half an hour took."""
    assert code in held(rest)


# -------------------------------------------------------- billed from measured

KW = np.zeros(24, np.int64)
KW[8] = 6_000_000


@pytest.mark.parametrize(
    ("rest", "kw"),
    [
        ("least_of_contract = 85", "8.5"),
        ("least_of_capacity = 40", "8"),
        ("least_of_contract = 50", "6"),
        ("minimum_kw = 7\nleast_of_capacity = 30", "7"),
        ('least_of_contract = { term = "share" }', "9"),
        ("power_factor_below = 0.90", "9"),  # 0.60: 6 x 0.9 / 0.6
        ("power_factor_below = 0.60", "6"),
        ('power_factor_below = 0.90\nround_kw = { places = 0, mode = "down" }\nminimum_kw = 9.5',
         "9"),
    ],
)  # fmt: skip
def test_what_a_demand_is_raised_to(rest, kw):
    """6 kW measured, 10 kW contracted, 20 kVA connected, 3-4-5."""
    kwh = {"import": KW, "reactive_import": KW * 4 // 3}
    terms = {"contract_ukw": 10_000_000, "capacity_ukva": 20_000_000}
    found = demand(
        f'{rest}\nproration = "none"', kwh=kwh, step=3600, terms=terms,
        more="[terms.share]\n", stated={"share": "90"},
    )  # fmt: skip
    assert found[0][1] == kw


def test_no_power_factor_holds():
    """Nothing was taken, or all of it was reactive."""
    for kwh in ({"import": 0, "reactive_import": 1}, {"import": 0, "reactive_import": 0}):
        assert "rating.power_factor.price" in held("power_factor_below = 0.9", kwh=kwh)


def month(back):
    number = 2026 * 12 - back
    return date(number // 12, number % 12 + 1, 1)


def test_the_mean_of_twelve_months():
    """6 now, 4 and 2 before, of which there is an entry; one thirteen months ago is gone."""
    carry = [("demand/x/all", month(back), kw * 10**6) for back, kw in ((1, 4), (11, 2), (12, 90))]
    body = component("demand", 'price = 1\nmean_of_months = 12\nproration = "none"')
    found = bill(body, kwh={"import": KW}, period=DAY, carry=carry)
    assert found.lines[0]["quantity"] == "4"
    assert [(row["at"], row["value"] // 10**6) for row in found.carry_out] == [
        ("2025-02-01", 2), ("2025-12-01", 4), ("2026-01-01", 6),
    ]  # fmt: skip


def test_the_month_counts_what_it_had_before():
    """An earlier span of January had 9 kW: the mean has 9, the carry keeps 9."""
    carry = [("demand/x/all", month(0), 9_000_000), ("demand/x/all", month(1), 3_000_000)]
    body = component("demand", 'price = 1\nmean_of_months = 2\nproration = "none"')
    found = bill(body, kwh={"import": KW}, period=DAY, carry=carry)
    assert found.lines[0]["quantity"] == "6"
    assert found.carry_out[-1]["value"] == 9_000_000


def test_a_ratchet_by_month():
    """100 % of last July's 8 and 50 % of November's 20: 10; December's 99 are left out."""
    rest = 'ratchet = { percent = 50, months = 11, by_month = { "7" = 100, "12" = 0 } }'
    carry = [("demand/x/all", month(back), kw * 10**6) for back, kw in ((6, 8), (2, 20), (1, 99))]
    body = component("demand", f'price = 1\n{rest}\nproration = "none"')
    found = bill(body, kwh={"import": KW}, period=DAY, carry=carry)
    assert found.lines[0]["quantity"] == "10"


RATCHET = "ratchet = { percent = 50, months = 3 }"
MEAN = "mean_of_months = 4"


def looking_back(rest, *carried, began):
    """January under a demand that looks back three months; `carried`: (months ago, kW)."""
    carry = [("demand/x/all", month(back), kw * 10**6) for back, kw in carried]
    body = component("demand", f'price = 1\nproration = "none"\n{rest}')
    return bill(body, kwh={"import": KW}, period=DAY, carry=carry, began=began)


@pytest.mark.parametrize("rest", [RATCHET, MEAN])
@pytest.mark.parametrize(
    ("began", "carried", "since"),
    [
        (date(2020, 5, 17), (), "2025-10"),
        (date(2020, 5, 17), ((2, 9), (1, 9)), "2025-10"),
        (date(2025, 11, 30), ((1, 9),), "2025-11"),
        (date(2025, 12, 31), (), "2025-12"),
    ],
)
def test_a_month_that_is_not_known_holds(rest, began, carried, since):
    """T15: October, November and December count, as far as the agreement had them."""
    found = looking_back(rest, *carried, began=began)
    assert [(row["code"], row["message"]) for row in found.findings] == [
        ("rating.history.missing", f"x looks back to {since}, of which no demand is known.")
    ]
    assert (found.lines, found.carry_out) == ([], [])
    alone = looking_back(f'{rest}\nlook_back = "known"', *carried, began=began)
    assert len(alone.lines) == 1


@pytest.mark.parametrize(
    ("began", "carried", "kw"),
    [
        (date(2020, 5, 17), ((3, 20), (2, 0), (1, 0)), "10"),
        (date(2025, 11, 30), ((2, 0), (1, 20)), "10"),
        (date(2026, 1, 1), (), "6"),
        (None, (), "6"),
        (date(2020, 5, 17), ((4, 50), (2, 20)), "10"),  # a bill over two months, its first known
        (date(2025, 11, 30), ((4, 50), (1, 20)), "10"),
    ],
)
def test_all_months_since_the_agreement_began_are_known(began, carried, kw):
    """6 kW now, 50 % of 20 in the months that count; 50 kW of September count nowhere."""
    found = looking_back(RATCHET, *carried, began=began)
    assert not found.findings
    assert [line["quantity"] for line in found.lines] == [kw]


@pytest.mark.parametrize(
    ("carried", "kept"),
    [
        (((5, 7), (4, 50), (2, 20)), [("2025-09", 50), ("2025-11", 20), ("2026-01", 6)]),
        (((5, 7), (4, 50), (3, 1)), [("2025-10", 1), ("2026-01", 6)]),
    ],
)
def test_the_newest_before_the_window_is_kept(carried, kept):
    """Where October has no entry, September's says that it is known; August's is forgotten."""
    found = looking_back(RATCHET, *carried, began=date(2020, 5, 17))
    assert [(row["at"][:7], row["value"] // 10**6) for row in found.carry_out] == kept


def test_each_bucket_is_known_by_itself():
    """The peak of October is there, that of the rest is not."""
    rest = f'price = 1\nproration = "none"\ncalendar = "c"\n{RATCHET}'
    rest = rest.replace("price = 1", "prices = { peak = 1, off = 1 }")
    carry = [("demand/x/peak", month(3), 10**6)]
    found = bill(TOU + component("demand", rest), kwh={"import": KW}, period=DAY, carry=carry,
                 began=date(2020, 1, 1))  # fmt: skip
    assert [row["message"] for row in found.findings] == [
        "x (off) looks back to 2025-10, of which no demand is known."
    ]


def test_a_component_at_rest_asks_for_nothing():
    """In January it is at rest: it is not held, and January is known as a month of nothing."""
    found = looking_back(f"{RATCHET}\nmonths = [6, 7]", began=date(2020, 1, 1))
    assert not found.findings
    assert [(row["at"], row["value"]) for row in found.carry_out] == [("2026-01-01", 0)]


@pytest.mark.parametrize(
    "rest", ['price = 1\nlook_back = "known"',
             'price = 1\nlook_back = "tariff"\nratchet = { percent = 50, months = 3 }']
)  # fmt: skip
def test_how_far_it_looks_is_said_where_it_looks(rest):
    """`look_back` stands beside a ratchet or a mean, and is one of two words."""
    with pytest.raises(InvalidDocument, match="look_back"):
        bill(component("demand", rest), period=DAY)


@pytest.mark.parametrize(
    ("least", "kw", "kept"),
    [("2.5", "5", 6), ("8", "6", 8), ('{ term = "floor" }', "5.5", 7)],
)
def test_each_month_counts_as_at_least(least, kw, kept):
    """Flanders: 6 kW now and 4 kW before; the floor goes into the month, not over the mean."""
    body = "[terms.floor]\n" + component(
        "demand", f'price = 1\nproration = "none"\nleast_measured = {least}\nmean_of_months = 2'
    )
    carry = [("demand/x/all", month(1), 4_000_000)]
    found = bill(body, kwh={"import": KW}, period=DAY, carry=carry, stated={"floor": "7"})
    assert found.lines[0]["quantity"] == kw
    assert found.carry_out[-1]["value"] == kept * 10**6


def test_a_floor_is_not_of_a_component_at_rest():
    """In January nothing is measured, and nothing counts as 2.5 kW."""
    rest = f"least_measured = 2.5\nmonths = [6]\n{RATCHET}"
    assert looking_back(rest, began=None).carry_out[-1]["value"] == 0


KVAR = np.full(24, 5_000_000)
"""5 kvar all day, beside 6 kW."""


@pytest.mark.parametrize(
    ("percent", "kvar"),
    [("50", "2"), ("61.97", "1.2818"), ("83.33333333", "0"), ("0", "5"), ("100", "0")],
)
def test_only_what_lies_above_a_part_of_the_kw(percent, kvar):
    """5 kvar less 50 % of 6 kW are 2; 61.97 % of 6 are 3.7182; of 83.33333333 % nothing is left."""
    body = component("demand", 'price = 1\nproration = "none"', "kw") + component(
        "demand", 'channel = "reactive_import"\nprice = 56.07\nproration = "none"\n'
        f'demand = "kw"\nabove_percent = {percent}'
    )  # fmt: skip
    found = bill(body, kwh={"import": KW, "reactive_import": KVAR}, period=DAY)
    mine = [(x["quantity"], x["unit"]) for x in found.lines if x["component"] == "x"]
    assert mine == ([(kvar, "kvar")] if kvar != "0" else [])


def test_a_contract_of_each_bucket():
    """Peak: 6 kW, 4 agreed, 105 % are 4.2: 1.8 above. Off: 6 kW of 7, the agreement says so."""
    body = "[terms.night]\n" + TOU + component(
        "demand", 'calendar = "c"\nprices = { peak = 10, off = 2 }\nproration = "none"\n'
        'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
        'excess_reading = "above_contract"\ncontracts = { peak = 4, off = { term = "night" } }'
    )  # fmt: skip
    body += component(
        "demand", 'price = 1\nproration = "none"\nbasis = "billed"\ndemand = "x"', "y"
    )
    found = bill(body, kwh={"import": KW}, period=DAY, stated={"night": "7"})
    assert not found.findings
    keys = ("component", "bucket", "quantity", "price", "amount")
    assert [tuple(line[key] for key in keys) for line in found.lines] == [
        ("x", "peak/contract", "4", "10", "40"), ("x", "peak/excess", "1.8", "20", "36"),
        ("x", "off/contract", "7", "2", "14"), ("y", "", "7", "1", "7"),
    ]  # fmt: skip


CONTRACT = (
    'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\nexcess_reading = "above_contract"\n'
)


@pytest.mark.parametrize(
    ("rest", "what"),
    [
        ("price = 1\nabove_percent = 10", "demand"),
        ('price = 1\nabove_percent = 10\ndemand = "x"', "demand"),
        ('price = 1\nabove_percent = -1\ndemand = "kw"', "above_percent"),
        ('price = 1\ndemand = "kw"', "demand"),
        ("price = 1\ncontracts = { peak = 1 }", "contracts"),
        (f"price = 1\n{CONTRACT}contracts = {{ peak = 1 }}", "contracts"),
        (f'{CONTRACT}calendar = "c"\nprices = {{ peak = 1, off = 1 }}', "contracts"),
        (f'{CONTRACT}calendar = "c"\nprices = {{ peak = 1, off = 1 }}\ncontracts = {{ peak = 1 }}',
         "contracts.off"),
        (f'{CONTRACT}calendar = "c"\nprices = {{ peak = 1, off = 1 }}\n'
         "contracts = { peak = 1, off = 1, mid = 1 }", "contracts.mid"),
        (f"price = 1\n{CONTRACT}least_measured = 1", "least_measured"),
        (f'price = 1\n{CONTRACT}above_percent = 1\ndemand = "kw"', "above_percent"),
        ('price = 1\nbasis = "billed"\ndemand = "kw"\nleast_measured = 1', "least_measured"),
    ],
)  # fmt: skip
def test_keys_of_demand_that_do_not_go_together(rest, what):
    """Each is refused with its place."""
    body = TOU + component("demand", "price = 1", "kw") + component("demand", rest)
    with pytest.raises(InvalidDocument, match=what.replace(".", r"\.")):
        bill(body, period=DAY)


@pytest.mark.parametrize(("per", "factor"), [("day", "1"), ("month", "1/31"), ("year", "1/365")])
def test_a_price_per_day_month_or_year(per, factor):
    """One day of January."""
    assert demand(f'per = "{per}"', kwh=KW, step=3600)[0][3] == factor


def test_a_contract_is_raised_to_the_capacity():
    """40 % of 20 kVA are 8 kW, more than the contract of 5; 105 % of 8 are enough for 6."""
    rest = (
        'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\nleast_of_capacity = 40\n'
        'excess_reading = "above_contract"\nproration = "none"'
    )
    terms = {"contract_ukw": 5_000_000, "capacity_ukva": 20_000_000}
    assert demand(rest, kwh=KW, step=3600, terms=terms) == [("contract", "8", "kW", "1")]
    small = {"contract_ukw": 5_000_000, "capacity_ukva": 1_000_000}
    assert [x[:2] for x in demand(rest, kwh=KW, step=3600, terms=small)] == [
        ("contract", "5"), ("excess", "0.75"),
    ]  # fmt: skip


def test_an_excess_price_of_the_agreement():
    """1.5 times 0.00000002 is whole in the eighth decimal, 1.5 times 0.00000001 is not."""
    rest = (
        'price = { term = "deal" }\nbasis = "contract"\nexcess_over = 100\nexcess_factor = 1.5\n'
        'excess_reading = "above_contract"\nproration = "none"\n'
        'rounding = { places = 8, mode = "half_up" }'
    )
    body = "[terms.deal]\n" + component("demand", rest)
    options = {"kwh": {"import": KW}, "period": DAY, "terms": {"contract_ukw": 1_000_000}}
    found = lines(body, stated={"deal": "0.00000002"}, **options)
    assert found[1][1:4] == ("excess", "5", "0.00000003")
    found = bill(body, stated={"deal": "0.00000001"}, **options)
    assert [row["code"] for row in found.findings] == ["rating.term.range"]


LOOKS_BACK = component(
    "demand", 'price = 0\nproration = "none"\nratchet = { percent = 50, months = 11 }', "all"
)


def of_another(rest, *, first=LOOKS_BACK, **options):
    """Lines of `x` at 2, whose demand is that of `all`."""
    body = first + component(
        "demand", f'basis = "billed"\ndemand = "all"\nproration = "none"\n{rest}'
    )
    found = bill(body, kwh={"import": QUARTERS}, period=DAY, step=900, **options)
    assert not found.findings, found.findings
    keys = ("bucket", "quantity", "unit", "price", "factor")
    return [tuple(line[key] for key in keys) for line in found.lines if line["component"] == "x"]


def test_the_demand_of_another_component():
    """6 kW of 01:00 are below half of July's 18, 9 kW: these are priced here, by tiers, too."""
    carry = [("demand/all/all", date(2025, 7, 1), 18_000_000)]
    assert of_another("price = 2", carry=carry) == [("", "9", "kW", "2", "1")]
    tiers = "tiers = [{ upto = 4, price = 2 }, { price = 3 }]"
    assert of_another(tiers, carry=carry) == [
        ("tier-1", "4", "kW", "2", "1"), ("tier-2", "5", "kW", "3", "1"),
    ]  # fmt: skip
    assert of_another('price = 2\nper = "day"') == [("", "6", "kW", "2", "1")]
    assert of_another("price = 2\nmonths = [7]") == []


def test_the_demand_of_another_that_is_at_rest_or_has_buckets():
    """In January one of July bills nothing; of two buckets the larger one counts."""
    assert (
        of_another("price = 2", first=LOOKS_BACK.replace("price = 0", "price = 0\nmonths = [7]"))
        == []
    )
    calendar = 'calendar = "c"\nprices = { peak = 1, off = 1 }\nproration = "none"'
    first = TOU + component("demand", calendar, "all")
    assert of_another("price = 2", first=first) == [("", "6", "kW", "2", "1")]


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("", "Is required with basis"),
        ('demand = "all"\nwindow_min = 15', "Has a meaning only where a component measures"),
        ('demand = "all"\nratchet = { percent = 5, months = 1 }', "Has a meaning only where"),
        ('demand = "no"', "'no' is no component of the shape `demand`"),
        ('demand = "x"', "'x' measures no demand"),
        ('demand = "y"', "Components that do are all."),
    ],
)
def test_demands_of_another_that_are_refused(rest, message):
    """It measures nothing itself, and names one that does."""
    y = component("demand", 'price = 1\nbasis = "billed"\ndemand = "all"', "y")
    body = LOOKS_BACK + y + component("demand", f'price = 1\nbasis = "billed"\n{rest}')
    with pytest.raises(InvalidDocument) as caught:
        bill(body, period=DAY)
    assert message in caught.value.message
