"""Step 2: what P1 telegrams say beside readings: events, counters, other media; as remarks.

A remark holds from the first telegram that says it to the last before it changes. What changes with
every telegram, momentary power, voltage and current, is read over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake import times
from gridtally.intake.formats.common import Delivery
from gridtally.intake.formats.dsmr_times import instants
from gridtally.intake.numbers import OK, integers
from gridtally.intake.remarks import Remarks
from gridtally.intake.text import Cells
from gridtally.intake.times import Times
from gridtally.periods import Zone

__all__ = ["Said"]

Ints = npt.NDArray[np.int64]

_FAILURES = "1-0:99.97.0"
_DEVICE = re.compile(r"0-([1-9]\d?):24\.1\.0\Z")
_VALUE = re.compile(r"0-([1-9]\d?):24\.[23]\.\d{1,3}\Z")
_OWN = re.compile(
    r"0-0:(?:1\.0\.0|96\.1\.1)|1-0:[1-4]\.8\.\d{1,2}(?:\*\d+)?|1-0:99\.97\.0|\d+-\d+:\d+\.[47]\.0"
    r"(?:\*\d+)?"
)
"""Codes that are rows, or events, or momentary."""
_TAMPER = re.compile(r"0-\d+:96\.20\.(\d+)\Z")
_COVER = range(10)
_MEDIA = {
    2: "electricity", 3: "gas", 4: "heat", 6: "warm water", 7: "water", 8: "heat", 10: "cooling",
    11: "cooling", 12: "heat", 13: "heat",
}  # fmt: skip
"""Device type of an M-Bus meter (EN 13757-3) -> medium."""


class Said:
    """What the lines of a file say beside its readings; `media` counts values of other meters."""

    def __init__(self, cells: Cells, codes: Sequence[str], code: Ints, delivery: Delivery) -> None:
        self.cells, self.codes, self.code = cells, list(codes), code
        self.source, self.remarks = delivery.source, Remarks()
        self.media = self._note_media(delivery)

    def _note_media(self, delivery: Delivery) -> int:
        """Say how many values are of gas, heat and water meters: they are not billed here."""
        kinds: dict[str, str] = {}
        for number, text in enumerate(self.codes):
            if match := _DEVICE.match(text):
                row = int(np.flatnonzero(self.code == number)[0])
                said = self.cells.text(row, 1)
                known = int(said) if said.isascii() and said.isdigit() else -1
                kinds[match[1]] = _MEDIA.get(known, "other media")
        rows = 0
        names = []
        for number, text in enumerate(self.codes):
            if match := _VALUE.match(text):
                rows += int((self.code == number).sum())
                names.append(kinds.get(match[1], "other media"))
        if rows:
            text = ", ".join(sorted(set(names)))
            delivery.report.note("intake.dsmr.media", count=rows, text=text)
        return rows

    def table(
        self, points: Sequence[str], point: Ints, time: Times, owner: Ints, zone: Zone
    ) -> pa.Table:
        """All remarks as a REMARKS table; telegrams without point or time have none."""
        known = (point >= 0) & (time.state == times.OK)
        for number, text in enumerate(self.codes):
            rows = np.flatnonzero(self.code == number)
            rows = rows[known[owner[rows]]]
            if text == _FAILURES:
                self._failures(rows, point[owner[rows]], zone)
            elif not _OWN.fullmatch(text):
                self._lines(text, rows, point[owner[rows]], time.value[owner[rows]])
        return self.remarks.table([(name, "") for name in points], self.source)

    def _lines(self, text: str, rows: Ints, point: Ints, time: Ints) -> None:
        """A line of each telegram, all its groups as they stand."""
        first, last = self.cells.first[rows], self.cells.first[rows + 1] - 1
        there = (self.cells.ends[last] > self.cells.starts[first + 1]) & (last > first)
        rows, point, time, first, last = (c[there] for c in (rows, point, time, first, last))
        whole = Cells(
            self.cells.data, self.cells.starts[first + 1] - 1, self.cells.ends[last] + 1,
            np.arange(len(rows) + 1), self.cells.line[rows], False, True,
        )  # fmt: skip
        codes, one = whole.distinct(np.arange(len(rows)))
        value = self.remarks.texts.encode(codes, [whole.at(cell) for cell in one.tolist()])
        order = np.lexsort((time, point))
        value, point, time = value[order], point[order], time[order]
        new = np.ones(len(order), bool)
        new[1:] = (np.diff(value) != 0) | (np.diff(point) != 0)
        begin = np.flatnonzero(new)
        if not begin.size:
            return
        end = np.append(begin[1:], len(order)) - 1
        zero = np.zeros(len(begin), np.int64)
        self.remarks.add(
            self._key(text), name=point[begin], start=time[begin], end=time[end],
            value=value[begin], version=zero, line=self.cells.line[rows][order][begin],
        )  # fmt: skip

    def _key(self, text: str) -> str:
        if match := _TAMPER.match(text):
            return "event.cover_open" if int(match[1]) in _COVER else "event.tamper"
        return f"dsmr.{text}"

    def _failures(self, rows: Ints, point: Ints, zone: Zone) -> None:
        """The log of long power failures: `(n)(code)` and then end and duration of each."""
        cells = self.cells
        entries = np.maximum(cells.count[rows] - 3, 0) // 2
        begin = np.repeat(cells.first[rows] + 3, entries)
        step = np.arange(len(begin)) - np.repeat(np.cumsum(entries) - entries, entries)
        cell = begin + 2 * step
        end = instants(cells.data, cells.starts[cell], cells.ends[cell], zone=zone)
        # A duration is a number and `*s`.
        begin, finish = cells.starts[cell + 1], cells.ends[cell + 1] - 2
        length = integers(cells.data, begin, np.maximum(finish, begin))
        start = end.value - np.where(length.state == OK, length.value, 0)
        codes, one = cells.distinct(cell + 1)
        value = self.remarks.texts.encode(codes, [cells.at(at) for at in one.tolist()])
        good = np.flatnonzero(end.state == times.OK)
        line = np.repeat(cells.line[rows], entries)
        self.remarks.add(
            "event.power_loss", name=np.repeat(point, entries)[good],
            start=np.where(start < times.EARLIEST, end.value, start)[good], end=end.value[good],
            value=value[good], version=np.zeros(len(good), np.int64), line=line[good],
        )  # fmt: skip
