"""Steps 1-2, checks of master data: meters, their dials, multipliers, verification, seals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.fields import ratio_parts
from gridtally.intake.master.columns import FAR, as_date, days, groups, overlaps, reach, rows_of
from gridtally.intake.master.state import State
from gridtally.intake.report import shown
from gridtally.money import MICRO, number
from gridtally.terms import LegalSource

__all__ = ["CHECKS", "COMMON"]

Ints = npt.NDArray[np.int64]

_CURRENTS = (5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 125)
_VOLTAGES = (1, 30, 60, 66, 100, 110, 200, 220, 350, 1100, 2200)
COMMON = frozenset(
    Fraction(current * power, 5) * voltage
    for current in _CURRENTS
    for power in (1, 10, 100)
    for voltage in _VOLTAGES
)
"""Multipliers that transformers give: rated currents over 5 A (IEC 61869-2), rated voltages over
100 V. The list that auditors use (20, 40, 80, 120, 200) is part of it."""


def _dial(state: State, row: int) -> str:
    names = (state.cell("registers", "meter", row), state.cell("registers", "register", row))
    return shown(" ".join(names))


def _times(micro: int) -> str:
    return number(Fraction(int(micro), MICRO))


def _bare(state: State) -> None:
    """A meter without dials where an agreement is billed by registers."""
    if not state.has("meters", "registers", "agreements"):
        return
    meters, agreements = state.table("meters"), state.table("agreements")
    billed = pc.equal(agreements["legal_source"], str(LegalSource.REGISTER))
    mine = np.flatnonzero(billed.to_numpy().astype(bool))
    first, after = (side[mine] for side in state.period("agreements"))
    places = agreements["metering_point"].take(pa.array(mine))
    low, high = reach(places, first, after, meters["metering_point"])
    since, until = state.period("meters")
    bare = rows_of(meters["meter"], state.table("registers")["meter"]) < 0
    rows = np.flatnonzero(bare & (since < high) & (low < until))
    state.tell("intake.meter.bare", "meters", rows, lambda i: {
        "what": shown(state.cell("meters", "meter", rows[i])),
        "text": shown(state.cell("meters", "metering_point", rows[i])),
    })  # fmt: skip


def _unverified(state: State) -> None:
    """A meter that still stands after its verification has ended."""
    if state.day is None:
        return
    end = days(state.table("meters")["verify_by"], blank=FAR)
    _, until = state.period("meters")
    rows = np.flatnonzero((end <= state.day) & (until > state.day))
    state.tell("intake.meter.unverified", "meters", rows, lambda i: {
        "what": shown(state.cell("meters", "meter", rows[i])),
        "day": state.cell("meters", "verify_by", rows[i]),
    })  # fmt: skip


def _early(state: State) -> None:
    """Something was done to a meter before it came; verification and custody come before."""
    events, meters = state.table("meter_events"), state.table("meters")
    low, high = reach(meters["meter"], *state.period("meters"), events["meter"])
    at = days(events["day"], blank=FAR)
    late = pc.is_in(events["kind"], pa.array(["seal", "unseal", "multiplier"]))
    rows = np.flatnonzero((at < low) & (low < high) & late.to_numpy().astype(bool))
    state.tell("intake.meter.early", "meter_events", rows, lambda i: {
        "what": shown(state.cell("meter_events", "meter", rows[i])),
        "text": f"The event {state.cell('meter_events', 'kind', rows[i])}",
        "day": as_date(at[rows[i]]),
        "other": as_date(low[rows[i]]),
    })  # fmt: skip


def _dial_overlap(state: State) -> None:
    """Two rows of one dial at once."""
    one, two = overlaps(state.groups("registers", "meter", "register"), *state.period("registers"))
    state.tell("intake.master.overlap", "registers", two, lambda i: {
        "text": f"Two rows of the dial {_dial(state, two[i])} overlap",
        "day": state.cell("registers", "from", two[i]) or "the beginning",
        "other": state.places("registers", one[i], two[i]),
    })  # fmt: skip


def _twice(state: State) -> None:
    """Two dials of one meter that count the same."""
    key = state.groups("registers", "meter", "channel", "bucket", "kind")
    one, two = overlaps(key, *state.period("registers"))
    differ = state.groups("registers", "register")
    other = differ[one] != differ[two]
    one, two = one[other], two[other]
    state.tell("intake.register.twice", "registers", two, lambda i: {
        "what": _dial(state, one[i]),
        "other": _dial(state, two[i]),
        "text": f"{state.cell('registers', 'channel', two[i])} "
        f"{state.cell('registers', 'bucket', two[i])}",
        "day": state.cell("registers", "from", two[i]) or "the beginning",
    })  # fmt: skip


def _no_total(state: State) -> None:
    """Dials by time of use whose sum nothing checks."""
    table = state.table("registers")
    counts = pc.equal(table["kind"], "cumulative").to_numpy().astype(bool)
    total = pc.equal(table["bucket"], "total").to_numpy().astype(bool)
    key = state.groups("registers", "meter", "channel")
    lacking = counts & ~total & ~np.isin(key, key[counts & total])
    rows = np.flatnonzero(lacking)
    rows = rows[np.unique(key[rows], return_index=True)[1]] if rows.size else rows
    rows = np.sort(rows)
    state.tell("intake.register.total", "registers", rows, lambda i: {
        "what": shown(state.cell("registers", "meter", rows[i])),
        "text": state.cell("registers", "channel", rows[i]),
    })  # fmt: skip


def _ratio(state: State) -> None:
    """The multiplier against CT x PT x constant of the meter (check 8)."""
    pairs = _with_meters(state)
    key = groups(*(pairs[name] for name in ("multiplier", "ct_ratio", "pt_ratio", "constant")))
    _, one, code = np.unique(key, return_index=True, return_inverse=True)
    kinds = pairs.take(pa.array(one)).to_pylist()
    stated = np.array([bool(k["ct_ratio"] or k["pt_ratio"] or k["constant"]) for k in kinds], bool)
    told = [_told(kind) for kind in kinds]
    wrong = np.array([Fraction(k["multiplier"], MICRO) for k in kinds], object) != np.array(
        told, object
    )
    common = np.array([Fraction(kind["multiplier"], MICRO) in COMMON for kind in kinds], bool)
    row = pairs["row"].to_numpy()
    if not len(kinds):
        return
    off = np.flatnonzero((stated & wrong.astype(bool))[code])
    rows = row[off]
    state.tell("intake.register.multiplier", "registers", rows, lambda i: {
        "what": _dial(state, rows[i]),
        "text": _times(kinds[code[off[i]]]["multiplier"]),
        "ct": kinds[code[off[i]]]["ct_ratio"] or "none",
        "pt": kinds[code[off[i]]]["pt_ratio"] or "none",
        "constant": _times(kinds[code[off[i]]]["constant"] or MICRO),
        "expected": number(told[code[off[i]]]),
        "metering_point": pairs["metering_point"][int(off[i])].as_py(),
    })  # fmt: skip
    odd = np.unique(row[(~stated & ~common)[code]])
    state.tell("intake.register.uncommon", "registers", odd, lambda i: {
        "what": _dial(state, odd[i]),
        "text": _times(state.cell("registers", "multiplier", odd[i])),
    })  # fmt: skip


def _told(kind: dict[str, object]) -> Fraction:
    """What the meter's plates say: CT x PT x constant."""
    product = Fraction(int(str(kind["constant"] or MICRO)), MICRO)
    for name in ("ct_ratio", "pt_ratio"):
        product *= Fraction(*ratio_parts(str(kind[name] or "")))
    return product


def _with_meters(state: State) -> pa.Table:
    """Dials with the meter rows of the same days; `row` is the dial's."""
    registers, meters = state.table("registers"), state.table("meters")
    since, until = state.period("registers")
    first, after = state.period("meters")
    dials = pa.table({
        "meter": registers["meter"], "multiplier": registers["multiplier"],
        "row": np.arange(len(registers)), "since": since, "until": until,
    })  # fmt: skip
    plates = meters.select(["meter", "metering_point", "ct_ratio", "pt_ratio", "constant"])
    plates = plates.append_column("first", pa.array(first)).append_column("after", pa.array(after))
    both = dials.join(plates, "meter", join_type="inner", use_threads=False)
    same = pc.and_(pc.less(both["since"], both["after"]), pc.less(both["first"], both["until"]))
    return both.filter(same).sort_by([("row", "ascending"), ("first", "ascending")])


def _changed(state: State) -> None:
    """A multiplier that changes on a dial that stays, by date or by correction (T21)."""
    table = state.table("registers")
    first, _ = state.period("registers")
    key, value = state.groups("registers", "meter", "register"), table["multiplier"].to_numpy()
    order = np.lexsort((first, key))
    same = (key[order][1:] == key[order][:-1]) & (value[order][1:] != value[order][:-1])
    old, new = order[:-1][same], order[1:][same]
    state.tell("intake.register.changed", "registers", new, lambda i: {
        "what": _dial(state, new[i]),
        "other": _times(value[old[i]]),
        "text": _times(value[new[i]]),
        "day": as_date(first[new[i]]),
    })  # fmt: skip
    _corrected(state, table)


def _corrected(state: State, table: pa.Table) -> None:
    before = state.before.get("registers")
    if before is None or not len(before):
        return
    names = ["meter", "register", "from"]
    both = pa.concat_tables([before.select([*names, "multiplier"]),
                             table.select([*names, "multiplier"])])  # fmt: skip
    key, value = groups(*(both[name] for name in names)), both["multiplier"].to_numpy()
    size = len(before)
    order = np.argsort(key[:size], kind="stable")
    at = np.searchsorted(key[:size][order], key[size:])
    at = order[np.minimum(at, size - 1)]
    rows = np.flatnonzero((key[at] == key[size:]) & (value[at] != value[size:]))
    state.tell("intake.register.changed", "registers", rows, lambda i: {
        "what": _dial(state, rows[i]),
        "other": _times(value[at[rows[i]]]),
        "text": _times(value[size + rows[i]]),
        "day": state.cell("registers", "from", rows[i]) or "all its days",
    })  # fmt: skip


CHECKS = (
    _bare, _unverified, _early, _dial_overlap, _twice, _no_total, _ratio, _changed,
)  # fmt: skip
"""Run in this order; each tells what it finds and changes nothing."""
