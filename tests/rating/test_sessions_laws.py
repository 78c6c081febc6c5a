"""Laws of charging sessions, on tariffs and sessions by chance; both raters make each bill."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from session_world import any_session, any_tariff, element, encoded, price, rated, session

from gridtally.errors import InvalidDocument
from gridtally.rating.sessions import rate_sessions

chance = st.randoms(use_true_random=False)
often = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def answered(document, sessions):
    try:
        return rated(document, sessions)
    except InvalidDocument:
        assume(False)


def exact(bill):
    return Fraction(bill["exact_ex_vat"] or bill["exact_inc_vat"])


def unlimited(document):
    return {k: v for k, v in document.items() if k not in ("min_price", "max_price")}


def halved(told, at, eighths):
    """A session whose period `at` is two, cut after so many eighths of its time and energy."""
    from datetime import datetime

    period = told["periods"][at]
    start, end = (datetime.fromisoformat(period[key]) for key in ("start", "end"))
    middle = (start + (end - start) * eighths / 8).isoformat()
    first, second = {**period, "end": middle}, {**period, "start": middle}
    if "energy_kwh" in period:
        part = Decimal(period["energy_kwh"]) * eighths / 8
        first["energy_kwh"] = format(part, "f")
        second["energy_kwh"] = format(Decimal(period["energy_kwh"]) - part, "f")
    return {**told, "periods": [*told["periods"][:at], first, second, *told["periods"][at + 1 :]]}


@often
@given(chance, st.integers(1, 7))
def test_splitting_a_period_changes_nothing(dice, eighths):
    """An operator that sends two periods for one, alike in power, gets the same bill."""
    document, told = any_tariff(dice), any_session(dice)
    cut = halved(told, dice.randrange(len(told["periods"])), eighths)
    one, two = answered(document, [told]), answered(document, [cut])
    assert one["bills"] == two["bills"]


@often
@given(chance)
def test_sessions_do_not_know_each_other(dice):
    """A session costs the same alone, among others, and in any order."""
    document = any_tariff(dice)
    sessions = [any_session(dice, name=f"S{n}") for n in range(5)]
    together = answered(document, sessions)["bills"]
    alone = [b for told in sessions for b in answered(document, [told])["bills"]]
    turned = answered(document, sessions[::-1])["bills"]
    assert together == alone == turned[::-1]


@often
@given(chance)
def test_a_session_of_nothing_costs_its_flat(dice):
    """No time and no energy: nothing but FLAT, and the limits."""
    document = any_tariff(dice)
    for state in ("charging", "parking", "reserved", "expired"):
        told = session((state, 0, 0 if state == "charging" else None))
        for bill in answered(document, [told])["bills"]:
            kinds = {line["kind"] for line in bill["lines"]}
            assert kinds <= {"flat", "minimum", "maximum", "rounding"}


@often
@given(chance, st.integers(2, 9))
def test_prices_are_linear(dice, factor):
    """All prices so many times as high, without limits: so is the exact total."""
    document, told = unlimited(any_tariff(dice)), any_session(dice)
    dearer = {
        **document,
        "elements": [
            {**e, "price_components": [
                {**c, "price": c["price"] * factor} for c in e["price_components"]
            ]}
            for e in document["elements"]
        ],
    }  # fmt: skip
    one, more = answered(document, [told])["bills"], answered(dearer, [told])["bills"]
    assert len(one) == len(more)
    for low, high in zip(one, more, strict=True):
        assert exact(high) == factor * exact(low)


@often
@given(chance)
def test_the_lines_sum_to_the_total_and_so_do_the_taxes(dice):
    """What is shown adds up to the cent: lines to their total, bases and taxes to theirs."""
    document = any_tariff(dice)
    for bill in answered(document, [any_session(dice)])["bills"]:
        side = "inc" if document["tax_included"] == "YES" else "ex"
        total = sum((Decimal(line["amount"]) for line in bill["lines"]), Decimal(0))
        assert total == Decimal(bill[f"total_{side}_vat"])
        if bill["vat"]:
            assert sum(Decimal(row["base"]) for row in bill["vat"]) == Decimal(bill["total_ex_vat"])
            assert sum(Decimal(row["tax"]) for row in bill["vat"]) == Decimal(bill["total_vat"])


@often
@given(chance)
def test_no_energy_is_lost_or_found(dice):
    """With a fallback for energy, what is measured on the lines is what was charged; a step adds
    less than itself."""
    document, told = any_tariff(dice), any_session(dice)
    document["elements"].append(element(price("ENERGY", "0.3", step=250)))
    for bill in answered(document, [told])["bills"]:
        rows = [line for line in bill["lines"] if line["kind"] == "energy"]
        measured = sum((Decimal(row["measured"]) for row in rows), Decimal(0))
        billed = sum((Decimal(row["quantity"]) for row in rows), Decimal(0))
        drawn = sum(Decimal(p.get("energy_kwh", 0)) for p in told["periods"])
        assert abs(measured - drawn) <= Decimal("0.000005")
        assert -Decimal("0.000005") <= billed - measured < Decimal("0.9")


@often
@given(chance)
def test_what_stands_after_a_price_for_everything_never_counts(dice):
    """The first match wins: after an element without restrictions nothing else counts."""
    document = unlimited(any_tariff(dice))
    everything = element(*(price(k, 1, vat=0) for k in ("FLAT", "ENERGY", "TIME", "PARKING_TIME")))
    plain = [e for e in document["elements"] if "reservation" not in e.get("restrictions", {})]
    told = any_session(dice)
    assume(told["periods"][0]["state"] in ("charging", "parking"))
    first = answered({**document, "elements": [everything, *plain]}, [told])["bills"]
    alone = answered({**document, "elements": [everything]}, [told])["bills"]
    assert [bill["lines"] for bill in first] == [bill["lines"] for bill in alone]


def as_cdr(told):
    """The same session as an operator's CDR."""
    periods = []
    for period in told["periods"]:
        names = {"energy_kwh": "ENERGY", "current_a": "CURRENT", "power_kw": "POWER",
                 "min_current_a": "MIN_CURRENT", "max_current_a": "MAX_CURRENT"}  # fmt: skip
        dimensions = [{"type": names[key], "volume": Decimal(str(period[key]))}
                      for key in names if key in period]  # fmt: skip
        hours = _hours(period)
        kind = {"parking": "PARKING_TIME", "charging": "TIME"}.get(period["state"])
        dimensions.append({"type": kind or "RESERVATION_TIME", "volume": hours})
        periods.append({"start_date_time": period["start"], "dimensions": dimensions})
    return {"id": told["id"], "charging_periods": periods,
            "end_date_time": told["periods"][-1]["end"]}  # fmt: skip


def _hours(period):
    from datetime import datetime, timedelta

    lasted = datetime.fromisoformat(period["end"]) - datetime.fromisoformat(period["start"])
    return (Decimal(lasted // timedelta(seconds=1)) / 3600).quantize(Decimal("0.0001"))


@often
@given(chance)
def test_a_cdr_costs_what_its_session_costs(dice):
    """The same session, told as OCPI tells it."""
    document, told = any_tariff(dice), any_session(dice)
    states = {p["state"] for p in told["periods"]}
    assume(all(p["start"] != p["end"] for p in told["periods"]) and states != {"reserved"})
    cdr = rate_sessions(
        encoded(document), encoded(as_cdr(told)), tariff_name="t", sessions_name="s",
        zone=told["time_zone"],
    ) if answered(document, [told]) else None  # fmt: skip
    assert cdr["bills"] == answered(document, [told])["bills"]
