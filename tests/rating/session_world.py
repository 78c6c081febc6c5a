"""Tariffs and charging sessions for tests: short to write, and rated by both raters at once."""

import json
import random
from datetime import datetime, timedelta
from decimal import Decimal

from gridtally.rating.reference.sessions import rate_session
from gridtally.rating.sessions import rate_sessions
from gridtally.rating.sessions.values import json_of

MONDAY = "2026-05-04"
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


def price(kind, amount, *, vat=None, step=1):
    """A price component."""
    said = {"type": kind, "price": Decimal(amount), "step_size": step}
    return said if vat is None else said | {"vat": Decimal(vat)}


def element(*components, **restrictions):
    """A tariff element."""
    said = {"price_components": list(components)}
    return said | {"restrictions": restrictions} if restrictions else said


def tariff(*elements, currency="EUR", **more):
    """An OCPI tariff."""
    return {"id": "T", "currency": currency, "elements": list(elements), **more}


def session(*periods, start=f"{MONDAY}T10:00:00", zone="UTC", name="S"):
    """A session of (state, minutes, kWh, more keys) that follow each other."""
    at, told = datetime.fromisoformat(start), []
    for state, minutes, *rest in periods:
        end = at + timedelta(minutes=minutes)
        period = {"start": at.isoformat(), "end": end.isoformat(), "state": state}
        if rest and rest[0] is not None:
            period["energy_kwh"] = str(rest[0])
        told.append(period | (rest[1] if len(rest) > 1 else {}))
        at = end
    return {"id": name, "time_zone": zone, "periods": told}


def text_of(value):
    assert isinstance(value, Decimal)
    return format(value, "f")


def encoded(value):
    """JSON with decimals as numbers, as an operator sends them."""
    marked = json.dumps(value, default=lambda d: f"\0{text_of(d)}\0")
    return marked.replace('"\\u0000', "").replace('\\u0000"', "").encode()


def rated(document, sessions, **options):
    """The answer, on which both raters agree: bill by bill, or held for the same reason."""
    data = encoded(document)
    answer = rate_sessions(
        data, encoded({"schema": 1, "sessions": sessions}),
        tariff_name="t", sessions_name="s", **options,
    )  # fmt: skip
    bills = {bill["session"]: bill for bill in answer["bills"]}
    holds = [row["code"] for row in answer["findings"] if row["severity"] == "hold"]
    held = []
    for told in sessions:
        second = rate_session(json_of(data), told)
        assert second["bill"] == bills.get(told["id"]), told
        held += second["held"]
    assert sorted(held) == sorted(holds)
    return answer


def bill(document, told, **options):
    """The only bill."""
    answer = rated(document, [told], **options)
    assert len(answer["bills"]) == 1, answer["findings"]
    return answer["bills"][0]


def cost(document, *periods, **options):
    """Totals before and with taxes."""
    made = bill(document, session(*periods, **options))
    return made["total_ex_vat"], made["total_inc_vat"]


# --------------------------------------------------------------------- by chance


def any_tariff(dice: random.Random):
    """A tariff with a few elements, priced and restricted by chance."""
    elements = [_any_element(dice) for _ in range(dice.randint(1, 5))]
    document = tariff(*elements, currency=dice.choice(["EUR", "EUR", "JPY", "KWD"]))
    document["tax_included"] = included = dice.choice(["NO", "NO", "YES", "N/A"])
    parts = [c for e in elements for c in e["price_components"]]
    if included == "N/A":
        for part in parts:
            part.pop("vat", None)
    bound = Decimal(dice.randint(1, 800)) / 100
    if dice.random() < 0.3:
        document["min_price"] = _limit(dice, bound)
    if dice.random() < 0.3:
        document["max_price"] = _limit(dice, bound * 3)
    return document


def _limit(dice, bound):
    after = {"after_taxes": bound * Decimal("1.19")}
    return {"before_taxes": bound} | (after if dice.random() < 0.9 else {})


def _any_element(dice):
    reservation = dice.choice([None, None, None, None, "RESERVATION", "RESERVATION_EXPIRES"])
    kinds = ["FLAT", "TIME"] if reservation else ["FLAT", "ENERGY", "TIME", "PARKING_TIME"]
    parts = [
        price(
            kind,
            Decimal(dice.randint(-20, 900)) / dice.choice([1, 10, 100, 1000]),
            vat=dice.choice([None, 0, 5, 19, "7.7"]),
            step=dice.choice([0, 1, 7, 60, 250, 900]),
        )
        for kind in dice.sample(kinds, dice.randint(1, len(kinds)))
    ]
    limits = {}
    if dice.random() < 0.5:
        limits["start_time"] = f"{dice.randint(0, 23):02}:{dice.choice([0, 30]) or 15:02}"
    if dice.random() < 0.5:
        limits["end_time"] = f"{dice.randint(0, 23):02}:{dice.choice(['00', '30'])}"
    if dice.random() < 0.2:
        limits["start_date"] = f"2026-{dice.randint(1, 12):02}-15"
    if dice.random() < 0.3:
        limits["day_of_week"] = dice.sample(DAYS, dice.randint(1, 6))
    for key, unit in (("kwh", 3), ("duration", 1800), ("current", 16), ("power", 11)):
        if dice.random() < 0.2:
            limits[f"min_{key}"] = dice.randint(0, 4) * unit
        if dice.random() < 0.2:
            limits[f"max_{key}"] = dice.randint(5, 9) * unit
    if reservation:
        limits["reservation"] = reservation
    return element(*parts, **limits)


def any_session(dice: random.Random, name="S"):
    """A session with reservation, charging and parking by chance, sometimes at a clock change."""
    day = dice.choice(["2026-03-28", "2026-03-07", "2026-10-24", "2026-10-31", "2026-07-15"])
    at = datetime.fromisoformat(day) + timedelta(minutes=dice.randint(0, 2880))
    told = []
    if dice.random() < 0.15:
        return session(("expired", dice.randint(0, 90)), start=at.isoformat(), name=name,
                       zone=dice.choice(ZONES))  # fmt: skip
    if dice.random() < 0.3:
        told.append(("reserved", dice.randint(0, 90)))
    for _ in range(dice.randint(1, 4)):
        if dice.random() < 0.3:
            told.append(("parking", dice.randint(0, 400)))
            continue
        amps, kw = dice.randint(1, 200), dice.randint(1, 120)
        more = {"current_a": amps, "power_kw": kw} if dice.random() < 0.8 else {
            "min_current_a": amps, "max_current_a": amps + dice.randint(0, 20)}  # fmt: skip
        told.append(
            ("charging", dice.randint(0, 400), Decimal(dice.randint(0, 60_000)) / 1000, more)
        )
    return session(*told, start=at.isoformat(), name=name, zone=dice.choice(ZONES))
