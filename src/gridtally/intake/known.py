"""Step 2: readings against master data: which name a point, meter or dial that nobody knows yet.

Such readings are stored all the same, because order of arrival must not matter; until master data
know them they wait, and are counted as quarantined. A name is never matched by its likeness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.alike import Alike
from gridtally.intake.report import SHOWN, shown
from gridtally.intake.words import Words
from gridtally.periods import zone as zone_of
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["CODES", "Group", "Master", "Watch", "few", "findings", "unknown", "with_rows"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ARRIVE = "Deliver master data that have it: the readings are kept, and count from then on."
NOTED: dict[str, Words] = {
    "intake.master.none": Words(
        "There are no master data yet, so all readings wait for them.",
        "Deliver master data; nothing needs to be delivered again.",
    ),
}
WARNED: dict[str, Words] = {
    "intake.point.unknown": Words(
        "There is no metering point {point} in master data.",
        _ARRIVE,
    ),
    "intake.meter.unknown": Words(
        "There is no meter {meter} in master data; the reading is of {point}.",
        _ARRIVE,
    ),
    "intake.meter.elsewhere": Words(
        "The meter {meter} does not stand at {point} then, as master data have it.",
        "Correct the meter's place and days in master data, or the reading at its sender.",
    ),
    "intake.meter.absent": Words(
        "No meter stands at {point} then, as master data have it.",
        "Correct the days of its meters in master data, or the readings at their sender.",
    ),
    "intake.register.unknown": Words(
        "The meter {meter} at {point} has no dial {register} in master data.",
        "Add the dial to master data, or correct the reading at its sender.",
    ),
    "intake.channel.absent": Words(
        "The meters of {point} have no dial for {channel} in master data.",
        "Add the dial to master data, or correct the channel at its sender.",
    ),
}
"""What is said of each reason to wait, in the order in which they are looked for."""
CODES = (*NOTED, *WARNED)
_NONE, _POINT, _METER, _ELSEWHERE, _ABSENT, _REGISTER, _CHANNEL = range(len(CODES))
_GROUPS_MAX = 1000
"""More groups of one reason than this are one."""
_KEYS = ("code", "metering_point", "channel", "meter", "register")
_DAY = 86_400


class _Places:
    """From when to when something stood somewhere, by the number of the pair. Days are inclusive.

    Both ends count: a reading of an exchange may be taken on the day before or after it.
    """

    def __init__(self, key: Ints, table: pa.Table) -> None:
        first = pc.fill_null(table["from"].cast(pa.int32()), -(1 << 20)).to_numpy().astype(np.int64)
        last = pc.fill_null(table["to"].cast(pa.int32()), 1 << 20).to_numpy().astype(np.int64)
        order = np.lexsort((first, key))
        key, first, last = key[order], first[order], last[order]
        shift = key << 22
        self.start = shift + first + (1 << 20)
        # The latest end among all periods of the pair that began by then.
        self.reach = np.maximum.accumulate(shift + last + (1 << 20)) - shift

    def cover(self, key: Ints, day: Ints) -> Bools:
        """Whether a period of the pair has the day. Shape (n,)."""
        moment = day + (1 << 20)
        at = np.searchsorted(self.start, (key << 22) + moment, side="right") - 1
        there: Bools = (at >= 0) & (key >= 0)
        if not len(self.start):
            return np.zeros(len(key), bool)
        there &= (self.start[at] >> 22 == key) & (self.reach[at] >= moment)
        return there


class Master:
    """Master data as readings are looked up in them; `tables` by name, as many as there are."""

    def __init__(self, tables: Mapping[str, pa.Table], *, zone: str) -> None:
        self.points = tables.get("metering_points")
        self.zone = zone
        meters, dials = tables.get("meters"), tables.get("registers")
        self.none = self.points is None or not self.points.num_rows
        self.meters = _distinct(meters, "meter")
        self.metered = _distinct(meters, "metering_point")
        self.pairs, pair = _numbered(meters, "metering_point", "meter")
        self.dials, _ = _numbered(dials, "meter", "register")
        self.dialled = _distinct(dials, "meter")
        self.flows, self.flowing = _flows(meters, dials)
        self.at_pair = self.at_point = None
        if meters is not None and meters.num_rows:
            self.at_pair = _Places(pair, meters)
            self.at_point = _Places(_index(meters["metering_point"], self.metered), meters)

    def local_days(self, points: pa.ChunkedArray, utc: Ints) -> Ints:
        """Days since 1970 at each instant, local to the point, else to the workspace."""
        assert self.points is not None
        names = pc.fill_null(self.points["zone"], self.zone)
        row = _index(points, self.points["metering_point"].combine_chunks())
        coded = names.combine_chunks().dictionary_encode()
        zones = [*coded.dictionary.to_pylist(), self.zone]
        which = np.where(row < 0, len(zones) - 1, coded.indices.to_numpy()[np.maximum(row, 0)])
        offset = np.zeros(len(utc), np.int64)
        for number in np.unique(which).tolist():
            mine = which == number
            offset[mine] = zone_of(zones[number] or self.zone).offset(utc[mine])
        return (utc + offset) // _DAY


def _distinct(table: pa.Table | None, column: str) -> pa.Array:
    return pa.array([], pa.string()) if table is None else pc.unique(table[column])


def _numbered(table: pa.Table | None, *columns: str) -> tuple[pa.Array, Ints]:
    """Distinct pairs of names as texts, and the number of each row's."""
    if table is None:
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    coded = _pair(table, *columns).combine_chunks().dictionary_encode()
    return coded.dictionary, coded.indices.to_numpy().astype(np.int64)


def _pair(table: pa.Table, *columns: str) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(table[column] for column in columns), "\0")


def _index(names: Any, among: pa.Array) -> Ints:
    """The place of each name, -1 where it is not there."""
    found: Ints = pc.fill_null(pc.index_in(names, value_set=among), -1).to_numpy().astype(np.int64)
    return found


def _flows(meters: pa.Table | None, dials: pa.Table | None) -> tuple[pa.Array, pa.Array]:
    """Pairs of metering point and channel that a dial counts; points that have any dial."""
    if meters is None or dials is None:
        return pa.array([], pa.string()), pa.array([], pa.string())
    both = dials.select(["meter", "channel"]).join(
        meters.select(["meter", "metering_point"]), "meter", join_type="inner", use_threads=False
    )
    return pc.unique(_pair(both, "metering_point", "channel")), _distinct(both, "metering_point")


def unknown(table: pa.Table, *, kind: str, master: Master) -> npt.NDArray[np.int8]:
    """The number in CODES of why each row waits, -1 where it does not. `kind`: blocks, registers.

    A block is judged at its first instant. Where master data have no meter of a point, or no dial
    of a meter, they say nothing about them. Shape (rows,).
    """
    code = np.full(table.num_rows, -1, np.int8)
    if master.none:
        return np.full(table.num_rows, _NONE, np.int8)
    assert master.points is not None
    points = table["metering_point"]
    code[_index(points, master.points["metering_point"].combine_chunks()) < 0] = _POINT
    instant = table["start_utc" if kind == "blocks" else "time_utc"]
    utc = instant.cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    day = master.local_days(points, utc)
    if kind == "blocks":
        row = _index(points, master.metered)
        if master.at_point is not None:
            _set(code, (row >= 0) & ~master.at_point.cover(row, day), _ABSENT)
        strange = _index(_pair(table, "metering_point", "channel"), master.flows) < 0
        _set(code, strange & (_index(points, master.flowing) >= 0), _CHANNEL)
        return code
    meter = table["meter"]
    _set(code, _index(meter, master.meters) < 0, _METER)
    if master.at_pair is not None:
        pair = _index(_pair(table, "metering_point", "meter"), master.pairs)
        _set(code, ~master.at_pair.cover(pair, day), _ELSEWHERE)
    strange = _index(_pair(table, "meter", "register"), master.dials) < 0
    _set(code, strange & (_index(meter, master.dialled) >= 0), _REGISTER)
    return code


def _set(code: npt.NDArray[np.int8], wrong: Bools, number: int) -> None:
    code[wrong & (code < 0)] = number


# -------------------------------------------------------------------- groups


@dataclass(frozen=True, slots=True)
class Group:
    """Readings that wait for one reason; `lines`: where their rows or blocks begin."""

    code: str
    metering_point: str
    channel: str
    meter: str
    register: str
    rows: int
    first_utc: int
    last_utc: int
    lines: Ints


@dataclass(slots=True)
class Watch:
    """Looks at readings as they are stored, part by part. `by_block`: a block is a row of the file.

    A dial has no channel of its own here: master data may say it.
    """

    master: Master
    by_block: bool
    parts: list[pa.Table] = field(default_factory=list)

    def __call__(self, kind: str, table: pa.Table) -> None:
        """Note what of a part waits; `kind` other than blocks and registers never does."""
        if kind not in ("blocks", "registers"):
            return
        code = unknown(table, kind=kind, master=self.master)
        mine = np.flatnonzero(code >= 0)
        if not mine.size:
            return
        waiting = table.take(pa.array(mine))
        first, last = _spans(waiting, kind)
        rows = np.ones(len(mine), np.int64)
        if kind == "blocks" and not self.by_block:
            rows = _readings(waiting)
        blank = pa.repeat("", len(mine))
        dials = kind == "registers"
        self.parts.append(
            pa.table({
                "code": pa.array(code[mine]),
                "metering_point": waiting["metering_point"],
                "channel": waiting["channel"],
                "meter": waiting["meter"] if dials else blank,
                "register": waiting["register"] if dials else blank,
                "rows": rows, "first": first, "last": last, "line": waiting["line"],
            })
        )  # fmt: skip

    def groups(self) -> list[Group]:
        """What waits, by reason, metering point and channel; too many of one reason are one."""
        if not self.parts:
            return []
        whole = pa.concat_tables(self.parts)
        whole = _blanked(whole, pc.less_equal(whole["code"], _NONE))
        for number in range(len(CODES)):
            mine = whole.filter(pc.equal(whole["code"], number))
            if mine.num_rows > _GROUPS_MAX and _group(mine).num_rows > _GROUPS_MAX:
                whole = _blanked(whole, pc.equal(whole["code"], number))
        return [
            Group(
                CODES[row["code"]], row["metering_point"], row["channel"], row["meter"],
                row["register"], row["rows_sum"], row["first_min"], row["last_max"],
                np.unique(np.array(row["line_list"], dtype=np.int64)),
            )
            for row in _group(whole).to_pylist()
        ]  # fmt: skip


def _group(whole: pa.Table) -> pa.Table:
    found = whole.group_by(list(_KEYS), use_threads=False).aggregate(
        [("rows", "sum"), ("first", "min"), ("last", "max"), ("line", "list")]
    )
    return found.sort_by([(key, "ascending") for key in _KEYS])


def _blanked(whole: pa.Table, which: pa.ChunkedArray) -> pa.Table:
    """The table without names in these rows, so that they are one group."""
    for name in _KEYS[1:]:
        cells = pc.if_else(which, "", whole[name])
        whole = whole.set_column(whole.schema.get_field_index(name), name, cells)
    return whole


def _spans(table: pa.Table, kind: str) -> tuple[Ints, Ints]:
    """First instant of each row, and first instant after it [s]."""
    column = table["start_utc" if kind == "blocks" else "time_utc"]
    first: Ints = column.cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    if kind == "registers":
        return first, first + 1
    count = pc.fill_null(pc.list_value_length(table["values"]), 0).to_numpy().astype(np.int64)
    return first, first + count * table["resolution_s"].to_numpy()


def _readings(blocks: pa.Table) -> Ints:
    """Readings of each block: its values, and its intervals that say that there is none."""
    values = blocks["values"].combine_chunks()
    size = pc.fill_null(pc.list_value_length(values), 0).to_numpy().astype(np.int64)
    row = np.repeat(np.arange(len(size)), size)
    there = pc.is_valid(pc.list_flatten(values)).to_numpy(zero_copy_only=False)
    quality = blocks["quality"]
    none = pc.count_substring(quality, "N").to_numpy().astype(np.int64)
    none = np.where(pc.binary_length(quality).to_numpy() == 1, none * size, none)
    count: Ints = np.bincount(row[there], minlength=len(size)).astype(np.int64) + none
    return count


# ------------------------------------------------------------------ findings


def findings(groups: Sequence[Group], *, file: str, master: Master) -> list[dict[str, Any]]:
    """A finding per group in the order of `groups`; remedies name what a name looks like."""
    alike = None if master.none else Alike(master.points["metering_point"], master.meters)  # type: ignore[index]
    return [_finding(group, file, alike if at < SHOWN else None) for at, group in enumerate(groups)]


def _finding(group: Group, file: str, alike: Alike | None) -> dict[str, Any]:
    message, remedy = (NOTED | WARNED)[group.code]
    names = {name: shown(getattr(group, name)) for name in ("meter", "register", "channel")}
    text = message.format(point=shown(group.metering_point), **names)
    if group.code != CODES[_NONE] and not group.metering_point:
        text = f"More than {_GROUPS_MAX} names have one reason to wait: {group.code}."
    elif alike is not None and (near := _near(group, alike)):
        remedy += f" It looks like {near}, but a name is never matched by its likeness."
    return finding(
        group.code,
        Severity.NOTE if group.code in NOTED else Severity.WARN,
        f"{text} Rows that wait: {group.rows}.",
        remedy=remedy,
        file=file,
        line=int(group.lines[0]) if len(group.lines) else None,
        metering_point=group.metering_point,
        channel=group.channel,
        start_utc=group.first_utc,
        end_utc=group.last_utc,
        count=group.rows,
    )


def _near(group: Group, alike: Alike) -> str:
    if group.code == CODES[_POINT]:
        return alike.point(group.metering_point)
    if group.code == CODES[_METER]:
        return alike.meter(group.meter)
    return ""


def with_rows(group: Group, rows: int) -> Group:
    """The group with fewer rows: the others have another answer."""
    return replace(group, rows=rows)


def few(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For a receipt: the first findings of each reason, and one for the others."""
    kept: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    rest: dict[str, dict[str, Any]] = {}
    for row in rows:
        code = row["code"]
        seen[code] = seen.get(code, 0) + 1
        if code in rest:
            rest[code]["count"] += row["count"]
        else:
            kept.append(dict(row))
            if seen[code] > SHOWN:
                rest[code] = kept[-1]
    for code, row in rest.items():
        if cases := seen[code] - SHOWN - 1:
            row["message"] += f" So do those of {cases} more; the quarantine lists all."
    return kept
