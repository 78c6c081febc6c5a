"""Step 5: determinants of many spans as they are found, and what was wrong."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.tables import DETERMINANTS, finding
from gridtally.terms import Severity, Wanted

__all__ = ["Found"]

Ints = npt.NDArray[np.int64]


@dataclass
class Found:
    """Determinants of many spans, column by column, and what was wrong."""

    spans: pa.Table
    rows: list[Ints] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    values: list[Ints] = field(default_factory=list)
    estimated: list[Ints] = field(default_factory=list)
    findings: list[dict[str, object]] = field(default_factory=list)
    _said: dict[Hashable, int] = field(default_factory=dict)
    """Which of `findings` says what."""

    @cached_property
    def bounds(self) -> tuple[Ints, Ints]:
        """First instant of each span's segment, and the first after it. [s]"""
        return _segment_bounds(self.spans)

    def add(self, out: tuple[Wanted, str], rows: Ints, values: Ints, estimated: Ints) -> None:
        """A determinant of the spans `rows`."""
        want, bucket = out
        self.names.append((want.name(bucket), _unit(want)))
        self.rows.append(rows)
        self.values.append(values)
        self.estimated.append(estimated)

    def stop(
        self, row: int, code: str, message: str, *, remedy: str, about: str = "", **more: object
    ) -> None:
        """A finding that holds the segment of a span; what one says already is not said twice.

        `about`: what has one cause, whatever the message and the channel; empty: these two.
        """
        span = self.spans.slice(row, 1).to_pylist()[0]
        key = span["segment"], code, about or (message, more.get("channel"))
        if key in self._said:
            first = self.findings[self._said[key]]
            first["channel"] = first["channel"] if first["channel"] == more.get("channel") else ""
            return
        self._said[key] = len(self.findings)
        where: dict[str, object] = {
            key: span[key]
            for key in ("segment", "account", "metering_point", "start_utc", "end_utc")
        }
        self.findings.append(
            finding(code, Severity.HOLD, message, remedy=remedy, must_hold=True, **(where | more))  # type: ignore[arg-type]
        )

    def too_large(self, row: int, channel: str) -> None:
        """Hold a span whose readings do not fit exact integers."""
        self.stop(
            row,
            "metering.determinant.overflow",
            "The readings are too large to be energy: their sum would not be exact.",
            channel=channel,
            remedy="Correct the readings or their unit.",
        )

    @property
    def mark(self) -> tuple[int, int]:
        """How many determinants and findings there are, to go back to."""
        return len(self.rows), len(self.findings)

    def back_to(self, mark: tuple[int, int]) -> None:
        """Forget what was added since a mark."""
        for column in (self.rows, self.names, self.values, self.estimated):
            del column[mark[0] :]
        del self.findings[mark[1] :]
        self._said = {key: at for key, at in self._said.items() if at < mark[1]}

    def table(self) -> pa.Table:
        """DETERMINANTS, in the order of the spans and of the names."""
        if not self.rows:
            return DETERMINANTS.empty_table()
        names = sorted(set(self.names))
        codes = np.array([names.index(name) for name in self.names])
        rows = np.concatenate(self.rows)
        code = np.repeat(codes, [len(part) for part in self.rows])
        order = np.argsort(rows * len(names) + code, kind="stable")
        rows, code = rows[order], code[order]
        take, pick = pa.array(rows), pa.array(code)
        columns = [
            self.spans["segment"].take(take),
            self.spans["span"].take(take),
            pa.array([name for name, _ in names], pa.string()).take(pick),
            pa.array(np.concatenate(self.values)[order]),
            pa.array(np.concatenate(self.estimated)[order]),
            pa.array([unit for _, unit in names], pa.string()).take(pick),
        ]
        return pa.Table.from_arrays(columns, schema=DETERMINANTS)


def _unit(want: Wanted) -> str:
    if want.kind == "demand":
        if want.windows and want.windows.apparent:
            return "kVA"
        return "kvar" if want.channel.startswith("reactive") else "kW"
    if want.kind == "cost":
        return "10^-25"
    return "kvarh" if want.channel.startswith("reactive") else "kWh"


def _segment_bounds(spans: pa.Table) -> tuple[Ints, Ints]:
    segment = np.asarray(spans["segment"].combine_chunks().dictionary_encode().indices)
    order = np.argsort(segment, kind="stable")
    if not len(order):
        return order, order
    starts = np.flatnonzero(np.r_[True, np.diff(segment[order]) != 0])
    low, high = (np.asarray(pc.fill_null(spans[key], 0)) for key in ("start_utc", "end_utc"))
    # The codes are 0, 1, … in order of appearance: the sorted groups are in the order of the codes.
    return (
        np.minimum.reduceat(low[order], starts)[segment],
        np.maximum.reduceat(high[order], starts)[segment],
    )
