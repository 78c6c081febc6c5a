"""Step 6: energy lost between the meter and the place of billing (`docs/tariff.md`, *Losses*)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.document.declared import Loss
from gridtally.rating.document.values import Value
from gridtally.rating.exact import Column, add, product
from gridtally.rating.ratios import ONE, ZERO, Factor, counted, over, plus, rounded, times
from gridtally.rating.wants import energy_of
from gridtally.terms import Channel, RoundingMode

__all__ = ["lost"]

_DAY = Decimal(24)


def lost(names: Sequence[str], channel: str, used_by: str, cohort: Cohort) -> Column:
    """What the losses of a component add to a channel. [10^-6 kWh or kvarh]"""
    total: Column = np.zeros(len(cohort), np.int64)
    for name in names:
        loss = cohort.version.losses[name]
        if loss.adds_to == channel:
            total = add(total, _Loss(name, loss, used_by, cohort).amount())
    return total


class _Loss:
    """One loss of the spans of a cohort."""

    def __init__(self, name: str, loss: Loss, used_by: str, cohort: Cohort) -> None:
        self.name, self.loss, self.used_by, self.cohort = name, loss, used_by, cohort

    def amount(self) -> Column:
        """Rounded once."""
        forms: dict[str, Callable[[], Factor]] = {
            "transformer": self._transformer,
            "line": self._line,
            "percent": self._percent,
            "per_month": self._per_month,
        }
        exact = forms[self.loss.form]()
        point = self.loss.round
        decimals = point.places if point else MICRO_DECIMALS
        mode = point.mode if point else RoundingMode.HALF_EVEN
        units = rounded(exact, decimals=decimals, mode=mode, rows=len(self.cohort))
        return product(units, 10 ** (MICRO_DECIMALS - decimals))

    # All of these give kWh or kvarh.

    def _transformer(self) -> Factor:
        loss, time = self.loss, self._time()
        capacity = loss.capacity or Value(term="capacity_kva")
        needed = any((loss.load, loss.load_percent, loss.no_load_percent))
        size = self._positive(capacity) if needed else ONE
        iron = self._load(loss.no_load, loss.no_load_percent, size)
        copper = self._load(loss.load, loss.load_percent, size)
        found = ZERO if iron is None else times(iron, time)
        if copper is not None:
            shape = ONE if loss.shape is None else self._number(loss.shape)
            square = over(self._square(), times(size, size, time))
            found = plus(found, times(copper, shape, square))
        return found

    def _load(self, power: Value | None, percent: Value | None, size: Factor) -> Factor | None:
        if power is not None:
            return self._number(power)
        if percent is None:
            return None
        return times(self._number(percent), size, Fraction(1, 100))

    def _line(self) -> Factor:
        assert self.loss.ohm is not None
        assert self.loss.kv is not None
        kv = self._positive(self.loss.kv)
        top = times(self._number(self.loss.ohm), self._square())
        return over(top, times(kv, kv, self._time(), Fraction(1000)))

    def _percent(self) -> Factor:
        assert self.loss.percent is not None
        energy = counted(self._energy(self.loss.channel), MICRO_DECIMALS)
        return times(energy, self._number(self.loss.percent), Fraction(1, 100))

    def _per_month(self) -> Factor:
        assert self.loss.per_month is not None
        return times(self._number(self.loss.per_month), self.cohort.share(self.loss.proration))

    # ------------------------------------------------------------ quantities

    def _time(self) -> Factor:
        """T: elapsed hours, less those of a day in which it is off."""
        if self.loss.hours_per_day is None:
            return self.cohort.hours()
        hours = self._positive(self.loss.hours_per_day, most=_DAY)
        return times(self.cohort.hours(), hours, Fraction(1, 24))

    def _square(self) -> Factor:
        """P² + Q² [kWh²]."""
        active = self._energy(Channel.IMPORT)
        square = product(active.astype(object), active)
        if self.loss.reactive is None:
            reactive = self._reactive()
            square = square + reactive.astype(object) * reactive
        return square, np.full(len(self.cohort), 10 ** (2 * MICRO_DECIMALS), np.int64)

    def _energy(self, channel: str) -> Column:
        zone = self.cohort.version.zone
        return self.cohort.wanted(energy_of(zone, channel, None, ()), "", self.used_by)

    def _reactive(self) -> Column:
        total: Column = np.zeros(len(self.cohort), np.int64)
        known = np.zeros(len(self.cohort), bool)
        for channel in (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT):
            wanted = energy_of(self.cohort.version.zone, channel, None, ())
            known |= self.cohort.determinant(wanted.name(""))[1]
            total = add(total, self.cohort.wanted(wanted, "", self.used_by, optional=True))
        self.cohort.hold(
            "rating.quantity.missing",
            ~known,
            f"The loss {self.name} needs reactive energy, and there is none.",
            "Deliver the reactive readings, or say `reactive = false` in the tariff.",
        )
        return total

    def _number(self, value: Value, most: Decimal | None = None) -> Factor:
        return self.cohort.bounded(
            value,
            f"losses.{self.name}",
            least=value.least,
            most=value.most if most is None else most,
        )

    def _positive(self, value: Value, most: Decimal | None = None) -> Factor:
        """A value that something is divided by: zero holds."""
        number = self._number(value, most)
        if isinstance(number, Fraction):
            return number
        none = (number[0] <= 0).astype(bool)
        self.cohort.hold(
            "rating.term.range",
            none & ~self.cohort.held,  # what is not stated is no zero
            f"losses.{self.name} divides by {value.term}, and the agreement says zero.",
            "Correct the term of the agreement.",
        )
        return np.where(none, 1, number[0]), number[1]
