"""What-if: revenue in parts, as billed and under the new tariff: by month, kind and ledger account.

Amounts are exact whole numbers of 10^-8 of the currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from gridtally.rating.charged import Charged
from gridtally.rating.exact import Column, integers, largest, total
from gridtally.rating.tariff import TariffVersion
from gridtally.what_if.stored import Stored, named

__all__ = ["Money", "Revenue"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Money = dict[tuple[int, str, str], int]
"""(month, kind, ledger account) -> amount [10^-8 of the currency]"""


@dataclass
class Revenue:
    """Sums that grow from run to run."""

    version: TariffVersion
    documents: Mapping[str, TariffVersion]
    old: Money = field(default_factory=dict)
    new: Money = field(default_factory=dict)

    def add(self, stored: Stored, charged: Charged, good: Mask, kept: Ints, month: Ints) -> None:
        """The segments of a run that are `good`; `kept` says which of the stored ones they are.

        `month` is that of each stored segment.
        """
        inside = np.zeros(len(month), bool)
        inside[kept[good]] = True
        for when in np.unique(month[inside]).tolist():
            mine = good & (month[kept] == when)
            for (component, kind), column in charged.sums.items():
                amount = _sum(column if mine.all() else column[mine])
                _add(self.new, (when, kind, _ledger(self.version, component)), amount)
        for key, amount in self._billed(stored, inside, month):
            _add(self.old, key, amount)

    def _billed(
        self, stored: Stored, inside: Mask, month: Ints
    ) -> Iterator[tuple[tuple[int, str, str], int]]:
        """The lines as billed, of the stored segments that are `inside`."""
        assert stored.lines is not None
        lines, row = stored.lines, stored.places(stored.lines)
        tariff, component, kind = (
            named(c) for c in (stored.spans["tariff"], lines["component"], lines["kind"])
        )
        months, of_month = np.unique(month, return_inverse=True)
        sizes = [len(tariff.dictionary) + 1, len(component.dictionary), len(kind.dictionary)]
        version = np.asarray(pc.fill_null(tariff.indices, -1)).astype(np.int64) + 1
        code = version[row] * sizes[1] + np.asarray(component.indices)
        code = (code * sizes[2] + np.asarray(kind.indices)) * len(months)
        code = code + of_month[stored.segment[row]]
        keep = (row >= 0) & inside[stored.segment[row]]
        amounts = integers(lines["amount"])
        if not keep.all():
            code, amounts = code[keep], amounts[keep]
        shape = (*sizes, len(months))
        for number, amount in _grouped(code, amounts, int(np.prod(shape))):
            of, part, sort, when = (int(i) for i in np.unravel_index(number, shape))
            known = self.documents.get(tariff.dictionary[of - 1].as_py()) if of else None
            ledger = _ledger(known, component.dictionary[part].as_py())
            yield (int(months[when]), kind.dictionary[sort].as_py(), ledger), amount


def _ledger(version: TariffVersion | None, component: str) -> str:
    """The ledger account of a line, as bills are booked."""
    charge = version.component(component) if version else None
    return (charge.ledger if charge else None) or f"revenue.{component}"


def _grouped(code: Ints, amounts: Column, count: int) -> Iterator[tuple[int, int]]:
    """Sums of amounts by a small number, in its order."""
    if not len(amounts):
        return
    exact = amounts.dtype == np.int64 and largest(amounts) * len(amounts) < 2**62
    sums = np.zeros(count, np.int64 if exact else object)
    np.add.at(sums, code, amounts if exact else amounts.astype(object))
    for number in np.flatnonzero(np.bincount(code, minlength=count)).tolist():
        yield number, int(sums[number])


def _add(money: Money, key: tuple[int, str, str], amount: int) -> None:
    if amount:
        money[key] = money.get(key, 0) + amount


def _sum(column: Column) -> int:
    return int(total(column, np.zeros(1, np.int64))[0]) if len(column) else 0
