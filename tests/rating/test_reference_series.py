"""The second opinion: prices by time that come with the case."""

import pytest
from reference_cases import KWH, case, dial, document, held, lines, register_case

DAY = ("2026-06-01", "2026-06-02")
NOON = "2026-06-01T12:00:00Z"
START = "2026-06-01T00:00:00Z"
SPOT = '[series.spot]\nper = "MWh"\n'


def spot(more="", channel="import"):
    return (
        f'[[components]]\nid = "energy"\nshape = "energy"\nchannel = "{channel}"\n'
        f'series = "spot"\n{more}\n'
    )


def steps(*values, at=(START, NOON)):
    return {"spot": [[time, value] for time, value in zip(at, values, strict=True)]}


def day_of(toml, series, value=KWH, **more):
    return case(toml, *DAY, series=series, **({"import": value} | more))


@pytest.mark.parametrize(
    ("more", "values", "price", "amount"),
    [
        # 12 kWh at 0.05 and 12 at 0.1: 1.80 for 24 kWh: 0.075
        ("", ("50", "100"), "0.075", "1.8"),
        # times 1.1 plus 0.02: 0.075 and 0.13: 0.9 + 1.56
        ("times = 1.1\nplus = 0.02", ("50", "100"), "0.1025", "2.46"),
        # below zero needs no word: -0.6 + 1.2
        ("", ("-50", "100"), "0.025", "0.6"),
        # raised to 0, cut to 0.08: 0 + 0.96
        ("floor = 0\ncap = 0.08", ("-50", "100"), "0.04", "0.96"),
        # the price rounds first: 0.05 (0.0545 down) and 0.1: 0.6 + 1.2
        ('round_price = {places = 2, mode = "down"}', ("54.5", "100"), "0.075", "1.8"),
        # each hour rounds: 0.05 up to 0.1 each, 12 x 0.1 + 12 x 0.1
        ('round_each = {places = 1, mode = "up"}', ("50", "100"), "0.1", "2.4"),
        # a contract for difference: 0.08 - spot: 12 x 0.03 + 12 x -0.02
        ("times = -1\nplus = 0.08\nnegative = true", ("50", "100"), "0.005", "0.12"),
        ("credit = true", ("50", "100"), "0.075", "-1.8"),
        # 1/3 of a cent: 12 x 0.03333333 + 12 x 0.1 = 1.59999996 over 24: 0.066666665
        ("", ("33.33333", "100"), "0.06666666", "1.6"),
    ],
)
def test_the_price_of_a_series(more, values, price, amount):
    """Step, times, plus, floor, cap, rounding, in this order; one rounding of the cost."""
    toml = document(spot(more), extra=SPOT)
    assert lines(day_of(toml, steps(*values)), toml) == [("energy", "", "24", price, "1", amount)]


def test_a_series_per_kwh_and_by_bucket():
    """Prices 0.5 and 1 per kWh; 10 to 14 is peak: 2 x 0.5 + 2 x 1 = 3 for 4 kWh; the rest
    10 x 0.5 + 10 x 1 = 15 for 20."""
    tou = '[[calendars.tou.rules]]\nbucket="peak"\nhours=["10:00-14:00"]\n'
    tou += '[[calendars.tou.rules]]\notherwise="off"\n'
    toml = document(spot('calendar = "tou"'), extra=SPOT.replace("MWh", "kWh") + tou)
    assert lines(day_of(toml, steps("0.5", "1")), toml) == [
        ("energy", "peak", "4", "0.75", "1", "3"),
        ("energy", "off", "20", "0.75", "1", "15"),
    ]


def test_terms_of_a_series():
    """A margin that the agreement states: 12 x 0.06 + 12 x 0.11; below zero held."""
    toml = document(spot('plus = { term = "margin" }'), extra=SPOT + "[terms.margin]\n")
    given = day_of(toml, steps("50", "100"), terms={"margin": "0.01"})
    assert lines(given, toml)[0][-1] == "2.04"
    given = day_of(toml, steps("50", "100"), terms={"margin": "-0.01"})
    assert held(given, toml) == "rating.term.range"


@pytest.mark.parametrize(
    ("series", "code"),
    [
        (None, "rating.series.missing"),
        ({}, "rating.series.missing"),
        (steps("50", None), "rating.series.missing"),
        (steps("50", at=[NOON]), "rating.series.missing"),
        (steps("50", "60", at=(START, "2026-06-01T12:30:00Z")), "rating.series.finer"),
        (steps("50", "1e3"), "rating.case.malformed"),
        (steps("50", "60", at=(NOON, START)), "rating.case.malformed"),
    ],
)
def test_a_price_that_is_not_known(series, code):
    """No series, a step without a value, a change inside an hour: held, even without energy."""
    toml = document(spot(), extra=SPOT)
    assert held(day_of(toml, series), toml) == code
    assert held(day_of(toml, series, value=0), toml) == code


def test_knowledge_that_ends():
    """Prices are known to 23:00 or 23:30: the last hour has none."""
    toml = document(spot(), extra=SPOT)
    given = day_of(toml, steps("50", "60"))
    given["series"]["spot"]["to"] = "2026-06-01T23:00:00Z"
    assert held(given, toml) == "rating.series.missing"
    given["series"]["spot"]["to"] = "2026-06-01T23:30:00Z"
    assert held(given, toml).startswith("rating.series.")


def test_months_ask_for_no_price():
    """31 May has no price and is not billed; 24 kWh of 1 June are."""
    toml = document(spot("months = [6]"), extra=SPOT)
    given = case(
        toml, "2026-05-31", "2026-06-02", series=steps("50", at=[START]), **{"import": KWH}
    )
    assert lines(given, toml)[0][2:] == ("24", "0.05", "1", "1.2")


def test_no_energy_no_line():
    """All hours zero: no line; +1 and -1 at other prices: no line either."""
    toml = document(spot(), extra=SPOT)
    assert lines(day_of(toml, steps("50", "100"), value=0), toml) == []

    def both(clock):
        return {3: KWH, 15: -KWH}.get(clock.hour, 0)

    assert lines(day_of(toml, steps("50", "100"), value=both), toml) == []


def test_billed_energy_scales_the_cost():
    """A loss factor of 1.1: 26.4 kWh, 1.80 x 1.1 = 1.98; the price shown is that of the meter.
    Losses of 6 kWh over 24: 30 kWh, 1.80 x 30/24 = 2.25."""
    toml = document(spot("loss_factor = 1.1"), extra=SPOT)
    assert lines(day_of(toml, steps("50", "100")), toml)[0][2:] == ("26.4", "0.075", "1", "1.98")
    loss = '[losses.iron]\nadds_to = "import"\nper_month = 6\nproration = "none"\n'
    toml = document(spot('losses = ["iron"]'), extra=SPOT + loss)
    assert lines(day_of(toml, steps("50", "100")), toml)[0][2:] == ("30", "0.075", "1", "2.25")
    assert held(day_of(toml, steps("50", "100"), value=0), toml) == "rating.series.missing"


@pytest.mark.parametrize(
    ("component", "extra"),
    [
        (spot("price = 1"), SPOT),
        (spot('netting = "month"'), SPOT),
        (spot(), SPOT.replace("spot", "day-ahead")),
        (spot(), SPOT.replace("MWh", "GWh")),
        (spot(), SPOT.replace("MWh", "Mvarh")),
        (spot(channel="reactive_import"), SPOT),
        (spot("times = -1"), SPOT),
        (spot().replace('series = "spot"', "price = 1\ntimes = 2"), SPOT),
        (spot(), SPOT + "unit = 1\n"),
    ],
)
def test_series_that_are_refused(component, extra):
    """Two prices, month netting, unknown series, the wrong kind of unit, keys without a series."""
    toml = document(component, extra=extra)
    assert held(day_of(toml, steps("50", "100")), toml) == "rating.tariff.invalid"


def test_reactive_energy_by_a_series():
    """24 kvarh at 20 per Mvarh: 0.48."""
    toml = document(spot(channel="reactive_import"), extra=SPOT.replace("MWh", "Mvarh"))
    given = day_of(toml, steps("20", "20"), reactive_import=KWH)
    assert lines(given, toml)[0][-1] == "0.48"


def test_dials_need_one_price():
    """100 kWh at 50 per MWh: 5.00; two prices hold, so does a price that is not known."""
    toml = document(spot(), extra=SPOT)
    dials = [dial([(DAY[0], 0), (DAY[1], 100)])]

    def given(series):
        return register_case(toml, *DAY, dials=dials, series=series)

    assert lines(given(steps("50", at=[START])), toml)[0][2:] == ("100", "0.05", "1", "5")
    assert lines(given(steps("50", "50")), toml)[0][-1] == "5"
    assert held(given(steps("50", "51")), toml) == "rating.series.registers"
    assert held(given(steps("50", at=[NOON])), toml) == "rating.series.missing"


def test_a_series_of_netted_energy():
    """Import 2 and export 1 each hour: 12 x 0.05 + 12 x 0.1; a quarter of an hour later prices
    change: blocks of an hour are finer than that."""
    toml = document(spot('netting = "interval"'), extra=SPOT)
    given = day_of(toml, steps("50", "100"), value=2 * KWH, export=KWH)
    assert lines(given, toml)[0][2:] == ("24", "0.075", "1", "1.8")
    toml = document(spot('netting = "hour"'), extra=SPOT)
    quarter = steps("50", "100", at=(START, "2026-06-01T12:15:00Z"))
    given = case(toml, *DAY, step=900, series=quarter, export=0, **{"import": KWH})
    assert held(given, toml) == "rating.series.finer"
