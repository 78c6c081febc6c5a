"""Beside step 6: the keys and values of a tariff document in words, whatever keys it has.

A key that is not known here is shown by its own name: nothing of a document is lost in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from pydantic import BaseModel

from gridtally.money import number
from gridtally.rating.document.values import Value
from gridtally.rating.hours import MONTHS

__all__ = [
    "Leaf",
    "fact_text",
    "facts",
    "label",
    "leaf_text",
    "name_of",
    "plain",
    "stated",
    "unit_of",
    "value_text",
]

Leaf = tuple[str | int, ...]
"""Where a value stands: `("tiers", 0, "upto")`."""
_WORDS = frozenset(
    ("metric", "excess_reading", "pooling", "method", "window", "netting", "per", "channel")
)
"""Keys whose values are words of ours, not names."""
_LABELS = {
    "of": "lines that it is on", "upto": "end", "minimum_kw": "smallest billed demand",
    "window_min": "demand window [minutes]", "round_kw": "rounding of the demand",
    "amount": "bound", "excess_over": "excess begins at [% of contract]",
    "excess_factor": "excess is charged times", "excess_reading": "excess is read as",
    "per": "charged per", "rows": "table", "negative": "prices below zero allowed",
    "credit": "paid to the customer", "resets": "window starts on", "window": "tier window",
    "valid_from": "valid from", "valid_to": "valid to", "upto_kwh": "end",
}  # fmt: skip

_LOSS_UNITS = {
    "no_load": "kW", "load": "kW", "no_load_percent": "%", "load_percent": "%", "capacity": "kVA",
}  # fmt: skip


def plain(value: Any) -> Any:
    """A part of a document as dicts, lists and values, keys as they are written."""
    if isinstance(value, BaseModel):
        named = (
            (f.alias or key, getattr(value, key)) for key, f in type(value).model_fields.items()
        )
        return {key: plain(part) for key, part in named}
    if isinstance(value, Value):
        return {"term": value.term} if value.number is None else value.number
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return value


def stated(part: BaseModel) -> dict[str, Any]:
    """`plain`, without what a key means anyway when it is left out."""
    fields = type(part).model_fields
    keys = sorted(fields, key=lambda key: key not in ("id", "shape"))
    said = [key for key in keys if getattr(part, key) != fields[key].default]
    return {fields[key].alias or key: plain(getattr(part, key)) for key in said}


def value_text(value: Any, key: str | int = "") -> str:
    """A value in words."""
    if isinstance(value, list):
        if key == "months":
            return ", ".join(MONTHS[month - 1] for month in value) or "all"
        return ", ".join(value_text(part) for part in value) or "none"
    if isinstance(value, dict):
        if set(value) == {"places", "mode"}:
            return f"{value['places']} decimals, {str(value['mode']).replace('_', ' ')}"
        if set(value) == {"term"}:
            return f"the agreement's {value['term']}"
        parts = (
            fact_text(label((k,)), value_text(v, k)) for k, v in value.items() if v is not None
        )
        return ", ".join(parts) or "empty"
    said = _scalar(value)
    if key == "metric":
        said = _cased(said)
    return said.replace("_", " ") if key in _WORDS else said


def fact_text(name: str, value: str) -> str:
    """A name and its value; what is simply so needs no `yes`."""
    return name if value == "yes" else f"{name} {value}"


def _scalar(value: Any) -> str:
    if value is None:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return number(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def label(path: Leaf) -> str:
    """The name of a place in words: `tier 1 price in peak`."""
    words: list[str] = []
    for step, key in enumerate(path):
        before = path[step - 1] if step else ""
        if isinstance(key, int):
            words.append(f"tier {key + 1}" if before == "tiers" else f"{before} {key + 1}")
        elif before in ("prices", "price") and step:
            words.append(f"price in {key}")
        elif before == "rows":
            words.append(f"at {key}")
        elif before == "title":
            words.append(f"({key})")
        elif not _has_own_name(path, step):
            words.append(_LABELS.get(key, key.replace("_", " ")))
    return " ".join(words)


def _has_own_name(path: Leaf, step: int) -> bool:
    """Whether the next step says it all: `prices` before a bucket, a list before its position."""
    following = path[step + 1] if step + 1 < len(path) else None
    return isinstance(following, int) or (following is not None and path[step] == "prices")


def unit_of(component: Mapping[str, Any], path: Leaf, currency: str) -> str:
    """The unit of a number of a component; empty where it has none that is known here."""
    last = next((key for key in reversed(path) if isinstance(key, str)), "")
    if "prices" in path or last == "price":
        return _price_unit(component, currency)
    if last == "percent" or (component.get("shape") == "transfer" and "parts" in path):
        return "%"
    if ("rows" in path and last != "upto") or last == "above_percent":
        return "%"
    if "adds_to" in component and last in _LOSS_UNITS:
        reactive = component["adds_to"] == "reactive_import"
        return "kvar" if reactive and _LOSS_UNITS[last] == "kW" else _LOSS_UNITS[last]
    if "contracts" in path:
        return _power_unit(component)
    shape, per = component.get("shape"), str(component.get("per") or "month")
    steps = {"demand": _power_unit(component), "tiered": _upto_unit(component)}
    units = {
        "amount": f"{currency} per {_per(per)}",
        "upto": steps.get(str(shape), ""),
        "minimum_kw": _power_unit(component),
        "least_measured": _power_unit(component),
        "per_month": "kWh per month",
    }
    return units.get(last, "")


def _power_unit(component: Mapping[str, Any]) -> str:
    if component.get("power") == "apparent":
        return "kVA"
    return "kvar" if str(component.get("channel", "")).startswith("reactive") else "kW"


def _upto_unit(component: Mapping[str, Any]) -> str:
    unit = str(component.get("unit") or "kwh").removeprefix("kwh").replace("_", " ")
    return _energy_unit(component) + _cased(unit)


def _cased(unit: str) -> str:
    """`kwh_per_kva` as units are written."""
    return unit.replace("kw", "kW").replace("kva", "kVA")


def _energy_unit(component: Mapping[str, Any]) -> str:
    reactive = str(component.get("channel", "")).startswith("reactive")
    return "kvarh" if reactive or component.get("shape") == "reactive" else "kWh"


def _price_unit(component: Mapping[str, Any], currency: str) -> str:
    if component.get("shape") == "demand":
        return f"{currency} per {_power_unit(component)} and {component.get('per') or 'month'}"
    if component.get("per"):
        return f"{currency} per {_per(str(component['per']))}"
    return f"{currency} per {_energy_unit(component)}" if "channel" in component else currency


def _per(word: str) -> str:
    unit, _, rest = word.partition("_")
    unit = {"kva": "kVA", "kw": "kW"}.get(unit, unit)
    return f"{unit} and {rest.replace('_', ' ')}" if rest else unit


def name_of(title: Any, default: str) -> str:
    """The English title, or the first, or the id."""
    if isinstance(title, Mapping):
        return str(title.get("en") or next(iter(title.values()), default))
    return str(title or default)


def leaf_text(component: Mapping[str, Any], path: Leaf, value: Any, currency: str) -> str:
    """A value with its unit: `0.24 EUR per kWh`."""
    unit = unit_of(component, path, currency) if isinstance(value, Decimal) else ""
    return f"{value_text(value, path[-1] if path else '')} {unit}".rstrip()


def facts(
    part: Mapping[str, Any], currency: str, *, without: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """(name, value) of everything that a component says, without the keys that are told apart."""
    for key, value in part.items():
        if key in without or value is None or value in ([], {}):
            continue
        yield from _facts(part, (key,), value, currency)


def _facts(
    part: Mapping[str, Any], path: Leaf, value: Any, currency: str
) -> Iterator[tuple[str, str]]:
    if path[-1] == "rows" and isinstance(value, dict):
        yield label(path), _rows(value)
    elif path[-1] == "rows":
        yield label(path), ", ".join(_row(row) for row in value)
    elif isinstance(value, dict) and set(value) not in ({"places", "mode"}, {"term"}):
        for key, inner in value.items():
            if inner is not None:
                yield from _facts(part, (*path, key), inner, currency)
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for i, inner in enumerate(value):
            yield from _facts(part, (*path, i), inner, currency)
    else:
        yield label(path), leaf_text(part, path, value, currency)


def _row(row: Mapping[str, Any]) -> str:
    upto = row.get("upto")
    where = "above" if upto is None else f"up to {value_text(upto)}"
    return f"{where}: {value_text(row.get('percent'))} %"


def _rows(table: Mapping[str, Any]) -> str:
    """A table by power factor, rows of one percentage together: `1.00 to 0.95: -0.75 %`."""
    said: list[str] = []
    for percent, rows in groupby(table.items(), key=lambda row: row[1]):
        keys = [key for key, _ in rows]
        where = keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]}"
        said.append(f"{where}: {value_text(percent)} %")
    return ", ".join(said)
