"""Step 6, the second opinion: what the dials of a case give, by bucket and by span.

Written from `docs/registers.md`, `docs/rating-case.md` and `docs/tariff.md`, sections *Where
quantities come from* and *Dial stretches across spans*.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from gridtally.rating.reference.figures import MICRO, Held, micro
from gridtally.rating.reference.hours import Calendar
from gridtally.rating.reference.instants import Buckets, Clock, Span, iso_instant, whole

__all__ = ["Dials", "allocate", "spread"]

DAY = timedelta(days=1)


def allocate(total: int, weights: list[int]) -> list[int]:
    """Split `total` by `weights` into whole parts: largest remainder, earlier first."""
    if not any(weights):
        weights = [1] * len(weights)
    shares = [divmod(total * weight, sum(weights)) for weight in weights]  # none is negative
    parts = [whole_part for whole_part, _ in shares]
    order = sorted(range(len(parts)), key=lambda i: (-shares[i][1], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def spread(total: int, energy: Buckets) -> Buckets:
    """Split `total` over buckets in proportion to their energy; without any, the first has it."""
    weights = list(energy.values())
    if not any(weights):
        weights = [1] + [0] * (len(weights) - 1)
    return dict(zip(energy, allocate(total, weights), strict=True))


class Dials:
    """The dials of a register-billed case."""

    def __init__(self, dials: list[dict[str, Any]], clock: Clock) -> None:
        self.dials, self.clock = dials, clock
        self.advances: dict[tuple[str, Calendar | None], dict[str, list[int]]] = {}
        for dial in dials:
            self._check_dial(dial)
        for key in {group(dial) for dial in dials}:
            self._check_exchange([dial for dial in dials if group(dial) == key])

    def has(self, channel: str) -> bool:
        """Whether there is a dial of the channel's energy."""
        return any(d["channel"] == channel and d["kind"] == "cumulative" for d in self.dials)

    def advance(self, span: Span, channel: str, calendar: Calendar | None) -> Buckets:
        """Energy of the channel's dials in this span, by bucket."""
        key = (channel, calendar)
        if key not in self.advances:
            self.advances[key] = self._advances(channel, calendar)
        return {bucket: parts[span.number] for bucket, parts in self.advances[key].items()}

    def _advances(self, channel: str, calendar: Calendar | None) -> dict[str, list[int]]:
        """What the channel's dials add to each span, by bucket."""
        dials = [d for d in self.dials if d["channel"] == channel and d["kind"] == "cumulative"]
        return {
            bucket: [sum(parts) for parts in zip(*map(self.dial_by_span, those), strict=True)]
            for bucket, those in chosen_dials(dials, calendar).items()
        }

    def largest(self, channel: str, calendar: Calendar | None) -> Buckets:
        """The largest demand that the channel's demand dials show, by bucket."""
        dials = [d for d in self.dials if d["channel"] == channel and d["kind"] == "demand"]
        return {
            bucket: max(
                micro(
                    Fraction(
                        max(r["reading"] for r in d["readings"][1:]) * d["multiplier"], MICRO**2
                    )
                )
                for d in those
            )
            for bucket, those in chosen_dials(dials, calendar).items()
        }

    def dial_by_span(self, dial: dict[str, Any]) -> list[int]:
        """What the dial adds to each span: its advance, cut at readings and then by days."""
        readings = dial["readings"]
        times = [iso_instant(r["time"]) for r in readings]
        steps = [
            dial_step(a["reading"], b["reading"], dial["digits"]) for a, b in pairwise(readings)
        ]
        advance = micro(Fraction(sum(steps) * dial["multiplier"], MICRO**2))
        bounds = {span.start_utc for span in self.clock.spans[1:]}
        inner = [i for i in range(1, len(times) - 1) if times[i] in bounds]
        cuts = [0, *inner, len(times) - 1]
        pieces = list(pairwise(cuts))
        parts = [0] * len(self.clock.spans)
        for (a, b), energy in zip(
            pieces, allocate(advance, [sum(steps[a:b]) for a, b in pieces]), strict=True
        ):
            by_days = allocate(energy, self._days_of_piece(times[a], times[b]))
            parts = [part + more for part, more in zip(parts, by_days, strict=True)]
        return parts

    def _days_of_piece(self, start: int, end: int) -> list[int]:
        """How many days of a stretch lie in each span."""
        first, last = self.clock.local(start).date(), self.clock.local(end).date()
        days = [max(0, (min(last, s.end) - max(first, s.first)).days) for s in self.clock.spans]
        if not any(days):
            first = min(max(first, self.clock.spans[0].first), self.clock.spans[-1].end - DAY)
            days = [int(s.first <= first < s.end) for s in self.clock.spans]
        return days

    def _check_dial(self, dial: dict[str, Any]) -> None:
        """Bounds and order of one dial's readings."""
        name, readings = f"{dial['meter']}/{dial['register']}", dial["readings"]
        if not 1 <= whole(dial["digits"]) <= 12:
            raise ValueError(f"dial {name} has {dial['digits']} digits")
        if dial["kind"] not in ("cumulative", "demand") or whole(dial["multiplier"]) <= 0:
            raise ValueError(f"dial {name} has an unknown kind or no multiplier")
        if len(readings) < 2:
            raise Held("metering.register.missing", f"Dial {name} has no opening or no closing.")
        if any(not 0 <= whole(r["reading"]) < 10 ** dial["digits"] * MICRO for r in readings):
            raise Held("metering.register.digits", f"Dial {name} shows more than it can.")
        for a, b in pairwise(readings):
            apart = iso_instant(b["time"]) - iso_instant(a["time"])
            if apart < 0 or (apart == 0 and a["reading"] != b["reading"]):
                message = f"Readings of dial {name} disagree or are out of order."
                raise Held("metering.register.exchange", message)
        opening, closing = readings[0], readings[-1]
        if (
            not self._near(opening, self.clock.spans[0].first)
            and opening["reason"] != "exchange_in"
        ):
            raise Held("metering.register.missing", f"Dial {name} has no opening reading.")
        if (
            not self._near(closing, self.clock.spans[-1].end)
            and closing["reason"] != "exchange_out"
        ):
            raise Held("metering.register.missing", f"Dial {name} has no closing reading.")

    def _near(self, reading: dict[str, Any], day: date) -> bool:
        """Whether the reading was taken on the day before the first instant of `day`, or after."""
        return (
            self.clock.midnight(day - DAY)
            <= iso_instant(reading["time"])
            <= self.clock.midnight(day + DAY)
        )

    def _check_exchange(self, dials: list[dict[str, Any]]) -> None:
        """Inside the segment as many old dials must leave as new ones come."""
        start, end = self.clock.spans[0].start_utc, self.clock.spans[-1].end_utc
        ends = [(d["readings"][-1], "exchange_out") for d in dials]
        starts = [(d["readings"][0], "exchange_in") for d in dials]
        inside = [
            reason
            for reading, reason in ends + starts
            if reading["reason"] == reason and start < iso_instant(reading["time"]) < end
        ]
        if inside.count("exchange_out") != inside.count("exchange_in"):
            message = "An exchange lacks the old meter's last or the new meter's first reading."
            raise Held("metering.register.exchange", message)


def group(dial: dict[str, Any]) -> tuple[str, str, str]:
    """What an exchange hands over: the same channel, bucket and kind."""
    return dial["channel"], dial["bucket"], dial["kind"]


def chosen_dials(
    dials: list[dict[str, Any]], calendar: Calendar | None
) -> dict[str, list[dict[str, Any]]]:
    """The dials that are billed, by bucket; a bucket without a dial holds the segment."""
    if calendar:
        chosen = {b: [d for d in dials if d["bucket"] == b] for b in calendar.buckets}
    else:
        chosen = {"": [d for d in dials if d["bucket"] == "total"] or dials}
    for bucket, those in chosen.items():
        if not those:
            message = f"There is no dial for {bucket or 'the channel'}."
            raise Held("rating.quantity.missing", message)
    return chosen


def dial_step(opening: int, closing: int, digits: int) -> int:
    """From one reading to the next; a step back is a roll-over at the dial's end, or held."""
    full = int(10**digits) * MICRO
    if closing >= opening:
        return closing - opening
    if 10 * opening >= 9 * full and 10 * (closing + full - opening) <= full:
        return closing + full - opening
    message = f"The dial went back from {opening} to {closing} [10^-6] and had not come to its end."
    raise Held("metering.register.backward", message)
