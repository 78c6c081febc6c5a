"""Steps 1-2: what the text of one cell of master data means; a `ValueError` says why it is nothing.

The reasons read on from the cell: "digits 'five' is no whole number from 1 to 12".
The `is_` functions say of whole columns which cells are surely right as they stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import UsageError
from gridtally.money import MICRO, parse_decimal
from gridtally.periods import zone

__all__ = [
    "Test",
    "address",
    "choice",
    "choice_of",
    "day",
    "decimal",
    "due_rule",
    "features",
    "hours",
    "identifier",
    "instant",
    "is_address",
    "is_identifier",
    "is_name",
    "is_text",
    "micro",
    "optional",
    "percent",
    "phone",
    "price_unit",
    "ratio",
    "ratio_parts",
    "share",
    "tariff_id",
    "tariff_word",
    "text",
    "whole",
    "zone_name",
]  # fmt: skip

T = TypeVar("T")
Test = Callable[[pa.Array], pa.Array]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TARIFF = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\Z")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_UNIT = re.compile(r"[A-Z]{3}/(kWh|MWh|kvarh|Mvarh)\Z")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{2,38}\Z")
_RATIO = re.compile(r"([1-9][0-9]{0,6}(?:\.[0-9]{1,3})?)/([1-9][0-9]{0,4}(?:\.[0-9]{1,3})?)\Z")
_DUE = re.compile(r"([1-9][0-9]{0,2}) (?:working )?days\Z")
_ROUNDED = r"^[0-9]+([.,][0-9]+)?[Ee]\+?[0-9]+$"
_NAME_MAX, _TEXT_MAX = 64, 200
_MICRO_MAX = 10**15
_DECIMAL_MAX = 10**6
FEATURES = ("pv", "ev", "heatpump", "vacant")


def identifier(cell: str) -> str:
    """A name by which something is known: 1 to 64 bytes, no blank at an end, nothing unseen.

    Never corrected: what a spreadsheet rounded, and letters that only look like others, are said.
    """
    if not 0 < len(cell.encode()) <= _NAME_MAX:
        raise ValueError("is empty or longer than 64 bytes")
    if not cell.isprintable():
        raise ValueError("has a character that cannot be seen, spelled out here")
    if cell != cell.strip():
        raise ValueError("has a blank at an end")
    if re.match(_ROUNDED, cell):
        raise ValueError("is a number that a spreadsheet rounded; its digits are lost")
    if not cell.isascii() and unicodedata.normalize("NFKC", cell) != cell:
        raise ValueError("has a character that only looks like another one")
    if not cell.isascii() and len(_alphabets(cell)) > 1:
        raise ValueError("mixes letters of alphabets that look alike")
    return cell


def _alphabets(cell: str) -> set[str]:
    """Of the three alphabets whose letters look alike, those that a name is written in."""
    names = {unicodedata.name(char, "").partition(" ")[0] for char in cell if char.isalpha()}
    return names & {"LATIN", "CYRILLIC", "GREEK"}


def is_identifier(cells: pa.Array) -> pa.Array:
    """Cells that `identifier` takes, as far as that can be told from their bytes."""
    length = pc.binary_length(cells)
    fits = pc.and_(pc.greater(length, 0), pc.less_equal(length, _NAME_MAX))
    seen = pc.match_substring_regex(cells, r"^[!-~]([ -~]*[!-~])?$")
    return pc.and_(pc.and_(fits, seen), pc.invert(pc.match_substring_regex(cells, _ROUNDED)))


def is_name(cells: pa.Array) -> pa.Array:
    """Cells that are empty, or that `identifier` takes."""
    return pc.or_(pc.equal(cells, ""), is_identifier(cells))


def text(cell: str) -> str:
    """Free text of up to 200 characters; it is data and never code, whatever it says."""
    if len(cell) > _TEXT_MAX:
        raise ValueError(f"is longer than {_TEXT_MAX} characters")
    if not cell.isprintable():
        raise ValueError("has an unprintable character")
    return cell


def is_text(cells: pa.Array) -> pa.Array:
    """Cells that `text` takes, as far as that can be told from their bytes."""
    fits = pc.less_equal(pc.binary_length(cells), _TEXT_MAX)
    return pc.and_(fits, pc.match_substring_regex(cells, r"^[ -~]*$"))


def address(cell: str) -> str:
    """An e-mail address, as far as its form goes."""
    if not cell.isascii() or not cell.isprintable() or not _ADDRESS.match(cell):
        raise ValueError("is no e-mail address")
    return cell


def is_address(cells: pa.Array) -> pa.Array:
    """Cells that are empty, or surely an e-mail address."""
    plain = r"^([0-9A-Za-z._+-]{1,64}@[0-9A-Za-z.-]{1,189})?$"
    return pc.match_substring_regex(cells, plain)


def phone(cell: str) -> str:
    """A telephone number, as far as its form goes."""
    if not _PHONE.match(cell):
        raise ValueError("is no telephone number")
    return cell


def day(cell: str) -> date:
    """A date written as 2026-01-31."""
    try:
        if not _DAY.match(cell):
            raise ValueError
        return date.fromisoformat(cell)
    except ValueError as err:
        raise ValueError("is no date written as 2026-01-31") from err


def instant(cell: str) -> int:
    """An instant with its offset, such as 2026-01-31T17:00Z, as UTC seconds."""
    try:
        if not _INSTANT.match(cell):
            raise ValueError
        return int(datetime.fromisoformat(cell).timestamp())
    except ValueError as err:
        raise ValueError("is no instant with its offset, such as 2026-01-31T17:00Z") from err


def decimal(cell: str) -> Decimal:
    """A plain decimal of either sign, with at most 8 decimals, below a million."""
    try:
        value = parse_decimal(cell, places_max=8)
    except ValueError as err:
        raise ValueError("is no plain decimal number with at most 8 decimals") from err
    if abs(value) >= _DECIMAL_MAX:
        raise ValueError("must be below 1,000,000")
    return value


def price_unit(cell: str) -> str:
    """Money per unit of energy, such as EUR/MWh."""
    if not _UNIT.match(cell):
        raise ValueError("is no unit such as EUR/MWh: a currency, then kWh, MWh, kvarh or Mvarh")
    return cell


def tariff_word(cell: str) -> str:
    """A name that a tariff document gives: a term, a price series, an event."""
    if not _WORD.match(cell):
        raise ValueError("is no name of a tariff document: letters, digits, . _ - and no blank")
    return cell


def micro(cell: str) -> int:
    """A number above zero with at most 6 decimals, as millionths."""
    return _scaled(cell, places=6, most=_MICRO_MAX, bound="a thousand million")


def share(cell: str) -> int:
    """A part of a whole above 0 and up to 1, as millionths."""
    return _scaled(cell, places=6, most=MICRO, bound="1, or 1 itself")


def percent(cell: str) -> int:
    """A percentage above 0 and up to 100, as millionths of the whole."""
    return _scaled(cell, places=4, most=100 * MICRO, bound="100, or 100 itself") // 100


def hours(cell: str) -> int:
    """Hours of a day above 0 and up to 24, as millionths of an hour."""
    return _scaled(cell, places=6, most=24 * MICRO, bound="24, or 24 itself")


def _scaled(cell: str, *, places: int, most: int, bound: str) -> int:
    try:
        value = parse_decimal(cell, places_max=places)
    except ValueError as err:
        raise ValueError(f"is no plain decimal number with at most {places} decimals") from err
    scaled = int(value * MICRO)
    if not 0 < scaled <= most:
        raise ValueError(f"must be above zero and below {bound}")
    return scaled


def ratio(cell: str) -> str:
    """A transformer ratio as on its plate, such as 100/5."""
    if not _RATIO.match(cell):
        raise ValueError("is no ratio written as 100/5")
    return cell


def ratio_parts(cell: str) -> tuple[int, int]:
    """Numerator and denominator of a ratio, as thousandths; an empty one is 1/1."""
    found = _RATIO.match(cell)
    if not found:
        return 1, 1
    first, second = (int(parse_decimal(part) * 1000) for part in found.groups())
    return first, second


def due_rule(cell: str) -> str:
    """From issue to due date: `21 days` or `15 working days`."""
    if not _DUE.match(cell):
        raise ValueError("is no rule written as '21 days' or '15 working days'")
    return cell


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


def choice_of(*numbers: int) -> Callable[[str], int]:
    """One of a few whole numbers."""
    known = {str(number): number for number in numbers}

    def parse(cell: str) -> int:
        if cell not in known:
            raise ValueError(f"is none of {', '.join(known)}")
        return known[cell]

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(cell: str) -> int:
        fits = cell.isascii() and cell.isdigit() and len(cell) <= 9
        if not fits or not least <= int(cell) <= most:
            raise ValueError(f"is no whole number from {least} to {most}")
        return int(cell)

    return parse


def optional(parse: Callable[[str], T], blank: T | None = None) -> Callable[[str], Any]:
    """What `parse` reads, or `blank` for an empty cell."""

    def parse_or_blank(cell: str) -> T | None:
        return parse(cell) if cell else blank

    return parse_or_blank
