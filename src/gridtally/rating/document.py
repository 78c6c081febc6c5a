"""Before step 6: the tariff document as models, key by key; `docs/tariff.md` specifies each.

What a single key can get wrong is refused here, what the keys of one component say together in
`charges.py`, what several parts of a document say together in `checks.py`.
Nothing here is computed from: a string is a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from typing_extensions import override

from gridtally.errors import UsageError
from gridtally.money import Rounding, parse_decimal
from gridtally.periods import zone
from gridtally.terms import RoundingMode, Severity

__all__ = [
    "PLACES", "Calendar", "CalendarRule", "Channel", "Complaint", "Header", "Holidays", "Many",
    "Month", "NotNegative", "Number", "Percent", "Positive", "Problem", "RoundingPoint",
    "Strict", "Text", "Title", "Toml", "Word",
]  # fmt: skip

LIMIT = Decimal(1_000_000)
PLACES = 8
Complaint = tuple[str, str]
"""(path within the part, what is wrong with it)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a document: what refuses it (hold), or what is odd about it (note)."""

    code: str
    path: str
    """Where in the document: `components[2].prices.peak`; empty: the whole."""
    message: str
    remedy: str = ""
    severity: Severity = Severity.HOLD

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message}" + (f" {self.remedy}" if self.remedy else "")


class Toml(str):
    """The text of a TOML float, so that no binary float is ever made of it."""

    __slots__ = ()


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("must be a number such as 0.24")
    text = str(value) if abs(value if isinstance(value, int) else 0) < 10**30 else "a huge number"
    try:
        exact = parse_decimal(text)
    except ValueError as err:
        raise ValueError(f"{text[:40]!r} is not a plain number such as 0.24") from err
    if -exact.as_tuple().exponent > PLACES:  # type: ignore[operator]
        raise ValueError(f"{text[:40]} has more than {PLACES} decimals")
    if abs(exact) >= LIMIT:
        raise ValueError(f"{text[:40]} is out of range: numbers are below 1,000,000")
    return exact


def _positive(value: object) -> Decimal:
    if (number := _number(value)) <= 0:
        raise ValueError(f"{number} must be above zero")
    return number


def _not_negative(value: object) -> Decimal:
    if (number := _number(value)) < 0:
        raise ValueError(f"{number} must not be below zero")
    return number


def _percent(value: object) -> Decimal:
    if abs(number := _number(value)) > 100:
        raise ValueError(f"{number} is more than 100 percent; 8.25 percent is written 8.25")
    return number


def _zone(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the name of a time zone")
    try:
        return zone(value).name
    except UsageError as err:
        raise ValueError(f"{err.message} {err.remedy}".rstrip(".")) from err


def _text(value: object) -> object:
    if isinstance(value, Toml) or not isinstance(value, str):
        raise ValueError("must be a text")
    if not value.strip() or len(value) > 2000 or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value):
        raise ValueError("must be a text of 1 to 2000 characters without control characters")
    return value


_JSON = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,8})?$"}]}
)
Number = Annotated[Decimal, BeforeValidator(_number), _JSON]
Positive = Annotated[Decimal, BeforeValidator(_positive), _JSON]
NotNegative = Annotated[Decimal, BeforeValidator(_not_negative), _JSON]
Percent = Annotated[Decimal, BeforeValidator(_percent), _JSON]
ZoneName = Annotated[str, BeforeValidator(_zone)]
Text = Annotated[str, BeforeValidator(_text)]
Title = Text | dict[Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Za-z]{2,4})?$")], Text]
TariffId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Month = Annotated[int, Field(ge=1, le=12)]
Channel = Literal["import", "export", "reactive_import", "reactive_export"]
Day = Literal[
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday", "weekday", "weekend"
]  # fmt: skip
Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$")]


def Many(minimum: int = 1) -> Any:  # noqa: N802 - reads as a type
    """A TOML array, kept as a tuple."""
    return Field(strict=False, min_length=minimum)


class Strict(BaseModel):
    """A table of the document: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def complaints(self) -> Iterator[Complaint]:
        """What its keys say together and must not."""
        yield from ()


class RoundingPoint(Strict):
    """Where and how an amount is rounded."""

    places: Annotated[int, Field(ge=0, le=PLACES)]
    mode: Annotated[RoundingMode, Field(strict=False)]

    def point(self) -> Rounding:
        """As the shared type."""
        return Rounding(self.places, self.mode)


class Roundings(Strict):
    """The two rounding points that every version declares."""

    line: RoundingPoint
    total: RoundingPoint


class Holidays(Strict):
    """Days of the type `holiday`; for each of `years` the list is complete."""

    source: Text
    years: Annotated[tuple[Annotated[int, Field(ge=1990, le=2060)], ...], Many()]
    dates: Annotated[tuple[date, ...], Many(0)]


class CalendarRule(Strict):
    """When a bucket is on; or `otherwise` alone, for everything not covered."""

    bucket: Word | None = None
    months: Annotated[tuple[Month, ...], Many()] = tuple(range(1, 13))
    days: Annotated[tuple[Day, ...], Many()] | None = None
    hours: Annotated[tuple[Hours, ...], Many()] = ("00:00-24:00",)
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

    @staticmethod
    def minutes(text: str) -> tuple[int, int]:
        """`08:00-10:30` as minutes of the day."""
        return int(text[:2]) * 60 + int(text[3:5]), int(text[6:8]) * 60 + int(text[9:])


class Calendar(Strict):
    """A list of rules that gives every instant exactly one bucket."""

    rules: Annotated[tuple[CalendarRule, ...], Many()]

    @override
    def complaints(self) -> Iterator[Complaint]:
        for i, rule in enumerate(self.rules):
            for path, message in rule.complaints():
                yield f"rules[{i}]" + (f".{path}" if path else ""), message
            if rule.otherwise and i != len(self.rules) - 1:
                yield f"rules[{i}].otherwise", "`otherwise` is the last rule, and there is one"


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
    rounding: Roundings
    holidays: Holidays | None = None
