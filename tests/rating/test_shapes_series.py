"""Energy at prices by time, netted by interval or hour, with losses and parts: by hand."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from rating_world import header
from shape_world import TOU, bill, component, lines

from gridtally.market import Events, Market, Series
from gridtally.metering.resolutions import Stretch, _why_not, unfit
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.rating.tariff import load
from gridtally.tables import SPANS, table

DAY = Period(date(2026, 1, 1), date(2026, 1, 2))
START, END = zone_of("UTC").bounds(DAY)
HOUR = 3600
SPOT = '[series.spot]\nper = "MWh"\n'


def spot(*steps, start=START, to=END):
    """Steps of a series from the first hour on: (hour, price per MWh, or None)."""
    starts = tuple(start + hour * HOUR for hour, _ in steps)
    values = tuple(None if price is None else Decimal(price) for _, price in steps)
    return Market(series={"spot": Series(starts, values, to)})


STEPS = spot((0, "50"), (1, "-20.5"), (2, "100"))
KWH = np.array([1_500_000, 2_000_000, *[1_000_000] * 22])
"""1.5 kWh at 50, 2 at -20.5, 22 at 100 per MWh: 0.075 - 0.041 + 2.2 = 2.234 for 25.5 kWh."""


def series(rest, *, kwh=None, market=STEPS, head=None, more="", **options):
    body = SPOT + more + component("energy", f'channel = "import"\nseries = "spot"\n{rest}')
    found = lines(
        body, kwh=kwh or {"import": KWH}, market=market, period=DAY, head=head or {"places": 4},
        **options,
    )  # fmt: skip
    return [line for line in found if line[0] != "rounding"]


def held(body, **options):
    found = bill(body, period=DAY, **options)
    assert not found.lines
    return {row["code"] for row in found.findings}


@pytest.mark.parametrize(
    ("rest", "price", "amount"),
    [
        ("", "0.08760784", "2.234"),
        ("times = 1.1", "0.09636863", "2.4574"),
        ("plus = 0.01", "0.09760784", "2.489"),  # 25.5 kWh x 0.01 more
        ("times = 2\nplus = 0.01", "0.18521569", "4.723"),  # times first, then plus
        ("floor = 0", "0.08921569", "2.275"),  # 0.075 + 0 + 2.2
        ("cap = 0.06", "0.05309804", "1.354"),  # 0.075 - 0.041 + 22 x 0.06
        # -0.0205 rounds to -0.02: 0.075 - 0.04 + 2.2
        ('round_price = { places = 2, mode = "half_even" }', "0.08764706", "2.235"),
        ('round_each = { places = 2, mode = "half_up" }', "0.08784314", "2.24"),
        ("times = -1\nplus = 0.05\nnegative = true", "-0.03760784", "-0.959"),
    ],
)
def test_prices_by_the_hour(rest, price, amount):
    """Each hour at its own price: times, plus, floor and cap, roundings, in this order."""
    assert series(rest) == [("x", "", "25.5", price, "1", amount)]


def test_each_product_is_rounded():
    """0.075 is 0.08, -0.041 is -0.04, 0.1 twenty-two times: 2.24."""
    rest = 'round_each = { places = 2, mode = "half_up" }'
    assert series(rest)[0][5] == "2.24"


def test_a_calendar_sorts_the_lines():
    """Hours 8 to 20: 12 kWh at 100; the rest 13.5 kWh for 0.034 + 10 x 0.1 = 1.034."""
    found = series('calendar = "c"', more=TOU)
    assert [(x[1], x[2], x[3], x[5]) for x in found] == [
        ("peak", "12", "0.1", "1.2"), ("off", "13.5", "0.07659259", "1.034"),
    ]  # fmt: skip


def test_the_price_of_a_term():
    """`plus` of the agreement: 2.234 + 25.5 x 0.02 = 2.744."""
    found = series('plus = { term = "margin" }', more="[terms.margin]\n", stated={"margin": "0.02"})
    assert found[0][5] == "2.744"


def test_a_price_without_its_term_holds():
    """`times` of the agreement, which does not state it."""
    body = SPOT + "[terms.margin]\n" + component(
        "energy", 'channel = "import"\nseries = "spot"\ntimes = { term = "margin" }'
    )  # fmt: skip
    assert "rating.term.missing" in held(body, market=STEPS)
    assert "rating.term.range" in held(body, market=STEPS, stated={"margin": "-1"})


def test_costs_are_exact_far_beyond_63_bits():
    """19 decimals of price on 99 999 999.999999 kWh, as Python's integers say it."""
    energy = np.zeros(24, np.int64)
    energy[0] = 99_999_999_999_999
    market = spot((0, "999999.99999999"))
    rest = "times = 1.00000001\nplus = 0.00000003"
    found = series(rest, kwh={"import": energy}, market=market, head={"places": 8})
    exact = 99_999_999_999_999 * (99_999_999_999_999 * 100_000_001 + 3 * 10**11)
    cents = (exact + 5 * 10**16) // 10**17  # from 10^-25 to 10^-8, half up
    assert found[0][5] == f"{cents // 10**8}.{cents % 10**8:08}".rstrip("0").rstrip(".")


@pytest.mark.parametrize(
    ("market", "code"),
    [
        (Market(), "rating.series.missing"),
        (spot((0, "50"), (5, None), (6, "50")), "rating.series.missing"),
        (spot((0, "50"), to=END - HOUR), "rating.series.missing"),
        (spot((0, "50"), start=START + HOUR), "rating.series.missing"),
        (spot((0, "50"), (0.5, "60")), "rating.series.finer"),
    ],
)
def test_prices_that_are_not_known_hold(market, code):
    """No series, an hour without a value, one that ends or begins too late, half an hour."""
    body = SPOT + component("energy", 'channel = "import"\nseries = "spot"')
    assert code in held(body, market=market, kwh={"import": 0})


def test_a_price_is_needed_only_where_it_is_billed():
    """In a component of July nothing is asked in January."""
    body = SPOT + component("energy", 'channel = "import"\nseries = "spot"\nmonths = [7]')
    body += component("fixed", 'per = "month"\nprice = 1', "f")
    assert [line[0] for line in lines(body, period=DAY)] == ["f"]


def test_a_credit_at_market_prices():
    """What is fed in, paid at the hour's price: 2.234 to the customer."""
    body = SPOT + component("energy", 'channel = "export"\nseries = "spot"\ncredit = true')
    found = lines(body, kwh={"export": KWH}, market=STEPS, period=DAY, head={"places": 4})
    assert found[0][5] == "-2.234"


def test_losses_share_the_price_of_the_energy():
    """10 % more energy at the same mean price: 2.234 x 28.05 / 25.5 = 2.4574."""
    found = series("loss_factor = 1.1")
    assert found == [("x", "", "28.05", "0.08760784", "1", "2.4574")]
    more = '[losses.iron]\nadds_to = "import"\nper_month = 31\n'
    assert "rating.series.missing" in held(
        more + SPOT + component("energy", 'channel = "import"\nseries = "spot"\nlosses = ["iron"]'),
        kwh={"import": 0}, market=STEPS,
    )  # fmt: skip


# ------------------------------------------------------------------- netting

IMPORT = np.array([3, 0, 1, 2] + [0] * 20) * 10**6
EXPORT = np.array([1, 2, 0, 2] + [0] * 20) * 10**6


def half(values):
    """Half-hours: the first half of each hour takes all of it."""
    return np.stack([values, np.zeros_like(values)], axis=1).ravel()


@pytest.mark.parametrize(
    ("channel", "netting", "quantity"),
    [("import", "interval", "3"), ("export", "interval", "2"), ("import", "hour", "3")],
)
def test_what_is_left_of_an_hour(channel, netting, quantity):
    """3 - 1, 1 - 0 and 2 - 2 of import; 2 - 0 of export."""
    body = component("energy", f'channel = "{channel}"\nprice = 1\nnetting = "{netting}"')
    found = lines(body, kwh={"import": IMPORT, "export": EXPORT}, period=DAY)
    assert found == [("x", "", quantity, "1", "1", quantity)]


@pytest.mark.parametrize(("netting", "quantity"), [("interval", "6"), ("hour", "3")])
def test_an_hour_nets_what_its_half_hours_do_not(netting, quantity):
    """Import in the first half, export in the second: an hour nets them, half an hour does not."""
    kwh = {"import": half(IMPORT), "export": np.roll(half(EXPORT), 1)}
    body = component("energy", f'channel = "import"\nprice = 1\nnetting = "{netting}"')
    assert lines(body, kwh=kwh, period=DAY, step=1800)[0][2] == quantity


def test_netted_energy_at_the_prices_of_the_hours():
    """2 kWh at 50 and 1 kWh at 100 per MWh: 0.2."""
    found = series('netting = "interval"', kwh={"import": IMPORT, "export": EXPORT})
    assert found == [("x", "", "3", "0.06666667", "1", "0.2")]


def test_netting_needs_both_channels_and_no_reading_below_zero():
    """Without export, or with one of -1, the segment is held."""
    body = component("energy", 'channel = "import"\nprice = 1\nnetting = "interval"')
    assert "metering.determinant.incomplete" in held(body)
    export = EXPORT.copy()
    export[5] = -1
    assert "rating.quantity.negative" in held(body, kwh={"import": IMPORT, "export": export})


def test_a_bank_of_energy_is_paid_on_its_day():
    """310 less 400 and 10 kept before: 100 kWh at 0.03; half a month keeps them."""
    body = component(
        "energy",
        'channel = "import"\nprice = 1\nnetting = "month"\n'
        'true_up = { on = "02-01", price = 0.03 }',
    )
    options = {"kwh": {"export": 400}, "carry": [("bank/x/all", date(2026, 1, 1), 10_000_000)]}
    found = bill(body, **options)
    assert [(x["bucket"], x["quantity"], x["amount"]) for x in found.lines] == [
        ("true-up", "100", "-3")
    ]
    assert found.carry_out[0]["value"] == 0
    half_month = bill(body, period=Period(date(2026, 1, 1), date(2026, 1, 17)), **options)
    assert not half_month.lines
    assert half_month.carry_out[0]["value"] == 100_000_000


# -------------------------------------------------------------- losses, parts


def loss(rest, to="import"):
    return f'[losses.l]\nadds_to = "{to}"\n{rest}\n'


BILLED = component("energy", 'channel = "import"\nprice = 1\nlosses = ["l"]')


@pytest.mark.parametrize(
    ("rest", "lost"),
    [
        # T = 24 h; P = 24, Q = 32: P² + Q² = 1600 kWh²
        ("no_load = 0.5", "12"),
        ("no_load = 0.5\nhours_per_day = 12", "6"),
        ("no_load_percent = 2", "24"),  # 2 % of 50 kVA = 1 kW
        ("load = 3", "0.08"),  # 3 x 1600 / (2500 x 24)
        ("load_percent = 6\nshape = 1.5", "0.12"),
        ("load = 3\ncapacity = 10", "2"),  # 3 x 1600 / (100 x 24)
        ("load = 3\ncapacity = 10\nreactive = false", "0.72"),  # 3 x 576 / 2400
        ("no_load = 0.5\nload = 3\ncapacity = 10", "14"),
        ("ohm = 0.36\nkv = 0.1", "2.4"),  # 0.36 x 1600 / (0.01 x 24 x 1000)
        ("percent = 4", "0.96"),
        ("per_month = 31", "1"),
        ('per_month = 31\nround = { places = 0, mode = "up" }\nproration = "thirtieths"', "2"),
    ],
)
def test_losses_of_a_day(rest, lost):
    """24 kWh and 32 kvarh in one day of January at 50 kVA: what each formula adds."""
    kwh = {"import": 24, "reactive_import": 20, "reactive_export": 12}
    found = lines(loss(rest) + BILLED, kwh=kwh, period=DAY, terms={"capacity_ukva": 50_000_000})
    assert Decimal(found[0][2]) == 24 + Decimal(lost)


def test_losses_need_reactive_energy_unless_they_say_so():
    """Copper needs kvarh; iron needs no energy at all."""
    more = {"terms": {"capacity_ukva": 50_000_000}}
    assert "rating.quantity.missing" in held(loss("load = 3") + BILLED, **more)
    assert lines(loss("no_load = 1") + BILLED, kwh={"import": 1}, period=DAY)[0][2] == "25"


def test_losses_are_spread_over_the_buckets():
    """1 kWh on 2 kWh of peak and 1 of off: 0.666667 and 0.333333; on nothing, the first bucket."""
    body = TOU + loss("per_month = 31") + component(
        "energy", 'channel = "import"\ncalendar = "c"\nprices = { peak = 1, off = 1 }\n'
        'losses = ["l"]',
    )  # fmt: skip
    energy = np.zeros(24, np.int64)
    energy[[0, 10]] = [1_000_000, 2_000_000]
    assert [x[2] for x in lines(body, kwh={"import": energy}, period=DAY)] == [
        "2.666667", "1.333333",
    ]  # fmt: skip
    assert [x[1:3] for x in lines(body, kwh={"import": 0}, period=DAY)] == [("peak", "1")]


def test_a_power_factor_behind_the_transformer():
    """300 kWh and 300 kvarh are 0.71; 100 kvarh of the transformer make it 0.60."""
    body = loss("per_month = 3100", "reactive_import") + component(
        "energy", 'channel = "import"\nprice = 1', "energy"
    )
    rows = ", ".join(f'"{k / 100:.2f}" = 1' for k in range(100, 49, -1))
    body += component("power_factor", f'of = ["energy"]\nrows = {{ {rows} }}\nlosses = ["l"]')
    kwh = {"import": 300, "reactive_import": 300}
    assert lines(body, kwh=kwh, period=DAY)[1][1] == "0.60"


@pytest.mark.parametrize(
    ("parts", "name", "quantity"),
    [
        ("[parts.a]\nratio = 0.35", "a", "108.5"),
        ("[parts.a]\nper_month = 100", "a", "100"),
        ("[parts.a]\nslice = [0, 0.33333333]", "a", "103.333332"),
        ("[parts.a]\nslice = [0.33333333, 1]", "a", "206.666668"),
        ("[parts.a]\nrest = true\n[parts.b]\nratio = 0.1\n[parts.c]\nper_month = 9", "a", "270"),
    ],
)
def test_parts_of_the_energy(parts, name, quantity):
    """310 kWh: a ratio, a fixed quantity, slices that tile, and the rest of the others."""
    body = parts + "\n" + component("energy", f'channel = "import"\nprice = 1\npart = "{name}"')
    assert lines(body)[0][2] == quantity


def test_a_rest_below_zero_holds():
    """More is fixed than was taken."""
    parts = "[parts.a]\nrest = true\n[parts.b]\nper_month = 9999\n"
    body = parts + component("energy", 'channel = "import"\nprice = 1\npart = "a"')
    assert "rating.part.negative" in held(body, kwh={"import": 1})


def test_steps_from_measured_to_billed():
    """25 kWh and 1 lost, half of it, times 1.1 and 2, rounded up: 13 -> 28.6 -> 29."""
    body = loss("per_month = 31") + "[parts.h]\nratio = 0.5\n" + component(
        "energy", 'channel = "import"\nprice = 1\nlosses = ["l"]\npart = "h"\n'
        'loss_factor = [1.1, 2]\nround_quantity = { places = 0, mode = "up" }',
    )  # fmt: skip
    assert lines(body, kwh={"import": 25}, period=DAY)[0][2] == "29"


def test_loss_factors_by_bucket():
    """Peak 1.1, off 0.5."""
    body = TOU + component(
        "energy", 'channel = "import"\ncalendar = "c"\nprices = { peak = 1, off = 1 }\n'
        "loss_factors = { peak = 1.1, off = 0.5 }",
    )  # fmt: skip
    assert [x[2] for x in lines(body, kwh={"import": 24}, period=DAY)] == ["13.2", "6"]


# -------------------------------------------------------------------- events


def test_hours_that_an_event_names():
    """Two critical hours of 1 kWh at ten times the price."""
    body = (
        '[events.critical]\n[calendars.c]\n[[calendars.c.rules]]\nbucket = "critical"\n'
        'event = "critical"\n[[calendars.c.rules]]\notherwise = "plain"\n'
        + component(
            "energy", 'channel = "import"\ncalendar = "c"\nprices = { critical = 1, plain = 0.1 }'
        )
    )
    times = ((START + 17 * HOUR, START + 19 * HOUR),)
    market = Market(events={"critical": Events(START, END, times)})
    found = lines(body, kwh={"import": 24}, period=DAY, market=market)
    assert [x[1:3] for x in found] == [("critical", "2"), ("plain", "22")]
    assert "rating.event.missing" in held(body)
    early = Market(events={"critical": Events(START, END - 1, times)})
    assert "rating.event.missing" in held(body, market=early)


# ------------------------------------------ long readings among shorter ones


@pytest.mark.parametrize(
    ("rest", "steps", "why"),
    [
        ('price = 1\nnetting = "interval"', (), "energy is netted by the interval."),
        ('price = 1\nnetting = "hour"', (), ""),
        ('series = "spot"', ((0, "50"), (0.25, "60")), "prices change inside one of them."),
        ('series = "spot"', ((0, "50"), (1, "60")), ""),
    ],
)
def test_what_an_hour_among_quarters_cannot_tell(rest, steps, why):
    """An hour that is spread evenly over its quarters says nothing about each of them."""
    text = header("UTC") + SPOT + component("energy", f'channel = "import"\n{rest}')
    version = load(text.encode(), name="t")
    row = {
        "segment": "A/1", "span": 0, "agreement": "A", "account": "A", "metering_point": "P",
        "zone": "UTC", "from": DAY.start, "to": DAY.end, "start_utc": START, "end_utc": END,
        "legal_source": "interval", "tariff": version.digest,
    }  # fmt: skip
    found = unfit(
        table(SPANS, [row]), [Stretch("P", "import", START, START + HOUR, HOUR)],
        wanted={version.digest: version.wanted}, market=spot(*steps) if steps else Market(),
    )  # fmt: skip
    messages = [finding["message"].rpartition(": ")[2] for finding in found.to_pylist()]
    assert messages == ([why] if why else [])


@pytest.mark.parametrize(
    ("rest", "holds"),
    [("window_min = 60\nrolling_min = 15", True), ("window_min = 60\nrolling_min = 60", False),
     ("top = 3", True), ("window_min = 60\ntop = 3", False)],
)  # fmt: skip
def test_windows_that_an_hour_among_quarters_cannot_tell(rest, holds):
    """Windows that start or end inside the hour."""
    text = header("UTC") + component("demand", f"price = 1\n{rest}")
    wants = load(text.encode(), name="t").wanted
    (want,) = (want for want in wants if want.windows)
    assert bool(_why_not(want, START, START + HOUR, HOUR, Market())) == holds
