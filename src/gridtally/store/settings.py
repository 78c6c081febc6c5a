"""The store: `gridtally.toml`, the settings of a workspace, read strictly."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from gridtally.errors import InvalidDocument, UsageError
from gridtally.money import parse_decimal
from gridtally.periods import zone

__all__ = ["FIXED", "Settings", "Supplier", "parse", "render"]

FIXED = ("currency", "buckets", "log")
"""Stored files depend on these: they cannot change after the workspace was made."""


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who sends the bills; printed on each."""

    name: str = "Example Energy"
    address: str = ""
    tax_id: str = ""
    phone: str = ""
    web: str = ""
    iban: str = ""
    payment_terms: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is the same for all bills of a workspace."""

    name: str = "town"
    """Name of the workspace, for people."""
    zone: str = "UTC"
    """IANA zone of its local days, where a metering point does not say otherwise."""
    currency: str = "EUR"
    """ISO 4217. Fixed."""
    language: str = "en"
    """Language of bills where an account does not say: en or zh."""
    series: str = "B"
    """Prefix of the bill numbers."""
    due_days: int = 21
    """Days from issue to due date."""
    review_budget: int = 100
    """How many suspicions people can read per run."""
    second_opinion_percent: str = "1"
    """Random share of bills that the second rater checks, besides held and large ones."""
    buckets: int = 8
    """Files per month that readings are spread over, by metering point. Fixed."""
    log: str = "gridtally.local/town"
    """Origin line of the proof's checkpoints. Fixed."""
    supplier: Supplier = field(default_factory=Supplier)


def parse(text: str, *, file: str = "gridtally.toml") -> Settings:
    """Settings from TOML text. Raises `InvalidDocument` with every problem at once."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise InvalidDocument(f"This is not TOML: {err}.", file=file) from err
    problems: list[str] = []
    supplier = document.pop("supplier", {})
    if not isinstance(supplier, dict):
        problems.append("supplier must be a table")
        supplier = {}
    problems += _shape(document, Settings, "") + _shape(supplier, Supplier, "supplier.")
    if not problems:
        settings = Settings(**document, supplier=Supplier(**supplier))
        problems = _meaning(settings)
    if problems:
        raise InvalidDocument(
            "; ".join(problems) + ".", file=file, remedy="See docs/workspace.md for every key."
        )
    return settings


def _shape(document: dict[str, Any], kind: type[Any], prefix: str) -> list[str]:
    wanted = {f.name: f for f in fields(kind) if f.name != "supplier"}
    problems = [
        f"{prefix}{key} is not a setting; known are {', '.join(wanted)}"
        for key in document.keys() - wanted.keys()
    ]
    problems += [f"{prefix}{key} is missing" for key in wanted.keys() - document.keys()]
    for key in wanted.keys() & document.keys():
        type_ = int if wanted[key].type == "int" else str
        if type(document[key]) is not type_:
            problems.append(f"{prefix}{key} must be {'a whole number' if type_ is int else 'text'}")
    return sorted(problems)


def _meaning(settings: Settings) -> list[str]:
    problems = []
    try:
        zone(settings.zone)
    except UsageError as err:
        problems.append(f"zone: {err.message[:-1]}")
    try:
        share = parse_decimal(settings.second_opinion_percent)
    except ValueError:
        share = Decimal(-1)
    checks = {
        "name must not be empty": bool(settings.name.strip()),
        "currency must be three capital letters": re.fullmatch("[A-Z]{3}", settings.currency),
        "language must be en or zh": settings.language in ("en", "zh"),
        "series must be 1 to 20 of A-Z, a-z, 0-9, _": re.fullmatch(
            r"\w{1,20}", settings.series, re.A
        ),
        "due_days must be 0 to 365": 0 <= settings.due_days <= 365,
        "review_budget must not be negative": settings.review_budget >= 0,
        "second_opinion_percent must be 0 to 100": 0 <= share <= 100,
        "buckets must be 1 to 4096": 1 <= settings.buckets <= 4096,
        "log must be one word such as bills.example.org/2026": re.fullmatch(
            r"[!-~]{1,100}", settings.log
        ),
    }
    return problems + [sentence for sentence, good in checks.items() if not good]


def render(settings: Settings) -> str:
    """The settings as the TOML that `parse` reads."""
    lines = [f"{f.name} = {_toml(getattr(settings, f.name))}" for f in fields(Settings)[:-1]]
    lines += ["", "[supplier]"]
    lines += [f"{f.name} = {_toml(getattr(settings.supplier, f.name))}" for f in fields(Supplier)]
    return "\n".join(lines) + "\n"


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'
