"""Step 2: what NEM13 says beside the two readings of each record, kept as remarks `nem13.*`.

A remark stands for one 250 record, from its previous reading to its current one; those of one
record have its line. Nothing that a 100, 250 or 550 record says is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.formats import mdff
from gridtally.intake.formats.mdff import Mdff, texts
from gridtally.intake.remarks import Remarks
from gridtally.intake.text import Cells
from gridtally.intake.units import CHANNELS
from gridtally.tables import REMARKS

__all__ = ["KEYS", "Nem13Said"]

Ints = npt.NDArray[np.int64]

KEYS = {
    "nem13.config": (2,), "nem13.register": (3,), "nem13.suffix": (4,), "nem13.stream": (5,),
    "nem13.meter": (6,), "nem13.previous": (8, 10, 11, 12), "nem13.current": (13, 15, 16, 17),
    "nem13.quantity": (18,), "nem13.uom": (19,), "nem13.next_read": (20,), "nem13.update": (21,),
    "nem13.msats": (22,),
}  # fmt: skip
"""Key -> fields of a 250 record; several (reading, method, reason, text) as one value."""
B2B = "nem13.b2b"


class Nem13Said:
    """What the records of a file say, while it is read."""

    def __init__(self) -> None:
        self._remarks = Remarks()
        self._parts: dict[str, list[tuple[Ints, Ints]]] = {key: [] for key in (*KEYS, B2B)}

    def take(self, columns: Sequence[Sequence[str]], good: Ints, lines: Ints) -> None:
        """The 250 records at `good`; their fields column by column, and their lines."""
        for key, positions in KEYS.items():
            rows = zip(*(columns[at] for at in positions), strict=True)
            said = [row[0] if len(row) == 1 else mdff.fields_text(row) for row in rows]
            if key == "nem13.update":  # an update time of 14 digits is the version
                said = [_BLANK if not text else "" if len(text) == 14 else text for text in said]
            self._take(key, [said[at] for at in good.tolist()], lines[good])

    def take_events(self, piece: Cells, kind: Ints) -> None:
        """The 550 records of a piece, each to the 250 record above it."""
        rows = np.flatnonzero(kind == 550)
        owner = np.maximum.accumulate(np.where(kind == 250, np.arange(len(kind)), 0))[rows]
        fields = mdff.rows_of(texts(piece, rows, at) for at in range(1, 5))
        self._take(B2B, [mdff.fields_text(row) for row in fields], piece.line[owner])

    def _take(self, key: str, said: Sequence[str], lines: Ints) -> None:
        names = self._remarks.texts
        codes = [names.number("" if text == _BLANK else text) if text else -1 for text in said]
        codes_ = np.array(codes, dtype=np.int64)
        self._parts[key].append((codes_[codes_ >= 0], lines[codes_ >= 0]))

    def table(
        self, records: Sequence[Ints], points: Sequence[str], registers: Sequence[str], *,
        frame: Mdff, source: str,
    ) -> pa.Table:  # fmt: skip
        """All of it about the accepted records, as a REMARKS table.

        `records`: point, channel, register, times of both readings, version, line, as columns.
        """
        point, channel, register, start, end, version, line = records
        if not len(line):
            return REMARKS.empty_table()
        order = np.argsort(line)
        place = np.stack([point, channel, register])
        dials, name = np.unique(place, axis=1, return_inverse=True)
        name = name.reshape(-1)
        for key, parts in self._parts.items():
            value, lines = (np.concatenate(column) for column in zip(*parts, strict=True))
            at = order[np.minimum(np.searchsorted(line[order], lines), len(order) - 1)]
            ours = line[at] == lines
            at, value = at[ours], value[ours]
            self._remarks.add(
                key, name=name[at], start=start[at], end=end[at], value=value,
                version=version[at], line=line[at], join=False,
            )  # fmt: skip
        names = [(points[p], CHANNELS[c]) for p, c in dials[:2].T.tolist()]
        count = Counter(names)
        tags = [
            f".{registers[r]}" if count[name_] > 1 else ""
            for name_, r in zip(names, dials[2].tolist(), strict=True)
        ]
        names += self._add_header(records, points, frame, len(names))
        tags += [""] * (len(names) - len(tags))
        return self._remarks.table(names, source, tags=tags)

    def _add_header(
        self, records: Sequence[Ints], points: Sequence[str], frame: Mdff, offset: int
    ) -> list[tuple[str, str]]:
        """The file's header, said of each NMI; gives the names that it is said of."""
        point, _, _, start, end, _, line = records
        order = np.argsort(point, kind="stable")
        own, first = np.unique(point[order], return_index=True)
        begin, last, line = (
            reduce.reduceat(column[order], first)
            for column, reduce in ((start, np.minimum), (end, np.maximum), (line, np.minimum))
        )
        said = self._remarks.texts.number(mdff.fields_text(frame.header))
        self._remarks.add(
            "nem13.header", name=own + offset, start=begin, end=last,
            value=np.full(len(own), said), version=np.full(len(own), frame.created), line=line,
        )  # fmt: skip
        return [(point_, "") for point_ in points]


_BLANK = "\0"
"""Stands for a field that is blank and must be said to be."""
