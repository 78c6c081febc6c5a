"""For the doors: the whole base under another tariff, from what sealed runs stored.

Run after run, all segments of one at once: stored determinants become those that the new tariff
wants, are rated, and set beside what was billed. Nothing is written into the workspace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import NotFound
from gridtally.money import minor_digits
from gridtally.periods import Period
from gridtally.rating import tariff as tariff_room
from gridtally.rating.carry import State
from gridtally.rating.charged import charge
from gridtally.rating.exact import Column
from gridtally.rating.tariff import TariffVersion
from gridtally.store.runs import past_folder
from gridtally.store.snapshot import snapshot
from gridtally.store.snapshot import tariffs as stored_tariffs
from gridtally.store.workspace import Workspace
from gridtally.tables import CARRY
from gridtally.terms import Wanted
from gridtally.what_if.bills import Bills, bills_of
from gridtally.what_if.columns import LACKING, Sheet, sheet
from gridtally.what_if.outside import Outside, outside_of
from gridtally.what_if.readings import again
from gridtally.what_if.revenue import Money, Revenue
from gridtally.what_if.stored import Stored, read_stored

__all__ = ["Compared", "Question", "Unrated", "compare"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Report = Callable[[str, int, int], None]
_AHEAD = 2
"""Runs that are read and laid out at once: memory is that of so many months."""


@dataclass(frozen=True)
class Question:
    """Which bills are to be made again under which tariff version."""

    version: TariffVersion
    tariffs: tuple[str, ...] = ()
    """Ids of the tariffs whose bills count; none: the version's own, else all of its currency."""
    segments: tuple[str, ...] = ()
    """Customer segments; none: all."""
    period: Period | None = None
    """Bills that lie wholly in it; None: the last twelve months."""
    runs: tuple[str, ...] = ()
    """Sealed runs whose bills count, issued or not, instead of those of the history."""
    from_readings: bool = False
    """Determine anew, from the stored readings, what was not stored."""


@dataclass(frozen=True)
class Unrated:
    """Bill segments that have no amount under the new tariff, and why."""

    code: str
    message: str
    remedy: str
    bills: Ints
    """Rows of the bills."""


@dataclass
class Compared:
    """Every bill segment as billed and under the new tariff. Columns have a row per segment."""

    version: TariffVersion
    bills: Bills
    new: Ints
    """Total under the new tariff [smallest unit of the currency]; 0 where not rated."""
    rated: Mask
    revenue: tuple[Money, Money]
    """As billed, and under the new tariff, of the segments that are rated."""
    unrated: list[Unrated]
    assumptions: list[str]
    again: int = 0
    """Segments whose determinants were made again from readings."""


def compare(
    ws: Workspace, question: Question, *, report: Report = lambda _step, _done, _total: None
) -> Compared:
    """Rate the chosen bills under the version of the question. Raises `NotFound` without any."""
    version = replace(question.version, valid_from=date.min, valid_to=None)
    snap = snapshot(ws)
    documents = {
        row.digest: tariff_room.load(row.data, name=row.tariff) for row in stored_tariffs(snap)
    }
    bills = bills_of(
        ws, version, tariffs=question.tariffs, segments=question.segments, period=question.period,
        runs=question.runs, documents=documents,
    )  # fmt: skip
    if not len(bills):
        raise NotFound(
            "There is no bill to compare with: none of these tariffs, segments and months.",
            remedy="`gridtally status` lists what was billed; --run takes a run that is not issued "
            "yet.",
        )
    work = _Work(outside_of(snap, version), question, version, documents, bills)
    groups = bills.by_run()
    report("rate under the new tariff", 0, len(groups))
    with ThreadPoolExecutor(_AHEAD) as pool:  # the next runs are laid out while one is rated
        waiting = deque(pool.submit(work.lay_out, *group) for group in groups[:_AHEAD])
        for number, group in enumerate(groups):
            ready = waiting.popleft().result()
            if number + _AHEAD < len(groups):
                waiting.append(pool.submit(work.lay_out, *groups[number + _AHEAD]))
            work.rate(*group, ready)
            report("rate under the new tariff", number + 1, len(groups))
    return work.result()


@dataclass
class _Work:
    """What accumulates from run to run."""

    outside: Outside
    question: Question
    version: TariffVersion
    documents: Mapping[str, TariffVersion]
    bills: Bills
    new: Ints = field(init=False)
    rated: Mask = field(init=False)
    reasons: dict[tuple[str, str, str], list[Ints]] = field(default_factory=dict)
    fold: _Fold = field(init=False)
    revenue: Revenue = field(init=False)
    known: Mapping[str, Sequence[Wanted]] = field(init=False)
    dials: bool = False
    again: int = 0

    def __post_init__(self) -> None:
        self.new = np.zeros(len(self.bills), np.int64)
        self.rated = np.zeros(len(self.bills), bool)
        self.fold = _Fold(self.bills)
        self.revenue = Revenue(self.version, self.documents)
        self.known = {digest: version.wanted for digest, version in self.documents.items()}

    def lay_out(self, run: str, rows: Ints) -> tuple[Stored, Sheet] | None:
        """What a run stored about these bills, as columns. An opening has nothing."""
        if run.startswith("opening/"):
            return None
        bills = np.full(len(self.bills.agreements), -1)
        bills[self.bills.agreement[rows]] = rows
        folder, ids = (
            past_folder(self.outside.workspace, run),
            {charge.id for charge in self.version.components},
        )
        stored = read_stored(folder, self.bills.agreements, bills, components=ids)
        return stored, sheet(stored, self.version, known=self.known, outside=self.outside)

    def rate(self, run: str, rows: Ints, ready: tuple[Stored, Sheet] | None) -> None:
        """The bills `rows` of one run under the new tariff."""
        if ready is None:
            self._refuse(
                "rating.what_if.opening",
                "The bill was taken over from another system: there are no determinants of it.",
                "Compare later months, or bill that past again with `gridtally run --backfill`.",
                rows,
            )
            self.fold.lose(rows)
            return
        stored, made = ready
        self.dials |= bool(pc.any(pc.equal(stored.spans["legal_source"], "register")).as_py())
        made = self._again(run, stored, made)
        bill_of = stored.bill
        for no in made.refused:
            self._refuse(no.code, no.message, no.remedy, bill_of[no.segments])
        mine = bill_of[made.kept]
        self.fold.lose(np.setdiff1d(rows, mine))
        if not len(mine):
            return
        carry, torn = self.fold.begin(mine, stored.carry_in)
        charged = charge(
            made.spans, made.determinants, tariffs={self.version.digest: self.version}, carry=carry,
            market=made.market,
        )  # fmt: skip
        torn &= self.fold.carries(carry)
        good = charged.good & ~torn
        for no in charged.refused:
            remedy = _REMEDY.get(no.code, no.remedy)
            self._refuse(no.code, no.message, remedy, mine[no.segments])
        self._refuse(
            "rating.what_if.carry",
            "The bill before this one is not known under the new tariff, and this one goes on "
            "from its tiers, ratchet or bank.",
            "See why the earlier bills of these accounts could not be rated.",
            mine[torn & charged.good],
        )
        self.fold.end(mine, carry, good)
        self.new[mine[good]] = self._minor(charged.total[good])
        self.rated[mine[good]] = True
        self.revenue.add(stored, charged, good, made.kept, self.bills.month[bill_of])

    def _again(self, run: str, stored: Stored, made: Sheet) -> Sheet:
        """The same, with what was not stored determined anew when that was asked for."""
        lacking = [no for no in made.refused if no.code == LACKING]
        if not (self.question.from_readings and lacking):
            return made
        where = np.unique(np.concatenate([no.segments for no in lacking]))
        self.again += len(where)
        return again(self.outside, run, made, stored, where)

    def _minor(self, amounts: Column) -> Ints:
        return _exactly(amounts, 10 ** (8 - minor_digits(self.version.currency)))

    def _refuse(self, code: str, message: str, remedy: str, rows: Ints) -> None:
        if len(rows):
            self.reasons.setdefault((code, message, remedy), []).append(rows)

    def result(self) -> Compared:
        """Everything, once all runs are rated."""
        silent = ~self.rated
        for parts in self.reasons.values():
            silent[np.concatenate(parts)] = False
        self._refuse(
            "rating.what_if.gone",
            "The run of this bill has nothing stored about it.",
            "`gridtally check` says what is damaged.",
            np.flatnonzero(silent),
        )
        unrated = [
            Unrated(*key, np.unique(np.concatenate(parts)))
            for key, parts in sorted(self.reasons.items())
        ]
        return Compared(
            self.version, self.bills, self.new, self.rated,
            (self.revenue.old, self.revenue.new), unrated,
            self._assumptions(), self.again,
        )  # fmt: skip

    def _assumptions(self) -> list[str]:
        said = list(self.version.assumptions)
        asked, bills = self.question.version, self.bills
        first, last = bills.first, bills.last
        if asked.valid_from > first or (asked.valid_to is not None and asked.valid_to < last):
            until = f" to {asked.valid_to}" if asked.valid_to else " on"
            said.append(
                f"The document is valid from {asked.valid_from}{until}; it is rated as if it had "
                f"been in force from {first} to {last}."
            )
        if self.fold.used:
            said.append(
                "Tier positions, ratchets and banks go on from month to month under the new "
                "tariff. An account's first bill here takes over what it was given when it was "
                "billed, where a component of the same name had it; else it starts at zero."
            )
        if self.dials:
            said.append(
                "Dials are taken by the name of their bucket, as a run takes them: meters that "
                "switch dials by the hour must have switched by the hours of the new tariff."
            )
        said.append("Everybody uses as much, and at the same hours, as was billed.")
        return said


_REMEDY = {
    "rating.quantity.missing": "These metering points have no such channel or dial: they need "
    "another meter before they can have this tariff.",
    "rating.holidays.missing": "List the holidays of that year in the document, too.",
}
"""What to do where a finding of a run would say otherwise."""
_FRESH, _LOST = -(2**40), -(2**40) - 1
"""No bill of the agreement came before; one came, and what it hands on is not known."""


class _Fold:
    """What the bills of an agreement hand on, from run to run."""

    def __init__(self, bills: Bills) -> None:
        count = len(bills.agreements)
        self._bills = bills
        self._state = State(CARRY.empty_table(), agreements=bills.agreements)
        self._end = np.full(count, _FRESH)
        self.used = False

    def begin(self, rows: Ints, carry_in: pa.Table) -> tuple[State, Mask]:
        """The carry of the bills `rows`, and which of them lack the bill before.

        The first bill of an agreement takes over what its run was given.
        """
        bills = self._bills
        mine = bills.agreement[rows]
        names = bills.agreements.take(pa.array(mine))
        fresh = self._end[mine] == _FRESH
        if carry_in.num_rows:
            own = names.filter(pa.array(fresh))
            carry_in = carry_in.filter(pc.is_in(carry_in["agreement"], own))
        state = State(carry_in, agreements=names)
        follows = self._end[mine] == bills.begin[rows]
        state.adopt(self._state, np.where(follows, mine, -1))
        return state, ~fresh & ~follows

    def carries(self, state: State) -> bool:
        """Whether the version hands anything on at all, as a state that was rated shows."""
        self.used = self.used or bool(state.keys())
        return self.used

    def lose(self, rows: Ints) -> None:
        """What these bills hand on is not known."""
        self._end[self._bills.agreement[rows]] = _LOST

    def end(self, rows: Ints, state: State, good: Mask) -> None:
        """Keep what the good ones hand on."""
        bills = self._bills
        mine = bills.agreement[rows]
        self._end[mine] = np.where(good, bills.end[rows], _LOST)
        if self.used:
            self._state.clear(mine)
            of = np.full(len(bills.agreements), -1)
            of[mine] = np.arange(len(mine))
            self._state.adopt(state, of)


def _exactly(amounts: Column, step: int) -> Ints:
    """Amounts [10^-8] in the smallest unit of their currency; a rest is a defect."""
    whole = amounts // step
    assert (whole * step == amounts).all(), "a total finer than the currency's smallest unit"
    return whole.astype(np.int64)
