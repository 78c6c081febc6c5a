"""Step 2: what NEM12 says beside values, quality and version, kept as remarks `nem12.*`.

Nothing that a 100, 200, 300, 400 or 500 record says is lost; docs/formats.md lists the keys. What
follows from the reading itself is not said again: method A of an actual value, the update time
that is the version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.decimals import decimals, joined
from gridtally.intake.formats import mdff
from gridtally.intake.formats.mdff import Mdff, texts
from gridtally.intake.formats.nem12_rules import Rules, broken_rules
from gridtally.intake.formats.nem12_spans import Spans
from gridtally.intake.formats.streams import Streams
from gridtally.intake.remarks import Remarks
from gridtally.intake.report import Report
from gridtally.intake.runs import Runs
from gridtally.intake.text import Cells, Names

__all__ = ["DETAILS", "Said"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DETAILS = {
    "nem12.config": 1, "nem12.register": 2, "nem12.suffix": 3, "nem12.stream": 4,
    "nem12.meter": 5, "nem12.uom": 6, "nem12.next_read": 8,
}  # fmt: skip
"""Key -> field of a 200 record after its indicator and NMI."""
SPAN_KEYS = ("nem12.method", "nem12.reason", "nem12.reason_text")
_DAY = 86_400


class Said:
    """What the records of a file say, while it is read. All columns grow piece by piece."""

    def __init__(self) -> None:
        self._remarks = Remarks()
        self._rules: Rules = {}
        self._null: list[list[Ints]] = []
        self._streams: list[list[Ints]] = []
        self._days: list[list[Ints]] = []
        self._spans: list[list[Ints]] = []
        self._events: list[list[Ints]] = []

    def number(self, codes: Ints, found: Sequence[str]) -> Ints:
        """A column of texts as numbers that hold for the whole file."""
        return self._remarks.texts.encode(codes, found)

    def take_streams(self, columns: Sequence[tuple[Ints, list[str]]], kept: Bools) -> None:
        """The fields of 200 records, those of them that are kept."""
        said = [self._unless(self.number(*columns[at]), "") for at in DETAILS.values()]
        self._streams.append([codes[kept] for codes in said])

    def take(
        self, piece: Cells, kind: Ints, rows: Ints, good: Ints, *, key: Ints, start: Ints,
        slots: Ints, version: Ints, update: tuple[Ints, list[str]], method: Ints, spans: Spans,
    ) -> None:  # fmt: skip
        """The days at `rows`, those of them that are `good`. Other columns of shape (days,)."""
        line = piece.line[rows]
        codes, updates = update
        updated = self.number(codes, updates)
        # An update time of 14 digits is the version, and is not said again.
        known = np.array([len(text) == 14 for text in updates], dtype=bool)[codes]
        loaded = self.number(*texts(piece, rows, method + 4))
        columns = [key, start, start + _DAY, version, line]
        rest = [np.where(known, -1, updated), self._unless(loaded, ""), self._heads(spans)]
        self._days.append([column[good] for column in (*columns, *rest)])
        self._break(broken_rules(spans, slots, line, self._remarks.texts))
        inside = np.isin(spans.day, good)
        day, seconds = spans.day[inside], (_DAY // slots)[spans.day[inside]]
        said = [self._unless(code[inside], "") for code in spans.said]
        begin, end = (start[day] + at[inside] * seconds for at in (spans.first, spans.last))
        self._spans.append([key[day], begin, end, version[day], line[day], *said])
        event = np.flatnonzero(kind == 500)
        above = np.maximum.accumulate(np.where(kind == 300, np.arange(len(kind)), -1))[event]
        day = np.searchsorted(rows[good], above)
        ours = np.isin(above, rows[good])
        event, day = event[ours], good[day[ours]]
        fields = [texts(piece, event, at) for at in range(1, 5)]
        said = [self._texts([mdff.fields_text(row) for row in mdff.rows_of(fields)])]
        self._events.append([*(column[day] for column in columns), *said])

    def take_null(self, value: Ints, none: Bools, where: list[Ints]) -> None:
        """What stands in intervals that have no value (N) and is not zero. Shape (days, slots)."""
        day, slot = np.nonzero(none & (value != 0))
        if not len(day):
            return
        key, start, version, line = (column[day] for column in where)
        seconds = _DAY // value.shape[1]
        begin = start + slot * seconds
        said = self._texts(decimals(value[day, slot], 6).to_pylist())
        self._null.append([key, begin, begin + seconds, version, line, said])

    def _break(self, rules: Rules) -> None:
        """Count the rules that a piece breaks."""
        for rule, (line, count) in rules.items():
            first, before = self._rules.get(rule, (line, 0))
            self._rules[rule] = (first, before + count)

    def note_rules(self, report: Report) -> None:
        """Say which rules of the format are broken, and how often."""
        for rule, (line, count) in self._rules.items():
            report.note("intake.nem.rule", text=rule, count=count, line=line)

    def _unless(self, codes: Ints, *plain: str) -> Ints:
        """The codes, -1 for those of texts that need not be said."""
        numbers = [self._remarks.texts.number(text) for text in plain]
        return np.where(np.isin(codes, numbers), -1, codes)

    def _texts(self, found: Sequence[str]) -> Ints:
        """Texts as numbers."""
        return np.array([self._remarks.texts.number(text) for text in found], dtype=np.int64)

    def _heads(self, spans: Spans) -> Ints:
        """What 300 records with 400 records say themselves, -1 where it is V and ranges differ."""
        names = self._remarks.texts
        first = np.searchsorted(spans.day, np.arange(len(spans.wrong)))
        varies = np.zeros(len(spans.wrong), bool)
        for said in spans.said:
            varies[spans.day[said != said[first][spans.day]]] = True
        usual = varies & (spans.heads[0] == names.number("V"))
        for said in spans.heads[1:]:
            usual &= said == names.number("")
        result = np.full(len(varies), -1, np.int64)
        for at in np.flatnonzero(spans.varied & ~usual).tolist():
            head = [names.texts[int(codes[at])] for codes in spans.heads]
            result[at] = names.number(mdff.fields_text(head))
        return result

    def table(self, runs: Runs, streams: Streams, frame: Mdff, source: str) -> pa.Table:
        """All of it about the accepted days `runs` as a REMARKS table."""
        details, days, spans, events = (
            [np.concatenate(column) for column in zip(*parts, strict=True)]
            for parts in (self._streams, self._days, self._spans, self._events)
        )
        days, spans, events = (_of_lines(part, runs.line) for part in (days, spans, events))
        tags = streams.tags
        several = np.array([bool(tag) for tag in tags], dtype=bool)
        for at, key in enumerate(("nem12.update", "nem12.msats", "nem12.day")):
            self._add(key, days[:5], days[5 + at])
        # Of several streams the channel keeps the worst quality: each says its own in full.
        method = np.where(several[spans[0]], spans[5], self._unless(spans[5], *"ASEN"))
        for key, said in zip(SPAN_KEYS, (method, *spans[6:]), strict=True):
            self._add(key, spans[:5], said)
        self._add("nem12.b2b", events[:5], events[5])
        for part in self._null:
            *where, said = _of_lines(part, runs.line)
            self._add("nem12.null_value", where, said)
        self._add_details(days, details, streams)
        self._add_values(runs, several)
        names = [*streams.names, *self._add_header(days, streams, frame)]
        tags += [""] * (len(names) - len(tags))
        return self._remarks.table(names, source, tags=tags)

    def _add(self, key: str, where: list[Ints], value: Ints, each: Bools | None = None) -> None:
        """Remarks of one key where there is something to say."""
        said = np.flatnonzero(value >= 0)
        name, start, end, version, line = (column[said] for column in where)
        self._remarks.add(
            key, name=name, start=start, end=end, value=value[said], version=version, line=line,
            each=None if each is None else each[said],
        )  # fmt: skip

    def _add_details(self, days: list[Ints], details: list[Ints], streams: Streams) -> None:
        """What the 200 records say, over the days that belong to each."""
        owner = np.searchsorted(np.array(streams.lines), days[4], side="right") - 1
        place = np.stack([days[0], days[1]])
        _, back, count = np.unique(place, axis=1, return_inverse=True, return_counts=True)
        twice = np.zeros(len(streams.names), bool)
        twice[days[0][count[back.reshape(-1)] > 1]] = True
        for key, said in zip(DETAILS, details, strict=True):
            self._add(key, days[:5], said[owner], twice[days[0]])

    def _add_values(self, runs: Runs, several: Bools) -> None:
        """The values of each of several streams, whose sum is the channel's. [kWh, kvarh]"""
        runs = runs.take(np.flatnonzero(several[runs.key]))
        values = joined(decimals(runs.value, 6), runs.offsets).to_pylist()
        where = [runs.key, runs.start, runs.start + _DAY, runs.version, runs.line]
        self._add("nem12.values", where, self._texts(values))

    def _add_header(self, days: list[Ints], streams: Streams, frame: Mdff) -> list[tuple[str, str]]:
        """The file's header, said of each NMI; gives the names that it is said of."""
        nmis = Names()
        own = np.array([nmis.number(nmi) for nmi, _ in streams.names], dtype=np.int64)
        order = np.argsort(own[days[0]], kind="stable")
        nmi, first = np.unique(own[days[0]][order], return_index=True)
        start, end, line = (
            reduce.reduceat(days[at][order], first)
            for at, reduce in ((1, np.minimum), (2, np.maximum), (4, np.minimum))
        )
        where = [nmi + len(streams.names), start, end, np.full(len(nmi), frame.created), line]
        said = self._texts([mdff.fields_text(frame.header)])
        self._add("nem12.header", where, np.repeat(said, len(nmi)))
        return [(nmi, "") for nmi in nmis.texts]


def _of_lines(columns: list[Ints], line: Ints) -> list[Ints]:
    """The rows that begin on one of these lines; the line is the fifth column."""
    keep = np.isin(columns[4], line)
    return [column[keep] for column in columns]
