"""After step 7: one charge on one bill, as cells of quantity and value, for `effects.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

__all__ = ["Cell", "Moved", "Place", "Side"]

_SETTLED = ("true-up", "kept", "used")
"""Buckets of lines that pay out, keep or use what other bills left over."""
_ZERO = Fraction(0)
Place = tuple[tuple[str, int], str]
"""((segment, span), hours)"""
Moved = Mapping[Place, Fraction]
"""By how much the energy of a charge changed [kWh or kvarh]"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A line of a bill: quantity x factor [unit], value = what it is before rounding [currency]."""

    bucket: str
    unit: str
    kind: str
    span: tuple[str, int]
    quantity: Fraction
    factor: Fraction
    value: Fraction
    amount: Decimal
    measured: Fraction | None = None
    """The one measured quantity that its bucket is billed from; None: it is netted, or several"""

    @property
    def settles(self) -> bool:
        """Whether it is about what other bills left over."""
        return self.bucket.rpartition("/")[2] in _SETTLED

    @property
    def volume(self) -> Fraction:
        """How much of its unit is charged."""
        return self.quantity * self.factor

    @property
    def at(self) -> Place:
        """The place that energy is sorted into, whatever the tier."""
        return self.span, self.place[1]

    def times(self, share: Fraction) -> Cell:
        """That share of it, at the same price."""
        return replace(self, quantity=self.quantity * share, value=self.value * share)

    @property
    def place(self) -> tuple[str, str]:
        """(tier, hours): `peak/tier-2` -> (`tier-2`, `peak`)."""
        head, slash, tail = self.bucket.rpartition("/")
        name = tail if slash or self.bucket.startswith("tier-") else ""
        return (name, head) if name.startswith("tier-") else ("", self.bucket)


@dataclass(slots=True)
class Side:
    """One charge on one of the two bills."""

    cells: list[Cell] = field(default_factory=list)
    days: int = 0
    """days on which it is in force; 0: the bill does not know it"""
    shape: str = ""
    of: tuple[str, ...] = ()
    """charges on whose lines it is a percentage or a bound"""
    base: Fraction = _ZERO
    """what these charge"""
    tiered: bool = False
    buckets: frozenset[str] = frozenset()
    """names of its time-of-use buckets"""
    fed_in: bool = False
    """whether it pays for energy that the customer delivers"""

    @property
    def amount(self) -> Decimal:
        """What the bill charges for it."""
        return sum((cell.amount for cell in self.cells), Decimal(0))

    @property
    def value(self) -> Fraction:
        """The same before rounding."""
        return _sum(cell.value for cell in self.cells)

    @property
    def volume(self) -> Fraction:
        """Sum of quantity x factor."""
        return _sum(cell.volume for cell in self.cells)

    def moved(self, energy: Moved, *, like: Side) -> Side:
        """As if so much more had been measured in these places, at what each of them costs.

        No place falls below nothing. Where nothing was billed it costs what it does on `like`.
        """
        cells = list(self.cells)
        for place, more in energy.items():
            mine = [cell for cell in cells if cell.at == place]
            volume = _sum(cell.volume for cell in mine)
            if volume > 0:
                share = max(more * _billed(mine, volume) / volume, Fraction(-1))
                rest = [cell for cell in cells if cell.at != place]
                cells = [*rest, *(cell.times(1 + share) for cell in mine)]
            elif not mine and more > 0:
                cells += _copied(like.cells, place, more)
        return replace(self, cells=cells)


def _billed(cells: Sequence[Cell], volume: Fraction) -> Fraction:
    """How much is billed of what is measured: with losses more, of a part less."""
    measured = cells[0].measured
    return volume / measured if measured else Fraction(1)


def _copied(cells: Sequence[Cell], place: Place, energy: Fraction) -> list[Cell]:
    """Cells for that much energy, alike to those that another bill has there or at such hours."""
    alike = [cell for cell in cells if cell.at == place]
    alike = alike or [cell for cell in cells if cell.place[1] == place[1]]
    volume = _sum(cell.volume for cell in alike)
    if volume <= 0:
        return []
    share = energy * _billed(alike, volume) / volume
    return [replace(cell.times(share), span=place[0]) for cell in alike]


def _sum(values: Iterable[Fraction]) -> Fraction:
    return sum(values, _ZERO)
