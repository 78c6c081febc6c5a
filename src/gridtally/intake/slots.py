"""Step 2: readings one by one, in whole columns, of files that have a row for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Gathered", "Slots", "in_blocks"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]

_BLOCK = 1 << 20
"""Slots that are looked at together."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Intervals, all columns of shape (n,). `key` numbers the (metering point, channel)."""

    key: Ints
    start: Ints
    seconds: Ints
    value: Ints
    quality: Codes
    version: Ints
    line: Ints

    def take(self, which: Ints | Bools | slice) -> Slots:
        """The slots at these positions, in this order."""
        return Slots(*(getattr(self, field.name)[which] for field in fields(self)))


class Gathered:
    """Slots of the pieces of a file, on their way to be one. A column of one value takes no room.

    Room is taken once for all of them, and costs memory only where something is written.
    """

    def __init__(self, most: int) -> None:
        """`most`: no file of that size has more slots."""
        self._most, self._count = most, 0
        self._columns: dict[str, npt.NDArray[Any]] = {}

    def add(self, slots: Slots) -> None:
        """The slots of one more piece."""
        low, high = self._count, self._count + len(slots.key)
        assert high <= self._most, "more slots than there is room for"
        self._count = high
        for field in fields(Slots):
            part = getattr(slots, field.name)
            if low == high or self._goes_on(field.name, part):
                continue
            column = self._columns.get(field.name)
            if column is None or _is_one(column):
                column = np.empty(self._most, part.dtype)
                column[:low] = self._columns.get(field.name, part)[0]
                self._columns[field.name] = column
            column[low:high] = part

    def _goes_on(self, name: str, part: npt.NDArray[Any]) -> bool:
        """Whether a column is still of one value; it is written down as such."""
        column = self._columns.setdefault(name, np.broadcast_to(part[0], self._most))
        return _is_one(column) and bool(column[0] == part[0]) and bool((part == part[0]).all())

    def slots(self) -> Slots:
        """All of them, by channel and start; those of equal places in the order of the file."""
        none = {name: np.zeros(0, np.int64) for name in ("key", "start")}
        columns = {name: column[: self._count] for name, column in self._columns.items()}
        self._columns = {}
        key, start = (columns.get(name, none[name]) for name in none)
        if not _ascending(key, start):
            order = np.argsort(_place(key, start), kind="stable")
            del key, start
            for name, column in columns.items():
                columns[name] = column if _is_one(column) else column[order]
        empty: dict[str, npt.NDArray[Any]] = {
            field.name: np.zeros(0, np.uint8 if field.name == "quality" else np.int64)
            for field in fields(Slots)
        }
        return Slots(**(empty | columns))


def _is_one(column: Ints) -> bool:
    """Whether a column is one value for all of its rows, by the way it lies in memory."""
    return len(column) > 0 and column.strides == (0,)


def _place(key: Ints, start: Ints) -> Ints:
    return (key << 33) + start


def _ascending(key: Ints, start: Ints) -> bool:
    """Whether slots are in the order of their channel and start. Looks at some at a time."""
    for low in range(0, len(key), _BLOCK):
        part = slice(low, low + _BLOCK + 1)
        if (np.diff(_place(key[part], start[part])) < 0).any():
            return False
    return True


def in_blocks(slots: Slots) -> Iterator[Slots]:
    """Slots that are in order, some whole channels at a time: no rule looks beyond a channel."""
    low = 0
    while low < len(slots.key):
        at = min(low + _BLOCK, len(slots.key)) - 1
        high = int(np.searchsorted(slots.key, slots.key[at], side="right"))
        yield slots.take(slice(low, high))
        low = high
