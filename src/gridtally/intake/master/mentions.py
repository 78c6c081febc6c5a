"""Steps 1-2, checks of master data: names that lead nowhere, that changed, or that look alike."""

from __future__ import annotations

import unicodedata

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.master.columns import as_date, groups, overlaps, rows_of, trimmed
from gridtally.intake.master.files import FILES
from gridtally.intake.master.state import State
from gridtally.intake.report import shown

__all__ = ["CHECKS", "hint", "skeletons"]

Ints = npt.NDArray[np.int64]
_NAMED = {"accounts": "account", "metering_points": "metering_point", "meters": "meter"}
_ALIKE = str.maketrans("оОаАеЕрРсСхХВНКМТіІ", "ooaaeeppccxxbhkmtii")


def skeletons(names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Names as the eye takes them: in lower case, without leading zeros, look-alikes as one."""
    plain = pc.ascii_ltrim(pc.ascii_lower(names), characters="0")
    odd = np.flatnonzero(~pc.string_is_ascii(names).to_numpy().astype(bool))
    if odd.size:
        mask = np.zeros(len(names), bool)
        mask[odd] = True
        texts = [_skeleton(text) for text in names.take(pa.array(odd)).to_pylist()]
        plain = pc.replace_with_mask(plain, pa.array(mask), pa.array(texts, pa.string()))
    return plain


def _skeleton(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_ALIKE).lower().lstrip("0")


def hint(name: str, known: pa.ChunkedArray) -> str:
    """What stands there instead that looks like a name; never used in its place."""
    near = pc.equal(skeletons(known), _skeleton(name))
    found = known.filter(near)
    return f"; {shown(found[0].as_py())} is" if len(found) else ""


def _unknown(state: State) -> None:
    """A name that may be left out, and leads nowhere."""
    for name, spec in FILES.items():
        for column, (table, there) in spec.mentions.items():
            if state.has(name):
                _leads_nowhere(state, name, column, table, there)


def _leads_nowhere(state: State, name: str, column: str, table: str, there: str) -> None:
    names, known = state.table(name)[column], state.table(table)[there]
    given = pc.not_equal(pc.fill_null(names, ""), "").to_numpy().astype(bool)
    rows = np.flatnonzero(given & (rows_of(names, known) < 0))
    state.tell("intake.master.unknown", name, rows, lambda i: {
        "column": column,
        "table": table,
        "text": shown(state.cell(name, column, rows[i])),
        "what": shown(str(state.cell(name, FILES[name].key[0], rows[i]))),
        "hint": hint(state.cell(name, column, rows[i]), known),
    })  # fmt: skip


def _orphans(state: State) -> None:
    """Rows stored before that name what this delivery has taken away."""
    for name, spec in FILES.items():
        for column, table in spec.references.items():
            if state.has(name, table) and name not in state.files and state.files:
                _left_behind(state, name, column, table)


def _left_behind(state: State, name: str, column: str, table: str) -> None:
    names = state.table(name)[column]
    rows = np.flatnonzero(rows_of(names, state.table(table)[FILES[table].key[0]]) < 0)
    state.tell("intake.master.orphan", name, rows, lambda i: {
        "column": column,
        "table": name,
        "text": shown(state.cell(name, column, rows[i])),
        "what": shown(str(state.cell(name, FILES[name].key[0], rows[i]))),
    })  # fmt: skip


def _similar(state: State) -> None:
    """Two names that a person, or a spreadsheet, takes for one (M32)."""
    for name, column in _NAMED.items():
        _alike(state, name, column)


def _alike(state: State, name: str, column: str) -> None:
    names = state.table(name)[column]
    key, own = groups(skeletons(names)), state.groups(name, column)
    order = np.lexsort((own, key))
    differ = (key[order][1:] == key[order][:-1]) & (own[order][1:] != own[order][:-1])
    one, two = order[:-1][differ], order[1:][differ]
    state.tell("intake.master.similar", name, two, lambda i: {
        "text": shown(state.cell(name, column, one[i])),
        "other": shown(state.cell(name, column, two[i])),
    })  # fmt: skip


def _zone_changed(state: State) -> None:
    """A metering point whose local days begin at other instants than before (T22)."""
    before = state.before.get("metering_points")
    if before is None or "metering_points" not in state.files:
        return
    table = state.table("metering_points")
    at = rows_of(table["metering_point"], before["metering_point"])
    known = np.flatnonzero(at >= 0)
    old = before["zone"].take(pa.array(at[known]))
    rows = pc.not_equal(table["zone"].take(pa.array(known)), old).to_numpy().astype(bool)
    old = old.filter(pa.array(rows))
    found = known[rows]
    state.tell("intake.point.zone", "metering_points", found, lambda i: {
        "what": shown(state.cell("metering_points", "metering_point", found[i])),
        "other": old[i].as_py(),
        "text": state.cell("metering_points", "zone", found[i]),
    })  # fmt: skip


def _mixed_cycles(state: State) -> None:
    """An account with agreements in two cycles at once."""
    table, points = state.table("agreements"), state.table("metering_points")
    cycles = state.table("cycles")
    if not len(cycles):
        return
    place = rows_of(table["metering_point"], points["metering_point"])
    of_point = pa.chunked_array([*points["cycle"].chunks, pa.array([""])])
    of_point = of_point.take(pa.array(np.where(place < 0, len(points), place)))
    own = pc.fill_null(table["cycle"], "")
    cycle = pc.fill_null(pc.if_else(pc.equal(own, ""), of_point, own), "")
    first, after = state.period("agreements")
    first = trimmed(groups(table["account"], cycle), first, after)
    rows = np.flatnonzero((first < after) & pc.not_equal(cycle, "").to_numpy().astype(bool))
    one, two = overlaps(state.groups("agreements", "account")[rows], first[rows], after[rows])
    one, two = rows[one], rows[two]
    state.tell("intake.cycle.mixed", "agreements", two, lambda i: {
        "what": shown(state.cell("agreements", "account", two[i])),
        "text": shown(cycle[int(one[i])].as_py()),
        "other": shown(cycle[int(two[i])].as_py()),
    })  # fmt: skip


def _no_holidays(state: State) -> None:
    """Working days are counted by a calendar that says nothing about this year."""
    if state.day is None:
        return
    cycles, holidays = state.table("cycles"), state.table("holidays")
    year = as_date(state.day).year
    this = pc.equal(pc.year(holidays["day"]), year)
    known = holidays["calendar"].filter(this)
    counted = pc.ends_with(pc.fill_null(cycles["due_rule"], ""), "working days")
    lacking = rows_of(cycles["holidays"], known) < 0
    there = rows_of(cycles["holidays"], holidays["calendar"]) >= 0
    rows = np.flatnonzero(counted.to_numpy().astype(bool) & lacking & there)
    state.tell("intake.cycle.calendar", "cycles", rows, lambda i: {
        "what": shown(state.cell("cycles", "cycle", rows[i])),
        "text": shown(state.cell("cycles", "holidays", rows[i])),
        "day": year,
    })  # fmt: skip


def _no_tariff(state: State) -> None:
    """A tariff that the workspace does not have; said once for each."""
    if state.tariffs is None or not state.has("agreements"):
        return
    names = state.table("agreements")["tariff"]
    missing = ~pc.is_in(names, pa.array(sorted(state.tariffs), pa.string())).to_numpy().astype(bool)
    rows = np.flatnonzero(missing)
    rows = (
        rows[np.unique(state.groups("agreements", "tariff")[rows], return_index=True)[1]]
        if rows.size
        else rows
    )
    state.tell("intake.agreement.tariff", "agreements", rows, lambda i: {
        "text": shown(state.cell("agreements", "tariff", rows[i])),
        "what": shown(state.cell("agreements", "agreement", rows[i])),
    })  # fmt: skip


CHECKS = (
    _unknown, _orphans, _similar, _zone_changed, _mixed_cycles, _no_holidays, _no_tariff,
)  # fmt: skip
"""Run in this order; each tells what it finds and changes nothing."""
