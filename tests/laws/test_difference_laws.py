"""Laws of a difference between two bills: it adds up, it turns round, one cause has one effect."""

import io
import random
import sys
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from bill_trees import trees
from case_raters import market_of, tables_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_language import a_story
from random_towns import Town, a_town
from rich.console import Console

sys.path.append(str(Path(__file__).parents[1] / "rating"))

from rating_world import header

from gridtally import explaining
from gridtally.errors import InvalidDocument
from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.money import Rounding, round_fraction
from gridtally.periods import Period, zone
from gridtally.rating.explain.difference import difference, rounded
from gridtally.rating.explain.effects import EFFECTS
from gridtally.rating.explain.waterfall import waterfall
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, SPANS, table
from gridtally.terms import RoundingMode

LAW = settings(max_examples=20, deadline=None)
SOME = settings(max_examples=10, deadline=None)
SEEDS = st.integers(0, 2**40)


def adds_up(told, before, after):
    """Of every component and in total: before + effects = after; totals are those of the bills."""
    for part in (*told["components"], told["total"]):
        steps = sum((Decimal(part[name]) for name in EFFECTS), Decimal(part["before"]))
        assert steps == Decimal(part["after"]), part
    assert told["residual"] == "0"
    assert Decimal(told["total"]["before"]) == Decimal(before["total"])
    assert Decimal(told["total"]["after"]) == Decimal(after["total"])


@LAW
@given(SEEDS, st.booleans())
def test_any_two_bills(seed, together):
    """Of any tariffs, days and readings: nothing is left over, and swapped, every sign turns."""
    r = random.Random(seed)
    found = trees(a_town(r, segments=4), together=together)
    found += trees(a_town(r, segments=4), together=together)
    for before, after in pairwise(found):
        told, back = difference(before, after), difference(after, before)
        adds_up(told, before, after)
        turned = {name: Decimal(told["total"][name]) for name in EFFECTS}
        assert {name: -Decimal(back["total"][name]) for name in EFFECTS} == turned
        assert all(told["words"].values())


def test_the_law_is_not_empty():
    """Fixed towns show every effect, but those that need the same calendar, or estimates."""
    seen = set()
    for seed in range(12):
        for before, after in pairwise(trees(a_town(random.Random(seed)))):
            total = difference(before, after)["total"]
            seen |= {name for name in EFFECTS if total[name] != "0"}
    assert seen >= set(EFFECTS) - {"estimate", "adjustment", "hours"}


def of_the_language(seed):
    """The tree of a random story of the whole tariff language; None when it is held or refused."""
    case, tariffs = a_story(random.Random(seed))
    spans, dense, carry = tables_of(case)
    try:
        found = trees(Town(spans, dense, carry, tariffs), market=market_of(case))
    except InvalidDocument:
        return None
    return found[0] if found else None


@SOME
@given(SEEDS, SEEDS)
def test_any_two_bills_of_the_whole_language(one, two):
    """Series, terms, banks, transfers, tables, included taxes: the sum holds, and turns round."""
    before, after = of_the_language(one), of_the_language(two)
    if before and after and before["currency"] == after["currency"]:
        told, back = difference(before, after), difference(after, before)
        adds_up(told, before, after)
        for name in EFFECTS:
            assert Decimal(told["total"][name]) == -Decimal(back["total"][name])


@SOME
@given(SEEDS)
def test_every_line_is_what_it_was_before_rounding(seed):
    """Of the whole language: what a line is said to be rounds to its amount, as it is said to."""
    told = of_the_language(seed)
    for segment in told["segments"] if told else ():
        for line in (line for span in segment["spans"] for line in span["lines"]):
            if "exact" in line and line["bucket"] != "rounding":
                point = line["rounding"]
                again = round_fraction(
                    Fraction(line["exact"]), Rounding(point["places"], RoundingMode(point["mode"]))
                )
                # Parts are cut from a whole. Of a bound less lines only the bound is rounded, the
                # lines may be finer: both within a unit.
                if line["shape"] in ("transfer", "minimum", "maximum"):
                    unit = Fraction(1, 10 ** point["places"])
                    assert abs(Fraction(line["exact"]) - Fraction(line["amount"])) <= unit, line
                elif line["shape"] != "bank":  # as its lines are, rounded already
                    assert again == Decimal(line["amount"]), line


def at_a_mean_price(seed):
    """Lines of a story at a mean price without a calendar, whose losses ask for reactive energy."""
    tree = of_the_language(seed)
    return [
        line
        for segment in (tree["segments"] if tree else ())
        for span in segment["spans"]
        for line in span["lines"]
        if line.get("mean_price") and not line["bucket"]
        if any("reactive" in row.get("of", "") for row in line["from"])
    ]


def test_a_series_with_losses_is_explained_by_its_own_energy():
    """The first three such stories, whichever they are; a credit is the product, turned round."""
    stories = list(islice(filter(None, map(at_a_mean_price, range(1000))), 3))
    assert len(stories) == 3
    for line in chain(*stories):  # shown: quantity x mean price, as far as eight decimals of it go
        shown = Fraction(line["quantity"]) * Fraction(line["price"])
        assert abs(abs(Fraction(line["exact"])) - abs(shown)) < Fraction(1, 10**4)


@LAW
@given(
    st.lists(st.fractions(-1000, 1000, max_denominator=997), min_size=12, max_size=12),
    st.integers(0, 3),
)
def test_rounding_loses_nothing(parts, places):
    """Each effect within a unit of what it is exactly, the sum exact, odd under a turn of signs."""
    exact = dict(zip(EFFECTS, parts, strict=True))
    unit = Decimal(1).scaleb(-places)
    change = Decimal(int(sum(parts) * 10**places)).scaleb(-places)
    exact["rounding"] += Fraction(change) - sum(parts)
    found = rounded(exact, change, places=places)
    assert sum(found.values()) == change
    for name in EFFECTS:
        assert abs(Fraction(found[name]) - exact[name]) <= Fraction(unit)
    back = rounded({name: -part for name, part in exact.items()}, -change, places=places)
    assert back == {name: -part for name, part in found.items()}


# ------------------------------------------------------- one cause, one effect

ZONE = "UTC"
TOU = (
    '[[calendars.c.rules]]\nbucket = "day"\nhours = ["06:00-18:00"]\n'
    '[[calendars.c.rules]]\notherwise = "night"\n'
)


def component(name, shape, rest):
    return f'[[components]]\nid = "{name}"\nshape = "{shape}"\n{rest}\n'


def body(times=Decimal(1), percent=20):
    """Hours, demand, standing charges and a tax on all; every price times a number."""
    day, night, power, standing = (
        Decimal(price) * times for price in ("0.3", "0.12", "4.5", "0.25")
    )
    return (
        TOU
        + component("energy", "energy", 'channel = "import"\ncalendar = "c"\n'
                    f"prices = {{ day = {day}, night = {night} }}")
        + component("demand", "demand", f"price = {power}")
        + component("daily", "fixed", f'per = "day"\nprice = {standing}')
        + component("tax", "percentage", 'of = ["energy", "demand", "daily"]\n'
                    f"percent = {percent}")
    )  # fmt: skip


def tree(text, *, days=28, first=date(2026, 3, 1), step=900_000, shape=None, peak=None, carry=()):
    """A bill of so many days with the same reading in every hour, or the day's `shape` of 24."""
    document = (header(ZONE, places=8) + text).encode()
    period = Period(first, first + timedelta(days=days))
    start, end = zone(ZONE).bounds(period)
    values = np.tile(np.array(shape or [step] * 24, np.int64), days)
    if peak is not None:
        values[5] = peak
    digest = load(document, name="t").digest
    row = {
        "segment": f"A/{period.start}/{period.end}", "span": 0, "agreement": "A", "account": "A",
        "metering_point": "P", "zone": ZONE, "from": period.start, "to": period.end,
        "start_utc": start, "end_utc": end, "legal_source": "interval", "tariff": digest,
    }  # fmt: skip
    grid = Dense(("P",), "import", start, 3600, values[None, :],
                 np.full((1, len(values)), ACTUAL, np.uint8))  # fmt: skip
    rows = [{"agreement": "A", "segment": "before"} | one for one in carry]
    (made,) = trees(Town(table(SPANS, [row]), [grid], table(CARRY, rows), {digest: document}))
    return made


def only(told, *names):
    """Nothing but these effects, and rounding below a cent."""
    moved = {name for name in EFFECTS if told["total"][name] != "0"}
    assert moved - {"rounding"} == set(names), told["total"]
    assert abs(Decimal(told["total"]["rounding"])) < Decimal("0.03")


@LAW
@given(st.integers(2, 28), st.integers(2, 28), st.integers(1, 2_000_000))
def test_days_alone(one, two, step):
    """The same use each hour over more days; what is charged by the month keeps its days too."""
    if one != two:
        before, after = tree(body(), days=one, step=step), tree(body(), days=two, step=step)
        told = difference(before, after)
        adds_up(told, before, after)
        only(told, "days")


@LAW
@given(st.decimals("0.1", 5, places=2), st.integers(2, 28))
def test_price_alone(times, days):
    """Every price times a number."""
    if times != 1:
        only(difference(tree(body(), days=days), tree(body(times), days=days)), "price")


def test_a_tax_rate_alone_is_a_price():
    """20 % instead of 10 %."""
    only(difference(tree(body(percent=10)), tree(body(percent=20))), "price")


def test_two_versions_may_turn_a_base_round():
    """A tax on the levy's line in one version, a levy on the tax's line in the next."""
    energy = component("energy", "energy", 'channel = "import"\nprice = 0.1')
    on = 'of = ["energy"{}]\npercent = {}'
    levied = energy + component("levy", "percentage", on.format("", 10))
    levied += component("tax", "percentage", on.format(', "levy"', 20))
    taxed = energy + component("tax", "percentage", on.format("", 20))
    taxed += component("levy", "percentage", on.format(', "tax"', 10))
    before, after = tree(levied, step=500_000), tree(taxed)
    told, back = difference(before, after), difference(after, before)
    adds_up(told, before, after)
    # energy 33.6 -> 60.48, and 1.1 x 1.2 of it with levy and tax: 44.352 -> 79.8336
    assert (told["total"]["before"], told["total"]["after"]) == ("44.35", "79.83")
    for name in EFFECTS:
        assert Decimal(told["total"][name]) == -Decimal(back["total"][name])
    only(told, "usage", "price")


@LAW
@given(st.integers(1, 2_000_000), st.integers(1, 2_000_000))
def test_usage_alone(one, two):
    """Without the demand charge, more in every hour is usage, its tax included."""
    text = body().replace(component("demand", "demand", "price = 4.5"), "").replace(
        '"demand", ', ""
    )  # fmt: skip
    if abs(one - two) > 1000:
        only(difference(tree(text, step=one), tree(text, step=two)), "usage")


def test_feed_in_alone():
    """What a customer is paid for moves with what was fed in, and is no usage."""
    sold = component("sold", "energy", 'channel = "export"\nprice = 0.1\ncredit = true')
    told = difference(
        with_reactive(sold, 1_000_000, other="export"),
        with_reactive(sold, 500_000, other="export"),
    )
    assert told["total"]["feed_in"] == "33.6"  # 28 x 24 x 0.5 x 0.1 less is paid out
    only(told, "feed_in")
    assert "12 instead of 24 kWh a day fed in" in told["words"]["en"]


def test_other_hours_alone():
    """The same energy and the same demand at night instead of by day."""
    by_day = [0] * 6 + [10**6] * 12 + [0] * 6
    told = difference(tree(body(), shape=by_day), tree(body(), shape=by_day[12:] + by_day[:12]))
    # 28 days x 12 kWh x 0.18, and a fifth of it as tax: 60.48 + 12.096
    assert told["total"]["hours"] == "-72.58"
    only(told, "hours")


def test_demand_alone():
    """One hour as high as never before, and its energy too small to be seen."""
    text = component("demand", "demand", 'price = 4.5\nproration = "none"')
    told = difference(tree(text), tree(text, peak=3_000_000))
    assert (told["total"]["demand"], told["total"]["after"]) == ("9.45", "13.5")
    only(told, "demand")


def test_other_tiers_alone():
    """The same energy and prices; the year's position is higher: the upper tier's price."""
    text = component("energy", "tiered", 'channel = "import"\nwindow = "year"\n'
                     "tiers = [{ upto = 1000, price = 0.1 }, { price = 0.3 }]")  # fmt: skip
    carry = [{"key": "tier/energy", "at": date(2026, 1, 1), "value": 900_000_000}]
    told = difference(tree(text), tree(text, carry=carry))
    # 28 x 24 x 0.9 = 604.8 kWh; 504.8 of them now cost 0.2 more
    assert told["total"]["tier_shift"] == "100.96"
    only(told, "tier_shift")


def test_another_tariff_is_a_price():
    """Tiers or hours that only one of the two tariffs has are no shift of the customer's usage."""
    flat = component("energy", "energy", 'channel = "import"\nprice = 0.2')
    tiers = component("energy", "tiered", 'channel = "import"\n'
                      "tiers = [{ upto = 100, price = 0.1 }, { price = 0.3 }]")  # fmt: skip
    hours = TOU + component("energy", "energy", 'channel = "import"\ncalendar = "c"\n'
                            "prices = { day = 0.3, night = 0.2 }")  # fmt: skip
    for before, after in ((flat, tiers), (tiers, hours), (hours, flat)):
        only(difference(tree(before), tree(after)), "price")


def test_power_factor_alone():
    """Another power factor is another row; another percent in the same row is a price."""
    rows = 'of = ["energy"]\nrows = {{ "1.00" = {}, "0.99" = 1, "0.98" = 2 }}'
    energy = component("energy", "energy", 'channel = "import"\nprice = 0.1')

    def bill(percent, reactive):
        text = energy + component("cosphi", "power_factor", rows.format(percent))
        return with_reactive(text, reactive)

    told = difference(bill(0, 0), bill(0, 180_000))
    assert told["total"]["power_factor"] == "1.21"  # 604.8 x 0.1 x 2 %
    only(told, "power_factor")
    assert told["facts"]["power_factor"] == ["1.00", "0.98"]
    only(difference(bill(1, 0), bill(2, 0)), "price")


def with_reactive(text, reactive, other="reactive_import"):
    """28 days of 0.9 kWh, and so much of another channel, in every hour."""
    document = (header(ZONE, places=8) + text).encode()
    digest = load(document, name="t").digest
    period = Period(date(2026, 3, 1), date(2026, 3, 29))
    start, end = zone(ZONE).bounds(period)
    row = {
        "segment": "A/1", "span": 0, "agreement": "A", "account": "A", "metering_point": "P",
        "zone": ZONE, "from": period.start, "to": period.end, "start_utc": start, "end_utc": end,
        "legal_source": "interval", "tariff": digest,
    }  # fmt: skip
    count = 28 * 24
    grids = [
        Dense(("P",), channel, start, 3600, np.full((1, count), value, np.int64),
              np.full((1, count), ACTUAL, np.uint8))
        for channel, value in (("import", 900_000), (other, reactive))
    ]  # fmt: skip
    (made,) = trees(Town(table(SPANS, [row]), grids, table(CARRY, []), {digest: document}))
    return made


def test_a_minimum_takes_back_what_the_lines_below_it_move():
    """More usage, and the bill stays at its minimum: no effect in total, on its parts both."""
    text = component("energy", "energy", 'channel = "import"\nprice = 0.1') + component(
        "least", "minimum", 'of = ["energy"]\namount = 1000\nproration = "none"'
    )
    told = difference(tree(text), tree(text, step=1_000_000))
    parts = {part["component"]: part["usage"] for part in told["components"]}
    assert parts == {"energy": "6.72", "least": "-6.72"}
    only(told)


def test_rounding_is_told_apart():
    """60.48 became 60 and 67.2 became 67: the usage is 6.72, the rest of the 7 is rounding."""
    whole = 'channel = "import"\nprice = 0.1\nrounding = { places = 0, mode = "half_up" }'
    text = component("energy", "energy", whole)
    told = difference(tree(text), tree(text, step=1_000_000))
    assert (told["total"]["usage"], told["total"]["rounding"]) == ("6.72", "0.28")


def test_readings_in_place_of_estimates():
    """Of 67.2 kWh more, 50 replaced estimates: the rest is usage."""
    text = component("energy", "energy", 'channel = "import"\nprice = 0.1')
    told = difference(tree(text), tree(text, step=1_000_000), replaced=both({"energy/": 50}))
    assert (told["total"]["estimate"], told["total"]["usage"]) == ("5", "1.72")
    assert "readings in place of estimates" in told["words"]["en"]


def both(energy, segment="A/2026-03-01/2026-03-29"):
    """`component/bucket` -> energy, alike on both bills."""
    side = {(segment, 0, *key.split("/")): Fraction(kwh) for key, kwh in energy.items()}
    return side, side


def parts_of(told):
    return {
        part["component"]: {name: part[name] for name in EFFECTS if part[name] != "0"}
        for part in told["components"]
    }


def test_each_charge_has_its_own_estimates():
    """112 kWh of the night were estimated at nothing: what is dear by day alone does not move."""
    text = TOU + component("energy", "energy", 'channel = "import"\nprice = 0.1')
    text += component("peak", "energy", 'channel = "import"\ncalendar = "c"\n'
                      "prices = { day = 0.5, night = 0 }")  # fmt: skip
    night = [900_000 + 4_000_000, *[900_000] * 23]
    told = difference(
        tree(text), tree(text, shape=night), replaced=both({"energy/": 112, "peak/night": 112})
    )
    assert parts_of(told) == {"energy": {"estimate": "11.2"}, "peak": {}}
    only(told, "estimate")


def test_estimates_of_a_part_or_with_losses():
    """Of what is measured the charge takes 40 %: its own estimates are 40 % of them."""
    text = "[parts.p]\nratio = 0.4\n" + component(
        "energy", "energy", 'channel = "import"\nprice = 0.1\npart = "p"'
    )
    told = difference(tree(text), tree(text, step=1_000_000), replaced=both({"energy/": "67.2"}))
    only(told, "estimate")
    assert told["total"]["estimate"] == "2.69"  # 67.2 x 0.4 x 0.1


def test_estimates_where_nothing_was_billed():
    """A day without a reading was nothing, and is priced as the other bill has it."""
    text = TOU + component("peak", "energy", 'channel = "import"\ncalendar = "c"\n'
                           "prices = { day = 0.5, night = 0.1 }")  # fmt: skip
    night, all_day = [10**6] * 6 + [0] * 12 + [10**6] * 6, [10**6] * 24
    before, after = tree(text, shape=night), tree(text, shape=all_day)
    replaced = both({"peak/day": 336})
    told = difference(before, after, replaced=replaced)
    assert (told["total"]["estimate"], told["residual"]) == ("168", "0")  # 28 x 12 x 0.5
    only(told, "estimate")
    less = {key: -energy for key, energy in replaced[0].items()}
    back = difference(after, before, replaced=(less, less))
    assert {name: -Decimal(back["total"][name]) for name in EFFECTS} == {
        name: Decimal(told["total"][name]) for name in EFFECTS
    }


def places_of(one):
    return {
        (segment["segment"], span["span"], line["component"], line["bucket"].split("/")[0])
        for segment in one["segments"] for span in segment["spans"] for line in span["lines"]
    }  # fmt: skip


@SOME
@given(SEEDS, st.booleans())
def test_whatever_was_replaced(seed, far):
    """More or less than all energy of any place of any two bills: the sum holds, and turns."""
    r = random.Random(seed)
    found = trees(a_town(r, segments=2), together=True)
    found += trees(a_town(r, segments=2), together=True)
    for before, after in pairwise(found):
        size = 10**6 if far else 1
        sides = [
            {place: Fraction(r.randint(-5, 5) * size) for place in places_of(one)}
            for one in (before, after)
        ]
        turned = [{key: -energy for key, energy in side.items()} for side in sides[::-1]]
        told = difference(before, after, replaced=tuple(sides))
        back = difference(after, before, replaced=tuple(turned))
        adds_up(told, before, after)
        for name in EFFECTS:
            assert Decimal(told["total"][name]) == -Decimal(back["total"][name])


def dial(*readings):
    """One dial of import with its readings: (time, value, quality)."""
    return [{
        "meter": "M", "register": "1.8.0", "channel": "import", "bucket": "total",
        "kind": "cumulative", "digits": 5, "multiplier": "1",
        "readings": [{"time": t, "reading": v, "quality": q, "reason": "routine"}
                     for t, v, q in readings],
    }]  # fmt: skip


def test_bills_that_meet_at_an_estimated_dial():
    """What one has more a day the other has less: the estimate's, not a change of usage."""
    text = component("energy", "energy", 'channel = "import"\nprice = 0.1')
    for quality, effect in (("E", "estimate"), ("A", "usage")):
        before, after = tree(text), tree(text, step=1_000_000)
        before["segments"][0]["readings"] = dial(("1", "0", "A"), ("2", "604.8", quality))
        after["segments"][0]["readings"] = dial(("2", "604.8", quality), ("3", "1276.8", "A"))
        told, back = difference(before, after), difference(after, before)
        assert (told["total"][effect], back["total"][effect]) == ("6.72", "-6.72")
        only(told, effect)


def test_a_line_of_a_correction_is_an_adjustment():
    """Whatever it was computed from."""
    text = component("energy", "energy", 'channel = "import"\nprice = 0.1')
    extra = component("back", "fixed", 'kind = "adjustment"\nper = "month"\nprice = 3\n'
                      'proration = "none"\ncredit = true')  # fmt: skip
    told = difference(tree(text), tree(text + extra))
    assert told["total"]["adjustment"] == "-3"
    only(told, "adjustment")


def test_the_picture():
    """A bar for both bills and for each reason, with its amount; names are text, never markup."""
    told = difference(tree(body()), tree(body(Decimal("1.1")), days=14, step=1_000_000))
    told |= {"before": "a<b>&c"}
    for language, word in (("en", "usage"), ("zh", "用电量")):
        drawn = ET.fromstring(waterfall(told, language=language))
        said = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
        assert said[0].startswith("a<b>&c")
        assert word in said
        bars = len(list(drawn.iter("{http://www.w3.org/2000/svg}rect"))) - 1  # the ground
        assert bars == len(told["reasons"]) + 2
        for one in told["reasons"]:
            assert f"{Decimal(one['amount']):+.2f}" in said
    near = difference(tree(body()), tree(body(), step=901_000))
    assert "Bars begin at" in waterfall(near)
    same = difference(tree(body()), tree(body()))
    assert waterfall(same).count("<rect") == 3


def test_what_other_bills_left_over():
    """A bank that is paid out is an adjustment; its kWh are no usage. Shown on a tree as it is."""
    text = component("energy", "energy", 'channel = "import"\nprice = 0.1')
    before, after = tree(text), tree(text)
    lines = after["segments"][0]["spans"][0]["lines"]
    lines.append(lines[0] | {"bucket": "true-up", "quantity": "50", "price": "0.03",
                             "exact": "-1.5", "amount": "-1.5"})  # fmt: skip
    lines.append(lines[0] | {"bucket": "rounding", "kind": "rounding", "unit": "EUR",
                             "quantity": "1", "price": "0.01", "amount": "0.01"})  # fmt: skip
    after["total"] = "58.99"
    told = difference(before, after)
    adds_up(told, before, after)
    assert (told["total"]["adjustment"], told["total"]["rounding"]) == ("-1.5", "0.01")
    only(told, "adjustment")


def test_words():
    """The largest reasons first, what is small together; in both languages."""
    told = difference(tree(body()), tree(body(Decimal("1.1")), days=14, step=1_000_000))
    names = [one["effect"] for one in told["reasons"]]
    amounts = [abs(Decimal(one["amount"])) for one in told["reasons"]]
    assert names[0] == "days"
    assert amounts == sorted(amounts, reverse=True)
    english, chinese = told["words"]["en"], told["words"]["zh"]
    assert english.startswith("A/2026-03-01/2026-03-15 is ")
    assert "EUR lower than A/2026-03-01/2026-03-29: -" in english
    assert "because of 14 instead of 28 days, +" in english
    assert "because of 24 instead of 21.6 kWh a day" in english
    assert "计费天数由 28 天变为 14 天 -" in chinese
    same = difference(tree(body()), tree(body()))
    assert same["words"]["en"] == ("A/2026-03-01/2026-03-29, made anew, is as high as it was.")
    assert same["reasons"] == []


def printed(value):
    console = Console(file=io.StringIO(), width=120, emoji=False)
    console.print(explaining.rendered(value))
    return console.file.getvalue()


@pytest.mark.parametrize("title", ["Levy [/x]", "Levy [bold red]fee[/]", "Levy\nTotal: 0",
                                   "Levy \u202eeert", "Levy \u009b31m"])  # fmt: skip
def test_titles_are_text(title):
    """Whatever a title or an account holds: no colours, no second line, no turned writing."""
    energy = component("energy", "energy", 'channel = "import"\nprice = 0.1')
    levy = component("levy", "fixed", 'per = "day"\nprice = 0.3\ntitle = "Levy"')
    before, after = tree(energy), tree(energy + levy)
    (span,) = after["segments"][0]["spans"]
    for part in (*span["components"], *span["lines"]):
        part["title"] = title if part["title"] == "Levy" else part["title"]
    for side in (before, after):
        side["bill"] = f"AC[/b]1{title}"
    said = title if title.isprintable() else "Levy\ufffd" if "\n" in title else "Levy \ufffd"
    told = difference(before, after)
    for value in (after, told):
        text = printed(value)
        assert said in text
        assert f"AC[/b]1{said}" in text
        assert not {"\u202e", "\u009b", "\x1b"} & set(text)
        assert not any(line.lstrip(" │").startswith("Total") for line in text.splitlines())
    assert not {"\u202e", "\u009b", "\n"} & set(waterfall(told).rstrip("\n"))
