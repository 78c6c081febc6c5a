"""The second opinion: rolling windows, means of the largest, apparent power, what is at least."""

import pytest
from reference_cases import KWH, case, dial, document, held, lines, rate, register_case

JUNE = ("2026-06-01", "2026-07-01")
DAY = ("2026-06-01", "2026-06-02")
TOU = (
    '[[calendars.tou.rules]]\nbucket="peak"\nhours=["08:00-12:00"]\n'
    '[[calendars.tou.rules]]\notherwise="off"\n'
)


def demand(more="", price="price = 1"):
    return f'[[components]]\nid = "d"\nshape = "demand"\nproration = "none"\n{price}\n{more}\n'


def quarters(**kwh):
    """Energy of single quarters of an hour of 1 June, `h0830=1.5`, in kWh; else nothing."""
    return lambda clock: int(kwh.get(f"h{clock:%H%M}", 0) * KWH) if clock.day == 1 else 0


def of_day(toml, value, days=DAY, **more):
    return case(toml, *days, step=900, **({"import": value} | more))


def kw(toml, value, **more):
    """(bucket, quantity) of each line."""
    return [line[1:3] for line in lines(of_day(toml, value, **more), toml)]


# ------------------------------------------------------------------ windows


@pytest.mark.parametrize(
    ("more", "billed"),
    [
        # 1 + 2 kWh around 09:00 and 2.5 at 15:30
        ("window_min = 60", "2.5"),  # 08-09: 1, 09-10: 2, 15-16: 2.5
        ("window_min = 30", "5"),  # 2.5 in half an hour
        ("window_min = 60\nrolling_min = 15", "3"),  # 08:15-09:15 has 1 + 2
        ("window_min = 60\nrolling_min = 30", "3"),  # 08:30-09:30, too
        ("window_min = 60\nrolling_min = 60", "2.5"),
    ],
)
def test_windows_that_roll(more, billed):
    """A peak across the edge of two windows is seen by those that roll."""
    value = quarters(h0845=1, h0900=2, h1530=2.5)
    assert kw(document(demand(more)), value) == [("", billed)]


def test_rolling_windows_past_midnight():
    """1 kWh at 23:45 and 2 at 00:00: 3 in the hour around midnight; at the end of the span only
    windows that end within it count."""

    def value(clock):
        return {(1, 2345): KWH, (2, 0): 2 * KWH}.get(
            (clock.day, clock.hour * 100 + clock.minute), 0
        )

    toml = document(demand("window_min = 60\nrolling_min = 15"))
    days = ("2026-06-01", "2026-06-03")
    assert kw(toml, value, days=days) == [("", "3")]
    assert kw(toml, value) == [("", "1")]
    # two spans: 1, then 2
    given = case(toml, "2026-06-01", "2026-06-02", "2026-06-03", step=900, **{"import": value})
    assert [line[2] for line in lines(given, toml)] == ["1", "2"]


def test_rolling_windows_and_buckets():
    """1 at 07:45 and 2 at 08:00: no window of both lies in a bucket: peak 2, off 1; none is held.
    With months the same."""
    value = quarters(h0745=1, h0800=2)
    toml = document(
        demand('calendar="tou"\nwindow_min=60\nrolling_min=15', "prices={peak=1, off=1}"), extra=TOU
    )
    assert kw(toml, value) == [("peak", "2"), ("off", "1")]

    def turn(clock):
        return KWH if (clock.month, clock.hour) in ((6, 23), (7, 0)) else 0

    toml = document(demand("months = [7]\nwindow_min = 120\nrolling_min = 60"))
    given = case(toml, "2026-06-30", "2026-07-02", **{"import": turn})
    assert [line[2] for line in lines(given, toml)] == ["0.5"]


def test_rolling_windows_need_a_grid():
    """Hours do not divide a step of 15 minutes."""
    toml = document(demand("window_min = 60\nrolling_min = 15"))
    assert held(case(toml, *DAY, **{"import": KWH}), toml) == "rating.demand.window"


def test_a_rolling_window_on_a_day_of_25_hours():
    """Lisbon, 25 October: every hour lasts an hour; 01:30 comes twice, 1 kWh each: two windows of
    an hour, never one."""

    def value(clock):
        return KWH if (clock.hour, clock.minute) == (1, 30) else 0

    toml = document(demand("window_min = 60\nrolling_min = 15"), zone="Europe/Lisbon")
    given = case(
        toml, "2026-10-25", "2026-10-26", zone="Europe/Lisbon", step=900, **{"import": value}
    )
    assert lines(given, toml)[0][2] == "1"


@pytest.mark.parametrize(
    ("more", "billed"),
    [
        # hours of 4, 3, 2, 1 kWh on 1 June and 3.5 on 2 June
        ("top = 1", "4"),
        ("top = 3", "3.5"),  # 4, 3.5, 3
        ("top = 3\ndistinct_days = true", "2.5"),  # 4, 3.5, 0 of the three days
        ("top = 2\ndistinct_days = true", "3.75"),
        ("top = 100", "0.1875"),  # 13.5 of 72
        ('measure = "mean"', "0.1875"),
    ],
)
def test_the_mean_of_the_largest(more, billed):
    """Of all windows, or one of each day; of all there are, if they are fewer."""
    values = {(1, 5): 4, (1, 6): 3, (1, 7): 2, (1, 8): 1, (2, 5): 3.5}

    def value(clock):
        return int(values.get((clock.day, clock.hour), 0) * KWH)

    toml = document(demand(more))
    given = case(toml, "2026-06-01", "2026-06-04", **{"import": value})
    assert lines(given, toml)[0][2] == billed


def test_a_mean_rounds_half_even():
    """0.000001 and 0.000002 kW: 0.0000015 -> 0.000002; 0.000002 and 0.000003 -> 0.000002."""
    for low in (1, 2):

        def value(clock, low=low):
            return {5: low, 6: low + 1}.get(clock.hour, 0)

        toml = document(demand("top = 2"))
        assert lines(case(toml, *DAY, **{"import": value}), toml)[0][2] == "0.000002"


def test_the_mean_of_called_hours():
    """The hours of two coincident peaks: 4 and 1 kW: 2.5; without an event 0, no line."""
    cp = (
        '[events.cp]\n[[calendars.cp.rules]]\nbucket="cp"\nevent="cp"\n'
        '[[calendars.cp.rules]]\notherwise="off"\n'
    )
    body = demand('calendar="cp"\nmeasure="mean"', "prices={cp=1, off=0}")
    toml = document(body, extra=cp)
    times = [[f"2026-06-01T{a:02}:00:00Z", f"2026-06-01T{a + 1:02}:00:00Z"] for a in (5, 8)]

    def value(clock):
        return {5: 4, 8: 1}.get(clock.hour, 0) * KWH

    given = case(toml, *DAY, events={"cp": times}, **{"import": value})
    assert [line[1:3] for line in lines(given, toml)] == [("cp", "2.5")]
    given = case(toml, *DAY, events={"cp": []}, **{"import": value})
    assert [line[1] for line in lines(given, toml)] == ["off"]


def test_apparent_power():
    """3 kW and 1 + 3 kvar: 5 kVA; one reactive channel: √(9 + 1) = 3.16227766 -> 3.162278."""
    toml = document(demand('power = "apparent"'))
    given = case(toml, *DAY, reactive_import=KWH, reactive_export=3 * KWH, **{"import": 3 * KWH})
    (line,) = rate(given, toml)["lines"]
    assert (line["quantity"], line["unit"]) == ("5", "kVA")
    given = case(toml, *DAY, reactive_import=KWH, **{"import": 3 * KWH})
    assert lines(given, toml)[0][2] == "3.162278"
    assert held(case(toml, *DAY, **{"import": KWH}), toml) == "rating.quantity.missing"
    toml = document(demand('power = "active"'))
    assert lines(case(toml, *DAY, **{"import": KWH}), toml)[0][2] == "1"


def test_apparent_power_is_rounded_once():
    """Quarters of 0.1 kWh and 0.1 kvarh: √0.02 x 4 = 0.5656854249… -> 0.565685."""
    toml = document(demand('power = "apparent"'))
    value = quarters(h0800=0.1)
    given = of_day(toml, value, reactive_import=value)
    assert lines(given, toml)[0][2] == "0.565685"
    finer = case(toml, *DAY, step=1800, reactive_import=0)["channels"]
    given["channels"] |= finer
    assert held(given, toml) == "rating.demand.window"


def test_dials_know_the_largest_alone():
    """No rolling, no mean, no apparent power from dials."""
    dials = [dial([(DAY[0], 0), (DAY[1], 5)], kind="demand")]
    for more in (
        "window_min = 60\nrolling_min = 15", "top = 2", 'measure = "mean"', 'power = "apparent"',
    ):  # fmt: skip
        toml = document(demand(more))
        assert held(register_case(toml, *DAY, dials=dials), toml) == "rating.demand.register"
    toml = document(demand("window_min = 60"))
    assert lines(register_case(toml, *DAY, dials=dials), toml)[0][2] == "5"


# ------------------------------------------------------------ what is at least


@pytest.mark.parametrize(
    ("more", "billed"),
    [
        # measured 5; contract 20, capacity 30
        ("least_of_contract = 40", "8"),
        ("least_of_contract = 10", "5"),
        ("least_of_capacity = 33.33333333", "10"),  # 9.999999999 half even
        ("least_of_contract = 40\nleast_of_capacity = 40", "12"),
        ("minimum_kw = { term = 'floor' }", "6.5"),
        ("minimum_kw = 7\nround_kw = { places = 0, mode = 'up' }", "7"),
    ],
)
def test_the_billed_demand_is_at_least(more, billed):
    """Percentages of the contract and the capacity, a minimum from the agreement."""
    toml = document(demand(more), extra="[terms.floor]\n")
    given = case(
        toml, *DAY, contract=20 * KWH, capacity=30 * KWH, terms={"floor": "6.5"},
        **{"import": 5 * KWH},
    )  # fmt: skip
    assert lines(given, toml)[0][2] == billed


def test_demand_without_what_it_needs():
    """No contract, no capacity: held."""
    for key in ("contract", "capacity"):
        toml = document(demand(f"least_of_{key} = 50"))
        assert held(case(toml, *DAY, **{"import": KWH}), toml) == "rating.term.missing"


def test_more_demand_for_a_low_power_factor():
    """5 kW at 0.80 where 0.90 is asked: 5 x 0.9 / 0.8 = 5.625; at 0.90 and above nothing. The
    minimum comes after it, the ratchet, too."""
    toml = document(demand("power_factor_below = 0.90"))

    def billed(kvarh, toml=toml, **more):
        given = case(toml, *DAY, reactive_import=kvarh, **({"import": 5 * KWH} | more))
        return lines(given, toml)[0][2]

    assert billed(3_750_000) == "5.625"
    # tan = 0.4843…: 0.90
    assert billed(2_400_000) == "5"
    assert (
        billed(3_750_000, document(demand("power_factor_below = 0.90\nminimum_kw = 5.7"))) == "5.7"
    )
    assert held(case(toml, *DAY, **{"import": KWH}), toml) == "rating.quantity.missing"
    given = case(toml, *DAY, reactive_import=KWH, **{"import": 0})
    assert held(given, toml) == "rating.price.missing"
    given = case(toml, *DAY, reactive_import=1000 * KWH, **{"import": KWH})
    assert held(given, toml) == "rating.price.missing"  # 0.001 rounds to 0.00


def carried(*months):
    """Demands of months of 2026, in kW."""
    return [("demand/d/all", f"2026-{m:02}-01", kw * KWH) for m, kw in months]


@pytest.mark.parametrize(
    ("carry", "billed"),
    [
        ((), "6"),
        (((5, 9),), "7.5"),
        (((5, 9), (4, 3)), "6"),
        (((5, 9), (3, 100)), "7.5"),  # three months back is too far
        (((6, 10), (5, 8)), "9"),  # carry has 10 for this month already
    ],
)
def test_the_mean_of_months(carry, billed):
    """This month's 6 and those of the two before, of which there is an entry."""
    toml = document(demand("mean_of_months = 3"))
    given = case(toml, *JUNE, carry=carried(*carry), **{"import": 6 * KWH})
    assert lines(given, toml)[0][2] == billed


def test_the_mean_of_months_carries_what_was_measured():
    """6 is handed on, not the mean; May is kept, March is beyond; without both nothing is."""
    toml = document(demand("mean_of_months = 3"))
    given = case(toml, *JUNE, carry=carried((5, 9), (4, 7), (3, 5)), **{"import": 6 * KWH})
    assert [(e["at"], e["value"] // KWH) for e in rate(given, toml)["carry_out"]] == [
        ("2026-04-01", 7), ("2026-05-01", 9), ("2026-06-01", 6),
    ]  # fmt: skip


def test_a_ratchet_by_month():
    """80 % of 10 in May is 8; January's 9 counts in full: 9; December's 100 not at all."""
    ratchet = 'ratchet = { percent = 80, months = 11, by_month = { "1" = 100, "12" = 0 } }'
    toml = document(demand(ratchet))
    carry = [*carried((5, 10), (1, 9)), ("demand/d/all", "2025-12-01", 100 * KWH)]
    given = case(toml, *JUNE, carry=carry, **{"import": 6 * KWH})
    assert lines(given, toml)[0][2] == "9"
    toml = document(demand(ratchet.replace("100", "50")))
    given = case(toml, *JUNE, carry=carry, **{"import": 6 * KWH})
    assert lines(given, toml)[0][2] == "8"


def test_a_month_that_counts_in_part():
    """60 % of June's 6 is 3.6, before the minimum of 3.7 and 50 % of May's 8; carry keeps 6; July
    counts in full."""
    ratchet = 'ratchet = { percent = 50, months = 1, current_by_month = { "6" = 60 } }'
    for more, billed in (("", "3.6"), ("minimum_kw = 3.7", "3.7")):
        toml = document(demand(f"{ratchet}\n{more}"))
        given = case(toml, *JUNE, **{"import": 6 * KWH})
        assert lines(given, toml)[0][2] == billed
        assert rate(given, toml)["carry_out"][0]["value"] == 6 * KWH
    toml = document(demand(ratchet))
    given = case(toml, *JUNE, carry=carried((5, 8)), **{"import": 6 * KWH})
    assert lines(given, toml)[0][2] == "4"
    given = case(toml, "2026-07-01", "2026-07-02", **{"import": 6 * KWH})
    assert lines(given, toml)[0][2] == "6"


@pytest.mark.parametrize(
    ("per", "factor", "amount"),
    [("month", "1/3", "2"), ("day", "10", "60"), ("year", "2/73", "0.16")],
)
def test_demand_by_month_day_and_year(per, factor, amount):
    """6 kW for 10 days at 1: 6 x 10/30; x 10; x 10/365 = 0.164…"""
    toml = document(demand(f'per = "{per}"').replace('proration = "none"\n', ""))
    given = case(toml, "2026-06-01", "2026-06-11", **{"import": 6 * KWH})
    assert lines(given, toml)[0][4:] == (factor, amount)


def test_a_contract_raised_to_the_capacity():
    """Contract 4, capacity 20, 40 %: C = 8; M = 9 > 105 % of 8 = 8.4: excess 0.6 at double."""
    contract = (
        'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
        'excess_reading = "above_contract"\nleast_of_capacity = 40'
    )
    toml = document(demand(contract))
    given = case(toml, *DAY, contract=4 * KWH, capacity=20 * KWH, **{"import": 9 * KWH})
    assert [line[1:] for line in lines(given, toml)] == [
        ("contract", "8", "1", "1", "8"), ("excess", "0.6", "2", "1", "1.2"),
    ]  # fmt: skip


def test_the_price_of_an_excess_has_eight_decimals():
    """0.00000001 x 1.5: refused as a number, held as a term."""
    contract = (
        'basis = "contract"\nexcess_over = 105\nexcess_factor = 1.5\n'
        'excess_reading = "above_contract"'
    )
    toml = document(demand(contract, "price = 0.00000001"))
    given = case(toml, *DAY, contract=4 * KWH, **{"import": KWH})
    assert held(given, toml) == "rating.tariff.invalid"
    toml = document(demand(contract, "price = { term = 'p' }"), extra="[terms.p]\n")
    given = case(toml, *DAY, contract=4 * KWH, terms={"p": "0.00000001"}, **{"import": KWH})
    assert held(given, toml) == "rating.term.range"
    given = case(toml, *DAY, contract=4 * KWH, terms={"p": "0.5"}, **{"import": KWH})
    assert lines(given, toml)[0][-1] == "2"


@pytest.mark.parametrize(
    "more",
    [
        "rolling_min = 15",
        "window_min = 60\nrolling_min = 7",
        "window_min = 60\nrolling_min = 40",
        "top = 0",
        'top = 2\nmeasure = "mean"',
        'measure = "median"',
        "distinct_days = true",
        'power = "reactive"',
        'per = "hour"',
        "mean_of_months = 1",
        "ratchet = { percent = 80, months = 3, by_month = { \"13\" = 1 } }",
        "ratchet = { months = 3 }",
        "ratchet = { percent = 101, months = 3 }",
        "ratchet = { percent = 80, months = 37 }",
        'ratchet = { percent = 80, months = 3, by_month = { "1" = 101 } }',
        "mean_of_months = 3\nratchet={percent=80, months=3, current_by_month={\"1\"=60}}",
        "mean_of_months = 37",
        "top = 101",
        "power_factor_below = 1.01",
        "excess_over = 105",
        'basis = "contract"\nexcess_over = 105\nexcess_factor = 1\n'
        'excess_reading = "above_contract"\nleast_of_contract = 1',
    ],
)  # fmt: skip
def test_demands_that_are_refused(more):
    """Keys that do not go together, windows that do not divide the day."""
    toml = document(demand(more))
    given = case(toml, *DAY, contract=KWH, **{"import": KWH})
    assert held(given, toml) == "rating.tariff.invalid"


def test_the_demand_of_another():
    """Half of May's 20 is 10: at 2, by tiers, and nothing where the other is at rest."""
    first = demand("ratchet = { percent = 50, months = 1 }", price="price = 0")
    other = '[[components]]\nid = "e"\nshape = "demand"\nbasis = "billed"\ndemand = "d"\n'
    other += 'proration = "none"\n'

    def of_june(first, rest):
        toml = document(other + rest + "\n" + first)
        given = case(toml, *JUNE, carry=carried((5, 20)), **{"import": 6 * KWH})
        return [line[1:] for line in lines(given, toml) if line[0] == "e"]

    assert of_june(first, "price = 2") == [("", "10", "2", "1", "20")]
    assert of_june(first, "tiers = [{ upto = 4, price = 2 }, { price = 3 }]") == [
        ("tier-1", "4", "2", "1", "8"), ("tier-2", "6", "3", "1", "18"),
    ]  # fmt: skip
    assert of_june(first + "months = [7]\n", "price = 2") == []


@pytest.mark.parametrize(
    "more",
    [
        'basis = "billed"',
        'demand = "d"',
        'basis = "billed"\ndemand = "e"',
        'basis = "billed"\ndemand = "f"',
        'basis = "billed"\ndemand = "d"\nwindow_min = 60',
        'basis = "billed"\ndemand = "d"\nratchet = { percent = 50, months = 1 }',
        'basis = "billed"\ndemand = "d"\nchannel = "import"',
    ],
)
def test_demands_of_another_that_are_refused(more):
    """It measures nothing itself, and names one that does."""
    other = demand(more).replace('"d"\nshape', '"e"\nshape')
    third = demand('basis = "billed"\ndemand = "d"').replace('"d"\nshape', '"f"\nshape')
    toml = document(demand() + other + third)
    assert held(case(toml, *DAY, **{"import": KWH}), toml) == "rating.tariff.invalid"
