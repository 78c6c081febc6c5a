"""Corrections, before steps 3 to 7: which issued segments a change reaches, and no others.

A changed reading or tariff makes its own segment anew. A later segment of the agreement is made
anew as long as what is handed on to it (tier position, demand history, bank …) is not what was
handed on when it was issued; a later one of the agreement or of the metering point, when its bill
rests on estimates, which look at readings of other days. Whatever else a carry holds, it is
compared as rows: the first that is equal again ends the cone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

__all__ = ["Handed", "Made", "Step", "Wave", "cone"]

Row = Mapping[str, Any]
_POINT = "metering_point"


@dataclass(frozen=True)
class Wave:
    """Segments that were made by one run: of each agreement at most one."""

    run: str
    segments: pa.Table
    """SEGMENTS as they were issued"""
    lines: pa.Table
    carry: pa.Table
    touched: frozenset[str] = frozenset()
    """agreements whose own readings, terms or tariff changed"""
    looking_back: frozenset[str] = frozenset()
    """agreements whose bill rests on estimates, which look at readings of other days"""


@dataclass(frozen=True)
class Made:
    """The same segments made anew, with what holds them now (FINDINGS)."""

    segments: pa.Table
    lines: pa.Table
    carry: pa.Table
    findings: pa.Table
    carrying: frozenset[str] = frozenset()
    """agreements one of whose versions hands something on now, whether it did then or not"""


@dataclass(frozen=True)
class Step:
    """One segment of the cone: as it was issued, and as it comes out now."""

    run: str
    agreement: str
    causes: tuple[str, ...]
    """own: its readings, terms or tariff; carry: what is handed on to it; past: estimates"""
    before: Row
    """a row of SEGMENTS"""
    after: Row | None
    """None: it cannot be made, or what it builds on cannot"""
    lines: tuple[list[Row], list[Row]]
    carry: tuple[list[Row], list[Row]]
    findings: list[Row] = field(default_factory=list)
    """why it cannot be made"""
    waits_for: str = ""
    """the earlier segment that cannot be made"""


Handed = Mapping[str, list[Row]]
"""agreement -> rows of CARRY that it takes up now, where that is not what it took up then"""
Make = Callable[[Wave, list[str], Handed], Made]
"""(wave, agreements, what is handed on to them now) -> these made anew"""


@dataclass
class _State:
    carry: dict[str, tuple[date, list[Row]]] = field(default_factory=dict)
    """agreement -> (where it ended, what it hands on now), where that is not what was issued"""
    stuck: dict[str, str] = field(default_factory=dict)
    """agreement -> a segment that cannot be made, and that hands something on"""
    moved: set[str] = field(default_factory=set)
    """agreements and metering points of which a segment changed: estimates look at either"""


def cone(waves: Iterable[Wave], make: Make) -> Iterator[Step]:
    """Every segment that a change reaches, in order of the waves, which are in order of time."""
    state = _State()
    for wave in waves:
        rows = {row["agreement"]: row for row in wave.segments.to_pylist()}
        causes = {name: found for name in rows if (found := _causes(name, rows, wave, state))}
        state.moved |= {rows[name][key] for name in causes for key in ("agreement", _POINT)}
        waiting = [name for name in causes if name in state.stuck]
        work = sorted(name for name in causes if name not in state.stuck)
        for name in waiting:
            yield Step(wave.run, name, causes[name], rows[name], None, ([], []), ([], []),
                       waits_for=state.stuck[name])  # fmt: skip
        if not work:
            continue
        handed = {name: state.carry[name][1] for name in work if name in state.carry}
        made = make(wave, work, handed)
        tables = wave.lines, wave.carry, made.segments, made.lines, made.carry, made.findings
        grouped = [_grouped(table) for table in tables]
        for name in work:
            step = _step(wave.run, rows[name], causes[name], grouped)
            _remember(state, step, carries=bool(step.carry[0]) or name in made.carrying)
            yield step


def _causes(name: str, rows: Mapping[str, Row], wave: Wave, state: _State) -> tuple[str, ...]:
    """Why a segment has to be made anew; what is carried counts where it is taken up."""
    handed = state.carry.get(name)
    if handed is not None and handed[0] != rows[name]["from"]:
        del state.carry[name]
        handed = None
    found = ["own"] if name in wave.touched else []
    found += ["carry"] if handed is not None or name in state.stuck else []
    found += ["past"] if name in wave.looking_back and _moved(name, rows, wave, state) else []
    return tuple(found)


def _moved(name: str, rows: Mapping[str, Row], wave: Wave, state: _State) -> bool:
    """Whether readings changed that its estimates look at: of its past, or of who had the metering
    point in the same run."""
    point = rows[name][_POINT]
    beside = (rows[other][_POINT] for other in wave.touched if other in rows and other != name)
    return name in state.moved or point in state.moved or point in beside


_Grouped = Mapping[str, list[Row]]


def _step(run: str, before: Row, causes: tuple[str, ...], grouped: Sequence[_Grouped]) -> Step:
    lines, carry, segments, lines_now, carry_now, findings = (
        rows.get(before["segment"], []) for rows in grouped
    )
    missing = not segments or segments[0]["total"] is None
    return Step(
        run, before["agreement"], causes, before, None if missing else segments[0],
        (lines, [] if missing else lines_now), (carry, [] if missing else carry_now),
        findings=[row for row in findings if row["must_hold"]] if missing else [],
    )  # fmt: skip


def _grouped(table: pa.Table) -> _Grouped:
    """Rows by segment."""
    found: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        found.setdefault(row["segment"], []).append(row)
    return found


def _remember(state: _State, step: Step, *, carries: bool) -> None:
    state.carry.pop(step.agreement, None)
    if step.after is None:
        if carries:
            state.stuck[step.agreement] = step.before["segment"]
        return
    old, new = (_texts(rows) for rows in step.carry)
    if old != new:
        state.carry[step.agreement] = (step.before["to"], step.carry[1])


def _texts(rows: Iterable[Row]) -> set[tuple[Any, ...]]:
    """What a carry says, without the segment that says it."""
    return {
        tuple(value for name, value in sorted(row.items()) if name not in ("segment", "agreement"))
        for row in rows
    }
