"""Step 2: what a sender says beside the values becomes REMARKS, few rows for much plain data.

Equal remarks of stretches that touch become one remark over both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.text import Names
from gridtally.tables import REMARKS

__all__ = ["Remarks"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Remarks:
    """Remarks of one file while it is read; `texts` numbers the values that are said."""

    def __init__(self) -> None:
        self.texts = Names()
        self._keys = Names()
        self._parts: list[list[Ints]] = []

    def add(
        self,
        key: str,
        *,
        name: Ints,
        start: Ints,
        end: Ints,
        value: Ints,
        version: Ints,
        line: Ints,
        each: Bools | None = None,
        join: bool = True,
    ) -> None:
        """Remarks of one key, columns of shape (n,); `value` are numbers of `texts`.

        `name` numbers the (metering point, channel). Neighbours that touch and say the same become
        one. Where `each`, or without it, only those of one version do; elsewhere the newest version
        stands for all: what is said of a meter, not of its values. Without `join` none do.
        """
        if not len(name):
            return
        split = version if each is None else np.where(each, version, 0)
        order = np.lexsort((line, start, value, split, name))
        columns = [column[order] for column in (name, split, value, start, end, version, line)]
        name, split, value, start, end, version, line = columns
        same = join & (np.diff(name) == 0) & (np.diff(split) == 0) & (np.diff(value) == 0)
        new = np.ones(len(name), bool)
        new[1:] = ~(same & ((start[1:] == end[:-1]) | (start[1:] == start[:-1])))
        first = np.flatnonzero(new)
        self._parts.append(
            [
                name[first], start[first], np.maximum.reduceat(end, first),
                np.full(len(first), self._keys.number(key)), value[first],
                np.maximum.reduceat(version, first), np.minimum.reduceat(line, first),
            ]
        )  # fmt: skip

    def table(
        self, names: Sequence[tuple[str, str]], source: str, *, tags: Sequence[str] = ()
    ) -> pa.Table:
        """All remarks as a REMARKS table, by metering point, time and key.

        `tags[name]` ends the keys of a name: which of several streams of the channel it is.
        """
        if not self._parts:
            return REMARKS.empty_table()
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        order = np.lexsort([columns[at] for at in (4, 3, 5, 1, 0)])
        name, start, end, key, value, version, line = (column[order] for column in columns)
        points = pa.array([point for point, _ in names], pa.string())
        channels = pa.array([channel for _, channel in names], pa.string())
        keys = pa.array(self._keys.texts, pa.string()).take(pa.array(key))
        if any(tags):
            keys = pc.binary_join_element_wise(keys, pa.array(tags).take(pa.array(name)), "")
        instant = pa.timestamp("s", tz="UTC")
        return pa.Table.from_arrays(
            [
                points.take(pa.array(name)),
                channels.take(pa.array(name)),
                pa.array(start).cast(instant),
                pa.array(end).cast(instant),
                keys,
                pa.array(self.texts.texts, pa.string()).take(pa.array(value)),
                pa.array(version),
                pa.array(np.zeros(len(name), np.int64)),
                pa.repeat(pa.scalar(source), len(name)),
                pa.array(line),
            ],
            schema=REMARKS,
        )
