"""Step 6, the second opinion: from the readings of a case to energy and demand per span.

Written from `docs/rating-case.md`, `docs/registers.md` and the page `docs/tariff.md`, sections
*Calendars*, *Where quantities come from* and *Precise readings*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference_tariff import MICRO, Calendar, Held, micro

__all__ = ["Buckets", "Readings", "Span", "allocate", "iso_date"]

Buckets = dict[str, int]
"""Energy or demand by bucket [10^-6 kWh, kvarh or kW]; without calendar there is one, ''."""
DAY = timedelta(days=1)


def iso_date(text: str) -> date:
    """A date written `YYYY-MM-DD` and in no other way."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a date")
    return date.fromisoformat(text)


def iso_instant(text: str) -> int:
    """An instant written `YYYY-MM-DDTHH:MM:SSZ`, as UTC seconds."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def first_instant(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local day, as UTC seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def whole(value: object) -> int:
    """An integer that fits 64 bits; neither a float nor a truth value passes."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError(f"{str(value)[:40]!r} is not an integer of 64 bits")
    return value


def allocate(total: int, weights: list[int]) -> list[int]:
    """Split `total` by `weights` into whole parts: largest remainder, earlier first."""
    if not any(weights):
        weights = [1] * len(weights)
    shares = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in shares]  # none is negative
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


@dataclass(frozen=True)
class Span:
    """Local days `first` to `end`, half-open, and their instants."""

    number: int
    first: date
    end: date
    start_utc: int
    end_utc: int

    def days(self, months: list[int] | None = None) -> Iterator[date]:
        """Its days, all or those of some calendar months."""
        for n in range((self.end - self.first).days):
            if months is None or (self.first + n * DAY).month in months:
                yield self.first + n * DAY


class Readings:
    """The case's channels and dials, cut into spans."""

    def __init__(self, case: dict[str, Any], spans: list[Span], zone: ZoneInfo) -> None:
        self.spans, self.zone, self.source = spans, zone, case["legal_source"]
        if self.source not in ("interval", "register"):
            raise ValueError(f"unknown legal source {self.source!r}")
        self.channels: dict[str, dict[str, Any]] = case["channels"]
        self.dials: list[dict[str, Any]] = case["registers"]
        if self.source == "register":
            for dial in self.dials:
                self._check_dial(dial)
            for key in {(d["channel"], d["bucket"], d["kind"]) for d in self.dials}:
                self._check_exchange([d for d in self.dials if group(d) == key])
        else:
            for channel in {"import", "export"} & self.channels.keys():  # what the bill states
                self._check_channel(channel)
                self._check_quality(channel, 0, len(self.channels[channel]["values"]))

    def has(self, channel: str) -> bool:
        """Whether there is anything to bill the channel from."""
        if self.source == "interval":
            return channel in self.channels
        return any(d["channel"] == channel and d["kind"] == "cumulative" for d in self.dials)

    def energy(
        self, span: Span, channel: str, calendar: Calendar | None, months: list[int] | None
    ) -> Buckets:
        """Energy of the span by bucket [10^-6 kWh or kvarh]."""
        if not any(True for _ in span.days(months)):  # at rest: nothing is asked for
            return dict.fromkeys(calendar.buckets if calendar else [""], 0)
        if not self.has(channel):
            raise Held("rating.quantity.missing", f"There are no readings of channel {channel!r}.")
        if self.source == "register":
            self._months_fit(span, months)
            return self._advance(span, channel, calendar)
        sums = dict.fromkeys(calendar.buckets if calendar else [""], 0)
        for start, seconds, value in self._intervals(span, channel):
            if self.in_months(start, seconds, months):
                sums[self.bucket(start, seconds, calendar)] += value
        return none_negative(sums, channel)

    def demand(
        self,
        span: Span,
        channel: str,
        calendar: Calendar | None,
        months: list[int] | None,
        window_min: int | None,
    ) -> Buckets:
        """The largest power of a window by bucket [10^-6 kW]; 0 where no window lies."""
        if not any(True for _ in span.days(months)):
            return dict.fromkeys(calendar.buckets if calendar else [""], 0)
        if self.source == "register":
            self._months_fit(span, months)
            return self._largest(channel, calendar)
        if channel not in self.channels:
            raise Held("rating.quantity.missing", f"There are no readings of channel {channel!r}.")
        most: dict[tuple[str, int], int] = {}  # the largest energy by bucket and length of window
        for (start, end), energy in self._windows(span, channel, window_min).items():
            if self.in_months(start, end - start, months):
                key = (self.bucket(start, end - start, calendar), end - start)
                most[key] = max(most.get(key, energy), energy)
        powers: dict[str, list[int]] = {b: [] for b in (calendar.buckets if calendar else [""])}
        for (bucket, seconds), energy in most.items():
            powers[bucket].append(micro(Fraction(energy, MICRO) * 3600 / seconds))
        return none_negative({b: max(kw, default=0) for b, kw in powers.items()}, channel)

    # ------------------------------------------------------------ local time

    def local(self, instant: int) -> datetime:
        """The local clock at an instant."""
        return datetime.fromtimestamp(instant, self.zone)

    def midnight(self, day: date) -> int:
        """The first instant of a local day."""
        return first_instant(day, self.zone)

    def bucket(self, start: int, seconds: int, calendar: Calendar | None) -> str:
        """The one bucket in which `[start, start + seconds)` lies; held when there are two."""
        if calendar is None:
            return ""
        first, last = self.local(start), self.local(start + seconds - 1)
        day = calendar.day(first.date())
        if first.date() == last.date() and first.utcoffset() == last.utcoffset():
            found = set(day[minute(first) : minute(last) + 1])
        else:  # across midnight or a clock change: minute by minute
            clocks = (self.local(at) for at in range(start, start + seconds, 60))
            found = {calendar.day(clock.date())[minute(clock)] for clock in clocks}
        if len(found) > 1:
            clock = f"{self.local(start):%Y-%m-%d %H:%M}"
            raise Held("rating.calendar.finer", f"The bucket changes inside {clock}.")
        return str(found.pop())

    def in_months(self, start: int, seconds: int, months: list[int] | None) -> bool:
        """Whether `[start, start + seconds)` lies in the months; held when only a part does."""
        if months is None:
            return True
        first = self.local(start).month in months
        if first != (self.local(start + seconds - 1).month in months):
            raise Held("rating.calendar.finer", "A month of the component ends inside an interval.")
        return first

    # ------------------------------------------------------------- intervals

    def _intervals(self, span: Span, channel: str) -> Iterator[tuple[int, int, int]]:
        """Start, length [s] and energy of the span's intervals."""
        self._check_channel(channel)
        record = self.channels[channel]
        start, step = iso_instant(record["start"]), record["resolution_s"]
        if (span.start_utc - start) % step or (span.end_utc - start) % step:
            raise Held("rating.calendar.finer", "The span ends inside an interval.")
        first, end = (span.start_utc - start) // step, (span.end_utc - start) // step
        self._check_quality(channel, first, end)
        for n in range(first, end):
            yield start + n * step, step, whole(record["values"][n])

    def _check_channel(self, channel: str) -> None:
        """The channel covers the segment exactly, with a quality for every value."""
        record = self.channels[channel]
        start, step = iso_instant(record["start"]), whole(record["resolution_s"])
        values, quality = record["values"], record["quality"]
        first, last = self.spans[0].start_utc, self.spans[-1].end_utc
        if step < 1 or start != first or start + step * len(values) != last:
            raise Held("rating.quantity.missing", f"{channel} does not cover the segment exactly.")
        if len(quality) != len(values):
            raise Held("rating.quantity.missing", f"{channel} has values without a quality.")

    def _check_quality(self, channel: str, first: int, end: int) -> None:
        if set(self.channels[channel]["quality"][first:end]) - set("ASE"):
            raise Held("rating.quantity.missing", f"{channel} has a gap.")

    def _windows(self, span: Span, channel: str, minutes: int | None) -> dict[tuple[int, int], int]:
        """Energy of each demand window, by its first instant and its end."""
        sums: dict[tuple[int, int], int] = {}
        for start, seconds, value in self._intervals(span, channel):
            window = (start, start + seconds)
            if minutes is not None:
                day = self.local(start).date()
                midnight, tomorrow = self.midnight(day), self.midnight(day + DAY)
                first = start - (start - midnight) % (minutes * 60)
                window = (first, min(first + minutes * 60, tomorrow))
                if minutes * 60 % seconds or start + seconds > window[1]:
                    raise Held("rating.demand.window", "The readings do not divide the window.")
            sums[window] = sums.get(window, 0) + value
        return sums

    # ------------------------------------------------------------- registers

    def _advance(self, span: Span, channel: str, calendar: Calendar | None) -> Buckets:
        """Energy of the channel's dials in this span, by bucket."""
        dials = [d for d in self.dials if d["channel"] == channel and d["kind"] == "cumulative"]
        chosen = chosen_dials(dials, calendar)
        return {
            bucket: sum(self.dial_by_span(dial)[span.number] for dial in those)
            for bucket, those in chosen.items()
        }

    def _largest(self, channel: str, calendar: Calendar | None) -> Buckets:
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
        bounds = {span.start_utc for span in self.spans[1:]}
        inner = [i for i in range(1, len(times) - 1) if times[i] in bounds]
        cuts = [0, *inner, len(times) - 1]
        pieces = list(pairwise(cuts))
        parts = [0] * len(self.spans)
        for (a, b), energy in zip(
            pieces, allocate(advance, [sum(steps[a:b]) for a, b in pieces]), strict=True
        ):
            by_days = allocate(energy, self._days_of_piece(times[a], times[b]))
            parts = [part + more for part, more in zip(parts, by_days, strict=True)]
        return parts

    def _days_of_piece(self, start: int, end: int) -> list[int]:
        """How many days of a stretch lie in each span."""
        first, last = self.local(start).date(), self.local(end).date()
        days = [max(0, (min(last, s.end) - max(first, s.first)).days) for s in self.spans]
        if not any(days):
            first = min(max(first, self.spans[0].first), self.spans[-1].end - DAY)
            days = [int(s.first <= first < s.end) for s in self.spans]
        return days

    def _months_fit(self, span: Span, months: list[int] | None) -> None:
        if months is not None and len({(d.year, d.month) for d in span.days()}) > 1:
            message = "Register readings cannot be cut at the end of a month."
            raise Held("rating.months.register", message)

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
        if not self._near(opening, self.spans[0].first) and opening["reason"] != "exchange_in":
            raise Held("metering.register.missing", f"Dial {name} has no opening reading.")
        if not self._near(closing, self.spans[-1].end) and closing["reason"] != "exchange_out":
            raise Held("metering.register.missing", f"Dial {name} has no closing reading.")

    def _near(self, reading: dict[str, Any], day: date) -> bool:
        """Whether the reading was taken on the day before the first instant of `day`, or after."""
        return self.midnight(day - DAY) <= iso_instant(reading["time"]) <= self.midnight(day + DAY)

    def _check_exchange(self, dials: list[dict[str, Any]]) -> None:
        """Inside the segment as many old dials must leave as new ones come."""
        start, end = self.spans[0].start_utc, self.spans[-1].end_utc
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


def none_negative(quantities: Buckets, channel: str) -> Buckets:
    """The same quantities; one below zero holds."""
    if min(quantities.values()) < 0:
        raise Held("rating.quantity.negative", f"A quantity of channel {channel!r} is below zero.")
    return quantities


def minute(clock: datetime) -> int:
    """The minute of the day that a clock shows."""
    return clock.hour * 60 + clock.minute


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
