"""Beside step 6: a tariff document as TOML text, as a person would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from gridtally.money import number

__all__ = ["to_toml"]


def to_toml(document: Mapping[str, Any]) -> str:
    """The document as TOML. Numbers are `int` or `Decimal`, so that `load` reads them exactly."""
    tables = ("rounding", "holidays", "events", "calendars", "components")
    lines = [f"{key} = {_value(value)}" for key, value in document.items() if key not in tables]
    for name in ("rounding", "holidays"):
        if name in document:
            lines += ["", f"[{name}]", *_pairs(document[name])]
    for name, event in document.get("events", {}).items():
        lines += ["", f"[events.{_key(name)}]", *_pairs(event)]
    for name, calendar in document.get("calendars", {}).items():
        for rule in calendar["rules"]:
            lines += ["", f"[[calendars.{_key(name)}.rules]]", *_pairs(rule)]
    for component in document["components"]:
        lines += ["", "[[components]]", *_pairs(component)]
    return "\n".join(lines) + "\n"


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    plain = key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if plain else json.dumps(key, ensure_ascii=False)


def _value(value: object) -> str:
    match value:
        case bool():
            text = str(value).lower()
        case Decimal() | int():
            text = number(value)
        case date():
            text = value.isoformat()
        case str():
            text = json.dumps(value, ensure_ascii=False)
        case Mapping():
            text = "{ " + ", ".join(_pairs(value)) + " }"
        case Sequence():
            text = _array(value)
        case _:
            raise AssertionError(f"no TOML for {type(value)}")
    return text


def _array(values: Sequence[object]) -> str:
    items = [_value(value) for value in values]
    flat = "[" + ", ".join(items) + "]"
    if len(flat) < 90 and not any(isinstance(value, Mapping) for value in values):
        return flat
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
