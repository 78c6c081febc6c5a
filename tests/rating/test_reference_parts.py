"""The second opinion: parts, losses, loss factors, rounded quantities, netting and true-ups."""

from itertools import pairwise

import pytest
from reference_cases import (
    ENERGY_TOU,
    FLAT,
    KWH,
    case,
    dial,
    document,
    held,
    lines,
    rate,
    register_case,
    tiered,
)

JUNE = ("2026-06-01", "2026-07-01")
TOU = (
    '[[calendars.tou.rules]]\nbucket="peak"\nhours=["00:00-06:00"]\n'
    '[[calendars.tou.rules]]\notherwise="off"\n'
)
TERM = "[terms.share]\n"


def of_june(toml, **more):
    """720 kWh; 180 of peak, 540 of off."""
    return case(toml, *JUNE, **({"import": KWH} | more))


def quantities(toml, **more):
    return [line[2] for line in lines(of_june(toml, **more), toml)]


def part(written, name="a"):
    return f"[parts.{name}]\n{written}\n"


# -------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("written", "billed"),
    [
        ("ratio = 0.4", "288"),
        ("ratio = 0.33333333", "239.999998"),  # 239.9999976 half even
        ("per_month = 100", "100"),
        ("per_month = 1000", "1000"),  # a block is a block, whatever was used
        ("slice = [0, 0.25]", "180"),
        ("slice = [0.25, 1]", "540"),
        ("ratio = { term = 'share' }", "360"),
        ("slice = [{ term = 'share' }, 1]", "360"),
        ("rest = true", "720"),
    ],
)
def test_a_part_of_the_energy(written, billed):
    """A ratio, a block a month, a slice, what is left."""
    toml = document(FLAT + 'part = "a"\n', extra=TERM + part(written))
    assert quantities(toml, terms={"share": "0.5"}) == [billed]


def test_a_block_has_the_factor():
    """100 a month in 10 of 30 days: 33.333333."""
    toml = document(FLAT + 'part = "a"\n', extra=part("per_month = 100"))
    given = case(toml, "2026-06-01", "2026-06-11", **{"import": KWH})
    assert lines(given, toml)[0][2] == "33.333333"


def test_slices_that_tile_lose_nothing():
    """1 kWh less a millionth in three slices: floors of 333333.0, 666666.0: 333333 three times
    (999999 x 1/3 = 333333 would be exact; at 0.33333333: 333332, 333333, 333334)."""

    def value(clock):
        return 999_999 if (clock.day, clock.hour) == (1, 0) else 0

    cuts = ("0", "0.33333333", "0.66666666", "1")
    found = []
    for low, high in pairwise(cuts):
        toml = document(FLAT + 'part = "a"\n', extra=part(f"slice = [{low}, {high}]"))
        found += quantities(toml, **{"import": value})
    # 999999 x 0.33333333 = 333332.99…: 333332; x 0.66666666 = 666665.99…: 666665
    assert found == ["0.333332", "0.333333", "0.333334"]


def test_what_other_parts_leave():
    """720 - 0.4 x 720 - 100 = 332; slices do not count; less than nothing is held."""
    extra = part("ratio = 0.4") + part("per_month = 100", "b") + part("slice = [0, 1]", "c")
    toml = document(FLAT + 'part = "rest"\n', extra=extra + part("rest = true", "rest"))
    assert quantities(toml) == ["332"]
    assert held(of_june(toml, **{"import": 100_000}), toml) == "rating.part.negative"


def test_a_part_is_spread_over_the_buckets():
    """100 kWh over 180 and 540: 25 and 75; one millionth more goes by largest remainder: 0.000001
    x 0.25 and 0.75: the second. Without energy the first bucket takes all."""
    body = ENERGY_TOU + 'part = "a"\n'
    for block, peak, off in (("100", "25", "75"), ("100.000001", "25", "75.000001")):
        toml = document(body, extra=TOU + part(f"per_month = {block}"))
        assert quantities(toml) == [peak, off]
    toml = document(body, extra=TOU + part("per_month = 100"))
    assert [line[1:3] for line in lines(of_june(toml, **{"import": 0}), toml)] == [("peak", "100")]


@pytest.mark.parametrize("share", ["1.00000001", "-0.1"])
def test_shares_that_are_no_shares(share):
    """Above the whole or below nothing: refused, or held as a term."""
    toml = document(FLAT + 'part = "a"\n', extra=part(f"ratio = {share}"))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"
    toml = document(FLAT + 'part = "a"\n', extra=TERM + part("ratio = { term = 'share' }"))
    assert held(of_june(toml, terms={"share": share}), toml) == "rating.term.range"


def test_a_slice_that_ends_before_it_begins():
    """Refused as numbers, held as terms."""
    toml = document(FLAT + 'part = "a"\n', extra=part("slice = [0.5, 0.4]"))
    assert held(of_june(toml), toml) == "rating.tariff.invalid"
    toml = document(FLAT + 'part = "a"\n', extra=TERM + part("slice = [0.5, {term='share'}]"))
    assert held(of_june(toml, terms={"share": "0.4"}), toml) == "rating.term.range"


@pytest.mark.parametrize(
    ("component", "written"),
    [
        (FLAT + 'part = "b"\n', "ratio = 1"),
        (FLAT + 'part = "a"\n', "ratio = 1\nper_month = 1"),
        (FLAT + 'part = "a"\n', "rest = false"),
        (FLAT + 'part = "a"\n', "slice = [0]"),
        (FLAT + 'part = "a"\n', "of = 1"),
        (FLAT + 'part = "a"\nnetting = "month"\n', "ratio = 1"),
    ],
)
def test_parts_that_are_refused(component, written):
    """Unknown parts, two things at once, netting by month beside a part."""
    toml = document(component, extra=part(written))
    assert held(of_june(toml, export=0), toml) == "rating.tariff.invalid"


# ----------------------------------------------------------- factors, rounding


def test_loss_factors():
    """720 x 1.05 = 756; 720 x 1.02 x 1.03 = 756.432; 180 x 1.1 and 540 x 1 by bucket."""
    assert quantities(document(FLAT + "loss_factor = 1.05\n")) == ["756"]
    toml = document(FLAT + "loss_factor = [1.02, { term = 'share' }]\n", extra=TERM)
    assert quantities(toml, terms={"share": "1.03"}) == ["756.432"]
    assert held(of_june(toml, terms={"share": "-1"}), toml) == "rating.term.range"
    toml = document(ENERGY_TOU + "loss_factors = { peak = 1.1, off = 1 }\n", extra=TOU)
    assert quantities(toml) == ["198", "540"]


def test_a_loss_factor_rounds_half_even():
    """0.000001 x 0.5 is a tie: to even, nothing; 0.000003 x 0.5: 0.000002."""
    for value, found in ((1, []), (3, ["0.000002"])):

        def one(clock, value=value):
            return value if (clock.day, clock.hour) == (1, 0) else 0

        assert quantities(document(FLAT + "loss_factor = 0.5\n"), **{"import": one}) == found


def test_a_rounded_quantity():
    """720.5 kWh to whole kWh: half even 720, half up 721, after everything else: x 1.1 = 792.55."""

    def half(clock):
        return KWH + (500_000 if (clock.day, clock.hour) == (1, 0) else 0)

    for mode, found in (("half_even", "720"), ("half_up", "721")):
        toml = document(FLAT + f'round_quantity = {{ places = 0, mode = "{mode}" }}\n')
        assert quantities(toml, **{"import": half}) == [found]
    toml = document(FLAT + 'loss_factor = 1.1\nround_quantity = { places = 1, mode = "down" }\n')
    assert quantities(toml, **{"import": half}) == ["792.5"]


def test_part_comes_before_factor_and_both_before_tiers():
    """720 x 0.5 = 360, x 1.1 = 396 against 100 and 300: 100, 200, 96."""
    toml = document(tiered('part = "a"\nloss_factor = 1.1'), extra=part("ratio = 0.5"))
    assert quantities(toml) == ["100", "200", "96"]


@pytest.mark.parametrize(
    "component",
    [
        FLAT + "loss_factors = { peak = 1 }\n",
        FLAT + "loss_factor = [1, 1, 1, 1, 1]\n",
        FLAT + "loss_factor = []\n",
        FLAT + "loss_factor = -1\n",
        FLAT + 'loss_factor = 1\nnetting = "month"\n',
        FLAT + 'round_quantity = { places = 7, mode = "up" }\n',
        ENERGY_TOU + "loss_factors = { peak = 1 }\n",
        ENERGY_TOU + "loss_factors = { peak = 1, off = 1 }\nloss_factor = 1\n",
    ],
)
def test_factors_that_are_refused(component):
    """No calendar, a bucket without one, too many, below zero, twice."""
    toml = document(component, extra=TOU)
    assert held(of_june(toml, export=0), toml) == "rating.tariff.invalid"


# ------------------------------------------------------------------- losses


def loss(written, adds_to="import"):
    return f'[losses.a]\nadds_to = "{adds_to}"\n{written}\n'


LOSSY = FLAT + 'losses = ["a"]\n'


@pytest.mark.parametrize(
    ("written", "billed"),
    [
        # T = 720 h, P = 720 kWh, Q = 360 kvarh: P² + Q² = 648000
        ("no_load = 0.5", "1080"),  # + 360
        ("no_load = 0.5\nhours_per_day = 12", "900"),  # half of the time
        # 2 x 648000 / (10² x 720) = 18
        ("load = 2\ncapacity = 10", "738"),
        ("load = 2\ncapacity = 10\nshape = 1.5", "747"),
        ("load = 2\ncapacity = 10\nreactive = false", "734.4"),  # 2 x 518400 / 72000
        ("load = 2\ncapacity = 10\nhours_per_day = 12", "756"),  # half of T doubles it
        ("no_load = 0.5\nload = 2\ncapacity = 10", "1098"),
        # of 5 kVA from the agreement: 0.1 % no load, 2 % load: 0.005 x 720 + 0.1 x 648000/18000
        ("no_load_percent = 0.1\nload_percent = 2", "727.2"),
        # 3 ohm at 0.4 kV: 3 x 648000 / (0.16 x 720 x 1000) = 16.875
        ("ohm = 3\nkv = 0.4", "736.875"),
        ("percent = 4.2", "750.24"),
        ("per_month = 30", "750"),
        ("percent = 4.2\nround = { places = 0, mode = 'half_up' }", "750"),
        ("percent = 4.2\nround = { places = 0, mode = 'up' }", "751"),
    ],
)
def test_losses(written, billed):
    """Transformers, cables, percentages, so much a month."""
    toml = document(LOSSY, extra=loss(written))
    assert quantities(toml, reactive_import=300_000, reactive_export=200_000,
                      capacity=5_000_000) == [billed]  # fmt: skip


def test_a_loss_has_its_own_proration():
    """30 a month in 10 of 30 days is 10, with `none` 30; the component's own does not matter."""
    for proration, billed in (("days", "250"), ("none", "270")):
        extra = loss(f'per_month = 30\nproration = "{proration}"')
        toml = document(LOSSY + 'proration = "days_365"\n', extra=extra)
        given = case(toml, "2026-06-01", "2026-06-11", **{"import": KWH})
        assert lines(given, toml)[0][2] == billed


def test_losses_are_spread_over_the_buckets():
    """36 kWh over 180 and 540: 9 and 27."""
    toml = document(ENERGY_TOU + 'losses = ["a"]\n', extra=TOU + loss("percent = 5"))
    assert quantities(toml) == ["189", "567"]


def test_losses_before_part_and_factor():
    """(720 + 36) x 0.5 x 1.1 = 415.8."""
    extra = loss("percent = 5") + "[parts.half]\nratio = 0.5\n"
    toml = document(LOSSY + 'part = "half"\nloss_factor = 1.1\n', extra=extra)
    assert quantities(toml) == ["415.8"]


def test_losses_of_the_other_side():
    """A loss of reactive energy leaves active energy as it is; reactive_import takes it."""
    extra = loss("percent = 10", "reactive_import")
    toml = document(LOSSY, extra=extra)
    assert quantities(toml) == ["720"]
    toml = document(LOSSY.replace('"import"', '"reactive_import"'), extra=extra)
    assert quantities(toml, reactive_import=KWH) == ["792"]


def test_losses_without_what_they_need():
    """No reactive channel, no capacity: held; a transformer at rest needs no energy."""
    toml = document(LOSSY, extra=loss("load = 2\ncapacity = 10"))
    assert held(of_june(toml), toml) == "rating.quantity.missing"
    toml = document(LOSSY, extra=loss("load = 2\nreactive = false"))
    assert held(of_june(toml), toml) == "rating.term.missing"
    assert held(of_june(toml, capacity=0), toml) == "rating.term.range"
    toml = document(LOSSY, extra=loss("no_load = 1"))
    assert quantities(toml) == ["1440"]


@pytest.mark.parametrize(
    ("component", "written"),
    [
        (LOSSY, "load = 2\ncapacity = 0"),
        (LOSSY, "ohm = 2\nkv = 0"),
        (LOSSY, "ohm = 2"),
        (LOSSY, "capacity = 2"),
        (LOSSY, "no_load = 1\nno_load_percent = 1"),
        (LOSSY, "no_load = 1\nper_month = 1"),
        (LOSSY, "percent = -1"),
        (LOSSY, "percent = 1\nreactive = false"),
        (LOSSY, "per_month = 1\nhours_per_day = 8"),
        (LOSSY, "percent = 1\nproration = 'none'"),
        (LOSSY, "percent = 100.1"),
        (LOSSY, "load = 1\ncapacity = 1\nhours_per_day = 25"),
        (LOSSY, "load = 1\ncapacity = 1\nhours_per_day = 0"),
        (LOSSY, "per_month = 1\nround = { places = 7, mode = 'up' }"),
        (LOSSY + "months = [6]\n", "per_month = 1"),
        (LOSSY + 'netting = "interval"\n', "per_month = 1"),
        (FLAT + 'losses = ["b"]\n', "per_month = 1"),
        (tiered('losses = ["a"]\nwindow = "day"'), "per_month = 1"),
    ],
)
def test_losses_that_are_refused(component, written):
    """Nothing to divide by, no form or two, out of range, beside what they do not go with."""
    toml = document(component, extra=loss(written))
    assert held(of_june(toml, export=0, reactive_import=0), toml) == "rating.tariff.invalid"


def test_losses_from_dials():
    """100 kWh and 4 %: 104."""
    toml = document(LOSSY, extra=loss("percent = 4"))
    dials = [dial([(JUNE[0], 0), (JUNE[1], 100)])]
    assert lines(register_case(toml, *JUNE, dials=dials), toml)[0][2] == "104"


# ------------------------------------------------------------------ netting


def net(how, channel="import"):
    return FLAT.replace('"import"', f'"{channel}"') + f'netting = "{how}"\n'


def by_quarter(pattern):
    """A value for each quarter of every hour, in kWh."""
    return lambda clock: int(pattern[clock.minute // 15] * KWH)


@pytest.mark.parametrize(
    ("how", "channel", "billed"),
    [
        # quarters of import 1 0 2 0, export 0 1 0.5 0: left 1 0 1.5 0, of export 0 1 0 0
        ("interval", "import", "60"),
        ("interval", "export", "24"),
        # an hour: 3 against 1.5
        ("hour", "import", "36"),
        ("hour", "export", None),
    ],
)
def test_netting_by_interval_and_by_hour(how, channel, billed):
    """Only what is left of each interval or hour, 24 hours."""
    toml = document(net(how, channel))
    given = case(
        toml, "2026-06-01", "2026-06-02", step=900,
        **{"import": by_quarter((1, 0, 2, 0)), "export": by_quarter((0, 1, 0.5, 0))},
    )  # fmt: skip
    assert [line[2] for line in lines(given, toml)] == ([billed] if billed else [])


def test_netting_needs_both_channels_alike():
    """No export, another resolution, dials: held."""
    for how in ("interval", "hour"):
        toml = document(net(how))
        assert held(of_june(toml), toml) == "rating.quantity.missing"
        given = of_june(toml, export=0)
        finer = case(toml, *JUNE, step=1800, export=0)["channels"]["export"]
        given["channels"]["export"] = finer
        assert held(given, toml) == "rating.quantity.missing"
        dials = [
            dial([(JUNE[0], 0), (JUNE[1], 100)], channel=channel, register=channel)
            for channel in ("import", "export")
        ]
        assert held(register_case(toml, *JUNE, dials=dials), toml) == "rating.netting.register"


def test_an_hour_must_lie_in_one_bucket():
    """An edge at 06:30 lies on the readings' grid, not on that of hours."""
    tou = TOU.replace("06:00", "06:30")
    for how, expected in (("interval", None), ("hour", "rating.calendar.finer")):
        toml = document(ENERGY_TOU + f'netting = "{how}"\n', extra=tou)
        given = case(toml, "2026-06-01", "2026-06-02", step=1800, export=0, **{"import": KWH})
        if expected:
            assert held(given, toml) == expected
        else:
            assert [line[2] for line in lines(given, toml)] == ["13", "35"]


def test_readings_of_two_hours_make_no_hours():
    """Blocks of an hour need readings that divide them."""
    toml = document(net("hour"))
    given = case(toml, *JUNE, step=7200, export=0, **{"import": KWH})
    assert held(given, toml) != ""


def test_tiers_of_netted_energy():
    """Half of each hour is left: 360 of 720: 100, 200, 60."""
    toml = document(tiered('netting = "interval"'))
    assert quantities(toml, export=500_000) == ["100", "200", "60"]


# ------------------------------------------------------------------ true-up

PAID = 'netting = "month"\ntrue_up = { on = "07-01", price = 0.03 }\n'


def test_a_bank_that_is_paid():
    """720 - 1000 of export: nothing billed, 280 banked and paid at 0.03: -8.40; bank empty."""

    def export(clock):
        return KWH + (280 * KWH if (clock.day, clock.hour) == (1, 0) else 0)

    toml = document(FLAT + PAID)
    answer = rate(of_june(toml, export=export), toml)
    (line,) = answer["lines"]
    assert [line[k] for k in ("bucket", "quantity", "unit", "price", "factor", "amount")] == [
        "true-up", "280", "kWh", "0.03", "1", "-8.4",
    ]  # fmt: skip
    assert answer["carry_out"] == [{"key": "bank/energy/all", "at": "2026-07-01", "value": 0}]


def test_a_bank_that_is_not_paid_yet():
    """May does not end on 1 July: the bank is carried on."""
    toml = document(FLAT + PAID)
    given = case(toml, "2026-05-01", "2026-06-01", **{"import": 0}, export=KWH)
    answer = rate(given, toml)
    assert (answer["lines"], answer["carry_out"][0]["value"]) == ([], 744 * KWH)


def test_a_bank_that_expires():
    """A price of zero: a line that says so, amount 0; a credit turns the sign."""
    toml = document(FLAT + PAID.replace("0.03", "0"))
    assert lines(of_june(toml, export=2 * KWH), toml) == [
        ("energy", "true-up", "720", "0", "1", "0")
    ]
    toml = document(FLAT + PAID + "credit = true\n")
    assert lines(of_june(toml, export=2 * KWH), toml)[0][-1] == "21.6"


def test_a_true_up_by_bucket():
    """Peak 180 - 80 of bank = 100, off 540 - 600: 60 left; all energy lines first."""
    toml = document(ENERGY_TOU + PAID, extra=TOU)
    carry = [
        ("bank/energy/peak", "2026-06-01", 80 * KWH),
        ("bank/energy/off", "2026-06-01", 600 * KWH),
    ]
    assert [line[1:3] for line in lines(of_june(toml, export=0, carry=carry), toml)] == [
        ("peak", "100"), ("off/true-up", "60"),
    ]  # fmt: skip


def test_a_true_up_by_month():
    """Every month's end pays: 720 at 0.03 in June; a price per bucket: off 60 at 0.05; a span
    over the month's end is held."""
    monthly = PAID.replace("07-01", "month")
    toml = document(FLAT + monthly)
    assert lines(of_june(toml, export=2 * KWH), toml)[0][-1] == "-21.6"
    given = case(toml, "2026-06-30", "2026-07-02", **{"import": 0}, export=0)
    assert held(given, toml) == "rating.span.uncut"
    given = case(toml, "2026-06-10", "2026-06-20", **{"import": 0}, export=KWH)
    assert rate(given, toml)["carry_out"][0]["value"] == 240 * KWH
    by_bucket = monthly.replace("price = 0.03", "prices = { peak = 1, off = 0.05 }")
    toml = document(ENERGY_TOU + by_bucket, extra=TOU)
    carry = [("bank/energy/off", "2026-06-01", 600 * KWH)]
    found = lines(of_june(toml, export=0, carry=carry), toml)[-1]
    assert found[1:] == ("off/true-up", "60", "0.05", "1", "-3")


MOVES = (
    'netting = "month"\nbank_moves = [{ on = "06-01", from = "peak", to = "off" }, '
    '{ on = "06-01", from = "off", to = "peak" }, { on = "07-01", from = "peak", to = "off" }]\n'
)


def test_banks_that_move():
    """On 1 June peak's 80 and off's 600 change places: peak 180 - 600, off 540 - 80. In July, not
    begun on its first, nothing moves."""
    banks = (("peak", 80), ("off", 600))
    carry = [(f"bank/energy/{b}", "2026-06-01", kwh * KWH) for b, kwh in banks]
    toml = document(ENERGY_TOU + MOVES, extra=TOU)
    answer = rate(of_june(toml, export=0, carry=carry), toml)
    assert [(line["bucket"], line["quantity"]) for line in answer["lines"]] == [("off", "460")]
    assert [entry["value"] for entry in answer["carry_out"]] == [0, 420 * KWH]
    given = case(toml, "2026-07-02", "2026-07-03", carry=carry, export=0, **{"import": KWH})
    assert [entry["value"] for entry in rate(given, toml)["carry_out"]] == [582 * KWH, 74 * KWH]


def test_one_bank_that_moves():
    """On 1 July peak hands 80 to off, which has 600 already; a span over that day is held; at rest
    nothing moves."""
    banks = (("peak", 80), ("off", 600))
    carry = [(f"bank/energy/{b}", "2026-07-01", kwh * KWH) for b, kwh in banks]
    toml = document(ENERGY_TOU + MOVES, extra=TOU)
    day = ("2026-07-01", "2026-07-02")
    given = case(toml, *day, carry=carry, export=0, **{"import": KWH})
    assert [line[1:3] for line in lines(given, toml)] == [("peak", "6")]
    assert [e["value"] for e in rate(given, toml)["carry_out"]] == [662 * KWH, 0]
    given = case(toml, "2026-06-30", "2026-07-02", export=0, **{"import": KWH})
    assert held(given, toml) == "rating.span.uncut"
    resting = document(ENERGY_TOU + MOVES + "months = [1]\n", extra=TOU)
    given = case(resting, *day, carry=carry, export=0, **{"import": KWH})
    assert [e["value"] for e in rate(given, resting)["carry_out"]] == [600 * KWH, 80 * KWH]


@pytest.mark.parametrize(
    "more",
    [
        MOVES.replace('"month"', '"hour"'),
        MOVES.replace("07-01", "02-29"),
        MOVES.replace('from = "off"', 'from = "peak"'),
        MOVES.replace('from = "off"', 'from = "night"'),
        MOVES.replace('{ on = "07-01"', '{ when = "07-01"'),
    ],
)
def test_moves_that_are_refused(more):
    """Another netting, no day, no bucket, from one bucket twice."""
    toml = document(ENERGY_TOU + more, extra=TOU)
    assert held(of_june(toml, export=0), toml) == "rating.tariff.invalid"


def test_a_true_up_at_rest():
    """In June a component of July pays nothing and keeps its bank."""
    toml = document(FLAT + PAID + "months = [7]\n")
    carry = [("bank/energy/all", "2026-06-01", 5 * KWH)]
    answer = rate(of_june(toml, carry=carry), toml)
    assert (answer["lines"], answer["carry_out"][0]["value"]) == ([], 5 * KWH)


def test_a_true_up_inside_a_span():
    """The span should have been cut on 1 July."""
    toml = document(FLAT + PAID)
    given = case(toml, "2026-06-30", "2026-07-02", **{"import": KWH}, export=0)
    assert held(given, toml) == "rating.span.uncut"


def test_what_is_left_is_rounded_the_bank_is_not():
    """720 - 719.6 = 0.4 -> 0; the bank of 720.4 - 720 is 0.4 as it is."""
    rounded = FLAT + 'netting = "month"\nround_quantity = { places = 0, mode = "half_up" }\n'
    toml = document(rounded)
    for carried, after in (("719.6", 0), ("720.4", 400_000)):
        carry = [("bank/energy/all", "2026-06-01", int(float(carried) * KWH))]
        answer = rate(of_june(toml, export=0, carry=carry), toml)
        assert (answer["lines"], answer["carry_out"][0]["value"]) == ([], after)


@pytest.mark.parametrize(
    "more",
    [
        'true_up = { on = "07-01", price = 1 }\n',
        PAID.replace("07-01", "02-29"),
        PAID.replace("07-01", "7-1"),
        PAID.replace("price = 0.03", "price = -0.03"),
        PAID.replace("price = 0.03", "percent = 3"),
        PAID.replace("price = 0.03", "prices = { peak = 1 }"),
        PAID.replace('"month"', '"interval"'),
        PAID.replace('"month"', '"week"'),
    ],
)
def test_true_ups_that_are_refused(more):
    """Without netting by month, on no day of a year, below zero, with another key."""
    toml = document(FLAT + more)
    assert held(of_june(toml, export=0), toml) == "rating.tariff.invalid"
