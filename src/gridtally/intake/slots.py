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
    """Slots of many pieces of a file, on their way to be one; a column of one value is short.

    The columns are joined one after the other, so that a large file is in memory once.
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[npt.NDArray[Any]]] = {
            field.name: [] for field in fields(Slots)
        }

    def add(self, slots: Slots) -> None:
        """The slots of one more piece."""
        for name, parts in self._columns.items():
            parts.append(getattr(slots, name))

    def slots(self) -> Slots:
        """All of them, by channel and start; those of equal places in the order of the file."""
        key, start = self._joined("key"), self._joined("start")
        order = None if _ascending(key, start) else np.argsort(_place(key, start), kind="stable")
        columns: dict[str, npt.NDArray[Any]] = {"key": key, "start": start} if order is None else {}
        if order is not None:
            columns["key"] = key[order]
            del key
            columns["start"] = start[order]
            del start
        for field in fields(Slots)[2:]:
            column = self._joined(field.name)
            columns[field.name] = column if order is None or _is_one(column) else column[order]
        return Slots(**columns)

    def _joined(self, name: str) -> npt.NDArray[Any]:
        parts = self._columns.pop(name)
        if parts and all(map(_is_one, parts)) and len({int(part[0]) for part in parts}) == 1:
            return np.broadcast_to(parts[0][0], sum(map(len, parts)))
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


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
