"""Delivery: numbers, money, dates and words as a reader of English or Chinese expects them.

Decimals stay exactly as the record has them; nothing here rounds an amount.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from gridtally.money import minor_digits

__all__ = ["THIN", "Speaker", "speaker"]

THIN = "\u202f"
"""Narrow no-break space: groups of three digits."""
_NB = "\u00a0"
_MINUS = "\u2212"
_SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$", "AUD": "A$", "INR": "₹", "KRW": "₩"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_DAY = timedelta(days=1)


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))


@cache
def speaker(language: str, currency: str) -> Speaker:
    """The speaker of a language; English for one that we do not have."""
    return Speaker(language if language in ("en", "zh") else "en", currency)


@dataclass(frozen=True)
class Speaker:
    """Says things in one language, about one currency."""

    language: str
    currency: str

    def __call__(self, key: str, **values: object) -> str:
        """The words for `key`, with `values` filled in."""
        return _words()[key][self.language].format(**values)

    def maybe(self, key: str) -> str | None:
        """The words for `key`, or None when there are none."""
        return _words().get(key, {}).get(self.language)

    def labels(self, prefix: str) -> dict[str, str]:
        """All words whose key starts with `prefix.`, without it: for a template."""
        return {
            key.removeprefix(f"{prefix}."): text[self.language]
            for key, text in _words().items()
            if key.startswith(f"{prefix}.")
        }

    def title(self, titles: Any, otherwise: str = "") -> str:
        """A title in this language, else in English, else in any."""
        if isinstance(titles, Mapping):
            return str(titles.get(self.language) or titles.get("en") or otherwise)
        return str(titles or otherwise)

    # ---------------------------------------------------------------- numbers

    def number(self, text: str | Decimal) -> str:
        """A number with thin groups of three and a true minus; its decimals unchanged."""
        plain = format(text, "f") if isinstance(text, Decimal) else text
        sign = _MINUS if plain.startswith("-") else ""
        whole, mark, rest = plain.lstrip("-").partition(".")
        return f"{sign}{_grouped(whole)}{mark}{rest}"

    def amount(self, text: str | Decimal) -> str:
        """Money without its sign of currency, with at least the currency's decimals."""
        value = Decimal(text)
        exponent = value.as_tuple().exponent
        shown = max(minor_digits(self.currency), -exponent if isinstance(exponent, int) else 0)
        return self.number(format(value + 0, f".{shown}f"))

    def money(self, text: str | Decimal) -> str:
        """Money with its sign of currency."""
        amount = self.amount(text)
        sign = _MINUS if amount.startswith(_MINUS) else ""
        return f"{sign}{self.symbol}{amount.removeprefix(_MINUS)}"

    @property
    def symbol(self) -> str:
        """The sign that goes before an amount."""
        if self.currency == "CNY":
            return "¥" if self.language == "zh" else f"CN¥{THIN}"
        return _SYMBOLS.get(self.currency, f"{self.currency}{_NB}")

    def rounded(self, value: Decimal, places: int) -> str:
        """A number for comparison only, rounded half up. Never an amount that is owed."""
        return self.number(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))

    def unit(self, unit: str) -> str:
        """The name of a unit."""
        return self.maybe(f"unit.{unit}") or unit

    def quantity(self, text: str | Decimal, unit: str) -> str:
        """A number and its unit, on one line."""
        return f"{self.number(text)}{_NB}{self.unit(unit)}"

    # ------------------------------------------------------------------ dates

    def date(self, day: str | date, *, year: bool = True, short: bool = False) -> str:
        """3 November 2026, 3 Nov; 2026年11月3日, 11月3日."""
        day = date.fromisoformat(day) if isinstance(day, str) else day
        if self.language == "zh":
            return (f"{day.year}年" if year else "") + f"{day.month}月{day.day}日"
        month = _MONTHS[day.month - 1]
        month = month[:3] if short else month
        return f"{day.day}{_NB}{month}" + (f"{_NB}{day.year}" if year else "")

    def period(self, start: str, end: str, *, short: bool = False) -> str:
        """A half-open period as people say it: first and last day."""
        first, last = date.fromisoformat(start), date.fromisoformat(end) - _DAY
        if first == last:
            return self.date(first, short=short)
        if self.language == "zh":
            tail = f"{last.day}日" if _same_month(first, last) else ""
            tail = tail or self.date(last, year=first.year != last.year)
            return f"{self.date(first)}至{tail}"
        head = self.date(first, year=first.year != last.year, short=short)
        head = str(first.day) if _same_month(first, last) else head
        return f"{head}{_NB}–{_NB}{self.date(last, short=short)}"

    def month(self, start: str, end: str) -> str:
        """A whole calendar month by name; any other period by its days."""
        first, after = date.fromisoformat(start), date.fromisoformat(end)
        if first.day != 1 or after.day != 1 or not _same_month(first, after - _DAY):
            return self.period(start, end, short=True)
        if self.language == "zh":
            return f"{first.year}年{first.month}月"
        return f"{_MONTHS[first.month - 1]}{_NB}{first.year}"


def _same_month(first: date, last: date) -> bool:
    return (first.year, first.month) == (last.year, last.month)


def _grouped(whole: str) -> str:
    head = len(whole) % 3
    groups = [whole[:head]] if head else []
    groups += [whole[i : i + 3] for i in range(head, len(whole), 3)]
    return THIN.join(groups)
