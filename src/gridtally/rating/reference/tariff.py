"""Step 6, the second opinion: the tariff document, read from `docs/tariff.md`.

Every key is known, every number exact, every minute of a calendar has one bucket, every bucket a
price: what is not so is refused here, so that nothing of the document is left unread later.
`components.py` checks the components.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference.components import check_component, check_references
from gridtally.rating.reference.figures import Held, decimal
from gridtally.rating.reference.hours import Calendar, known, refuse
from gridtally.rating.reference.values import AGREED, PRORATIONS, check_rounding, value

__all__ = ["tariff"]

DOCUMENT = """schema tariff title currency zone valid_from valid_to source assumptions rounding
 holidays calendars terms series events parts losses eligibility verified_by components"""
ELIGIBILITY = "voltage_levels regions segments phases"
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"


@lru_cache(maxsize=64)
def tariff(document: bytes) -> dict[str, Any]:
    """The document as a table, every component checked, `calendars` painted minute by minute."""
    try:  # numbers stay the text that they are: a binary float never comes to be
        return checked(tomllib.loads(document.decode("utf-8-sig"), parse_float=str))
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as err:
        reason = f"The tariff document is refused: {type(err).__name__}: {str(err)[:200]}"
        raise Held("rating.tariff.invalid", reason) from err


def checked(table: dict[str, Any]) -> dict[str, Any]:
    """The same table, when it says what `docs/tariff.md` asks for."""
    known(table, DOCUMENT, "the document")
    check_head(table)
    for name in ("terms", "series", "events", "parts", "losses"):
        table.setdefault(name, {})
    check_outside(table)
    rules = table.setdefault("calendars", {})
    check_holidays(table)
    table["calendars"] = {
        name: Calendar(calendar, table.get("holidays", {}).get("dates", []), name)
        for name, calendar in rules.items()
    }
    for name, calendar in table["calendars"].items():
        unknown = {rule.event for rule in calendar.event_rules} - table["events"].keys()
        refuse(unknown, f"calendar {name} names the event {sorted(unknown)[:1]}")
    table["parts"] = {
        name: part(each, name, table["terms"]) for name, each in table["parts"].items()
    }
    table["losses"] = {
        name: loss(each, name, table["terms"]) for name, each in table["losses"].items()
    }
    refuse(not table["components"], "it has no components")
    for component in table["components"]:
        check_component(component, table)
    check_references(table["components"])
    return table


def check_head(table: dict[str, Any]) -> None:
    """What the document says about itself."""
    refuse(table["schema"] != 1, "its schema is not 1")
    refuse(not re.fullmatch(r"[a-z0-9.-]{1,64}", table["tariff"], re.ASCII), "its id")
    refuse(not re.fullmatch(r"[A-Z]{3}", table["currency"], re.ASCII), "its currency")
    known(table.get("eligibility", {}), ELIGIBILITY, "eligibility")
    known(table["rounding"], "line total", "rounding")
    check_rounding(table["rounding"]["line"])
    decimals = (
        2
        - 2 * (table["currency"] in NO_DECIMALS.split())
        + (table["currency"] in THREE_DECIMALS.split())
    )
    check_rounding(table["rounding"]["total"], most=decimals)
    refuse(not isinstance(table["source"], str) or not table["source"], "it names no source")
    refuse(not isinstance(table["zone"], str), "its zone")
    ZoneInfo(table["zone"])  # an unknown one is a LookupError
    refuse(table.get("valid_to", date.max) <= table["valid_from"], "it ends before it begins")


def check_outside(table: dict[str, Any]) -> None:
    """Terms, series and events: what the case has to bring."""
    refuse(AGREED.keys() & table["terms"].keys(), "contract and capacity are not declared")
    for name, term in table["terms"].items():
        known(term, "title unit least most", f"term {name}")
        for key in ("least", "most"):
            if key in term:
                term[key] = decimal(term[key])
        least, most = term.get("least"), term.get("most")
        refuse(None not in (least, most) and least > most, f"term {name}: least is above most")
    for name, series in table["series"].items():
        known(series, "per title source", f"series {name}")
        refuse(series["per"] not in ("kWh", "MWh", "kvarh", "Mvarh"), f"series {name}: per")
    for name, event in table["events"].items():
        known(event, "title source", f"event {name}")


def check_holidays(table: dict[str, Any]) -> None:
    """The years that the version reaches are all there, when a calendar asks for them."""
    rules = [rule for calendar in table["calendars"].values() for rule in calendar["rules"]]
    first = table["valid_from"]
    known(table.get("holidays", {}), "source years dates library add remove", "holidays")
    for key in ("years", "dates", "add", "remove"):
        refuse(not isinstance(table.get("holidays", {}).get(key, []), list), f"holidays: {key}")
    if any("holiday" in rule.get("days", ()) for rule in rules):
        years = table["holidays"]["years"]
        last = (table["valid_to"] - timedelta(days=1)).year if "valid_to" in table else max(years)
        gap = set(range(first.year, last + 1)) - set(years)
        refuse(gap or not years, f"the holidays of {sorted(gap)[:1]} are not listed")


def part(written: Mapping[str, Any], name: str, terms: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a channel, its numbers as values."""
    known(written, "ratio per_month slice rest", f"part {name}")
    refuse(len(written) != 1, f"part {name} says not one thing")
    ((key, given),) = written.items()
    if key == "rest":
        refuse(given is not True, f"part {name}: rest")
        return {"rest": True}
    if key == "slice":
        refuse(len(given) != 2, f"part {name}: slice")
        low, high = (value(each, terms, least=0, most=1) for each in given)
        numbers = (low.number, high.number)
        refuse(None not in numbers and numbers[0] > numbers[1], f"part {name}: slice")  # type: ignore[operator]
        return {"slice": (low, high)}
    return {key: value(given, terms, least=0, most=1 if key == "ratio" else None)}


LOSS_FORMS = (
    "no_load load no_load_percent load_percent capacity shape",
    "ohm kv",
    "percent",
    "per_month",
)
LOSS_KEYS = "title adds_to hours_per_day reactive round proration"


def loss(written: Mapping[str, Any], name: str, terms: Mapping[str, Any]) -> dict[str, Any]:
    """A loss of one of the four forms, its numbers as values; `form` says which."""
    where = f"loss {name}"
    known(written, f"{LOSS_KEYS} {' '.join(LOSS_FORMS)}", where)
    forms = [i for i, keys in enumerate(LOSS_FORMS) if written.keys() & set(keys.split())]
    refuse(len(forms) != 1, f"{where} is not of one form")
    made: dict[str, Any] = {k: written[k] for k in written.keys() & {"reactive", "round"}}
    made |= {"form": forms[0], "adds_to": written["adds_to"], "proration": "days"}
    refuse(made["adds_to"] not in ("import", "reactive_import"), f"{where}: adds_to")
    refuse(not isinstance(made.get("reactive", True), bool), f"{where}: reactive")
    made["proration"] = written.get("proration", "days")
    refuse(made["proration"] not in PRORATIONS, f"{where}: proration")
    check_rounding(made.get("round", {"places": 6, "mode": "down"}), most=6)
    above_zero = ("capacity", "kv") + (("hours_per_day",) if forms[0] < 2 else ())
    most = {"hours_per_day": 24, "percent": 100}
    for key in f"hours_per_day {LOSS_FORMS[forms[0]]}".split():
        if key in written:
            made[key] = value(
                written[key], terms, least=0, most=most.get(key), above_zero=key in above_zero
            )
    loads = made.keys() & {"no_load", "load", "no_load_percent", "load_percent"}
    alien = written.keys() & set(("", "", "reactive hours_per_day")[min(forms[0], 2)].split())
    alien |= written.keys() & ({"proration"} if forms[0] < 3 else set())
    refuse(alien, f"{where}: {sorted(alien)} do not belong to its form")
    refuse(forms[0] == 0 and not loads, f"{where} has no load")
    for a in ("no_load", "load"):
        refuse(made.keys() >= {a, f"{a}_percent"}, f"{where}: {a} twice")
    refuse(forms[0] == 1 and not made.keys() >= {"ohm", "kv"}, f"{where}: ohm and kv")
    if "capacity" not in made:
        made["capacity"] = value({"term": "capacity_kva"}, terms, least=0, above_zero=True)
    made.setdefault("shape", value(1, terms))
    made.setdefault("hours_per_day", value(24, terms))
    return made
