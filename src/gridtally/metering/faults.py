"""Step 5: what is wrong with the register readings of a segment, as findings.

A fault of a register-billed segment holds it; where registers only check intervals, what is
missing is passed over and the rest is a warning. A segment with a fault has no advances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.meters import NONE, Dials
from gridtally.metering.segments import Segments
from gridtally.metering.words import amount, counted, unit, when
from gridtally.money import MICRO
from gridtally.tables import FINDINGS, empty, finding, findings_table
from gridtally.terms import Severity

__all__ = ["Faults"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_READ = "Read the meter, or enter the reading that was taken there; then run again."
_CORRECT = "Check the readings with the meter operator and deliver the right one."


class Faults:
    """Collects findings, and which segments they hold."""

    def __init__(self, segments: Segments, dials: Dials) -> None:
        self.segments = segments
        self.dials = dials
        self.held = np.zeros(len(segments.name), dtype=np.bool_)
        self._silent: set[tuple[int, str]] = set()
        self.rows: list[dict[str, Any]] = []

    @staticmethod
    def none() -> pa.Table:
        """No findings."""
        return empty(FINDINGS)

    def table(self) -> pa.Table:
        """All findings, in order of segment."""
        return findings_table(
            sorted(self.rows, key=lambda row: (row["segment"], row["code"], row["message"]))
        )

    def hold(
        self, segment: int, code: str, tell: str, remedy: str,
        *, dial: int | Sequence[int] = (), absent: bool = False, **more: Any,
    ) -> None:  # fmt: skip
        """A fault of dials of one meter; `absent`: it matters only where registers are billed.

        Where they only check intervals, what is absent says nothing of the channels it is of.
        """
        legal = bool(self.segments.legal[segment])
        if absent and not legal and dial != ():
            dials = [dial] if isinstance(dial, int) else dial
            self._silent |= {(segment, self.dials.channel[at]) for at in dials}
            return
        self.held[segment] = True
        if legal or not absent:
            severity = Severity.HOLD if legal else Severity.WARN
            self._add(segment, code, severity, tell, remedy, dial=dial, must_hold=legal, **more)

    def silent(self, segment: Ints, dial: Ints) -> Mask:
        """Dials of channels of which a dial was not read: their sum would be too small."""
        if not self._silent:
            return np.zeros(len(segment), dtype=np.bool_)
        channels = self.dials.channel[dial]
        pairs = zip(segment.tolist(), channels, strict=True)
        return np.array([pair in self._silent for pair in pairs], dtype=np.bool_)

    def _add(
        self, segment: int, code: str, severity: Severity, tell: str, remedy: str,
        *, dial: int | Sequence[int] = (), **more: Any,
    ) -> None:  # fmt: skip
        seg, who = self.segments, self.segments.point[segment]
        where = {"start_utc": int(seg.start[segment]), "end_utc": int(seg.end[segment])}
        dials = [dial] if isinstance(dial, int) else list(dial)
        if dials:
            names = ", ".join(str(self.dials.register[at]) for at in dials)
            who += f" meter {self.dials.meter[dials[0]]} {names}"
            where["channel"] = self.dials.channel[dials[0]]
        row = finding(
            f"metering.register.{code}", severity, f"{who}: {tell}", remedy=remedy,
            segment=seg.name[segment], metering_point=seg.point[segment],
            count=max(len(dials), 1), **(where | more),
        )  # fmt: skip
        self.rows.append(row)

    def _by_meter(self, segment: Ints, dial: Ints, which: Mask) -> Iterator[tuple[int, list[int]]]:
        """The chosen dials, those of one meter in one segment together."""
        chosen: dict[tuple[int, int], list[int]] = {}
        for where, at in zip(segment[which].tolist(), dial[which].tolist(), strict=True):
            chosen.setdefault((where, int(self.dials.device[at])), []).append(at)
        for (where, _), dials in chosen.items():
            yield where, dials

    # ------------------------------------------------------------- which dials

    def nothing(self, served: Ints) -> None:
        """No dial is in service."""
        bare = np.ones(len(self.held), dtype=np.bool_)
        bare[served] = False
        for segment in np.flatnonzero(bare).tolist():
            self.hold(
                segment, "missing", "no register of a meter in service is known.",
                "Add the meter and its registers to the master data, and deliver its readings.",
                absent=True,
            )  # fmt: skip

    def stray(self, segment: Ints, dial: Ints, seen: Mask) -> None:
        """Readings of a meter that master data does not have at the point."""
        told = set()
        for at in np.flatnonzero(self.dials.stray[dial] & seen).tolist():
            where, meter = int(segment[at]), str(self.dials.meter[dial[at]])
            if (where, meter) not in told:
                told.add((where, meter))
                self.hold(
                    where, "unknown", f"readings of meter {meter}, which is not known there.",
                    "Correct the meter's number, or add the meter to the master data.",
                    absent=True, evidence={"meter": meter},
                )  # fmt: skip

    def master(self, segment: Ints, dial: Ints) -> Mask:
        """What a dial is, is not said, or is said in two ways. Returns which can be gone on."""
        for texts, code in ((self.dials.open, "unknown"), (self.dials.differs, "differs")):
            which = np.isin(dial, list(texts))
            for where, dials in self._by_meter(segment, dial, which):
                names = ", ".join(dict.fromkeys(name for at in dials for name in texts[at]))
                if code == "unknown":
                    self.hold(
                        where, code, f"not known: {names}.",
                        "Add the registers to the master data; nothing is assumed.",
                        dial=dials, absent=True,
                    )  # fmt: skip
                else:
                    self.hold(
                        where, code,
                        f"readings and master data say different things about {names}.",
                        "Find out which is right, and correct the other.", dial=dials,
                        evidence={"taken": "; ".join(self._describe(at) for at in dials)},
                    )  # fmt: skip
        return ~np.isin(dial, list(self.dials.open))

    def _describe(self, dial: int) -> str:
        d = self.dials
        return (
            f"{d.channel[dial]} {d.bucket[dial]} digits {d.digits[dial]} "
            f"multiplier {amount(d.multiplier[dial], '').strip()}"
        )

    # ------------------------------------------------------------- exchange

    def exchange(self, segment: Ints, dial: Ints, entered: Ints, left: Ints) -> Mask:
        """A meter that comes or goes in the segment without the readings that belong to it.

        Returns which pairs have been told, so that a missing bound is not told again.
        """
        seg, dials = self.segments, self.dials
        group = segment * (int(dials.device.max(initial=0)) + 1) + dials.device[dial]
        comes = np.isin(group, group[entered >= 0]) | (dials.since[dial] > seg.first[segment])
        goes = np.isin(group, group[left >= 0]) | (dials.until[dial] < seg.last[segment])
        lost_in, lost_out = comes & (entered < 0), goes & (left < 0)
        back = (entered >= 0) & (left >= 0) & (left < entered)
        for which, tell, remedy in (
            (lost_in, "the meter came in the period, but has no reading exchange_in.", _READ),
            (lost_out, "the meter left in the period, but has no reading exchange_out.", _READ),
            (back, "the meter left before it came.", _CORRECT),
        ):
            for where, own in self._by_meter(segment, dial, which):
                self.hold(where, "exchange", tell, remedy, dial=own)
        told = lost_in | lost_out | back
        self._halves(segment, dial, (entered >= 0, left >= 0), told)
        return told

    def _halves(self, segment: Ints, dial: Ints, moved: tuple[Mask, Mask], told: Mask) -> None:
        """As many old dials must leave as new ones come, of each channel, bucket and kind."""
        dials = self.dials
        moves: dict[tuple[int, str, str, int], list[list[int]]] = {}
        for way, which in enumerate(moved):
            for at in np.flatnonzero(which & ~np.isin(segment, segment[told])).tolist():
                own = int(dial[at])
                key = (
                    int(segment[at]),
                    dials.channel[own],
                    dials.bucket[own],
                    int(dials.kind[own]),
                )
                moves.setdefault(key, [[], []])[way].append(own)
        for (where, channel, bucket, _), (came, left) in sorted(moves.items()):
            if len(came) != len(left):
                self.hold(
                    where, "exchange",
                    f"of {channel} {bucket}, {counted(len(left), 'meter')} left with exchange_out "
                    f"and {counted(len(came), 'meter')} came with exchange_in.",
                    _READ, dial=(came or left)[:1],
                )  # fmt: skip

    # ------------------------------------------------------------- readings

    def missing(self, segment: Ints, dial: Ints, opening: Ints, closing: Ints, told: Mask) -> None:
        """No reading within a day of a bound."""
        ends = (closing < 0) | ((closing <= opening) & (opening >= 0))
        for bad, day, side in (
            (opening < 0, self.segments.first, "begins"),
            (ends, self.segments.last, "ends"),
        ):
            for where, dials in self._by_meter(segment, dial, bad & ~told):
                on = str(np.datetime64(int(day[where]), "D"))
                self.hold(
                    where, "missing",
                    f"no reading within a day of {on}, where the period {side}.",
                    _READ, dial=dials, absent=True, evidence={"bound": on},
                )  # fmt: skip

    def conflicts(self, segment: Ints, used: Ints) -> None:
        """Two readings of one dial at one instant."""
        for at in np.flatnonzero(self.dials.other[used] != NONE).tolist():
            where, reading = int(segment[at]), int(used[at])
            dial = int(self.dials.dial[reading])
            values = sorted((int(self.dials.value[reading]), int(self.dials.other[reading])))
            one, two = (amount(value, "").strip() for value in values)
            self.hold(
                where, "exchange",
                f"two readings at {self._at(where, reading)}: {one} and {two}.", _CORRECT,
                dial=dial, evidence={"readings": f"{one} {two}"},
            )  # fmt: skip

    def _at(self, segment: int, reading: int) -> str:
        return when(self.segments.zone[segment], int(self.dials.time[reading]))

    def unfit(self, segment: Ints, used: Ints) -> None:
        """A reading that the dial cannot show."""
        digits = self.dials.digits[self.dials.dial[used]]
        value = self.dials.value[used]
        size = np.where(digits >= 0, MICRO * 10 ** np.clip(digits, 0, 12), np.iinfo(np.int64).max)
        for at in np.flatnonzero((value < 0) | (value >= size)).tolist():
            where, reading = int(segment[at]), int(used[at])
            shown = amount(value[at], "").strip()
            self.hold(
                where, "digits",
                f"the reading {shown} at {self._at(where, reading)} does not fit on "
                f"{counted(int(digits[at]), 'digit')}.",
                "Check reading, unit and number of digits.",
                dial=int(self.dials.dial[reading]), evidence={"reading": shown},
            )  # fmt: skip

    def turned(self, segment: int, before: int, after: int, step: int, *, wrapped: bool) -> None:
        """A closing below the opening: one roll-over, or a dial that went backward.

        Which of the two is decided by plausibility, and said with both readings of the fact.
        """
        dials, dial = self.dials, int(self.dials.dial[after])
        low, high = (amount(dials.value[at], "").strip() for at in (before, after))
        evidence = {"opening": low, "closing": high, "digits": dials.digits[dial]}
        back = amount(dials.value[before] - dials.value[after], "").strip()
        moved = amount(step, unit(dials.channel[dial]))
        if wrapped:
            self._add(
                segment, "rollover", Severity.NOTE,
                f"from {low} to {high}: the dial turned over, {moved} before multiplier; as a "
                f"misread it would have gone back by {back}.",
                "None; the bill shows it.", dial=dial, evidence=evidence,
            )  # fmt: skip
        else:
            self.hold(
                segment, "backward",
                f"from {low} at {self._at(segment, before)} to {high} at "
                f"{self._at(segment, after)}: the dial went backward, by {back}; turned over it "
                f"would have advanced by {moved}, which is not plausible.",
                _CORRECT, dial=dial, evidence=evidence, direction="over",
            )  # fmt: skip

    def large(self, segment: int, dial: int) -> None:
        """A quantity that no customer has."""
        self.hold(
            segment, "digits", "reading times multiplier is larger than anything that is billed.",
            "Check the multiplier and the unit of the readings.", dial=dial, direction="over",
        )  # fmt: skip
