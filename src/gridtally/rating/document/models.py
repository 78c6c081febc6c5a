"""Before step 6: the frame of a tariff document as models: header, holidays, calendars.

What a single key can get wrong is refused in `values.py`, what the keys of one part say together
here, in `declared.py` and in `charges/`, what several parts say together in `checks.py`.
Nothing here is computed from: a string is a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from gridtally.rating.document.declared import Eligibility, EventList, Loss, Part, PriceSeries, Term
from gridtally.rating.document.values import (
    Complaint,
    Day,
    Many,
    Month,
    RoundingPoint,
    Strict,
    TariffId,
    Text,
    Title,
    Word,
    ZoneName,
)

__all__ = ["Calendar", "CalendarRule", "Header", "Holidays", "Roundings"]

Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]
Season = Annotated[
    str,
    Field(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) to (0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
    ),
]
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Roundings(Strict):
    """The two rounding points that every version declares."""

    line: RoundingPoint
    total: RoundingPoint


class Holidays(Strict):
    """Days of the type `holiday`; for each of `years` the list is complete."""

    source: Text
    years: Annotated[tuple[Annotated[int, Field(ge=1990, le=2060)], ...], Many()]
    dates: Annotated[tuple[date, ...], Many(0)]
    library: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,6})?$")] | None = None
    add: Annotated[tuple[date, ...], Many(0)] = ()
    remove: Annotated[tuple[date, ...], Many(0)] = ()

    @override
    def complaints(self) -> Iterator[Complaint]:
        for key in ("add", "remove"):
            if getattr(self, key) and not self.library:
                yield key, "has a meaning only beside `library`"


class CalendarRule(Strict):
    """When a bucket is on; or `otherwise` alone, for everything not covered."""

    bucket: Word | None = None
    months: Annotated[tuple[Month, ...], Many()] = tuple(range(1, 13))
    days: Annotated[tuple[Day, ...], Many()] | None = None
    hours: Annotated[tuple[Hours, ...], Many()] = ("00:00-24:00",)
    season: Annotated[tuple[Season, ...], Many()] | None = None
    event: Word | None = None
    otherwise: Word | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        if (self.bucket is None) == (self.otherwise is None):
            yield "", "a rule has either a `bucket` or `otherwise`"
        if self.otherwise and len(self.model_fields_set) > 1:
            yield "", "`otherwise` stands alone in its rule"
        for i, text in enumerate(self.hours):
            start, end = self.minutes(text)
            if end > 1440:
                yield f"hours[{i}]", f"{text}: the day ends at 24:00"
            elif start == end:
                yield f"hours[{i}]", f"{text} is empty"
            elif start > end:
                yield (
                    f"hours[{i}]",
                    f"{text} runs past midnight; write it as two ranges, "
                    f'"{text[:5]}-24:00" and "00:00-{text[6:]}"',
                )
        for i, text in enumerate(self.season or ()):
            for month, day in self.ends(text):
                if day > _DAYS[month - 1]:
                    yield f"season[{i}]", f"{text}: {month:02}-{day:02} is not a day"
            if text.startswith("02-29"):
                yield (
                    f"season[{i}]",
                    f"{text} begins on a day that most years do not have; write 03-01",
                )

    @staticmethod
    def minutes(text: str) -> tuple[int, int]:
        """`08:00-10:30` as minutes of the day."""
        return int(text[:2]) * 60 + int(text[3:5]), int(text[6:8]) * 60 + int(text[9:])

    @staticmethod
    def ends(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """`06-15 to 09-14` as ((6, 15), (9, 14)), both included; may run over the year's end."""
        one, two, three, four = map(int, re.findall(r"\d\d", text))
        return (one, two), (three, four)

    @property
    def seasons(self) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...] | None:
        """First and last (month, day) of each season; None: all the year."""
        return None if self.season is None else tuple(map(self.ends, self.season))


class Calendar(Strict):
    """A list of rules that gives every instant exactly one bucket."""

    clock: Literal["standard"] | None = None
    rules: Annotated[tuple[CalendarRule, ...], Many()]

    @override
    def complaints(self) -> Iterator[Complaint]:
        usual = False
        for i, rule in enumerate(self.rules):
            if rule.otherwise and i != len(self.rules) - 1:
                yield f"rules[{i}].otherwise", "`otherwise` is the last rule, and there is one"
            if rule.event and usual:
                yield f"rules[{i}].event", "rules with an event stand before all others"
            usual |= not rule.event

    @property
    def buckets(self) -> tuple[str, ...]:
        """Its buckets, in the order in which they are first named."""
        return tuple(dict.fromkeys(rule.bucket or rule.otherwise or "" for rule in self.rules))

    @property
    def events(self) -> tuple[str, ...]:
        """Events that its rules name."""
        return tuple(dict.fromkeys(rule.event for rule in self.rules if rule.event))


class Header(Strict):
    """Everything of a document but its calendars and components."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    tariff: TariffId
    title: Title | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    zone: ZoneName
    valid_from: date
    valid_to: date | None = None
    source: Text
    assumptions: Annotated[tuple[Text, ...], Many(0)] = ()
    verified_by: Text | None = None
    rounding: Roundings
    holidays: Holidays | None = None
    eligibility: Eligibility | None = None


class Declared(Strict):
    """What a document declares by name, for its components to use."""

    calendars: dict[Word, Calendar] = Field(default_factory=dict)
    terms: dict[Word, Term] = Field(default_factory=dict)
    series: dict[Word, PriceSeries] = Field(default_factory=dict)
    events: dict[Word, EventList] = Field(default_factory=dict)
    parts: dict[Word, Part] = Field(default_factory=dict)
    losses: dict[Word, Loss] = Field(default_factory=dict)
