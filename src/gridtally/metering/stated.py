"""Before step 5: the further terms of agreements, and the spans that they cut.

Specification: `docs/tariff.md`, *Terms*; `docs/master-data.md` says what stands in for a term that
no row states. A term with two values on one day is not stated on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from gridtally.money import number

__all__ = ["Stated", "stated"]

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = -(2**40), 2**40
_OF_TRANSFORMER = {
    "transformer_kva": ("capacity_ukva", 6),
    "no_load_loss_kw": ("no_load_loss_ukw", 6),
    "load_loss_kw": ("load_loss_ukw", 6),
    "no_load_current_percent": ("no_load_current", 4),
    "impedance_percent": ("impedance", 4),
    "hours_per_day": ("hours_day", 6),
}
"""term -> column of TRANSFORMERS, and its decimals in the unit of the term"""
Row = Mapping[str, Any]
_Stretch = tuple[int, int, str]
"""(first day, day after the last, value)"""


@dataclass(frozen=True, slots=True)
class Stated:
    """What agreements state: by agreement and term, stretches of days with a value."""

    said: Mapping[tuple[str, str], Sequence[_Stretch]] = field(default_factory=dict)
    implied: Mapping[tuple[str, str], Sequence[_Stretch]] = field(default_factory=dict)
    """What other master data say, where nothing is said."""

    def cuts(self, agreement: str, terms: Iterable[str], first: int, after: int) -> list[int]:
        """Days within (first, after) on which what is stated changes."""
        days = {
            day
            for term in terms
            for stretch in self._rows((agreement, term))
            for day in stretch[:2]
            if first < day < after
        }
        edges = [first, *sorted(days), after]
        texts = [self.text(agreement, terms, day) for day in edges[:-1]]
        changed = [a != b for a, b in pairwise(texts)]
        return [day for day, differs in zip(edges[1:-1], changed, strict=True) if differs]

    def text(self, agreement: str, terms: Iterable[str], day: int) -> str | None:
        """The terms of a day as canonical JSON, None when none is stated."""
        found = {term: self._value((agreement, term), day) for term in sorted(terms)}
        known = {term: value for term, value in found.items() if value is not None}
        return json.dumps(known, separators=(",", ":"), sort_keys=True) if known else None

    def _rows(self, key: tuple[str, str]) -> Iterator[_Stretch]:
        yield from self.said.get(key, ())
        yield from self.implied.get(key, ())

    def _value(self, key: tuple[str, str], day: int) -> str | None:
        for rows in (self.said.get(key, ()), self.implied.get(key, ())):
            values = [value for first, after, value in rows if first <= day < after]
            if values:
                return values[0] if len(values) == 1 else None
        return None


def stated(master: Mapping[str, pa.Table], *, names: Iterable[str]) -> Stated:
    """What master data state for the terms `names`, which tariff versions declare."""
    wanted = set(names)
    if not wanted:
        return Stated()
    said: dict[tuple[str, str], list[_Stretch]] = {}
    for row in _rows(master, "agreement_terms"):
        if row["term"] in wanted:
            key = (row["agreement"], row["term"])
            said.setdefault(key, []).append((*_days(row), number(row["value"])))
    implied: dict[tuple[str, str], list[_Stretch]] = {}
    for key, stretch in _implied(master, wanted):
        implied.setdefault(key, []).append(stretch)
    return Stated(said, implied)


def _implied(
    master: Mapping[str, pa.Table], wanted: set[str]
) -> Iterator[tuple[tuple[str, str], _Stretch]]:
    agreements = [
        row | {"days": _days(row)} for row in _rows(master, "agreements")
    ]  # fmt: skip
    if "persons" in wanted:
        sizes = {row["account"]: row.get("household_size") for row in _rows(master, "accounts")}
        for row in agreements:
            if (size := sizes.get(row["account"])) is not None:
                yield (row["agreement"], "persons"), (*row["days"], str(size))
    terms = {term: where for term, where in _OF_TRANSFORMER.items() if term in wanted}
    if not terms:
        return
    owned: dict[str, list[Row]] = {}
    for row in _rows(master, "transformers"):
        owned.setdefault(row["metering_point"] or "", []).append(row)
    for row in agreements:
        for transformer in owned.get(row["metering_point"], ()):
            first, after = _days(transformer)
            both = max(first, row["days"][0]), min(after, row["days"][1])
            for term, (column, places) in terms.items():
                value = transformer[column]
                if value is not None and both[0] < both[1]:
                    text = number(Decimal(value).scaleb(-places))
                    yield (row["agreement"], term), (*both, text)


def _rows(master: Mapping[str, pa.Table], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = master[name].to_pylist() if name in master else []
    return rows


def _days(row: Row) -> tuple[int, int]:
    first, after = row["from"], row["to"]
    return (
        first.toordinal() - _EPOCH if first else _FIRST,
        after.toordinal() - _EPOCH if after else _LAST,
    )
