"""Step 6, the second opinion: one component of a tariff document, every key of it checked.

Numbers become exact, values remember their bounds, `@set` becomes the ids of the set.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from gridtally.rating.reference.figures import decimal
from gridtally.rating.reference.hours import known, refuse
from gridtally.rating.reference.metered import (
    MEASURED,
    SERIES,
    check_demand,
    check_energy,
    check_tiered,
)
from gridtally.rating.reference.values import (
    PRORATIONS,
    C,
    Table,
    check_losses,
    check_rounding,
    numbers,
    price_tiers,
    value,
    values,
    yearly_day,
)

__all__ = ["check_component", "check_references"]

COMMON = """id shape title kind months proration round_factor rounding round_component sets ledger
 source payer payee credit negative"""
BILLED = "netting true_up bank_moves losses part loss_factor loss_factors round_quantity"
SHAPES = {
    "energy": f"channel calendar price prices series {SERIES} {BILLED}",
    "tiered": f"""channel calendar tiers unit more demand window resets fill method pooling
 {BILLED}""",
    "demand": f"demand price prices tiers basis per {MEASURED}",
    "fixed": "per price count unit event",
    "percentage": "of percent method",
    "table": "of metric rows edge channel demand term",
    "power_factor": "of rows standard below above losses",
    "reactive": "channel calendar price prices free_ratio round_quantity",
    "minimum": "of amount per settle",
    "maximum": "of amount per settle",
    "bank": "of later true_up",
    "transfer": "of parts",
}
PLAIN = r"[A-Za-z0-9._-]{1,64}"
CHANNELS = "import export reactive_import reactive_export"
PER = "{0}_month {0}_day {0}_year"
CHOICES = {
    "netting": "month interval hour",
    "window": "month year day",
    "fill": "position quota",
    "pooling": "pro_rata separate in_order",
    "basis": "measured contract billed",
    "measure": "mean",
    "power": "active apparent",
    "look_back": "agreement known",
    "excess_reading": "above_contract above_threshold",
    "edge": "lower upper",
    "metric": "kwh kwh_per_day kwh_per_kw kwh_per_kva kw term",
    "proration": " ".join(PRORATIONS),
}
CHOICES_OF = {
    "tiered": {
        "unit": "kwh kwh_per_day kwh_per_kw kwh_per_kva kwh_per_person",
        "method": "graduated volume",
    },
    "demand": {"per": "month day year"},
    "fixed": {
        "per": f"month day year event {' '.join(PER.format(u) for u in ('kva', 'kw', 'meter', 'unit'))}"  # noqa: E501
    },
    "percentage": {"method": "on_top inside included"},
    "reactive": {"channel": "reactive_import reactive_export both larger"},
    "minimum": {"per": "month year day kva_month kw_month"},
    "maximum": {"per": "month year day kva_month kw_month"},
}


def check_component(c: C, table: Table) -> None:
    """Nothing unknown, nothing missing, a price for every bucket."""
    name, shape = f"component {c['id']}", c["shape"]
    refuse(not re.fullmatch(PLAIN, c["id"], re.ASCII), f"{name}: the id is no plain name")
    refuse(shape not in SHAPES, f"{name} has an unknown shape")
    known(c, f"{COMMON} {SHAPES[shape]}", name)
    for key, choices in (CHOICES | {"channel": CHANNELS} | CHOICES_OF.get(shape, {})).items():
        refuse(key in c and c[key] not in choices.split(), f"{name}: {key} = {c.get(key)!r}")
    check_common(c, name)
    c["buckets"] = [""]
    if "calendar" in c:
        refuse(c["calendar"] not in table["calendars"], f"{name}: no calendar {c['calendar']!r}")
        c["buckets"] = table["calendars"][c["calendar"]].buckets
    CHECKS[shape](c, table, name)


def check_common(c: C, name: str) -> None:
    """The keys that every component has."""
    for key in ("rounding", "round_factor", "round_component"):
        check_rounding(c.get(key, {"places": 2, "mode": "down"}))
    for key in ("credit", "negative"):
        refuse(not isinstance(c.get(key, False), bool), f"{name}: {key}")
    for key in ("payer", "payee", "kind", "ledger", "source"):
        refuse(not isinstance(c.get(key, ""), str), f"{name}: {key}")
    refuse(c.get("kind") == "rounding", f"{name}: its kind is that of the lines that round")
    months = c.get("months", [1])
    refuse(not months or not set(months) <= set(range(1, 13)), f"{name}: months")
    sets = c.get("sets", ["none"])
    refuse(not isinstance(sets, list) or not sets, f"{name}: sets are no list")
    plain = [re.fullmatch(PLAIN, each, re.ASCII) for each in sets]
    refuse(None in plain, f"{name}: a set without a plain name")


def check_references(components: list[C]) -> None:
    """Every name is there, sets are spelled out, nothing is computed from itself."""
    ids = [c["id"] for c in components]
    refuse(len(set(ids)) != len(ids), "two components have one id")
    for c in components:
        c["after"] = [c["demand"]] if "demand" in c else []
        for key in c.keys() & {"of", "later"}:
            c[key] = spelled_out(c[key], components, f"{c['id']}: {key}")
            c["after"] += c[key]
        refuse(set(c.get("of", [])) & set(c.get("later", [])), f"{c['id']}: of and later")
        demands = [o["id"] for o in components if o["shape"] == "demand"]
        refuse("demand" in c and c["demand"] not in demands, f"{c['id']}: no such demand")
        if c["shape"] == "demand" and "demand" in c:
            other = next(o for o in components if o["id"] == c["demand"])
            refuse(other.get("basis") == "billed", f"{c['id']}: the demand of a demand of another")
            if c.get("basis") == "billed":
                c |= {key: other[key] for key in ("channel", "power") if key in other}  # its unit
    done: set[str] = set()
    while len(done) < len(ids):
        ready = {c["id"] for c in components if set(c["after"]) <= done}
        refuse(ready == done, "components refer to each other in a circle")
        done = ready


def spelled_out(names: list[str], components: list[C], where: str) -> list[str]:
    """The ids that a list of ids and sets stands for, each once."""
    found: list[str] = []
    for name in names:
        members = [c["id"] for c in components if c["id"] == name]
        if name.startswith("@"):
            members = [c["id"] for c in components if name[1:] in c.get("sets", [])]
        refuse(not members, f"{where} names {name!r}")
        found += members
    refuse(not found, f"{where} is empty")
    return list(dict.fromkeys(found))


def check_fixed(c: C, table: Table, name: str) -> None:
    """What is counted."""
    price_tiers(c, table, name)
    per = c["per"]
    refuse(per.startswith("meter") and "meters" not in table["terms"], f"{name}: no term meters")
    refuse(per.startswith("unit") != ("count" in c), f"{name}: count belongs to per unit")
    refuse("unit" in c and not per.startswith("unit"), f"{name}: unit belongs to per unit")
    refuse((per == "event") != ("event" in c), f"{name}: event")
    refuse("event" in c and c["event"] not in table["events"], f"{name}: no such event")
    values(c, table, {"count": (0, None)})


def check_percentage(c: C, table: Table, name: str) -> None:
    """A percentage of lines."""
    values(c, table, {"percent": (-100 if c.get("negative") else 0, 100)})
    number = c["percent"].number
    method, bounds = c.setdefault("method", "on_top"), {"inside": 100, "included": -100}
    refuse("of" not in c, f"{name} names no component")
    refuse(method in bounds and number == bounds[method], f"{name}: percent")


def check_table(c: C, table: Table, name: str) -> None:
    """Steps of a metric."""
    refuse("of" not in c or not c["rows"], f"{name} names no component or no row")
    rows, last = [], None
    for i, written in enumerate(c["rows"]):
        known(written, "upto percent", f"{name}, row {i + 1}")
        upto = decimal(written["upto"]) if "upto" in written else None
        refuse((upto is None) != (i + 1 == len(c["rows"])), f"{name}: upto of a row")
        refuse(None not in (upto, last) and upto <= last, f"{name}: rows must rise")  # type: ignore[operator]
        last = upto
        percent = decimal(written["percent"])
        refuse(abs(percent) > 100, f"{name}: more than 100 percent")
        rows.append({"upto": upto, "percent": percent})
    c["rows"] = rows
    metric = c["metric"]
    refuse((metric in ("kwh_per_kw", "kw")) != ("demand" in c), f"{name}: demand")
    refuse((metric == "term") != ("term" in c), f"{name}: term")
    refuse("channel" in c and not metric.startswith("kwh"), f"{name}: channel")
    if metric == "term":
        c["term"] = value({"term": c["term"]}, table["terms"])


def check_power_factor(c: C, table: Table, name: str) -> None:
    """Rows, or a formula."""
    refuse("of" not in c, f"{name} names no component")
    check_losses(c, table, name)
    formula = c.keys() & {"below", "above"}
    refuse(("rows" in c) == bool(formula), f"{name}: rows or a formula")
    if "rows" in c:
        rows = [(decimal(text), decimal(percent)) for text, percent in c["rows"].items()]
        steps = {above[0] - below[0] for above, below in pairwise(rows)}
        refuse(not rows or steps - {Fraction(1, 100)}, f"{name}: rows must descend by 0.01")
        refuse((rows[0][0] * 100).denominator != 1, f"{name}: rows have two decimals")
        c["rows"] = rows
    for key in formula:
        known(c[key], "from percent limit", f"{name}, {key}")
        numbers(c[key], name, "from", "percent", "limit")
        whole = (c[key]["from"] * 100).denominator == 1
        refuse(not whole or c[key]["from"] > 1, f"{name}: {key}.from, two decimals, at most 1")
        refuse("percent" not in c[key], f"{name}: {key}.percent")
    if len(formula) > 1:
        refuse(c["below"]["from"] > c["above"]["from"], f"{name}: below.from is above above.from")


def check_reactive(c: C, table: Table, name: str) -> None:
    """What is free and what it costs."""
    refuse("channel" not in c or "free_ratio" not in c, f"{name}: channel and free_ratio")
    price_tiers(c, table, name)
    values(c, table, {"free_ratio": (0, None)})
    check_rounding(c.get("round_quantity", {"places": 6, "mode": "down"}), most=6)


def check_bound(c: C, table: Table, name: str) -> None:
    """`minimum` and `maximum`."""
    refuse("of" not in c or c.get("credit"), f"{name}: of, credit")
    values(c, table, {"amount": (0, None)})  # whatever `negative` says
    refuse("amount" not in c, f"{name} has no amount")
    if "settle" in c:
        known(c["settle"], "on", f"{name}, settle")
        yearly_day(c["settle"]["on"], f"{name}: settle.on")


def check_bank(c: C, table: Table, name: str) -> None:
    """Money that is kept."""
    refuse("of" not in c or c.get("credit"), f"{name}: of, credit")
    if "true_up" in c:
        known(c["true_up"], "on percent", f"{name}, true_up")
        yearly_day(c["true_up"]["on"], f"{name}: true_up.on")
        numbers(c["true_up"], name, "percent")
        refuse(c["true_up"]["percent"] > 100, f"{name}: more than 100 percent")


def check_transfer(c: C, table: Table, name: str) -> None:
    """Parts of lines for others, together at most all of them."""
    refuse("of" not in c or c.get("credit") or not c["parts"], f"{name}: of, parts, credit")
    parts = {k: value(v, table["terms"], least=0, most=100) for k, v in c["parts"].items()}
    stated = sum((v.number or Fraction(0) for v in parts.values()), Fraction(0))
    refuse(stated > 100, f"{name}: parts of more than 100 percent")
    c["parts"] = parts


CHECKS = {
    "energy": check_energy,
    "tiered": check_tiered,
    "demand": check_demand,
    "fixed": check_fixed,
    "percentage": check_percentage,
    "table": check_table,
    "power_factor": check_power_factor,
    "reactive": check_reactive,
    "minimum": check_bound,
    "maximum": check_bound,
    "bank": check_bank,
    "transfer": check_transfer,
}
