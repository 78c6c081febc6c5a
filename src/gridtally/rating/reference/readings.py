"""Step 6, the second opinion: from the readings of a case to energy and windows per span.

Written from `docs/rating-case.md` and the page `docs/tariff.md`, sections *Calendars*, *Where
quantities come from* and *Precise readings*. `dials.py` reads registers.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gridtally.rating.reference.dials import Dials
from gridtally.rating.reference.figures import Held
from gridtally.rating.reference.hours import Calendar, Times
from gridtally.rating.reference.instants import Buckets, Clock, Span, iso_instant, whole

__all__ = ["Piece", "Readings", "none_negative"]

DAY = timedelta(days=1)
OTHER = {"import": "export", "export": "import"}


Interval = tuple[int, int, int]
"""Start [UTC s], length [s] and energy [10^-6 kWh or kvarh]."""


class Piece(NamedTuple):
    """Some energy of a span: of an interval, or of a block of them; bucket and local day."""

    start: int
    seconds: int
    energy: int
    bucket: str


class Readings:
    """The case's channels, dials and events, cut into spans."""

    def __init__(self, case: dict[str, Any], spans: list[Span], zone: ZoneInfo) -> None:
        self.clock, self.source = Clock(spans, zone), case["legal_source"]
        self.channels: dict[str, dict[str, Any]] = case["channels"]
        self.events = {name: Known(each) for name, each in case.get("events", {}).items()}
        self.times = {name: each.times for name, each in self.events.items()}
        if self.source not in ("interval", "register"):
            raise ValueError(f"unknown legal source {self.source!r}")
        # kept for the case: its components ask for the same again
        self.found: dict[tuple[int, str], list[Interval]] = {}
        self.cut: dict[tuple[object, ...], list[Piece]] = {}
        self.dials = Dials(case["registers"] if self.source == "register" else [], self.clock)
        if self.source == "interval":
            for channel in {"import", "export"} & self.channels.keys():  # what the bill states
                self._check_channel(channel)
                self._check_quality(channel, 0, len(self.channels[channel]["values"]))

    @property
    def registers(self) -> bool:
        """Whether the segment is billed from dials."""
        return bool(self.source == "register")

    def dial_by_span(self, dial: dict[str, Any]) -> list[int]:
        """What a dial adds to each span."""
        return self.dials.dial_by_span(dial)

    def has(self, channel: str) -> bool:
        """Whether there is anything to bill the channel from."""
        return self.dials.has(channel) if self.registers else channel in self.channels

    def need(self, channel: str) -> None:
        """Hold when there is nothing to bill the channel from."""
        if not self.has(channel):
            raise Held("rating.quantity.missing", f"There are no readings of channel {channel!r}.")

    def energy(
        self, span: Span, channel: str, calendar: Calendar | None, months: list[int] | None
    ) -> Buckets:
        """Energy of the span by bucket [10^-6 kWh or kvarh]."""
        self.need(channel)
        if self.registers:
            self.months_fit(span, months)
            return self.dials.advance(span, channel, calendar)
        pieces = self.pieces(span, channel, calendar, months)
        return none_negative(by_bucket(pieces, calendar), channel)

    # -------------------------------------------------------------- intervals

    def pieces(
        self, span: Span, channel: str, calendar: Calendar | None, months: list[int] | None
    ) -> list[Piece]:
        """The intervals of the span that lie in the months, each with its bucket."""
        self.need(channel)
        key = (span.number, channel, calendar, None if months is None else tuple(months))
        if key not in self.cut:
            self.cut[key] = [
                Piece(start, seconds, value, self.bucket(start, seconds, calendar))
                for start, seconds, value in self._intervals(span, channel)
                if self.in_months(start, seconds, months)
            ]
        return self.cut[key]

    def netted(
        self,
        span: Span,
        channel: str,
        calendar: Calendar | None,
        months: list[int] | None,
        how: str,
    ) -> list[Piece]:
        """What is left of a channel when the other is taken from it, by interval or by hour."""
        if self.registers:
            raise Held("rating.netting.register", "Dials know no netting by interval or hour.")
        sides: list[dict[int, Piece]] = []
        for each in (channel, OTHER[channel]):
            pieces = self.pieces(span, each, calendar, months)
            if any(piece.energy < 0 for piece in pieces):
                raise Held("rating.quantity.negative", f"An interval of {each} is below zero.")
            if how == "hour":
                blocks = self.windows(span, each, 60)
                pieces = [
                    Piece(start, end - start, value, self.bucket(start, end - start, calendar))
                    for (start, end), value in blocks.items()
                    if self.in_months(start, end - start, months)
                ]
            sides.append({piece.start: piece for piece in pieces})
        own, other = sides
        steps = {self.channels[each]["resolution_s"] for each in (channel, OTHER[channel])}
        if len(steps) > 1:
            message = "Import and export are not read in the same intervals."
            raise Held("rating.quantity.missing", message)
        return [
            Piece(p.start, p.seconds, max(0, p.energy - other[p.start].energy), p.bucket)
            for p in own.values()
        ]

    def bucket(self, start: int, seconds: int, calendar: Calendar | None) -> str:
        """The one bucket in which `[start, start + seconds)` lies; held when there are two."""
        if calendar is None:
            return ""
        found = self.buckets_in(start, seconds, calendar)
        if len(found) > 1:
            clock = f"{self.clock.local(start):%Y-%m-%d %H:%M}"
            raise Held("rating.calendar.finer", f"The bucket changes inside {clock}.")
        (bucket,) = found
        return bucket

    def buckets_in(self, start: int, seconds: int, calendar: Calendar | None) -> frozenset[str]:
        """Every bucket of `[start, start + seconds)`."""
        if calendar is None:
            return frozenset({""})
        return calendar.buckets_in(start, start + seconds, self.clock.zone, self.times)

    def span_events(self, span: Span, name: str) -> Times:
        """The events of a name, known to be all in the span, or held."""
        if name not in self.events or not self.events[name].covers(span.start_utc, span.end_utc):
            raise Held("rating.event.missing", f"The events {name!r} are not known for the span.")
        return self.events[name].times

    def in_months(self, start: int, seconds: int, months: list[int] | None) -> bool:
        """Whether `[start, start + seconds)` lies in the months; held when only a part does."""
        if months is None:
            return True
        first, last = (self.clock.local(at).month in months for at in (start, start + seconds - 1))
        if first != last:
            raise Held("rating.calendar.finer", "A month of the component ends inside an interval.")
        return first

    def windows(self, span: Span, channel: str, minutes: int | None) -> dict[tuple[int, int], int]:
        """Energy of each block from local midnight, by its first instant and its end."""
        sums: dict[tuple[int, int], int] = {}
        for start, seconds, value in self._intervals(span, channel):
            window = (start, start + seconds)
            if minutes is not None:
                window = self.clock.block(start, minutes)
                if minutes * 60 % seconds or start + seconds > window[1]:
                    raise Held("rating.demand.window", "The readings do not divide the window.")
            sums[window] = sums.get(window, 0) + value
        return sums

    def rolling(
        self, span: Span, channel: str, minutes: int, every: int
    ) -> dict[tuple[int, int], int]:
        """Energy of each window that starts every so many minutes and lies in the span."""
        intervals = {start: value for start, _, value in self._intervals(span, channel)}
        step = self.channels[channel]["resolution_s"]
        midnights = [self.clock.midnight(day) for day in span.days()] + [span.end_utc]
        if every * 60 % step or any((at - span.start_utc) % step for at in midnights):
            raise Held("rating.demand.window", "The readings do not divide the windows.")
        sums: dict[tuple[int, int], int] = {}
        for midnight, tomorrow in pairwise(midnights):
            for start in range(midnight, tomorrow, every * 60):
                end = start + minutes * 60
                if end <= span.end_utc:
                    sums[start, end] = sum(intervals[at] for at in range(start, end, step))
        return sums

    def _intervals(self, span: Span, channel: str) -> list[Interval]:
        """The span's intervals, checked once."""
        key = (span.number, channel)
        if key not in self.found:
            self.found[key] = self._checked(span, channel)
        return self.found[key]

    def _checked(self, span: Span, channel: str) -> list[Interval]:
        """Start, length [s] and energy of the span's intervals."""
        self.need(channel)
        record = self.channels[channel]
        start, step = iso_instant(record["start"]), whole(record["resolution_s"])
        values, quality = record["values"], record["quality"]
        if step < 1 or span.start_utc < start or span.end_utc > start + step * len(values):
            raise Held("rating.quantity.missing", f"{channel} does not cover the span.")
        if len(quality) != len(values):
            raise Held("rating.quantity.missing", f"{channel} has values without a quality.")
        if (span.start_utc - start) % step or (span.end_utc - start) % step:
            raise Held("rating.calendar.finer", "The span ends inside an interval.")
        first, end = (span.start_utc - start) // step, (span.end_utc - start) // step
        self._check_quality(channel, first, end)
        return [(start + n * step, step, whole(values[n])) for n in range(first, end)]

    def _check_channel(self, channel: str) -> None:
        """The channel covers the segment exactly, with a quality for every value."""
        record = self.channels[channel]
        start, step = iso_instant(record["start"]), whole(record["resolution_s"])
        values, quality = record["values"], record["quality"]
        first, last = self.clock.spans[0].start_utc, self.clock.spans[-1].end_utc
        if step < 1 or start != first or start + step * len(values) != last:
            raise Held("rating.quantity.missing", f"{channel} does not cover the segment exactly.")
        if len(quality) != len(values):
            raise Held("rating.quantity.missing", f"{channel} has values without a quality.")

    def _check_quality(self, channel: str, first: int, end: int) -> None:
        if set(self.channels[channel]["quality"][first:end]) - set("ASE"):
            raise Held("rating.quantity.missing", f"{channel} has a gap.")

    def months_fit(self, span: Span, months: list[int] | None) -> None:
        """Hold when dials would have to be cut at the end of a month."""
        if months is not None and len({(d.year, d.month) for d in span.days()}) > 1:
            message = "Register readings cannot be cut at the end of a month."
            raise Held("rating.months.register", message)


class Known:
    """Events of one name, and the time for which the list is complete."""

    def __init__(self, written: dict[str, Any]) -> None:
        self.first, self.end = iso_instant(written["from"]), iso_instant(written["to"])
        self.times: Times = [(iso_instant(a), iso_instant(b)) for a, b in written["times"]]
        flat = [instant for times in self.times for instant in times]
        if flat != sorted(flat) or any(a >= b for a, b in self.times):
            raise ValueError("events are out of order or overlap")

    def covers(self, start: int, end: int) -> bool:
        """Whether the list is complete for this time."""
        return self.first <= start and end <= self.end


def by_bucket(pieces: list[Piece], calendar: Calendar | None) -> Buckets:
    """The sum of the pieces in each bucket."""
    sums = dict.fromkeys(calendar.buckets if calendar else [""], 0)
    for piece in pieces:
        sums[piece.bucket] += piece.energy
    return sums


def none_negative(quantities: Buckets, channel: str) -> Buckets:
    """The same quantities; one below zero holds."""
    if min(quantities.values()) < 0:
        raise Held("rating.quantity.negative", f"A quantity of channel {channel!r} is below zero.")
    return quantities
