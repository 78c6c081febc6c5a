"""Laws of every shape on random tariffs and readings: what must hold whatever the numbers are.

Where a law holds only before rounding, lines have 8 decimals and are compared as exact products.
"""

import random
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st
from random_towns import a_town

sys.path.append(str(Path(__file__).parents[1] / "rating"))

from rating_world import NO_CARRY, World, header

from gridtally.market import Market, Series
from gridtally.metering.blocks import Dense
from gridtally.metering.determine import determine
from gridtally.periods import Period, zone
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, empty

ZONE = "Europe/Lisbon"
FIRST = date(2026, 3, 20)
LAW = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 2**40)
prices = st.decimals(0, 5, places=4)
TOU = (
    '[[calendars.c.rules]]\nbucket = "peak"\ndays = ["weekday"]\nhours = ["08:00-20:00"]\n'
    '[[calendars.c.rules]]\notherwise = "off"\n'
)
SPOT = '[series.spot]\nper = "MWh"\n'


def component(name, shape, rest):
    return f'[[components]]\nid = "{name}"\nshape = "{shape}"\n{rest}\n'


# ------------------------------------------------------------ whole language


def rated(town, spans=None, dense=None):
    """LINES and CARRY of a town, and which segments are held."""
    versions = {digest: load(text, name="t") for digest, text in town.tariffs.items()}
    spans = town.spans if spans is None else spans
    made, missing = determine(
        spans, dense=town.dense if dense is None else dense, advances=empty(ADVANCES),
        wanted={digest: version.wanted for digest, version in versions.items()},
        market=town.market,
    )  # fmt: skip
    found = rate(spans, made, tariffs=versions, carry_in=town.carry, incomplete=missing,
                 market=town.market)  # fmt: skip
    held = {
        row["segment"]
        for findings in (missing, found.findings)
        for row in findings.to_pylist()
        if row["must_hold"]
    }
    return found.lines, found.carry, held


@LAW
@given(SEEDS)
def test_order_and_neighbours_change_nothing(seed):
    """Spans in another order, points in other matrices: the same. So is each segment alone."""
    r = random.Random(seed)
    town = a_town(r, segments=5)
    lines, carry, held = rated(town)
    rows = list(range(town.spans.num_rows))
    r.shuffle(rows)
    dense = []
    for grid in town.dense:
        order = np.array(r.sample(range(len(grid.points)), len(grid.points)))
        for some in np.array_split(order, 2):
            points = tuple(grid.points[i] for i in some)
            parts = (grid.values[some], grid.quality[some])
            dense.append(Dense(points, grid.channel, grid.start_utc, grid.resolution_s, *parts))
    r.shuffle(dense)
    again = rated(town, spans=town.spans.take(pa.array(rows)), dense=dense)
    assert lines.equals(again[0])
    assert carry.equals(again[1])
    assert held == again[2]
    name = r.choice(town.spans["segment"].to_pylist())
    one = rated(town, spans=town.spans.filter(pc.equal(town.spans["segment"], name)))
    assert one[0].equals(lines.filter(pc.equal(lines["segment"], name)).combine_chunks())
    assert one[1].equals(carry.filter(pc.equal(carry["segment"], name)).combine_chunks())
    assert one[2] == held & {name}


@LAW
@given(SEEDS)
def test_replay(seed):
    """The same inputs give the same lines and carry, whatever was rated in between."""
    town = a_town(random.Random(seed), segments=4)
    first = rated(town)
    rated(a_town(random.Random(seed + 1), segments=2))
    again = rated(town)
    assert first[0].equals(again[0])
    assert first[1].equals(again[1])
    assert first[2] == again[2]


# ------------------------------------------------------------------- periods


def world(body, days, seed, *, market=None, first=FIRST, places=8, **more):
    period = Period(first, first + timedelta(days=days))
    start, end = zone(ZONE).bounds(period)
    rng, count = np.random.default_rng(seed), (end - start) // 900
    names = ("import", "export", "reactive_import")
    channels = {name: rng.integers(0, 3_000_000, count) for name in names}
    return World([header(ZONE, places=places) + body], period, ZONE, 900, channels, {}, NO_CARRY,
                 market=market or Market(), **more)  # fmt: skip


def bill_of(one):
    bill, _, _ = one.rated()
    assert not bill.findings, bill.findings
    return bill


def part(whole, start, end):
    first, _ = zone(ZONE).bounds(whole.period)
    low, high = ((at - first) // 900 for at in zone(ZONE).bounds(Period(start, end)))
    channels = {name: values[low:high] for name, values in whole.channels.items()}
    return replace(whole, period=Period(start, end), channels=channels)


def spot(seed, days, *, times=1):
    """A price for each hour, some below zero."""
    start, end = zone(ZONE).bounds(Period(FIRST, FIRST + timedelta(days=days)))
    rng = np.random.default_rng(seed)
    starts = tuple(range(start, end, 3600))
    values = tuple(Decimal(int(v)) * times / 100 for v in rng.integers(-2000, 20_000, len(starts)))
    return Market(series={"spot": Series(starts, values, end)})


def sums(*bills):
    """Quantity and amount by component and bucket."""
    found = {}
    for line in (line for bill in bills for line in bill.lines):
        if line["component"] != "rounding":
            key = line["component"], line["bucket"]
            quantity, amount = found.get(key, (Fraction(0), Fraction(0)))
            exact = Fraction(line["quantity"]) * Fraction(line["price"]) * Fraction(line["factor"])
            exact = Fraction(line["amount"]) if line["component"] == "spot" else exact
            found[key] = quantity + Fraction(line["quantity"]), amount + exact
    return found


@LAW
@given(prices, st.integers(2, 20), st.data(), SEEDS)
def test_splitting_a_period(price, days, data, seed):
    """Netted energy, reactive energy, days and hours add up; prices by time to the last digit."""
    cut = FIRST + timedelta(days=data.draw(st.integers(1, days - 1)))
    body = SPOT + TOU + "".join(
        component(*one)
        for one in (
            ("net", "energy", f'channel = "import"\nprice = {price}\nnetting = "interval"'),
            ("hours", "energy", f'channel = "export"\nprice = {price}\nnetting = "hour"'),
            ("spot", "energy", 'channel = "import"\ncalendar = "c"\nseries = "spot"'),
            ("day", "tiered", 'channel = "import"\nwindow = "day"\n'
             f"tiers = [{{ upto = 9, price = {price} }}, {{ price = 1 }}]"),
            ("kvarh", "reactive", f'channel = "reactive_import"\nfree_ratio = 0\nprice = {price}'),
            ("hourly", "fixed", f'per = "year"\nprice = {price}\nproration = "hours"'),
            ("daily", "fixed", f'per = "unit_day"\ncount = 3\nprice = {price}'),
        )
    )  # fmt: skip
    whole = world(body, days, seed, market=spot(seed, days))
    halves = [bill_of(part(whole, a, b)) for a, b in ((FIRST, cut), (cut, whole.period.end))]
    one, two = sums(bill_of(whole)), sums(*halves)
    assert one.keys() == two.keys()
    for key in one:
        if key[0] not in ("hourly", "daily"):
            assert one[key][0] == two[key][0], key
        far = Fraction(2, 10**8) if key[0] == "spot" else 0
        assert abs(one[key][1] - two[key][1]) <= far, key


@LAW
@given(st.integers(1, 6), st.sampled_from((2, 3, 10)), SEEDS)
def test_prices_by_time_scale_the_cost(days, times, seed):
    """Every step times n is the cost times n, but for the rounding to the eighth decimal."""
    body = SPOT + component(
        "spot", "energy", 'channel = "import"\nseries = "spot"\nnetting = "hour"'
    )
    one = bill_of(world(body, days, seed, market=spot(seed, days))).lines[0]
    many = bill_of(world(body, days, seed, market=spot(seed, days, times=times))).lines[0]
    off = abs(Fraction(one["amount"]) * times - Fraction(many["amount"]))
    assert off <= Fraction(times, 10**8)


@LAW
@given(prices, prices, st.integers(2, 40), SEEDS)
def test_a_currency_of_hundredths(low, high, days, seed):
    """Prices a hundredfold, rounded two places earlier: every amount a hundredfold, to the cent."""

    def made(times, places):
        low_, high_ = (price * times for price in (low, high))
        body = TOU + "".join(
            component(*one)
            for one in (
                ("e", "energy", 'channel = "import"\ncalendar = "c"\n'
                 f"prices = {{ peak = {high_}, off = {low_} }}\nloss_factor = 1.0375"),
                ("t", "tiered", f'channel = "import"\ntiers = [{{ upto = 40, price = {low_} }}, '
                 f'{{ price = {high_} }}]\nmethod = "volume"'),
                ("d", "demand", f"price = {high_}\ntop = 3\ndistinct_days = true"),
                ("f", "fixed", f'per = "month"\nprice = {low_}\nproration = "thirtieths"'),
                ("tax", "percentage", 'of = ["e", "t", "d", "f"]\npercent = 21\n'
                 'method = "inside"'),
                ("b", "minimum", f'of = ["e"]\namount = {high_}'),
            )
        )  # fmt: skip
        return bill_of(world(body, days, seed, places=places)).lines

    euros, cents = made(1, 4), made(100, 2)
    pick = [line for line in euros if line["component"] != "rounding"]
    other = [line for line in cents if line["component"] != "rounding"]
    assert [Fraction(x["amount"]) * 100 for x in pick] == [Fraction(x["amount"]) for x in other]


# --------------------------------------------------------------- tiers, demand


@LAW
@given(prices, prices, st.integers(0, 2_000_000), st.sampled_from(("graduated", "day", "in_order")))
def test_tiers_are_continuous(low, high, step, kind):
    """One unit more costs at most one unit at the dearest price: nothing leaps at a threshold,
    here 1 kWh of both times of use, or by the day of each, nor anywhere else."""
    first, second = (f"prices = {{ peak = {p}, off = {p} }}" for p in (low, high))
    tiers = f"tiers = [{{ upto = 1, {first} }}, {{ {second} }}]"
    rest = {
        "graduated": 'pooling = "pro_rata"\nproration = "none"',
        "day": 'pooling = "separate"\nwindow = "day"',
        "in_order": 'pooling = "in_order"\nproration = "none"',
    }[kind]
    body = TOU + component("t", "tiered", f'channel = "import"\ncalendar = "c"\n{tiers}\n{rest}')

    def cost(used):
        one = world(body, 1, 0)
        energy = np.zeros(96, np.int64)
        energy[[10, 40]] = [300_000, used]
        return sum(
            (Fraction(x["quantity"]) * Fraction(x["price"]) * Fraction(x["factor"])
             for x in bill_of(replace(one, channels={"import": energy})).lines
             if x["component"] == "t"),
            Fraction(0),
        )  # fmt: skip

    dearest = Fraction(max(low, high)) / 10**6
    threshold = 1_000_000 if kind == "day" else 700_000
    for at in (step, threshold - 1, threshold):
        assert 0 <= cost(at + 1) - cost(at) <= dearest


@LAW
@given(SEEDS, st.integers(0, 30_000_000), st.integers(1, 100), st.integers(1, 12))
def test_a_ratchet_is_never_below_the_current_demand(seed, earlier, percent, back):
    """Nor below its part of the earlier demand; a look-back only ever raises."""
    from gridtally.tables import CARRY, table

    plain = component("d", "demand", 'price = 1\nproration = "none"')
    rest = f"ratchet = {{ percent = {percent}, months = 12 }}"
    number = FIRST.year * 12 + FIRST.month - 1 - back
    at = date(number // 12, number % 12 + 1, 1)
    entry = {"agreement": "A", "segment": "s", "key": "d", "at": at, "value": earlier}
    carry = table(CARRY, [entry | {"key": "demand/d/all"}])
    measured = bill_of(world(plain, 2, seed)).lines[0]
    raised = bill_of(replace(world(plain + rest + "\n", 2, seed), carry=carry)).lines[0]
    least = max(Fraction(measured["quantity"]), Fraction(earlier * percent, 100 * 10**6))
    assert abs(Fraction(raised["quantity"]) - least) <= Fraction(1, 10**6)


@LAW
@given(SEEDS, st.integers(1, 10))
def test_a_wider_mean_is_never_larger(seed, top):
    """The largest, the mean of more and more of the largest, the mean of all: none rises."""
    rests = [f"top = {top}", f"top = {top + 1}", f"top = {100}", 'measure = "mean"']
    found = [
        Fraction(
            bill_of(world(component("d", "demand", f"price = 1\n{rest}"), 2, seed)).lines[0][
                "quantity"
            ]
        )
        for rest in rests
    ]
    assert all(a >= b for a, b in pairwise(found))


@LAW
@given(prices, SEEDS)
def test_zeros_are_neutral(price, seed):
    """Losses, parts and rows that say nothing change no amount."""
    energy = f'channel = "import"\nprice = {price}'
    declared = '[losses.none]\nadds_to = "import"\npercent = 0\n[parts.all]\nslice = [0, 1]\n'
    plain = bill_of(world(component("e", "energy", energy), 3, seed))
    more = f'{energy}\nlosses = ["none"]\npart = "all"\nloss_factor = [1, 1]'
    body = declared + component("e", "energy", more)
    body += component("x", "transfer", 'of = ["e"]\nparts = { a = 0 }')
    assert bill_of(world(body, 3, seed)).lines == plain.lines
