"""Beside step 6: a change between two tariff documents, and the walk that finds them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any

from gridtally.money import Rounding, number, round_fraction
from gridtally.rating.wording import Leaf, label, leaf_text, unit_of, value_text
from gridtally.terms import RoundingMode

__all__ = ["STEP_MAX", "Change", "Walk", "dates", "far_from", "prices_of"]

STEP_MAX = 50
"""A number that moves by more than so many percent is suspicious: cents taken for euros (T09)."""
_TENTH = Rounding(1, RoundingMode.HALF_UP)
_UNITS = frozenset(("per", "unit", "currency"))
"""Keys that say what a number means: another value of them is as suspicious as a great step."""
Pairs = list[tuple[int | None, int | None]]
_RULE = frozenset(("bucket", "months", "days", "hours", "season", "otherwise"))
"""Keys of a calendar's rule whose meaning the resolved hours show."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed."""

    group: str
    """`tariff`, `holidays`, `calendar NAME` or `component ID`."""
    path: str
    kind: str
    """changed, added, removed, renamed, moved, rewritten."""
    old: str | None
    new: str | None
    unit: str = ""
    absolute: str | None = None
    percent: str | None = None
    """Of the old value, to one decimal; None where there is none, or it was zero."""
    suspicious: bool = False
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """As it is printed."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class Walk:
    """Compares two parts value by value; `found` has a change for each value that differs."""

    group: str
    component: Mapping[str, Any] = field(default_factory=dict)
    currencies: tuple[str, str] = ("", "")
    prices: Sequence[Decimal] = ()
    """Those of the component before: a price at a new place is looked at beside them."""
    found: list[Change] = field(default_factory=list)

    def compare(self, path: Leaf, old: Any, new: Any) -> None:
        """Add what differs at this place and below it."""
        if old == new:
            return
        before = len(self.found)
        if path and isinstance(path[-1], int) and (old is None or new is None):
            self._value(path, old, new)
        elif _tables(old, new) and not _point(old) and not _point(new):
            for key in {**(old or {}), **(new or {})}:
                self.compare((*path, key), (old or {}).get(key), (new or {}).get(key))
        elif _lists(old, new):
            self._lists(path, old or [], new or [])
        elif isinstance(old, Decimal) and isinstance(new, Decimal):
            self._number(path, old, new)
        if len(self.found) == before:  # a leaf; or nothing below says it, as of none and empty
            self._value(path, old, new)

    def rules(self, old: Mapping[str, Any], new: Mapping[str, Any], *, hours_differ: bool) -> None:
        """A calendar: what the hours do not show; and rules that say the same in another way."""
        before, after = (
            [more for rule in part.get("rules", []) if (more := _beside(rule))]
            for part in (old, new)
        )
        self.compare(("rules",), before, after)
        for key in {**old, **new}:
            if key != "rules":
                self.compare((key,), old.get(key), new.get(key))
        if old != new and not hours_differ and not self.found:
            text = "The rules are written in another way; every hour keeps its bucket."
            said = [value_text(part.get("rules", [])) for part in (old, new)]
            self.found.append(Change(self.group, "rules", "rewritten", said[0], said[1], text=text))

    def _lists(self, path: Leaf, old: list[Any], new: list[Any]) -> None:
        if not any(isinstance(part, dict | list) for part in (*old, *new)):
            self._names(path, old, new)
            return
        pairs: Pairs = [(i, i) for i in range(len(old))]
        if len(old) != len(new):
            keys = [[repr(_key(part)) for part in parts] for parts in (old, new)]
            pairs = _aligned(keys[0], keys[1])
        for i, j in pairs:
            at = j if j is not None else i
            assert at is not None
            self.compare((*path, at), None if i is None else old[i], None if j is None else new[j])

    def _names(self, path: Leaf, old: list[Any], new: list[Any]) -> None:
        """A list of plain values: what came, what went, or another order."""
        key = path[-1]
        came = [part for part in new if part not in old]
        went = [part for part in old if part not in new]
        was, now = value_text(old, key), value_text(new, key)
        parts = [f"now also {value_text(came, key)}"] if came and old else []
        parts += [f"no longer {value_text(went, key)}"] if went and new else []
        said = ", ".join(parts) or f"{was} → {now}"
        said += "" if came or went else " (order or repetition)"
        kind = "moved" if not came and not went else "changed"
        self.found.append(
            Change(self.group, _path(path), kind, was, now, text=f"{label(path)}: {said}")
        )

    def _number(self, path: Leaf, old: Decimal, new: Decimal) -> None:
        unit = unit_of(self.component, path, self.currencies[1])
        money = self.currencies[1] in unit and self.currencies[0] != self.currencies[1]
        if money:  # euros and pounds have no difference
            was = leaf_text(self.component, path, old, self.currencies[0])
            now = leaf_text(self.component, path, new, self.currencies[1])
            self._add(path, "changed", was, now, f"{was} → {now}, another currency")
            return
        step = Fraction(new - old)
        percent = number(round_fraction(step / abs(Fraction(old)) * 100, _TENTH)) if old else None
        suspicious = abs(step) * 100 > STEP_MAX * abs(Fraction(old))
        said = f"{number(old)} → {number(new)} {unit}".rstrip()
        said += f" ({_signed(number(new - old))}" + (f", {_signed(percent)} %)" if percent else ")")
        self.found.append(
            Change(self.group, _path(path), "changed", number(old), number(new), unit=unit,
                   absolute=_signed(number(new - old)),
                   percent=_signed(percent) if percent else None, suspicious=suspicious,
                   text=f"{label(path)}: {said}")
        )  # fmt: skip

    def _value(self, path: Leaf, old: Any, new: Any) -> None:
        was, now = (
            None if value is None else leaf_text(self.component, path, value, currency)
            for value, currency in zip((old, new), self.currencies, strict=True)
        )
        if was is None:
            far = self._far(path, new)
            said = f"now {now} (was not stated)" + (f", far from {far} before" if far else "")
            self._add(path, "added", None, now, said, suspicious=bool(far))
        elif now is None:
            self._add(path, "removed", was, None, f"no longer stated (was {was})")
        else:
            unit = bool(path) and path[-1] in _UNITS
            self._add(path, "changed", was, now, f"{was} → {now}", suspicious=unit)

    def _far(self, path: Leaf, new: Any) -> str:
        """The old prices, where a new one is more than half above or below all of them."""
        if self.currencies[0] != self.currencies[1]:
            return ""
        return far_from(self.prices, prices_of(new, path))

    def _add(
        self,
        path: Leaf,
        kind: str,
        old: str | None,
        new: str | None,
        said: str,
        *,
        suspicious: bool = False,
    ) -> None:
        text = f"{label(path)}: {said}"
        change = Change(self.group, _path(path), kind, old, new, suspicious=suspicious, text=text)
        self.found.append(change)


def prices_of(part: Any, path: Leaf = ()) -> list[Decimal]:
    """Every price that is a number in a part of a component, wherever it stands."""
    if isinstance(part, dict):
        return [found for key in part for found in prices_of(part[key], (*path, key))]
    if isinstance(part, list):
        return [found for i, inner in enumerate(part) for found in prices_of(inner, (*path, i))]
    is_price = isinstance(part, Decimal) and ("price" in path or "prices" in path)
    return [part] if is_price else []


def far_from(old: Sequence[Decimal], new: Sequence[Decimal]) -> str:
    """The old figures, where a new one is more than half above or below all of them; else ``."""
    low, high = min(old, default=None), max(old, default=None)
    if low is None or high is None:
        return ""
    edges = low - abs(low) * STEP_MAX / 100, high + abs(high) * STEP_MAX / 100
    if all(edges[0] <= figure <= edges[1] for figure in new):
        return ""
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def dates(group: str, key: str, old: Sequence[Any], new: Sequence[Any]) -> list[Change]:
    """Days or years that a list has lost and gained, by year; another order is told, too."""
    found = []
    for kind, parts in (
        ("removed", [part for part in old if part not in new]),
        ("added", [part for part in new if part not in old]),
    ):
        for year in sorted({_year(part) for part in parts}):
            some = [value_text(part) for part in parts if _year(part) == year]
            said = ", ".join(some)
            verb = ("is" if len(some) == 1 else "are") + (
                " no longer listed" if kind == "removed" else " new"
            )
            was, now = (said, None) if kind == "removed" else (None, said)
            text = f"{label((key,))}: {said} {verb}"
            found.append(Change(group, key, kind, was, now, text=text))
    if not found and list(old) != list(new):
        was, now = value_text(list(old)), value_text(list(new))
        text = f"{label((key,))}: the same, listed in another order or repeated"
        found.append(Change(group, key, "rewritten", was, now, text=text))
    return found


def _year(part: Any) -> int:
    return part.year if isinstance(part, date) else 0


def _tables(old: Any, new: Any) -> bool:
    return all(isinstance(part, dict) or part is None for part in (old, new))


def _lists(old: Any, new: Any) -> bool:
    return all(isinstance(part, list) or part is None for part in (old, new))


def _point(value: Any) -> bool:
    """A rounding point, which is told as one."""
    return isinstance(value, dict) and set(value) == {"places", "mode"}


def _beside(rule: Any) -> dict[str, Any]:
    """What a rule says that its hours do not show, with the bucket that it says it of."""
    if rule.get("event"):  # its hours lie above the calendar's and are in none of them
        return dict(rule)
    said = {key: value for key, value in rule.items() if key not in _RULE and value is not None}
    return {"bucket": rule.get("bucket")} | said if said else {}


def _key(part: Any) -> Any:
    """What a step of a list is recognised by: its threshold, or all of it."""
    return part["upto"] if isinstance(part, dict) and "upto" in part else part


def _aligned(old: list[str], new: list[str]) -> Pairs:
    pairs: Pairs = []
    for _, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for n in range(max(i_end - i, j_end - j)):
            pair = (i + n if i + n < i_end else None, j + n if j + n < j_end else None)
            pairs.append(pair)
    return pairs


def _path(path: Leaf) -> str:
    """As messages write it: `tiers[0].prices.peak`."""
    steps = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return "".join(steps).removeprefix(".")


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"
