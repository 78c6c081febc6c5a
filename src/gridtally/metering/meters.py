"""Step 5: the dials of metering points and what they showed, as sorted columns.

A dial is one register of one meter at one metering point. What a reading leaves open (channel,
bucket, kind, digits, multiplier) comes from the master data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import layout
from gridtally.metering.layout import LETTERS

__all__ = ["DEMAND", "KINDS", "NONE", "REASONS", "STEP", "Dials", "collect", "day_number"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Names = npt.NDArray[np.object_]

Said = dict[int, tuple[str, ...]]

STEP = 1 << 34
"""More seconds than any instant: `dial * STEP + time` sorts by dial, then time."""
REASONS = ("routine", "initial", "exchange_out", "exchange_in", "move", "check")
KINDS = ("cumulative", "demand")
DEMAND = 1
EVER = 1 << 40
NONE = np.iinfo(np.int64).min
_JOIN = "\x1f"


@dataclass(frozen=True, slots=True)
class Dials:
    """Dials in order of metering point, meter, register, and their readings in order of time."""

    points: list[str]
    """The metering points, sorted."""
    point: Ints
    """Of each dial: position in `points`."""
    meter: Names
    register: Names
    device: Ints
    """Of each dial: a number for its meter at its metering point."""
    channel: Names
    bucket: Names
    kind: Ints
    """0 cumulative, 1 demand, -1 unknown."""
    digits: Ints
    multiplier: Ints
    """[10^-6]; -1 unknown."""
    open: Said
    """What neither readings nor master data say about each dial."""
    differs: Said
    """Where readings and master data, or readings among themselves, say different things."""
    since: Ints
    until: Ints
    """Local days [since, until) in which master data has the meter at the point."""
    stray: Mask
    """Master data knows meters of that point, but not this one."""
    known: Mask
    """Master data has this meter at that point."""

    dial: Ints
    """Of each reading, as are the following."""
    time: Ints
    value: Ints
    code: Ints
    """Quality code."""
    reason: Ints
    other: Ints
    """Another value for the same instant that nothing ranks below; `NONE` when there is none."""
    row: Ints
    """Row of the table of readings."""

    def key(self) -> Ints:
        """Sorted `dial * STEP + time` of the readings."""
        return self.dial * STEP + self.time


def day_number(column: Any, *, empty: int) -> Ints:
    """Dates as days since 1970-01-01; `empty` for null."""
    days = column.cast(pa.int32()).cast(pa.int64())
    return np.asarray(pc.fill_null(days, empty).to_numpy())


def collect(readings: pa.Table, meters: pa.Table, registers: pa.Table, points: list[str]) -> Dials:
    """The dials of `points` and the readings that win at each instant.

    A reading of higher quality rank, then later version wins; later load and line only among
    equals, and then a different value is kept as `other`. Readings of quality N are no readings.
    """
    wanted = pa.array(points, pa.string())
    mine = pc.and_(
        pc.is_in(layout.text(readings["metering_point"]), value_set=wanted),
        pc.not_equal(layout.text(readings["quality"]), "N"),
    )
    rows = np.flatnonzero(mine.to_numpy(zero_copy_only=False))
    readings = readings.take(pa.array(rows))
    names, dial, placed = _names(readings, meters, registers, set(points))
    best, other = _winners(readings, dial)
    master = _master(names, registers)
    number = {point: place for place, point in enumerate(points)}
    devices = {pair: place for place, pair in enumerate(sorted({name[:2] for name in names}))}
    since, until, known, stray = _service(names, placed)
    fixed, unknown, differs = _attributes(readings, dial, registers, master)
    kind = np.array([_place(KINDS, text) for text in fixed["kind"]], dtype=np.int64)
    digits, multiplier = fixed["digits"], fixed["multiplier"]
    for name, bad in (
        ("kind", kind < 0),
        ("digits", (digits < 1) | (digits > 12)),
        ("multiplier", multiplier <= 0),
    ):
        for place in np.flatnonzero(bad).tolist():
            unknown[place] = tuple(dict.fromkeys((*unknown.get(place, ()), name)))
    return Dials(
        points=points,
        point=np.array([number[name[0]] for name in names], dtype=np.int64),
        meter=np.array([name[1] for name in names], dtype=object),
        register=np.array([name[2] for name in names], dtype=object),
        device=np.array([devices[name[:2]] for name in names], dtype=np.int64),
        channel=fixed["channel"],
        bucket=fixed["bucket"],
        kind=kind,
        digits=fixed["digits"],
        multiplier=fixed["multiplier"],
        open=unknown,
        differs=differs,
        since=since,
        until=until,
        stray=stray,
        known=known,
        dial=dial[best],
        time=layout.integers(readings["time_utc"])[best],
        value=layout.integers(readings["reading"])[best],
        code=_codes(readings["quality"], LETTERS)[best],
        reason=_codes(readings["reason"], REASONS)[best],
        other=other,
        row=rows[best],
    )


def _place(words: Any, word: str) -> int:
    return words.index(word) if word in words else -1


def _codes(column: Any, words: Any) -> Ints:
    """Position of each text in `words`; -1 for others."""
    found = pc.index_in(layout.text(column), value_set=pa.array(list(words), pa.string()))
    return np.asarray(found.fill_null(-1).to_numpy().astype(np.int64))


def _names(
    readings: pa.Table, meters: pa.Table, registers: pa.Table, points: set[str]
) -> tuple[list[tuple[str, ...]], Ints, dict[tuple[str, str], tuple[int, int]]]:
    """Names of all dials in order; the dial of each reading; when which meter stood where."""
    parts = [layout.text(readings[name]) for name in ("metering_point", "meter", "register")]
    coded = pc.binary_join_element_wise(*parts, _JOIN).dictionary_encode()
    seen = [tuple(text.split(_JOIN)) for text in coded.dictionary.to_pylist()]
    dials: dict[str, list[str]] = {}
    for meter, register in zip(
        *(registers[key].to_pylist() for key in ("meter", "register")), strict=True
    ):
        dials.setdefault(meter, []).append(register)
    placed: dict[tuple[str, str], tuple[int, int]] = {}
    columns = (meters["metering_point"].to_pylist(), meters["meter"].to_pylist())
    since, until = day_number(meters["from"], empty=-EVER), day_number(meters["to"], empty=EVER)
    for point, meter, low, high in zip(*columns, since.tolist(), until.tolist(), strict=True):
        if point in points:
            first, last = placed.get((point, meter), (low, high))
            placed[point, meter] = (min(first, low), max(last, high))
    named = {(point, meter, name) for point, meter in placed for name in dials.get(meter, [])}
    names = sorted(named | set(seen))
    number = {name: place for place, name in enumerate(names)}
    turn = np.array([number[name] for name in seen], dtype=np.int64)
    at = coded.indices.to_numpy()
    return names, turn[at] if len(turn) else np.zeros(0, np.int64), placed


def _winners(readings: pa.Table, dial: Ints) -> tuple[Ints, Ints]:
    """The reading that counts at each instant of each dial, and a rival of equal rank or NONE."""
    part = readings.select(["version", "load_seq", "source", "line"])
    part = part.append_column("dial", pa.array(dial))
    part = part.append_column("time", readings["time_utc"])
    part = part.append_column("rank", pa.array(_codes(readings["quality"], LETTERS)))
    keys = ["dial", "time", "rank", "version", "load_seq", "source", "line"]
    order = pc.sort_indices(part, sort_keys=[(key, "ascending") for key in keys]).to_numpy()
    time = layout.integers(readings["time_utc"])
    group = dial[order] * STEP + time[order]
    last = np.flatnonzero(np.diff(group, append=-1) != 0)
    best = order[last]
    value = layout.integers(readings["reading"])
    rank, version = _codes(readings["quality"], LETTERS), layout.integers(readings["version"])
    winner = best[np.searchsorted(last, np.arange(len(order)))]
    clash = (value[order] != value[winner]) & (rank[order] == rank[winner])
    clash &= version[order] == version[winner]
    other = np.full(len(best), NONE, dtype=np.int64)
    np.maximum.at(other, np.searchsorted(last, np.flatnonzero(clash)), value[order][clash])
    return best, other


def _master(names: list[tuple[str, ...]], registers: pa.Table) -> Ints:
    """The row of REGISTERS of each dial, -1 where there is none."""
    pairs = zip(registers["meter"].to_pylist(), registers["register"].to_pylist(), strict=True)
    rows = {pair: row for row, pair in enumerate(pairs)}
    return np.array([rows.get((name[1], name[2]), -1) for name in names], dtype=np.int64)


def _service(
    names: list[tuple[str, ...]], placed: dict[tuple[str, str], tuple[int, int]]
) -> tuple[Ints, Ints, Mask, Mask]:
    always = (-EVER, EVER)
    spans = [placed.get((name[0], name[1]), always) for name in names]
    known = np.array([name[:2] in placed for name in names], dtype=np.bool_)
    mastered = {point for point, _ in placed}
    stray = ~known & np.array([name[0] in mastered for name in names], dtype=np.bool_)
    since, until = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    return since, until, known, stray


def _attributes(
    readings: pa.Table, dial: Ints, registers: pa.Table, master: Ints
) -> tuple[dict[str, Any], Said, Said]:
    """What each dial is, from master data first; what is open; what is said differently."""
    fixed: dict[str, Any] = {}
    unknown: Said = {}
    differs: Said = {}
    for name in ("channel", "bucket", "kind", "digits", "multiplier"):
        both = pa.chunked_array([*readings[name].chunks, *registers[name].chunks])
        words, code = _ranked(both)
        own = np.append(code[len(dial) :], -1)[master]
        some = np.flatnonzero(code[: len(dial)] >= 0)
        high, low = own.copy(), np.where(own < 0, len(words), own)
        np.maximum.at(high, dial[some], code[some])
        np.minimum.at(low, dial[some], code[some])
        for said, which in ((unknown, high < 0), (differs, (high >= 0) & (low != high))):
            for at in np.flatnonzero(which).tolist():
                said[at] = (*said.get(at, ()), name)
        fixed[name] = words[np.where(own >= 0, own, np.where(high >= 0, low, -1))]
    return fixed, unknown, differs


def _ranked(column: Any) -> tuple[Any, Ints]:
    """The words of a column in order, with an empty one (-1 for numbers) last; each as a code.

    The code of what is null or empty is -1.
    """
    coded = pa.concat_arrays(column.chunks).dictionary_encode()
    numeric = pa.types.is_integer(column.type)
    words = coded.dictionary.to_pylist()
    known = sorted((at for at, word in enumerate(words) if word != ""), key=lambda at: words[at])
    rank = np.full(len(words) + 1, -1, dtype=np.int64)
    rank[known] = np.arange(len(known))
    table = [*(words[at] for at in known), -1 if numeric else ""]
    code = rank[pc.fill_null(coded.indices, len(words)).to_numpy()]
    return np.array(table, dtype=np.int64 if numeric else object), code
