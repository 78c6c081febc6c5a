"""Step 2: what an MSCONS message says beside its values: status, qualifiers, dates, its number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.decimals import decimals
from gridtally.intake.formats.common import Column
from gridtally.intake.formats.edifact import Segments, pick
from gridtally.intake.formats.mscons_context import DTM, STS, Context, owners
from gridtally.intake.formats.mscons_values import Values
from gridtally.intake.formats.obis import READING
from gridtally.intake.remarks import Remarks
from gridtally.intake.units import CHANNELS, unit_of

__all__ = ["Said"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_STATUS = {
    "Z33": "mscons.plausibility", "Z32": "mscons.method", "Z34": "mscons.correction",
    "Z40": "mscons.reason", "Z31": "mscons.gas_quality", "10": "mscons.basis",
}  # fmt: skip
"""Category of a status (DE 9015) -> key; any other is `mscons.status`."""
_EVENTS = {
    "Z76": "event.power_loss", "Z77": "event.power_loss", "ZA0": "event.clock_set",
    "Z85": "event.overflow",
}  # fmt: skip
"""Reason (DE 9013) -> key: grid or supply failed, clock was set, the dial really turned over."""
_DATES = {"9": "mscons.read_at", "60": "mscons.changed_at"}
_PLAIN = {"220": 0, "67": 1}
"""Qualifiers that our quality says as well."""
_WIDTH = len(CHANNELS) + 1
_Rows = tuple[str, Values, Ints]


class Said:
    """The remarks of a file while it is read."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.remarks = Remarks()
        self._parts: dict[str, list[tuple[Values, Ints]]] = {}

    def take(self, piece: Segments, values: Values) -> None:
        """What the segments of a piece say about its good values."""
        for key, about, cells in self._found(piece, values):
            codes = Column(piece, cells).codes(self.remarks.texts)
            self._parts.setdefault(key, []).append((about, codes))

    def _found(self, piece: Segments, values: Values) -> Iterator[_Rows]:
        """Key, values concerned, and the cells that say it."""
        qualifier = piece.find(values.row, 1)
        odd = np.flatnonzero(pick(piece, qualifier, _PLAIN) < 0)
        yield "mscons.qualifier", values.take(odd), qualifier[odd]
        unusable = np.flatnonzero(pick(piece, qualifier, {"20": 1}) == 1)
        cells = piece.find(values.row[unusable], 1, 1)
        yield "mscons.unusable", values.take(unusable[cells >= 0]), cells[cells >= 0]
        dates, about = _of_good(piece, np.flatnonzero(piece.tag == DTM), values)
        meant = pick(piece, piece.find(dates, 1), {code: n for n, code in enumerate(_DATES)})
        for number, key in enumerate(_DATES.values()):
            cells = piece.find(dates, 1, 1)
            hit = (meant == number) & (cells >= 0) & (values.kind[about] >= READING)
            yield key, values.take(about[hit]), cells[hit]
        yield from self._statuses(piece, values)

    def _statuses(self, piece: Segments, values: Values) -> Iterator[_Rows]:
        rows, about = _of_good(piece, np.flatnonzero(piece.tag == STS), values)
        far, near = piece.find(rows, 3), piece.find(rows, 2)
        cells = np.where(far >= 0, far, near)
        rows, about, cells = (column[cells >= 0] for column in (rows, about, cells))
        category = pick(piece, piece.find(rows, 1), {code: n for n, code in enumerate(_STATUS)})
        for number, key in enumerate([*_STATUS.values(), "mscons.status"]):
            hit = category == (number if number < len(_STATUS) else -1)
            yield key, values.take(about[hit]), cells[hit]
        for reason, key in _EVENTS.items():
            hit = pick(piece, cells, {reason: 1}) == 1
            yield key, values.take(about[hit]), cells[hit]

    def periods(self, values: Values) -> None:
        """Energy of periods that are no interval: the figure itself is the remark."""
        figures = decimals(values.value, 6)
        for channel in np.unique(values.channel).tolist():
            own = np.flatnonzero(values.channel == channel)
            texts = [f"{text} {unit_of(CHANNELS[channel])}" for text in _taken(figures, own)]
            codes = np.array([self.remarks.texts.number(text) for text in texts], np.int64)
            self._parts.setdefault("mscons.energy", []).append((values.take(own), codes))

    def messages(self, values: Values) -> None:
        """The document number of each message, for the time and point that its values are of."""
        order = np.lexsort((values.start, values.message, values.point))
        values = values.take(order)
        new = np.ones(len(order), bool)
        new[1:] = (np.diff(values.point) != 0) | (np.diff(values.message) != 0)
        first = np.flatnonzero(new)
        if not first.size:
            return
        documents = [message.document for message in self.context.messages]
        numbers = np.array([self.remarks.texts.number(text) for text in documents], np.int64)
        self.remarks.add(
            "mscons.message", name=values.point[first] * _WIDTH, start=values.start[first],
            end=np.maximum.reduceat(values.end, first), value=numbers[values.message[first]],
            version=values.version[first], line=np.minimum.reduceat(values.line, first),
        )  # fmt: skip

    def table(self, source: str) -> pa.Table:
        """All remarks as a REMARKS table."""
        for key, parts in self._parts.items():
            columns = [
                np.concatenate([getattr(about, name) for about, _ in parts])
                for name in ("point", "channel", "start", "end", "version", "line")
            ]
            point, channel, start, end, version, line = columns
            self.remarks.add(
                key, name=point * _WIDTH + channel + 1, start=start, end=end, version=version,
                line=line, value=np.concatenate([codes for _, codes in parts]),
            )  # fmt: skip
        flows = ("", *CHANNELS)
        names = [(point, flow) for point in self.context.points.texts for flow in flows]
        return self.remarks.table(names, source)


def _taken(texts: pa.StringArray, which: Ints) -> list[str]:
    taken: list[str] = texts.take(pa.array(which)).to_pylist()
    return taken


def _of_good(piece: Segments, rows: Ints, values: Values) -> tuple[Ints, Ints]:
    """Segments that follow a good QTY segment, and the number of its value."""
    owner = owners(piece, rows)
    about = np.searchsorted(values.row, owner)
    hit = about < len(values.row)
    hit &= values.row[np.minimum(about, len(values.row) - 1)] == owner if len(values.row) else False
    return rows[hit], about[hit]
