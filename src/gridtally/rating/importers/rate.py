"""Beside step 6: the parts of a URDB rate object, read exactly; see `urdb.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from numbers import Number
from typing import Any

from gridtally.errors import InvalidDocument, NotFound, UsageError
from gridtally.money import Rounding, number, parse_decimal
from gridtally.rating.importers.keys import plain
from gridtally.terms import RoundingMode

__all__ = ["EIGHT", "Rate", "Schedule", "Step", "charges", "is_list", "is_rate", "pick"]

EIGHT = Rounding(8, RoundingMode.HALF_EVEN)
Schedule = list[list[int]]
"""12 months x 24 hours: the period."""
_LAST = Decimal(10) ** 6
_DIGITS = 40
_STEP = frozenset(("rate", "adj", "max", "unit", "sell"))


@dataclass(frozen=True, slots=True)
class Step:
    """A tier of a period: its price holds up to a threshold, None: without end."""

    upto: Decimal | None
    price: Decimal
    sell: Decimal | None
    unit: str


def is_rate(value: object) -> bool:
    """Whether a JSON value is a rate object of the database."""
    if not isinstance(value, Mapping):
        return False
    keys = {plain(str(key)) for key in value}
    return bool(keys & {"energyratestructure", "flatdemandstructure", "fixedchargefirstmeter"})


def pick(data: bytes, *, name: str, key: str | None) -> Mapping[str, Any]:
    """The rate object of a JSON file that may hold several: then `key` names one.

    Raises `InvalidDocument`, `UsageError` that lists the rates, `NotFound`.
    """
    try:
        value = json.loads(data, parse_float=Decimal, object_pairs_hook=_once)
    except InvalidDocument as err:
        err.file = name
        raise
    except (ValueError, RecursionError) as err:
        raise InvalidDocument(f"This is not JSON: {err}.", file=name) from err
    if is_rate(value):
        return dict(value)
    found = _labelled(value)
    if not found:
        raise InvalidDocument(
            "There is no rate of the OpenEI Utility Rate Database in this file.",
            file=name,
            remedy="Give a rate object, or a tariff document in TOML.",
        )
    listed = ", ".join(f"{k} ({str(r.get('name', ''))[:60]})" for k, r in found[:20])
    chosen = found if key is None else [(k, r) for k, r in found if k == key]
    if not chosen:
        raise NotFound(
            f"There is no rate {str(key)[:64]!r}.", file=name, remedy=f"There are: {listed}."
        )
    if any(rate != chosen[0][1] for _, rate in chosen) and len({k for k, _ in chosen}) == 1:
        raise InvalidDocument(
            f"{len(chosen)} rates have the label {chosen[0][0][:64]!r}, and differ.",
            file=name,
            remedy="Give a file with the one that is meant.",
        )
    if len({k for k, _ in chosen}) > 1:
        raise UsageError(
            f"The file holds {len(found)} rates.", file=name, remedy=f"Name one of: {listed}."
        )
    return dict(chosen[0][1])


def _labelled(value: object) -> list[tuple[str, Mapping[str, Any]]]:
    """The rates of a file with their labels, or their places; a label may stand twice."""
    rates = value.get("items", value) if isinstance(value, dict) else value
    pairs: Iterable[tuple[Any, Any]] = rates.items() if isinstance(rates, dict) else ()
    if isinstance(rates, list):
        pairs = [(r.get("label") or i, r) for i, r in enumerate(rates) if isinstance(r, dict)]
    return [(str(label), rate) for label, rate in pairs if is_rate(rate)]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key may stand twice only where it says the same."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise InvalidDocument(
                f"The key {key[:64]!r} stands twice in one object, with two values.",
                remedy="Leave the one that is meant.",
            )
        found[key] = value
    return found


@dataclass(slots=True)
class Rate:
    """A rate with plain keys, and what is found out about it on the way."""

    keys: Mapping[str, Any]
    channels: frozenset[str]
    assumptions: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    calendars: dict[str, Any] = field(default_factory=dict)
    events: dict[str, Any] = field(default_factory=dict)

    def get(self, *names: str) -> Any:
        """The first of these keys that is there and not empty."""
        values = (self.keys.get(plain(name)) for name in names)
        return next((value for value in values if value not in (None, "", [])), None)

    def assume(self, *sentences: str) -> None:
        """Note how something that is open was read."""
        self.assumptions += [each for each in sentences if each not in self.assumptions]

    def refuse(self, reason: str) -> None:
        """Note what cannot be expressed."""
        if reason not in self.refused:
            self.refused.append(reason)

    def exact(self, value: object, what: str) -> Decimal:
        """A number of the source, to 8 decimals."""
        try:
            if isinstance(value, bool) or not isinstance(value, Number | str):
                raise ValueError
            exact = parse_decimal(value.strip()) if isinstance(value, str) else Decimal(str(value))
            if not exact.is_finite() or exact.adjusted() > _DIGITS:
                raise ValueError
        except (ValueError, ArithmeticError):
            self.refuse(f"{what}: {str(value)[:40]!r} is not a number")
            return Decimal(1)
        if exact.adjusted() < -_DIGITS:  # what is left of a subtraction of floats
            exact = Decimal(0)
        rounded = EIGHT.apply(exact)
        if abs(rounded) >= _LAST:
            self.refuse(f"{what}: {number(rounded)[:40]} is not below {_LAST}")
            return Decimal(1)
        if rounded != exact:
            self.assume("Prices with more than 8 decimals are rounded half even to 8.")
        return Decimal(number(rounded))

    def amount(self, *names: str) -> Decimal:
        """A number that may be missing; then zero, which charges nothing."""
        value = self.get(*names)
        return Decimal(0) if value is None else self.exact(value, names[0])

    def periods(self, name: str) -> list[list[Step]]:
        """A rate structure: periods of tiers."""
        structure = self.get(name) or []
        if not is_list(structure) or not all(is_list(period) for period in structure):
            self.refuse(f"{name} is not a list of periods of tiers")
            return []
        return [self._period(tiers, f"{name}, period {p}") for p, tiers in enumerate(structure, 1)]

    def _period(self, tiers: Sequence[object], what: str) -> list[Step]:
        steps = [
            self._step(tier, f"{what}, tier {t}", t == len(tiers))
            for t, tier in enumerate(tiers, 1)
        ]
        steps = _united(steps)
        for t, (step, after) in enumerate(pairwise(steps), 1):
            if step.upto is None and step.unit == after.unit:
                self.refuse(f"{what}, tier {t}: has no maximum, and another tier follows")
        by_unit: dict[str, list[Decimal]] = {}
        for step in steps:
            if step.upto is not None:
                by_unit.setdefault(step.unit, []).append(step.upto)
        for bounds in by_unit.values():
            for before, bound in pairwise(bounds):
                if bound <= before:
                    self.refuse(
                        f"{what}: a maximum of {number(bound)} follows one of {number(before)}; "
                        "maximums count from zero and grow"
                    )
        return steps

    def _step(self, step: object, what: str, last: bool) -> Step:
        parts = step if isinstance(step, Mapping) else {}
        have = {plain(str(key)): value for key, value in parts.items() if value is not None}
        if unread := sorted(have.keys() - _STEP):
            self.assume(f"{what}: {', '.join(unread)} is not known and not read.")
        if "rate" not in have and "adj" not in have:
            self.refuse(f"{what}: there is no price")
        elif "rate" not in have:
            self.assume(f"{what} has an adjustment and no rate: the adjustment is its price.")
        price = sum(
            (self.exact(have[key], what) for key in ("rate", "adj") if key in have), Decimal(0)
        )
        upto = self.exact(have["max"], what) if "max" in have and not last else None
        sell = self.exact(have["sell"], what) if "sell" in have else None
        if last and "max" in have and _small(have["max"]):
            self.assume(f"{what} is the last: its price holds above its maximum, too.")
        if upto is not None and upto <= 0:
            self.refuse(f"{what}: a maximum of {number(upto)} is not above 0")
        return Step(upto, price, sell, " ".join(str(have.get("unit", "")).lower().split()))

    def filled(self, name: str, periods: Sequence[Sequence[Step]], used: Iterable[int]) -> bool:
        """Whether the periods that are used have tiers; one without is refused."""
        empty = sorted({p for p in used if not periods[p]})
        for p in empty:
            self.refuse(f"{name}, period {p + 1}: there is no tier")
        return not empty

    def schedules(self, name: str, count: int) -> tuple[Schedule, Schedule]:
        """Weekday and weekend schedule of a structure with `count` periods."""
        return (
            self.schedule(f"{name}weekdayschedule", count=count),
            self.schedule(f"{name}weekendschedule", count=count),
        )

    def schedule(self, *names: str, count: int) -> Schedule:
        """The period of each hour of each month, of `count` periods."""
        table = self.get(*names)
        if table is None and count == 1:
            table = [[0] * 24] * 12
        if not _is_table(table):
            self.refuse(f"{names[0]} is not a table of 12 months and 24 hours")
            table = [[0] * 24] * 12
        rows = [[int(str(cell).removesuffix(".0")) for cell in row] for row in table]
        beyond = {cell for row in rows for cell in row if not 0 <= cell < count}
        if beyond:
            self.refuse(f"{names[0]} names period {min(beyond)}, which is not there")
        return rows


def _united(steps: Sequence[Step]) -> list[Step]:
    """A tier without a unit has that of the tier before, the first that of the next."""
    unit = next((step.unit for step in steps if step.unit), "")
    found = []
    for step in steps:
        unit = step.unit or unit
        found.append(replace(step, unit=unit))
    return found


def charges(periods: Sequence[Sequence[Step]]) -> bool:
    """Whether any of it costs something."""
    return any(step.price for period in periods for step in period)


def _small(value: object) -> bool:
    try:
        return Decimal(str(value)) < _LAST
    except ArithmeticError:
        return False


def is_list(value: object) -> bool:
    """Whether it is a list, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_table(value: object) -> bool:
    if not is_list(value) or len(value) != 12:  # type: ignore[arg-type]
        return False
    rows = list(value)  # type: ignore[call-overload]
    if not all(is_list(row) and len(row) == 24 for row in rows):
        return False
    return all(str(cell).removesuffix(".0").isdigit() for row in rows for cell in row)
