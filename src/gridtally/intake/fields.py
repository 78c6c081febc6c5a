"""Steps 1-2: what the text of one cell of master data means; a `ValueError` says why it is nothing.

The reasons read on from the cell: "digits 'five' is no whole number from 1 to 12".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from gridtally.errors import UsageError
from gridtally.money import MICRO, parse_decimal
from gridtally.periods import zone

__all__ = [
    "address", "choice", "day", "features", "identifier", "micro", "optional", "tariff_id", "text",
    "whole", "zone_name",
]  # fmt: skip

T = TypeVar("T")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TARIFF = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\Z")
_NAME_MAX, _TEXT_MAX = 64, 200
_MICRO_MAX = 10**15
FEATURES = ("pv", "ev", "heatpump", "vacant")


def identifier(cell: str) -> str:
    """A name by which something is known: 1 to 64 bytes, no blank at an end, printable."""
    if not 0 < len(cell.encode()) <= _NAME_MAX:
        raise ValueError("is empty or longer than 64 bytes")
    if not cell.isprintable():
        raise ValueError("has a character that cannot be seen, spelled out here")
    if cell != cell.strip():
        raise ValueError("has a blank at an end")
    return cell


def text(cell: str) -> str:
    """Free text of up to 200 characters; it is data and never code, whatever it says."""
    if len(cell) > _TEXT_MAX:
        raise ValueError(f"is longer than {_TEXT_MAX} characters")
    if not cell.isprintable():
        raise ValueError("has an unprintable character")
    return cell


def address(cell: str) -> str:
    """An e-mail address, as far as its form goes."""
    if not cell.isascii() or not _ADDRESS.match(cell):
        raise ValueError("is no e-mail address")
    return cell


def day(cell: str) -> date:
    """A date written as 2026-01-31."""
    try:
        if not _DAY.match(cell):
            raise ValueError
        return date.fromisoformat(cell)
    except ValueError as err:
        raise ValueError("is no date written as 2026-01-31") from err


def micro(cell: str) -> int:
    """A number above zero with at most 6 decimals, as millionths."""
    try:
        value = parse_decimal(cell, places_max=6)
    except ValueError as err:
        raise ValueError("is no plain decimal number with at most 6 decimals") from err
    scaled = int(value * MICRO)
    if not 0 < scaled <= _MICRO_MAX:
        raise ValueError("must be above zero and below a thousand million")
    return scaled


def zone_name(cell: str) -> str:
    """The name of an IANA time zone."""
    try:
        return zone(cell).name
    except UsageError as err:
        raise ValueError("is no IANA time zone such as Europe/Lisbon") from err


def tariff_id(cell: str) -> str:
    """The id of a tariff, as its document writes it."""
    if not _TARIFF.match(cell):
        raise ValueError("is no tariff id: lower-case letters, digits, - and .")
    return cell


def features(cell: str) -> str:
    """Known features of a metering point, separated by blanks."""
    unknown = [word for word in cell.split() if word not in FEATURES]
    if unknown:
        raise ValueError(f"may hold {', '.join(FEATURES)}, separated by blanks")
    return " ".join(cell.split())


def choice(*words: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(cell: str) -> str:
        if cell not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return str(cell)

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(cell: str) -> int:
        fits = cell.isascii() and cell.isdigit() and len(cell) <= 9
        if not fits or not least <= int(cell) <= most:
            raise ValueError(f"is no whole number from {least} to {most}")
        return int(cell)

    return parse


def optional(parse: Callable[[str], T], blank: T | None = None) -> Callable[[str], T | None]:
    """What `parse` reads, or `blank` for an empty cell."""

    def parse_or_blank(cell: str) -> T | None:
        return parse(cell) if cell else blank

    return parse_or_blank
