"""Laws of rating on random tariffs and readings: R-05 to R-09 of what is promised.

Amounts are compared before rounding where a law holds only there (`exact`).
"""

import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "rating"))

from rating_world import NO_CARRY, World, amount, exact, header

from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.metering.determine import determine
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period, zone
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, AGREEMENTS, METERING_POINTS, empty, table

ZONE = "Europe/Lisbon"
FIRST = date(2026, 3, 20)
LAW = settings(max_examples=25, deadline=None)
TOU = (
    '[[calendars.c.rules]]\nbucket = "peak"\ndays = ["weekday"]\nhours = ["08:00-20:00"]\n'
    '[[calendars.c.rules]]\notherwise = "off"\n'
)

prices = st.decimals(0, 5, places=4)
lengths = st.integers(2, 20)
seeds = st.integers(0, 2**32)


def component(name, shape, rest):
    return f'[[components]]\nid = "{name}"\nshape = "{shape}"\n{rest}\n'


def additive(peak, off, standing):
    """Components whose lines add up over parts of a period."""
    by_hour = f"prices = {{ peak = {peak}, off = {off} }}"
    return (
        TOU
        + component("energy", "energy", f'channel = "import"\ncalendar = "c"\n{by_hour}')
        + component("export", "energy", f'channel = "export"\nprice = {off}\ncredit = true')
        + component("standing", "fixed", f'per = "month"\nprice = {standing}')
        + component("daily", "fixed", f'per = "day"\nprice = {standing}')
    )


def everything(peak, off, standing):
    """Tiers, demand and tax besides."""
    plain = f"tiers = [{{ upto = 100, price = {off} }}, {{ price = {peak} }}]"
    pooled = (
        f"tiers = [{{ upto = 50, prices = {{ peak = {peak}, off = {off} }} }}, "
        f"{{ prices = {{ peak = {peak}, off = {peak} }} }}]"
    )
    pooled += '\nchannel = "import"\ncalendar = "c"\npooling = "pro_rata"'
    taxed = 'of = ["energy", "standing", "tiers", "pooled", "demand"]\npercent = 20'
    return (
        additive(peak, off, standing)
        + component("tiers", "tiered", f'channel = "import"\n{plain}')
        + component("pooled", "tiered", pooled)
        + component("demand", "demand", f"price = {standing}")
        + component("tax", "percentage", taxed)
    )


def world(body, days, seed, *, places=8):
    period = Period(FIRST, FIRST + timedelta(days=days))
    start, end = zone(ZONE).bounds(period)
    rng, count = np.random.default_rng(seed), (end - start) // 900
    channels = {c: rng.integers(0, 3_000_000, count) for c in ("import", "export")}
    return World([header(ZONE, places=places) + body], period, ZONE, 900, channels, {}, NO_CARRY)


def part(whole, start, end):
    """The same readings over a part of the period."""
    first, _ = zone(ZONE).bounds(whole.period)
    low, high = ((at - first) // 900 for at in zone(ZONE).bounds(Period(start, end)))
    channels = {name: values[low:high] for name, values in whole.channels.items()}
    return replace(whole, period=Period(start, end), channels=channels)


def rated(one):
    bill, _, _ = one.rated()
    assert not bill.findings, bill.findings
    return bill


@LAW
@given(prices, prices, prices, lengths, st.data(), seeds)
def test_r05_splitting_a_period(peak, off, standing, days, data, seed):
    """The energy and fixed lines of two parts add up to those of the whole, before rounding."""
    cut = FIRST + timedelta(days=data.draw(st.integers(1, days - 1)))
    whole = world(additive(peak, off, standing), days, seed)
    bills = [rated(one) for one in (part(whole, FIRST, cut), part(whole, cut, whole.period.end))]

    def sums(*parts):
        found = {}
        for line in (line for bill in parts for line in bill.lines):
            if line["component"] != "rounding":
                key = line["component"], line["bucket"]
                found[key] = found.get(key, Fraction(0)) + exact(line)
        return found

    assert sums(*bills) == sums(rated(whole))


@LAW
@given(prices, prices, prices, seeds, st.integers(1, 40))
def test_r06_order_changes_nothing(peak, off, standing, seed, points):
    """Metering points in another order, in other matrices, spans in another order: the same."""
    version = load((header(ZONE) + everything(peak, off, standing)).encode(), name="t")
    rng, period = np.random.default_rng(seed), Period(FIRST, FIRST + timedelta(days=2))
    start, end = zone(ZONE).bounds(period)
    names = [f"P{i}" for i in range(points)]
    values = {
        c: rng.integers(0, 10**6, (points, (end - start) // 900)) for c in ("import", "export")
    }
    spans, _ = scope(
        table(AGREEMENTS, [
            {"agreement": n, "account": n, "metering_point": n, "from": FIRST, "tariff": "t",
             "legal_source": "interval"} for n in names
        ]),
        table(METERING_POINTS, [{"metering_point": n, "zone": ZONE} for n in names]),
        period=period, versions=[Version("t", version.digest, FIRST, None)],
    )  # fmt: skip

    def lines(order, spans, cuts):
        grids = []
        for some in np.array_split(order, cuts):
            for channel, matrix in values.items():
                quality = np.full((len(some), matrix.shape[1]), ACTUAL, np.uint8)
                mine = tuple(names[i] for i in some)
                grids.append(Dense(mine, channel, start, 900, matrix[some], quality))
        wanted = {version.digest: version.wanted}
        made, _ = determine(spans, dense=grids, advances=empty(ADVANCES), wanted=wanted)
        return rate(spans, made, tariffs={version.digest: version}, carry_in=NO_CARRY).lines

    shuffled = spans.take(pa.array(rng.permutation(spans.num_rows)))
    one = lines(np.arange(points), spans, 1)
    assert one.equals(lines(rng.permutation(points), shuffled, rng.integers(1, 4)))


@LAW
@given(prices, prices, prices, lengths, seeds)
def test_r07_a_channel_of_zeros_is_neutral(peak, off, standing, days, seed):
    """No export readings at all, or only zeros: the same lines, when nothing bills export."""
    body = everything(peak, off, standing).replace('channel = "export"', 'channel = "import"')
    one = world(body, days, seed)
    without = replace(one, channels={"import": one.channels["import"]})
    zeros = one.channels["export"] * 0
    assert (
        rated(without).lines == rated(replace(one, channels=one.channels | {"export": zeros})).lines
    )


@LAW
@given(prices, prices, prices, lengths, seeds, st.data())
def test_r08_more_energy_never_costs_less(peak, off, standing, days, seed, data):
    """With prices of zero or more, one more kWh in one reading never lowers the sum."""
    body = everything(*sorted((peak, off), reverse=True), standing)
    one = world(body.replace("credit = true", ""), days, seed, places=2)
    more = {name: values.copy() for name, values in one.channels.items()}
    at = data.draw(st.integers(0, len(more["import"]) - 1))
    more["import"][at] += 1_000_000
    names = ("energy", "tiers", "demand", "standing")
    assert amount(rated(replace(one, channels=more)), *names) >= amount(rated(one), *names)


@LAW
@given(prices, prices, prices, lengths, seeds, st.sampled_from((2, 3, 10)))
def test_r09_prices_scale_the_bill(peak, off, standing, days, seed, times):
    """Every price times n is every line times n, before rounding."""
    one = rated(world(everything(peak, off, standing), days, seed))
    scaled = everything(*(price * times for price in (peak, off, standing)))
    many = rated(world(scaled, days, seed))
    kinds = ("energy", "fixed", "tiered", "demand")
    before = [exact(line) * times for line in one.lines if line["kind"] in kinds]
    assert before == [exact(line) for line in many.lines if line["kind"] in kinds]


@LAW
@given(prices, prices, prices, lengths, seeds)
def test_r04_the_total_is_the_sum_of_the_lines(peak, off, standing, days, seed):
    """Rounding line and all; the total has the decimals of the currency."""
    bill = rated(world(everything(peak, off, standing), days, seed, places=4))
    assert amount(bill) == Decimal(bill.total)
    assert Decimal(bill.total) == Decimal(bill.total).quantize(Decimal("0.01"))


@LAW
@given(prices, prices, lengths, seeds)
def test_r13_no_kwh_is_lost_between_buckets_and_tiers(peak, off, days, seed):
    """What the buckets and the tiers bill is what was measured."""
    one = world(everything(peak, off, 1), days, seed)
    measured = Fraction(int(one.channels["import"].sum()), 10**6)
    lines = rated(one).lines
    for name in ("energy", "tiers", "pooled"):
        billed = (
            Fraction(x["quantity"]) * Fraction(x["factor"]) for x in lines if x["component"] == name
        )
        assert sum(billed, Fraction(0)) == measured
