"""Before step 6: why a part of a tariff document is refused, in words: place, reason, remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from gridtally.rating.document.remedies import remedy_for
from gridtally.rating.document.values import Problem

__all__ = ["complaint", "refusals"]

_PATTERNS = {
    "currency": ("is no currency", "Write three capital letters such as EUR."),
    "tariff": ("is no id", "Write lower-case letters, digits, `-` and `.`, at most 64."),
    "hours": ("is no range of hours", "Write it as 08:00-10:30, up to 24:00."),
    "season": ("is no season", "Write it as 06-15 to 09-14."),
    "library": ("is no country", "Write it as PT, or with its subdivision as ES-MD."),
    "rows": ("is no power factor", "Write it with two decimals, as 0.95."),
    "title": ("is no language", "Write two small letters such as en."),
}
_PLAIN = ("is no plain name", "Write ASCII letters, digits, `.`, `_` and `-`, at most 64.")
_RANGE = re.compile(
    r"\s*(\d{1,2})(?:[:.h](\d\d))?h?\s*(?:-|\u2013|to)\s*(\d{1,2})(?:[:.h](\d\d))?h?\s*"
)
"""A range of hours as people write it: 9:00-13:00, 9-13, 09.00 to 13.00."""
_TYPES = {
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "date_type": "must be a date such as 2026-01-01",
    "date_from_datetime_inexact": "must be a date such as 2026-01-01",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_type": "must be a text",
    "too_short": "must not be empty, or that short",
    "too_long": "must not be that long",
}
_BOUNDS = {
    "less_than_equal": ("le", "is more than {}, the most that is allowed"),
    "greater_than_equal": ("ge", "is less than {}, the least that is allowed"),
}


def complaint(path: str, where: str, what: str) -> Problem:
    """What the keys of a part say together and must not."""
    code = "rating.document.tiers" if ".upto" in where else "rating.document.value"
    code = "rating.document.hours" if "hours" in where else code
    code = "rating.document.price" if "below zero" in what else code
    return Problem(code, _join(path, where), f"{what[0].upper()}{what[1:]}.", remedy_for(what))


def refusals(
    errors: Iterable[Mapping[str, Any]], path: str, model: type[BaseModel]
) -> list[Problem]:
    """What a single key got wrong. Of what can be written in two ways, the way that was tried."""
    found = [(_where(error, path), error) for error in errors]
    places = [where for where, _ in found]
    problems: dict[str, Problem] = {}
    for where, error in found:
        deeper = any(other.startswith((f"{where}.", f"{where}[")) for other in places)
        if not deeper and where not in problems:
            problems[where] = _problem(where, error, model)
    return list(problems.values())


def _join(path: str, where: str) -> str:
    return f"{path}.{where}" if path and where else path or where


def _where(error: Mapping[str, Any], path: str) -> str:
    where = path
    for step in error["loc"]:
        if isinstance(step, int):
            where += f"[{step}]"
        elif not re.match(r"^(function-|constrained-|dict\[|str$|tuple\[|union|\[key\])", step):
            where = _join(where, step)
    return where


def _problem(where: str, error: Mapping[str, Any], model: type[BaseModel]) -> Problem:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(where, error["loc"], model)
    if kind == "missing":
        name = where.rsplit(".", 1)[-1]
        code = "rating.document.rounding" if "rounding" in where else "rating.document.missing"
        known = "rounding" in code
        remedy = "Say how amounts are rounded: the mode is never assumed." if known else "Add it."
        return Problem(code, where, f"`{name}` is missing.", remedy)
    message, remedy = _said(where, error)
    given = error.get("input")
    if isinstance(given, str | int) and str(given)[:40] not in message:
        shown = f"{str(given)[:40]!r}" if isinstance(given, str) else str(given)[:40].lower()
        message = f"{shown} {message}"
    return Problem(_code(where), where, f"{message[0].upper()}{message[1:]}.", remedy)


def _said(where: str, error: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with the value of a key, and what to do about it."""
    kind, given = error["type"], error.get("input")
    if kind == "string_pattern_mismatch":
        keys = [re.sub(r"\[\d+\]", "", step) for step in where.split(".")]
        key = next((key for key in reversed(keys) if key in _PATTERNS), "")
        message, remedy = _PATTERNS.get(key, _PLAIN)
        return message, (_range_meant(str(given)) if key == "hours" else "") or remedy
    if kind in _BOUNDS:
        bound, text = _BOUNDS[kind]
        message = text.format(error["ctx"][bound])
        return message, remedy_for(message)
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if kind == "literal_error" and isinstance(given, str):
        names = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        near = difflib.get_close_matches(given, names, n=1)
        return message, f"Did you mean {near[0]!r}?" if near else "Write one of these."
    message = _TYPES.get(kind, message)
    return message, remedy_for(message)


def _range_meant(given: str) -> str:
    """`Write 09:00-13:00.` of `9:00-13:00`; empty where no range can be made out."""
    found = _RANGE.fullmatch(given)
    if found is None:
        return ""
    hours = [int(text or 0) for text in found.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or not start < end <= 1440:
        return ""
    return f"Write {hours[0]:02}:{hours[1]:02}-{hours[2]:02}:{hours[3]:02}."


def _code(where: str) -> str:
    name = where.rsplit(".", 1)[-1]
    if "rounding" in where:
        return "rating.document.rounding"
    if name == "zone":
        return "rating.document.zone"
    if name.startswith("percent"):
        return "rating.document.percent"
    if ".prices." in where or name in ("price", "amount") or ".rows." in where:
        return "rating.document.price"
    return "rating.document.tiers" if name == "upto" else "rating.document.value"


def _unknown(where: str, loc: tuple[Any, ...], model: type[BaseModel]) -> Problem:
    known = _fields_at(model, loc[:-1])
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    remedy = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(sorted(known))}."
    return Problem("rating.document.unknown_key", where, f"There is no key `{loc[-1]}`.", remedy)


def _fields_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Names that are allowed in the table at `loc`."""
    schema = model.model_json_schema()
    names = schema.get("$defs", {})
    here: Any = schema
    for step in loc:
        while True:
            if "$ref" in here:
                here = names[here["$ref"].rsplit("/", 1)[-1]]
            elif "anyOf" in here:
                here = next((part for part in here["anyOf"] if part.get("type") != "null"), {})
            else:
                break
        here = here.get("items", {}) if isinstance(step, int) else here["properties"].get(step, {})
    while "$ref" in here or "anyOf" in here:
        here = names[here["$ref"].rsplit("/", 1)[-1]] if "$ref" in here else here["anyOf"][0]
    return list(here.get("properties", {}))
