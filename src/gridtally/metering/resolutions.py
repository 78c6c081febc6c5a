"""Steps 3-5: a channel whose interval length changes: longer intervals are cut, sums stay exact.

Energy of an hour is spread evenly over its quarters; the parts are whole 10^-6 kWh and sum to the
hour. What was cut is reported: a price or a demand that differs inside such an interval cannot be
known from it, and holds the bill (`unfit`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.metering import layout
from gridtally.metering.words import amount, counted, unit
from gridtally.periods import iso_utc
from gridtally.tables import SPANS, finding, findings_table
from gridtally.terms import LegalSource, Severity, Stream, Wanted

__all__ = ["Refined", "Stretch", "refine", "unfit"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]
_KEYS = ("metering_point", "channel", "resolution_s")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings of one channel that were longer than its grid, without a hole between them."""

    metering_point: str
    channel: str
    start_utc: int
    end_utc: int
    resolution_s: int
    """Length of the readings as they were delivered. [s]"""


@dataclass(frozen=True, slots=True)
class Refined:
    """BLOCKS in which every channel has the length of its shortest intervals."""

    blocks: pa.Table
    stretches: Sequence[Stretch]
    findings: pa.Table


def refine(blocks: pa.Table, *, at_most_s: int | None = None) -> Refined:
    """Cut the longer intervals of channels that have several lengths, where the lengths divide.

    `at_most_s`: cut all that are longer than this, also where a channel has one length alone. [s]
    An interval for which shorter readings of the same or a better quality and version are there
    yields to them: wholly when they cover it, else what they leave of its energy is spread over
    the rest. Where they contradict it, `metering.block.disagree`.
    """
    mixed = _mixed(blocks, at_most_s)
    if not mixed.num_rows:
        return Refined(blocks, (), findings_table([]))
    code, finest = _of_rows(blocks, mixed)
    step = layout.integers(blocks["resolution_s"])
    whole = np.where(code >= 0, finest, step)
    long = (step > whole) & (step % np.maximum(whole, 1) == 0)
    if not long.any():
        return Refined(blocks, (), findings_table([]))
    names = mixed.select(["metering_point", "channel"]).to_pylist()
    coarse = _Readings.of(blocks.filter(pa.array(long)), code[long])
    fine = _Readings.of(blocks.filter(pa.array((code >= 0) & ~long)), code[(code >= 0) & ~long])
    cut = _Cut(coarse, finest[long])
    found = [*cut.yield_to(fine, names), *_said(cut, names)]
    parts = [blocks.filter(pa.array(~long)), cut.table()]
    return Refined(pa.concat_tables(parts), _stretches(cut, names), findings_table(found))


def _mixed(blocks: pa.Table, at_most_s: int | None) -> pa.Table:
    """Channels with several lengths, or one too long: metering_point, channel, shortest [s]."""
    lengths = blocks.select(_KEYS).group_by(_KEYS, use_threads=False).aggregate([])
    ranges = lengths.group_by(["metering_point", "channel"], use_threads=False).aggregate(
        [("resolution_s", "min"), ("resolution_s", "max")]
    )
    least = ranges["resolution_s_min"]
    if at_most_s is not None:
        least = pc.min_element_wise(least, pa.scalar(at_most_s, pa.int32()))
        ranges = ranges.set_column(2, "resolution_s_min", least)
    several = ranges.filter(pc.greater(ranges["resolution_s_max"], least))
    return several.sort_by([("metering_point", "ascending"), ("channel", "ascending")])


def _of_rows(blocks: pa.Table, mixed: pa.Table) -> tuple[Ints, Ints]:
    """Which of the mixed channels each block belongs to, -1 for none; its shortest length [s]."""
    both = [
        pc.binary_join_element_wise(
            layout.text(t["metering_point"]), layout.text(t["channel"]), "\n"
        )
        for t in (blocks, mixed)
    ]
    code = pc.fill_null(pc.index_in(both[0], value_set=both[1]), -1).to_numpy().astype(np.int64)
    return code, layout.integers(mixed["resolution_s_min"])[code]


@dataclass(frozen=True, slots=True)
class _Readings:
    """Readings one by one, all shape (n,), and the blocks that they stand in."""

    blocks: pa.Table
    row: Ints
    key: Ints
    """Number of the channel."""
    start: Ints
    value: Ints
    there: Mask
    order: Ints
    """Quality rank and version as one number: the larger wins."""

    @classmethod
    def of(cls, blocks: pa.Table, code: Ints) -> _Readings:
        """The readings of BLOCKS; `code` numbers the channel of each block."""
        lists = blocks["values"].combine_chunks()
        count = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
        row = np.repeat(np.arange(len(count)), count)
        step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        flat = pc.list_flatten(lists)
        letters, first, size, _ = layout.letters(blocks["quality"])
        rank = letters[first[row] + np.where(size[row] > 1, step, 0)].astype(np.int64)
        version = _dense_rank(layout.integers(blocks["version"]))
        there = pc.is_valid(flat).to_numpy(zero_copy_only=False) & (rank > 0)
        return cls(
            blocks, row, code[row],
            layout.integers(blocks["start_utc"])[row]
            + step * layout.integers(blocks["resolution_s"])[row],
            pc.fill_null(flat, 0).to_numpy(), there, (rank << 56) + version[row],
        )  # fmt: skip


def _dense_rank(versions: Ints) -> Ints:
    """Versions cut to 55 bits, which keeps their order for all that a sender writes."""
    limit = (1 << 55) - 1
    return np.clip(versions, -limit, limit)


class _Cut:
    """Long intervals and the parts that they are cut into. `value` and `keep` are of the parts."""

    def __init__(self, coarse: _Readings, finest: Ints) -> None:
        self.coarse = coarse
        self.step = layout.integers(coarse.blocks["resolution_s"])
        self.finest = finest
        self.parts = (self.step // finest)[coarse.row]
        self.of = np.repeat(np.arange(len(coarse.row)), self.parts)
        self.number = np.arange(len(self.of)) - np.repeat(
            np.cumsum(self.parts) - self.parts, self.parts
        )
        self.start = coarse.start[self.of] + self.number * finest[coarse.row[self.of]]
        self.keep = coarse.there[self.of]
        self.value = _share(coarse.value[self.of], self.number, self.parts[self.of])

    def yield_to(self, fine: _Readings, names: Sequence[Row]) -> Iterator[Row]:
        """Leave to shorter readings what they cover; findings where the energies disagree."""
        covered, theirs, order = self._cover(fine)
        weaker = order >= self.coarse.order[self.of]
        covered &= weaker & self.keep
        if not covered.any():
            return
        count = np.bincount(self.of[covered], minlength=len(self.parts))
        energy = np.zeros(len(self.parts), dtype=np.int64)
        np.add.at(energy, self.of[covered], theirs[covered])
        left = self.coarse.value - energy
        partly = (count > 0) & (count < self.parts)
        wrong = ((count == self.parts) & (left != 0)) | (partly & (left < 0))
        self.keep &= ~covered & ~(wrong & partly)[self.of]
        # What is left is spread over the parts that nobody else has, in their order.
        mine = np.flatnonzero(self.keep & partly[self.of])
        if mine.size:
            owner = self.of[mine]
            begins = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
            size = np.diff(np.r_[begins, len(mine)])
            place = np.arange(len(mine)) - np.repeat(begins, size)
            self.value[mine] = _share(left[owner], place, np.repeat(size, size))
        for key in np.unique(self.coarse.key[wrong]):
            which = np.flatnonzero(wrong & (self.coarse.key == key))
            yield self._disagree(which, energy, names[int(key)])

    def _cover(self, fine: _Readings) -> tuple[Mask, Ints, Ints]:
        """For each part: whether a shorter reading is there, its value, its priority."""
        seen = np.zeros(len(self.of), dtype=np.bool_)
        theirs, order = np.zeros(len(self.of), np.int64), np.zeros(len(self.of), np.int64)
        good = np.flatnonzero(fine.there)
        if not good.size or not len(self.of):
            return seen, theirs, order
        low = min(int(fine.start[good].min()), int(self.start.min()))
        have = (fine.key[good] << 36) + (fine.start[good] - low)
        load = layout.integers(fine.blocks["load_seq"])[fine.row[good]]
        rank = np.lexsort((load, fine.order[good], have))
        last = np.r_[have[rank][1:] != have[rank][:-1], True]
        best, have = good[rank][last], have[rank][last]
        want = (self.coarse.key[self.of] << 36) + (self.start - low)
        at = np.minimum(np.searchsorted(have, want), len(have) - 1)
        seen = have[at] == want
        theirs[seen], order[seen] = fine.value[best[at[seen]]], fine.order[best[at[seen]]]
        return seen, theirs, order

    def _disagree(self, which: Ints, energy: Ints, name: Row) -> Row:
        at, first = self.coarse.start[which], int(which[0])
        step = int(self.step[self.coarse.row[first]])
        kind = unit(name["channel"])
        return finding(
            "metering.block.disagree", Severity.HOLD,
            f"{name['metering_point']} {name['channel']}: {counted(len(which), 'interval')} of "
            f"{step // 60} minutes from {iso_utc(int(at.min()))} on disagree with the shorter "
            f"readings inside, at first {amount(int(self.coarse.value[first]), kind)} with "
            f"{amount(int(energy[first]), kind)}; the shorter ones count.",
            remedy="Ask the sender which are right, and to mark corrections with a version.",
            must_hold=True, count=len(which), **name,
            start_utc=int(at.min()), end_utc=int(at.max()) + step,
            evidence={"long_ukwh": int(self.coarse.value[first]), "short_ukwh": int(energy[first])},
        )  # fmt: skip

    def table(self) -> pa.Table:
        """The parts as BLOCKS, a block for each that was cut, in the columns of the input."""
        blocks = self.coarse.blocks
        times = (self.step // self.finest).astype(np.int64)
        lengths = np.bincount(self.coarse.row[self.of], minlength=blocks.num_rows)
        offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
        values = pa.array(self.value, pa.int64(), mask=~self.keep)
        size = pc.binary_length(blocks["quality"]).to_numpy()
        letters = blocks["quality"].to_pylist()
        quality = [
            text if count == 1 else "".join(letter * int(k) for letter in text)
            for text, count, k in zip(letters, size, times, strict=True)
        ]
        made = {
            "values": pa.ListArray.from_arrays(offsets, values),
            "quality": pa.array(quality, pa.string()),
            "resolution_s": pa.array(self.finest, pa.int32()),
        }
        columns = [made.get(f.name, blocks[f.name]) for f in blocks.schema]
        return pa.table(columns, schema=blocks.schema)


def _share(total: Ints, number: Ints, parts: Ints) -> Ints:
    """Part `number` of `parts` equal parts of `total`, whole, so that all of them sum to it."""
    whole, rest = np.divmod(total, parts)
    shared: Ints = whole + ((number + 1) * rest // parts - number * rest // parts)
    return shared


def _stretches(cut: _Cut, names: Sequence[Row]) -> list[Stretch]:
    """What of the long intervals is still there, joined where it lies side by side."""
    left = np.bincount(cut.of[cut.keep], minlength=len(cut.parts)) > 0
    which = np.flatnonzero(left)
    if not which.size:
        return []
    key, start = cut.coarse.key[which], cut.coarse.start[which]
    step = cut.step[cut.coarse.row[which]]
    order = np.lexsort((start, step, key))
    key, start, step = key[order], start[order], step[order]
    breaks = (key[1:] != key[:-1]) | (step[1:] != step[:-1]) | (start[1:] > start[:-1] + step[:-1])
    begins = np.flatnonzero(np.r_[True, breaks])
    ends = np.r_[begins[1:], len(key)] - 1
    return [
        Stretch(
            **names[int(key[low])], start_utc=int(start[low]),
            end_utc=int(start[high] + step[high]), resolution_s=int(step[low]),
        )
        for low, high in zip(begins.tolist(), ends.tolist(), strict=True)
    ]  # fmt: skip


def _said(cut: _Cut, names: Sequence[Row]) -> Iterator[Row]:
    """One note per channel and length: what was cut."""
    left = np.bincount(cut.of[cut.keep], minlength=len(cut.parts)) > 0
    step = cut.step[cut.coarse.row]
    for key, seconds in sorted({*zip(cut.coarse.key[left].tolist(), step[left].tolist())}):  # noqa: B905
        mine = left & (cut.coarse.key == key) & (step == seconds)
        at, name = cut.coarse.start[mine], names[key]
        short = int(cut.finest[cut.coarse.row[np.flatnonzero(mine)[0]]])
        yield finding(
            "metering.block.split", Severity.NOTE,
            f"{name['metering_point']} {name['channel']}: {counted(len(at), 'interval')} of "
            f"{seconds // 60} minutes from {iso_utc(int(at.min()))} on among those of "
            f"{short // 60} minutes: each is spread evenly, and its energy stays the same.",
            remedy="Nothing to do, unless the sender has the shorter readings of that time.",
            count=int(mine.sum()), **name, start_utc=int(at.min()),
            end_utc=int(at.max()) + seconds,
            evidence={"resolution_s": seconds, "grid_s": short},
        )  # fmt: skip


# ------------------------------------------------------------- what it cannot give


def unfit(
    spans: pa.Table,
    stretches: Sequence[Stretch],
    *,
    wanted: Mapping[str, Sequence[Wanted]],
    market: Market = NO_MARKET,
) -> pa.Table:
    """Findings that hold the spans whose tariff asks for more than long intervals can tell.

    Of SPANS billed from intervals: a demand over less than the interval, and a price that changes
    inside one.
    """
    places: dict[str, list[Row]] = {}
    if stretches:
        mine = pa.array(sorted({stretch.metering_point for stretch in stretches}))
        billed = pc.equal(spans["legal_source"], LegalSource.INTERVAL)
        near = spans.filter(pc.and_(billed, pc.is_in(spans["metering_point"], mine)))
        for span in near.to_pylist():
            places.setdefault(span["metering_point"], []).append(span)

    @cache
    def problem(tariff: str, channel: str, low: int, high: int, step: int) -> str:
        wants = [want for want in wanted.get(tariff, ()) if channel in want.channels]
        times = np.arange(low, high, step)
        for want in wants:
            if why := _why_not(want, low, high, step, market) or _price(want, times, step, market):
                return why
        return ""

    rows = []
    for stretch in stretches:
        step = stretch.resolution_s
        for span in places.get(stretch.metering_point, ()):
            low = max(span["start_utc"] or 0, stretch.start_utc)
            high = min(span["end_utc"] or 0, stretch.end_utc)
            if low >= high:
                continue
            why = problem(span["tariff"] or "", stretch.channel, low, high, step)
            if (low - stretch.start_utc) % step or (high - stretch.start_utc) % step:
                why = "a day of the bill begins inside one of them."
            if why:
                rows.append(_held(span, stretch, (low, high), why))
    return findings_table(rows)


def _why_not(want: Wanted, low: int, high: int, step: int, market: Market) -> str:
    """Why intervals of `step` seconds cannot give what is wanted; empty when they can."""
    windows = want.windows
    if windows and (not want.window_s or (windows.rolling_s or step) < step):
        return "demand is measured over windows that are shorter than they are."
    if want.netting and (want.netting == "interval" or 3600 % step):
        return f"energy is netted by the {want.netting}."
    if want.kind == "demand" and want.window_s and want.window_s < step:
        return f"demand is billed over {want.window_s // 60} minutes."
    known = (market,) if want.events else ()
    if (want.labels(low, high, step, *known) == _CHANGES).any():
        return f"the time windows of {want.calendar or 'the months'} change inside one of them."
    return ""


def _price(want: Wanted, starts: Ints, step: int, market: Market) -> str:
    """Why intervals cannot be priced by time; empty when each lies in one step of its series."""
    if want.kind != "cost" or want.reduce is None:
        return ""
    zeros = np.zeros(len(starts), np.int64)
    stream = Stream(np.zeros((0, len(starts)), np.int64), zeros, starts, starts + step, zeros)
    answer = want.reduce(stream, SPANS.empty_table(), market)
    finer = any(code == "rating.series.finer" for code, *_ in answer.holds)
    return "prices change inside one of them." if finer else ""


_CHANGES = -2


def _held(span: Row, stretch: Stretch, at: tuple[int, int], why: str) -> Row:
    where = {key: span[key] for key in ("segment", "account", "metering_point")}
    return finding(
        "metering.block.coarse", Severity.HOLD,
        f"{stretch.metering_point} {stretch.channel}: readings of {stretch.resolution_s // 60} "
        f"minutes from {iso_utc(at[0])} on cannot tell what the tariff asks: {why}",
        remedy="Ask the sender for the shorter readings of these days.",
        must_hold=True, channel=stretch.channel, start_utc=at[0], end_utc=at[1], **where,
    )  # fmt: skip
