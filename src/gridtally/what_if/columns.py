"""What-if: what a sealed run stored, as the columns that another tariff is rated from.

The spans of a segment that differ only in the tariff become one, as if the new tariff had been in
force all the time. Its determinants are unions of stored ones (`rating.suffice`), or the dials that
a run would take; where they do not suffice, the segment is named with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import Market
from gridtally.metering.dials import Registers, months_side
from gridtally.metering.group import TOTALS
from gridtally.periods import Period
from gridtally.rating.calendars import runs
from gridtally.rating.rate import Refused
from gridtally.rating.suffice import Lack, recipes
from gridtally.rating.tariff import TariffVersion
from gridtally.terms import LegalSource, Wanted
from gridtally.what_if.outside import Outside
from gridtally.what_if.stored import Stored, named

__all__ = ["LACKING", "Sheet", "sheet"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LACKING, DIALS = "rating.what_if.determinant", "rating.what_if.dials"
_REMEDY = {
    LACKING: "Ask with --from-readings, which determines it anew from the stored readings.",
    DIALS: "Compare accounts whose dials are read at the turn of the month.",
}
_CUT = ("span", "from", "to", "start_utc", "end_utc", "tariff", "terms")
"""Columns in which two spans may differ and still be one under the new tariff."""


@dataclass(frozen=True)
class Sheet:
    """What `rating.rate.charge` takes, and which segments are not in it."""

    spans: pa.Table
    determinants: Mapping[str, tuple[Ints, Ints]]
    kept: Ints
    """The segment of each segment in `spans`: its place among those of the stored spans."""
    market: Market
    refused: Sequence[Refused]
    """`segments` count those of the stored spans."""


@dataclass
class _Wide:
    """A wanted determinant over all stored spans."""

    values: Ints
    known: Mask
    asked: Mask
    """Spans for which it is asked for: in the others its component is at rest."""
    largest: bool


@dataclass
class _Work:
    stored: Stored
    version: TariffVersion
    market: Market
    first: Ints
    """First stored span of each merged one."""
    made: dict[str, _Wide] = field(default_factory=dict)
    lacks: dict[tuple[str, str], list[Ints]] = field(default_factory=dict)
    """(code, reason) -> stored spans"""

    def put(self, name: str, rows: Ints, values: Ints, known: Mask | bool, largest: bool) -> None:
        """A determinant of some stored spans."""
        count = self.stored.spans.num_rows
        if name not in self.made:
            none = np.zeros(count, bool)
            self.made[name] = _Wide(np.zeros(count, np.int64), none, none.copy(), largest)
        wide = self.made[name]
        wide.values[rows] = np.where(known, values, 0)
        wide.known[rows], wide.asked[rows] = known, True

    def lack(self, code: str, reason: str, rows: Ints) -> None:
        """Why some stored spans cannot be rated."""
        self.lacks.setdefault((code, reason), []).append(rows)


def sheet(
    stored: Stored,
    version: TariffVersion,
    *,
    known: Mapping[str, Sequence[Wanted]],
    outside: Outside,
) -> Sheet:
    """The columns of a run's segments under `version`. `known`: what each stored version wanted."""
    spans = stored.spans
    market = outside.market(stored.market, bounds=stored.bounds)
    work = _Work(stored, version, market, _merged(spans, stored.segment, version))
    interval = np.asarray(pc.equal(spans["legal_source"], LegalSource.INTERVAL))
    _from_determinants(work, np.flatnonzero(interval), known)
    _from_dials(work, np.flatnonzero(~interval))
    merged, torn = outside.terms(_spans(work))
    if len(torn):
        work.lack(LACKING, "A term of the agreement changes within a span.", work.first[torn])
    _whole(work)
    return _sheet(work, merged, outside.barred(merged, stored.names))


def _sheet(work: _Work, made: pa.Table, refused: list[Refused]) -> Sheet:
    """Leave out what lacks something, and put together what is one span now."""
    spans, first, segment = work.stored.spans, work.first, work.stored.segment
    bad = np.zeros(int(segment[-1]) + 1 if len(segment) else 0, bool)
    for no in refused:
        bad[no.segments] = True
    for (code, reason), parts in sorted(work.lacks.items()):
        mine = np.unique(segment[np.concatenate(parts)])
        bad[mine] = True
        refused.append(Refused(code, reason, _REMEDY[code], mine))
    keep = ~bad[segment[first]]
    whole = len(first) == spans.num_rows
    determinants = {}
    for name, wide in work.made.items():
        values, there = wide.values, wide.known
        if not whole:
            join = np.maximum if wide.largest else np.add
            values = join.reduceat(values, first)
            there = np.logical_and.reduceat(there | ~wide.asked, first)
            there &= np.logical_or.reduceat(wide.asked, first)
        rows = np.flatnonzero(there[keep])
        if len(rows):
            determinants[name] = rows, values[keep][rows]
    kept = segment[first[keep]]
    made = made if keep.all() else made.filter(pa.array(keep))
    return Sheet(made, determinants, kept[runs(kept)], work.market, refused)


def _spans(work: _Work) -> pa.Table:
    """The merged spans, under the new tariff."""
    spans, first = work.stored.spans, work.first
    if len(first) < spans.num_rows:
        last = np.r_[first[1:], spans.num_rows] - 1
        ends = spans.select(["to", "end_utc"]).take(pa.array(last))
        spans = spans.take(pa.array(first))
        for name in ends.column_names:
            spans = spans.set_column(spans.column_names.index(name), name, ends[name])
        segment = work.stored.segment[first]
        number = np.arange(len(first)) - runs(segment)[segment]
        spans = _with(spans, "span", pa.array(number, pa.int32()))
    return _with(spans, "tariff", pa.repeat(work.version.digest, spans.num_rows))


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _merged(spans: pa.Table, segment: Ints, version: TariffVersion) -> Ints:
    """First rows of the spans that the new tariff sees: joined where only the tariff differs."""
    head = np.r_[True, segment[1:] != segment[:-1]] if len(segment) else np.zeros(0, bool)
    rows = np.flatnonzero(~head)
    if len(rows):
        after, before = spans.take(pa.array(rows)), spans.take(pa.array(rows - 1))
        same = np.asarray(pc.equal(after["from"], before["to"]))
        for name in spans.column_names:
            if name not in _CUT:
                same = same & _equal(after[name], before[name])
        days = after["from"].to_pylist()
        same = same & np.array([(d.month, d.day) not in version.resets for d in days], bool)
        head[rows[~same]] = True
    return np.flatnonzero(head)


def _equal(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Mask:
    both = pc.and_(pc.is_null(one), pc.is_null(other))
    return np.asarray(pc.fill_null(pc.or_kleene(both, pc.equal(one, other)), False))


# -------------------------------------------------------------- determinants


def _from_determinants(work: _Work, rows: Ints, known: Mapping[str, Sequence[Wanted]]) -> None:
    """Interval-billed spans: unions of what was stored."""
    spans = work.stored.spans
    columns = _Columns(work.stored)
    for mine in _cohorts(spans, rows, ("tariff", "start_utc", "end_utc")):
        digest, start, end = (
            spans[n][int(mine[0])].as_py() for n in ("tariff", "start_utc", "end_utc")
        )
        if start is None or end is None:
            work.lack(LACKING, "There is no time zone.", mine)
            continue
        if digest == work.version.digest:  # what was stored is what is wanted, whatever it is
            for name in columns.names:
                values, there = columns.of(name)
                work.put(name, mine, values[mine], there[mine], name.startswith("demand"))
            continue
        found, lacking = recipes(
            work.version.wanted, (*TOTALS, *known.get(digest, ())), start_utc=start, end_utc=end,
            market=work.market,
        )  # fmt: skip
        for reason, names in _reasons(lacking).items():
            text = f"{names} cannot be had from what was stored: {reason}."
            work.lack(LACKING, text, mine)
        for recipe in found:
            values, there = columns.joined(recipe.of, mine, largest=recipe.largest)
            work.put(recipe.name, mine, values, there, recipe.largest)


def _whole(work: _Work) -> None:
    """What looks at single hours or days cannot be put together over two stored spans."""
    names = [want.name("") for want in work.version.wanted if want.streamed]
    joined = np.flatnonzero(np.diff(np.r_[work.first, work.stored.spans.num_rows]) > 1)
    if names and len(joined):
        reason = f"{', '.join(names)} was stored in two parts, which cannot be put together."
        work.lack(LACKING, reason, work.first[joined])


def _reasons(lacking: Sequence[Lack]) -> dict[str, str]:
    """reason -> the names that it keeps away

    Those that may be missing as well: that nobody asked for a channel does not say that the
    metering point has none.
    """
    found: dict[str, list[str]] = {}
    for lack in lacking:
        found.setdefault(lack.reason, []).append(lack.name)
    return {reason: ", ".join(names) for reason, names in found.items()}


class _Columns:
    """Stored determinants by name, over all stored spans; laid out when one is asked for."""

    def __init__(self, stored: Stored) -> None:
        self._count = stored.spans.num_rows
        table = stored.determinants
        rows = stored.places(table)
        self._values = np.asarray(table["value"].combine_chunks())
        names = named(table["name"])
        code = np.asarray(names.indices).astype(np.int16)
        order = np.argsort(code, kind="stable")
        order = order[rows[order] >= 0]
        parts = np.split(order, np.flatnonzero(np.diff(code[order])) + 1) if len(order) else []
        self._of = {names.dictionary[int(code[p[0]])].as_py(): (rows[p], p) for p in parts}
        self._wide: dict[str, tuple[Ints, Mask]] = {}

    @property
    def names(self) -> Sequence[str]:
        """Of all that was stored."""
        return list(self._of)

    def of(self, name: str) -> tuple[Ints, Mask]:
        """A determinant and where it is known."""
        if name not in self._wide:
            values, known = np.zeros(self._count, np.int64), np.zeros(self._count, bool)
            rows, at = self._of.get(name, (np.zeros(0, np.int64),) * 2)
            values[rows], known[rows] = self._values[at], True
            self._wide[name] = values, known
        return self._wide[name]

    def joined(self, names: Sequence[str], rows: Ints, *, largest: bool) -> tuple[Ints, Mask]:
        """The sum of several at some rows, or the largest."""
        values, known = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
        for number, name in enumerate(names):
            column, there = self.of(name)
            join = np.maximum if largest and number else np.add
            values, known = join(values, column[rows]), known & there[rows]
        return values, known


def _from_dials(work: _Work, rows: Ints) -> None:
    """Register-billed spans: the dials that a run would take (`docs/tariff.md`)."""
    if not len(rows):
        return
    spans = work.stored.spans
    dials = Registers(spans, work.stored.advances)
    merged = _spans(work)
    which = np.searchsorted(work.first, rows, side="right") - 1
    for at in _cohorts(merged, np.unique(which), ("from", "to")):
        row = int(at[0])
        period = Period(merged["from"][row].as_py(), merged["to"][row].as_py())
        mine = rows[np.isin(which, at)]
        for want in work.version.wanted:
            side = months_side(want.months, period)
            if want.streamed and side != "out":
                reason = f"{want.name('')} looks at single hours, which were not stored."
                work.lack(LACKING, reason, mine)
                continue
            if side == "both":
                reason = f"{want.name('')} holds in some months only, and dials cannot be cut."
                work.lack(DIALS, reason, mine)
            for bucket in want.buckets if side == "in" else ():
                values, _, there = dials.of(want, bucket, mine)
                largest = want.kind == "demand"
                work.put(want.name(bucket), mine, values, there, largest)


def _cohorts(spans: pa.Table, rows: Ints, names: Sequence[str]) -> Iterator[Ints]:
    """Rows that are alike in some columns."""
    if not len(rows):
        return
    keys = [
        np.asarray(pc.fill_null(named(spans[name]).indices, -1)).astype(np.int64)[rows]
        for name in names
    ]
    order = np.lexsort(keys)
    table = np.vstack([key[order] for key in keys])
    cuts = np.flatnonzero((table[:, 1:] != table[:, :-1]).any(axis=0)) + 1
    for part in np.split(order, cuts):
        yield rows[np.sort(part)]
