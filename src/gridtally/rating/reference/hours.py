"""Step 6, the second opinion: `docs/tariff.md`, *Calendars*: one bucket for every minute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference.figures import REMEMBERED, Held

__all__ = ["Calendar", "Times", "known", "refuse"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
GROUPS = {"weekday": DAYS[:5], "weekend": DAYS[5:7]}
Times = list[tuple[int, int]]
"""Events: from and to, as UTC seconds, half-open."""


def refuse(condition: object, message: str) -> None:
    """Refuse the tariff document if `condition` holds."""
    if condition:
        raise Held("rating.tariff.invalid", f"The tariff document is refused: {message}.")


def known(table: Mapping[str, Any], names: str, where: str) -> None:
    """Refuse a key that nobody would read."""
    unknown = table.keys() - set(names.split())
    refuse(unknown, f"{where} has the unknown key {sorted(unknown)[:1]}")


class Calendar:
    """Exactly one bucket for every minute of every day of the year and day type."""

    def __init__(self, written: Mapping[str, Any], holidays: list[date], name: str) -> None:
        known(written, "rules clock", f"calendar {name}")
        rules = written["rules"]
        self.name = name
        named = [str(r["otherwise"] if "otherwise" in r else r["bucket"]) for r in rules]
        self.buckets: list[str] = list(dict.fromkeys(named))
        texts = [r.get("otherwise", r.get("bucket")) for r in rules]
        refuse(not all(isinstance(t, str) and t for t in texts), f"calendar {name}: no name")
        self.holidays = set(holidays)
        self.uses_holiday = any("holiday" in r.get("days", ()) for r in rules)
        self.standard = "clock" in written
        refuse(written.get("clock", "standard") != "standard", f"calendar {name}: clock")
        otherwise = [r for r in rules if "otherwise" in r]
        alone = otherwise == rules[-1:] and otherwise[0].keys() == {"otherwise"}
        refuse(otherwise and not alone, f"calendar {name}: otherwise")
        self.rest = str(otherwise[0]["otherwise"]) if otherwise else ""
        self.painted: dict[tuple[int, ...], list[str]] = {}
        self.days: dict[date, list[str]] = {}
        both = [Rule(r, f"calendar {name}") for r in rules if "bucket" in r]
        self.rules = [rule for rule in both if not rule.event]
        self.event_rules = [rule for rule in both if rule.event]
        refuse(both != self.event_rules + self.rules, f"calendar {name}: a late event rule")
        self._cover_every_day()

    def _cover_every_day(self) -> None:
        types = [day for day in DAYS if day != "holiday" or self.uses_holiday]
        seen: set[tuple[bool, ...]] = set()
        for number in range(366):
            day = date(2000, 1, 1) + timedelta(days=number)  # a leap year
            alike = tuple(rule.in_year(day) for rule in self.rules)
            for kind in types if alike not in seen else ():
                self._minutes(day, kind)
            seen.add(alike)

    def _minutes(self, day: date, kind: str) -> list[str]:
        """The bucket of each minute; days to which the same rules apply are alike."""
        numbers = tuple(i for i, rule in enumerate(self.rules) if rule.on(day, kind))
        if numbers not in self.painted:
            where = f"calendar {self.name}, {day:%m-%d}, {kind}"
            self.painted[numbers] = self._paint([self.rules[i] for i in numbers], where)
        return self.painted[numbers]

    def _of_day(self, day: date) -> list[str]:
        """The bucket of each minute of a day."""
        if day not in self.days:
            self.days[day] = self._minutes(day, self.kind(day))
        return self.days[day]

    def _paint(self, rules: list[Rule], where: str) -> list[str]:
        minutes: list[str] = [""] * 1440
        for rule in rules:
            for first, end in rule.hours:
                taken = [i for i in range(first, end) if minutes[i]]
                refuse(taken, f"{where} is covered twice: minute {taken[:1]}")
                minutes[first:end] = [rule.bucket] * (end - first)
        refuse("" in minutes and not self.rest, f"{where} has a gap")
        return [bucket or self.rest for bucket in minutes]

    def kind(self, day: date) -> str:
        """`holiday` where a rule asks for it, else the weekday."""
        return "holiday" if self.uses_holiday and day in self.holidays else DAYS[day.weekday()]

    def clock(self, instant: int, zone: ZoneInfo) -> datetime:
        """What the calendar's clock shows: local time, or standard time all year."""
        if not self.standard:
            return datetime.fromtimestamp(instant, zone)
        utc = datetime.fromtimestamp(instant, UTC)
        winter = (datetime(utc.year, month, 1, tzinfo=UTC).astimezone(zone) for month in (1, 7))
        offset = min(clock.utcoffset() or timedelta(0) for clock in winter)
        return utc.replace(tzinfo=None) + offset

    def bucket_at(self, instant: int, zone: ZoneInfo, events: Mapping[str, Times]) -> str:
        """The bucket of an instant: the first event rule that covers it, else the others'."""
        clock = self.clock(instant, zone)
        day, minute = clock.date(), clock.hour * 60 + clock.minute
        for rule in self.event_rules:
            called = any(start <= instant < end for start, end in events[rule.event])
            if called and rule.on(day, self.kind(day)) and rule.at(minute):
                return rule.bucket
        return self._of_day(day)[minute]

    def buckets_in(
        self, start: int, end: int, zone: ZoneInfo, events: Mapping[str, Times]
    ) -> frozenset[str]:
        """Every bucket that an instant of `[start, end)` has."""
        called = {
            (rule.event, (first, last))
            for rule in self.event_rules
            for first, last in events[rule.event]
            if first < end and start < last
        }
        return buckets_met(self, start, end, zone, frozenset(called))

    def search(
        self, start: int, end: int, zone: ZoneInfo, events: Mapping[str, Times]
    ) -> frozenset[str]:
        """The same, asked minute by minute; of the events those alone that meet the time."""
        first, last = self.clock(start, zone), self.clock(end - 1, zone)
        # of one zone: what the clock showed later less what it showed before
        plain_clock = last - first == timedelta(seconds=end - 1 - start)
        if not any(events.values()) and first.date() == last.date() and plain_clock:
            day = self._of_day(first.date())
            return frozenset(day[first.hour * 60 + first.minute : last.hour * 60 + last.minute + 1])
        edges = {edge for times in events.values() for pair in times for edge in pair}
        inside = {edge for edge in edges if start < edge < end}
        minutes = range(start - start % 60 + 60, end, 60)
        asked = {start, end - 1, *minutes, *inside}
        return frozenset(self.bucket_at(at, zone, events) for at in asked)


@lru_cache(maxsize=REMEMBERED)  # every meter under a tariff asks for the same hours
def buckets_met(
    calendar: Calendar,
    start: int,
    end: int,
    zone: ZoneInfo,
    called: frozenset[tuple[str, tuple[int, int]]],
) -> frozenset[str]:
    """`Calendar.buckets_in`; `called` are the events that meet `[start, end)`, by name."""
    names = [rule.event for rule in calendar.event_rules]
    events = {name: [times for each, times in called if each == name] for name in names}
    return calendar.search(start, end, zone, events)


class Rule:
    """When one bucket applies."""

    def __init__(self, written: Mapping[str, Any], where: str) -> None:
        known(written, "bucket months days hours season event", where)
        self.bucket, self.event = str(written["bucket"]), str(written.get("event", ""))
        refuse("event" in written and not self.event, f"{where}: event")
        self.days = {t for d in written.get("days", DAYS) for t in GROUPS.get(d, (d,))}
        refuse(self.days - set(DAYS), f"{where}: unknown day")
        self.months = set(written.get("months", range(1, 13)))
        refuse(self.months - set(range(1, 13)), f"{where}: months")
        lists = [written.get(key, [""]) for key in ("days", "months", "hours", "season")]
        refuse(not all(isinstance(each, list) and each for each in lists), f"{where}: no list")
        self.hours = [clock_range(hours) for hours in written.get("hours", ["00:00-24:00"])]
        self.seasons = [season(text) for text in written.get("season", ["01-01 to 12-31"])]

    def on(self, day: date, kind: str) -> bool:
        """Whether it covers a part of such a day."""
        return kind in self.days and self.in_year(day)

    def in_year(self, day: date) -> bool:
        """Whether that day of the year is in its months and in one of its seasons."""
        at = (day.month, day.day)
        return day.month in self.months and any(
            first <= at <= last if first <= last else at >= first or at <= last
            for first, last in self.seasons
        )

    def at(self, minute: int) -> bool:
        """Whether it covers that minute of a day."""
        return any(first <= minute < end for first, end in self.hours)


def season(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """`MM-DD to MM-DD`, both included, as month and day; 02-29 only as an end."""
    found = re.fullmatch(r"([0-9]{2}-[0-9]{2}) to ([0-9]{2}-[0-9]{2})", text, re.ASCII)
    refuse(not found, f"season {text!r}")
    assert found
    first, last = (date.fromisoformat(f"2000-{day}") for day in found.groups())
    refuse(found[1] == "02-29", f"season {text!r} begins on 29 February")
    return (first.month, first.day), (last.month, last.day)


def clock_range(text: str) -> tuple[int, int]:
    """`HH:MM-HH:MM` as minutes of the day, half-open."""
    found = re.fullmatch(r"([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])", text, re.ASCII)
    refuse(not found, f"hours {text!r}")
    assert found
    first, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    refuse(not 0 <= first < end <= 1440, f"hours {text!r}")
    return first, end
