"""Before step 1: what goes wrong in October 2026: about forty faults of ten kinds, and their truth.

A fault changes only what is delivered, never what was used: everything else still agrees with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gridtally.demo.almanac import Grid, energy_prices
from gridtally.demo.dials import Reading
from gridtally.demo.draw import Draw, Ints
from gridtally.demo.events import exchange
from gridtally.demo.plan import OCTOBER, Agreement, Plan, Point, day_of

__all__ = ["KINDS_OF_FAULT", "Faults"]

KINDS_OF_FAULT = {
    "multiplier": "The multiplier of a new meter is stated ten times too large or too small.",
    "transposed": "Two digits of the closing reading are swapped.",
    "backward": "The closing reading lies below the opening one, and the dial did not turn over.",
    "stuck": "The intervals are frozen at one value, or at zero, while energy flows.",
    "spike": "Some intervals came in watt-hours under the unit kWh: a thousand times too much.",
    "swapped-channels": "Import and export are exchanged.",
    "exchange-gap": "At an exchange the old meter's last or the new one's first reading was lost.",
    "billed-twice": "Who moved out was never signed off: two customers pay for one meter.",
    "wrong-tariff": "The customer is billed under a tariff for another kind of customer.",
    "clock": "The meter's clock is twelve hours off: night is billed as day.",
}
"""Each kind in a sentence."""

_SUM = "metering.register.sum review.energy.sum"
_SEEN_BY = {
    "multiplier": f"{_SUM} review.meter.multiplier review.energy.multiplier review.energy.history",
    "transposed": f"{_SUM} review.energy.history",
    "backward": "metering.register.backward",
    "stuck": f"{_SUM} metering.interval.flat metering.interval.zero review.profile.flat "
    "review.profile.stopped",
    "spike": f"{_SUM} metering.interval.limit metering.interval.spike",
    "swapped-channels": f"{_SUM} metering.estimate.total review.channels.swapped",
    "exchange-gap": "metering.register.exchange review.exchange.readings",
    "billed-twice": "intake.master.overlap review.agreement.overlap",
    "wrong-tariff": "review.tariff.segment",
    "clock": "review.tou.share",
}
"""Codes of findings, any of which counts as having seen the fault."""

Change = Callable[[Ints, Ints, int], tuple[Ints, Ints]]
"""(import, export, intervals in a day) of one point in October -> what is delivered instead."""


@dataclass(slots=True)
class Faults:
    """Chooses where what goes wrong, and applies it at each stage."""

    plan: Plan
    draw: Draw
    changes: dict[str, Change]
    misread: dict[str, list[Point]]

    @classmethod
    def choose(cls, plan: Plan) -> Faults:
        """Choose the places and change the master data; to be called before `events.happen`."""
        faults = cls(plan, Draw(plan.seed, "faults"), {}, {})
        faults._multiplier()
        faults._misread()
        faults._intervals()
        faults._swapped()
        faults._exchange()
        faults._twice()
        faults._tariff()
        return faults

    def _places(self, *names: str) -> list[Point]:
        """A point of each of the kinds of customer named; fewer of them in a small town."""
        many = max(1, min(len(names), len(self.plan.accounts) * len(names) // 1000))
        places: list[Point] = []
        for wanted in names:
            if len(places) == many:
                break
            places += self._place(wanted)
        return places

    def _place(self, wanted: str) -> list[Point]:
        """One point of that kind, or none."""
        return self.plan.take(
            self.draw, 1, lambda point: point.kind.name == wanted and not point.moves
        )

    def _record(
        self, kind: str, point: Point, what: str, direction: str, account: str = ""
    ) -> None:
        self.plan.faults.append(
            {
                "id": f"F{len(self.plan.faults) + 1:02d}",
                "kind": kind,
                "account": account or self.plan.holder(point),
                "metering_point": point.id,
                "month": "2026-10",
                "what": what,
                "direction": direction,
                "seen_by": _SEEN_BY[kind],
            }
        )

    # ------------------------------------------------------------ master data

    def _multiplier(self) -> None:
        names = ("works-contract-checked", "works-contract", "works-capacity-checked",
                 "works-capacity")  # fmt: skip
        for number, point in enumerate(self._places(*names)):
            meter = exchange(self.plan, point, OCTOBER + self.draw.between(4, 14))
            up = number % 2 == 0
            meter.stated = meter.multiplier * 10 if up else meter.multiplier // 10
            self._record(
                "multiplier", point,
                f"Multiplier of new meter {meter.serial} stated as {meter.stated}, "
                f"is {meter.multiplier}.", "over" if up else "under",
            )  # fmt: skip

    def _exchange(self) -> None:
        lost = ("exchange_out", "exchange_out", "exchange_in", "exchange_out")
        places = self._places("block-dial", "works-contract", "year-dial", "tou-dial")
        for reason, point in zip(lost, places, strict=False):
            day = OCTOBER + self.draw.between(5, 24)
            exchange(self.plan, point, day)
            point.lost.add((day, reason))
            which = "last reading of the old" if reason == "exchange_out" else "first of the new"
            self._record(
                "exchange-gap", point,
                f"Exchange on {day_of(day)}: the {which} meter was not delivered.", "under",
            )  # fmt: skip

    def _twice(self) -> None:
        pairs = [
            row for row in self.plan.agreements
            if row.after is not None and row.after >= OCTOBER and not row.point.away
        ]  # fmt: skip
        count = max(1, min(4, len(self.plan.accounts) // 500))
        for row in self.draw.shuffled(pairs)[:count]:
            assert row.after is not None
            moved, row.after = row.after, None
            self._record(
                "billed-twice", row.point,
                f"The agreement was not ended at the move-out on {day_of(moved)}.", "over",
                row.account,
            )  # fmt: skip

    def _tariff(self) -> None:
        wrong = {"block": "shop-demand", "tou": "shop-demand", "shop-hour": "home-block",
                 "shop-quarter": "home-tou"}  # fmt: skip
        for point in self._places(*wrong):
            (old,) = self.plan.terms(point)
            new: Agreement = replace(old, first=OCTOBER, tariff=wrong[point.kind.name])
            old.after = OCTOBER
            self.plan.agreements.append(new)
            self._record(
                "wrong-tariff", point,
                f"A {point.kind.segment} on {new.tariff} since 1 October instead of {old.tariff}.",
                "over",
            )  # fmt: skip

    # -------------------------------------------------------------- intervals

    def _intervals(self) -> None:
        """Faults of the intervals; which way the money goes is found in `distort`."""
        places = self._places("tou", "shop-quarter", "block-checked", "tou-checked")
        for point in places:
            day = self.draw.between(3, 12)
            zero = point.kind.name.endswith("checked")
            what = "zeros" if zero else "one and the same value"
            self.changes[point.id] = _freeze(day, zero)
            self._record(
                "stuck", point, f"From {day + 1} October all intervals are {what}.",
                "under",
            )  # fmt: skip
        for point in self._places("block", "tou", "shop-half", "pv"):
            day, count = self.draw.between(4, 25), self.draw.between(2, 7)
            self.changes[point.id] = _thousandfold(day, count)
            self._record(
                "spike", point,
                f"{count} intervals from noon of {day + 1} October are a thousand times too large.",
                "over",
            )  # fmt: skip
        for point in self._places("tou", "shop-hour", "tou-checked", "shop-half"):
            day = self.draw.between(0, 6)
            self.changes[point.id] = _half_a_day(day)
            self._record(
                "clock", point, f"From {day + 1} October the clock is twelve hours off.", "over"
            )

    def _swapped(self) -> None:
        for point in self._places("pv", "pv-checked", "pv", "pv"):
            day = self.draw.pick((0, 0, 6, 11))
            self.changes[point.id] = _swap(day)
            self._record(
                "swapped-channels", point,
                f"Import and export are exchanged since {day + 1} October.", "under",
            )  # fmt: skip

    def distort(
        self, points: Sequence[Point], imported: Ints, exported: Ints | None, of: Grid
    ) -> None:
        """Change October's delivered intervals in place; rows as `points` [Wh]."""
        for row, point in enumerate(points):
            if point.id not in self.changes:
                continue
            back = np.zeros_like(imported[row]) if exported is None else exported[row].copy()
            true = imported[row].copy(), back.copy()
            told = self.changes[point.id](imported[row].copy(), back, 86_400 // of.step)
            imported[row] = told[0]
            if exported is not None:
                exported[row] = told[1]
            cost, earned = energy_prices(point.kind.tariff, of)
            dearer = int((cost * (told[0] - true[0]) - earned * (told[1] - true[1])).sum())
            fault = next(f for f in self.plan.faults if f["metering_point"] == point.id)
            fault["direction"] = "over" if dearer > 0 else "under"

    # ------------------------------------------------------------------ dials

    def _misread(self) -> None:
        """Reserve more dials than are needed: not every reading has digits that can be swapped."""
        for kind in ("transposed", "backward"):
            names = ("block-dial", "year-dial", "block-dial-checked", "block-dial") * 3
            few = 3 if len(self.plan.accounts) < 500 else 12
            self.misread[kind] = [p for wanted in names[:few] for p in self._place(wanted)]

    def garble(self, readings: Sequence[Reading]) -> None:
        """Misread the closing dial of some customers."""
        of: dict[str, list[Reading]] = {}
        for reading in readings:
            of.setdefault(reading.point.id, []).append(reading)
        count = max(1, min(4, len(self.plan.accounts) // 500))
        for kind, places in self.misread.items():
            done = 0
            for point in places:
                if done == count:
                    break
                opening, closing = of[point.id][-2:]
                wrong = (_transposed if kind == "transposed" else _backward)(
                    opening.text, closing.text, upwards=done % 2 == 0
                )
                if wrong:
                    direction = "over" if _value(wrong) > _value(closing.text) else "under"
                    what = f"Closing reading {wrong} on meter {point.meters[-1].serial}, "
                    self._record(kind, point, what + f"the dial shows {closing.text}.", direction)
                    closing.text, closing.quality, done = wrong, "A", done + 1


def _value(text: str) -> int:
    return int(text.replace(".", ""))


def _transposed(opening: str, closing: str, *, upwards: bool) -> str:
    """The closing with two neighbouring digits swapped, still above the opening; or nothing."""
    whole, _, rest = closing.partition(".")
    places: list[str] = []
    for i in range(len(whole) - 1):
        swapped = whole[:i] + whole[i + 1] + whole[i] + whole[i + 2 :]
        text = f"{swapped}.{rest}" if rest else swapped
        step = int(swapped) - int(whole)
        if abs(step) >= 81 and swapped[0] != "0" and _value(text) > _value(opening):
            places.append(text)
    fitting = [text for text in places if (_value(text) > _value(closing)) == upwards]
    return min(fitting or places, key=lambda t: abs(_value(t) - _value(closing)), default="")


def _backward(opening: str, closing: str, *, upwards: bool) -> str:
    """The closing with its hundreds or thousands misread, so that it lies below the opening."""
    whole, _, rest = closing.partition(".")
    less = int(whole) - (1000 if upwards else 700)
    if less < 100 or int(opening.partition(".")[0]) >= 90_000:
        return ""
    return f"{less}.{rest}" if rest else str(less)


def _freeze(day: int, zero: bool) -> Change:
    def change(imported: Ints, exported: Ints, per_day: int) -> tuple[Ints, Ints]:
        at = day * per_day
        imported[at:] = 0 if zero else imported[at - per_day : at].mean().astype(np.int64)
        return imported, exported

    return change


def _thousandfold(day: int, count: int) -> Change:
    def change(imported: Ints, exported: Ints, per_day: int) -> tuple[Ints, Ints]:
        at = day * per_day + per_day // 2
        imported[at : at + count] = (imported[at : at + count] + 20) * 1000
        return imported, exported

    return change


def _half_a_day(day: int) -> Change:
    def change(imported: Ints, exported: Ints, per_day: int) -> tuple[Ints, Ints]:
        at = day * per_day
        imported[at:] = np.roll(imported[at:], per_day // 2)
        return imported, exported

    return change


def _swap(day: int) -> Change:
    def change(imported: Ints, exported: Ints, per_day: int) -> tuple[Ints, Ints]:
        at = day * per_day
        first = np.concatenate([imported[:at], exported[at:]])
        return first, np.concatenate([exported[:at], imported[at:]])

    return change
