"""Before step 6: what a single key of a tariff document can hold; `docs/tariff.md` specifies it.

Numbers that are exact, texts that are plain, and values: a number, or a term of the agreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gridtally.errors import UsageError
from gridtally.money import Rounding, number, parse_decimal
from gridtally.periods import zone
from gridtally.plain import is_plain
from gridtally.terms import RoundingMode, Severity

__all__ = [
    "MONTH_DAY", "PLACES", "Channel", "Complaint", "Day", "HoursValue", "Many", "Month", "MonthDay",
    "NotNegative",
    "NotNegativeValue", "Number", "PercentPrice", "PercentValue", "Positive", "PositiveValue",
    "Price", "Problem", "RatioValue", "RoundingPoint", "Strict", "TariffId", "Text", "Title",
    "Toml", "Value", "Word", "ZoneName", "complaints_of", "month_day", "month_days", "named",
    "values_of",
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
    remedy: str
    severity: Severity = Severity.HOLD
    part: str = ""
    """The id of the component that it is about, for who reads it."""

    @property
    def where(self) -> str:
        """Its place for a person: `components[2] (energy).prices.peak`."""
        if not self.part:
            return self.path or "the file"
        at = self.path.index("]") + 1
        return f"{self.path[:at]} ({self.part}){self.path[at:]}"

    def __str__(self) -> str:
        where = f"{self.where}: " if self.path else ""
        return f"{where}{self.message} {self.remedy}".rstrip()


def named(problems: Iterable[Problem], ids: Sequence[object]) -> list[Problem]:
    """Problems that say which component they are about; `ids` by position, whatever they are."""
    found = []
    for problem in problems:
        at = re.match(r"components\[(\d+)\]", problem.path)
        name = ids[int(at[1])] if at and int(at[1]) < len(ids) else None
        known = isinstance(name, str) and re.fullmatch(_WORD, name)
        found.append(replace(problem, part=str(name)) if known else problem)
    return found


class Toml(str):
    """The text of a TOML float, so that no binary float is ever made of it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A number of the document, or the name of a term that the agreement states."""

    number: Decimal | None = None
    term: str | None = None
    least: Decimal | None = None
    """What its place allows, included; None: no bound. For a price see `price`."""
    most: Decimal | None = None
    price: bool = False
    """Below zero only when the component says `negative = true`."""

    def __str__(self) -> str:
        return number(self.exact) if self.term is None else f"the agreement's {self.term}"

    @property
    def exact(self) -> Decimal:
        """The number of a value that is known to be one."""
        assert self.number is not None, f"the agreement states {self.term}"
        return self.number


# ------------------------------------------------------------------- numbers


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("must be a number such as 0.24")
    if isinstance(value, int) and abs(value) >= LIMIT:
        raise ValueError("is out of range: numbers are below 1,000,000")
    text = str(value)
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
    if (exact := _number(value)) <= 0:
        raise ValueError(f"{exact} must be above zero")
    return exact


def _not_negative(value: object) -> Decimal:
    if (exact := _number(value)) < 0:
        raise ValueError(f"{exact} must not be below zero")
    return exact


def _share(value: object) -> Decimal:
    if not 0 <= (exact := _number(value)) <= 100:
        raise ValueError(f"{exact} must be from 0 to 100 percent")
    return exact


def _percent(value: object) -> Decimal:
    if abs(exact := _number(value)) > 100:
        raise ValueError(f"{exact} is more than 100 percent; 8.25 percent is written 8.25")
    return exact


def _hours(value: object) -> Decimal:
    if (exact := _positive(value)) > 24:
        raise ValueError(f"{exact} is more than the 24 hours of a day")
    return exact


def _ratio(value: object) -> Decimal:
    if not 0 <= (exact := _number(value)) <= 1:
        raise ValueError(f"{exact} must be from 0 to 1; 35 percent is written 0.35")
    return exact


def _value(
    value: object,
    *,
    of: Any,
    least: Decimal | None = None,
    most: Decimal | None = None,
    price: bool = False,
) -> Value:
    if isinstance(value, Value):
        return value
    if not isinstance(value, dict):
        return Value(of(value), None, least, most, price)
    name = value.get("term")
    if set(value) != {"term"} or not isinstance(name, str) or not re.fullmatch(_WORD, name):
        raise ValueError('must be a number, or { term = "NAME" }')
    return Value(None, name, least, most, price)


_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_ZERO, _ONE, _HUNDRED = Decimal(0), Decimal(1), Decimal(100)
_PLAIN: list[dict[str, Any]] = [
    {"type": "number"},
    {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,8})?$"},
]
_TERM = {
    "type": "object",
    "properties": {"term": {"type": "string", "pattern": f"^{_WORD}$"}},
    "required": ["term"],
    "additionalProperties": False,
}
_JSON = WithJsonSchema({"anyOf": _PLAIN})
_JSON_VALUE = WithJsonSchema({"anyOf": [*_PLAIN, _TERM]})
Number = Annotated[Decimal, BeforeValidator(_number), _JSON]
Positive = Annotated[Decimal, BeforeValidator(_positive), _JSON]
NotNegative = Annotated[Decimal, BeforeValidator(_not_negative), _JSON]


def _of(of: Any, **bounds: Any) -> BeforeValidator:
    return BeforeValidator(partial(_value, of=of, **bounds))


Price = Annotated[Value, _of(_number, price=True), _JSON_VALUE]
PercentPrice = Annotated[
    Value, _of(_percent, price=True, least=-_HUNDRED, most=_HUNDRED), _JSON_VALUE
]
NotNegativeValue = Annotated[Value, _of(_not_negative, least=_ZERO), _JSON_VALUE]
PositiveValue = Annotated[Value, _of(_positive, least=_ZERO), _JSON_VALUE]
"""Zero from the document is refused; zero from a term is what the case has to hold."""
PercentValue = Annotated[Value, _of(_share, least=_ZERO, most=_HUNDRED), _JSON_VALUE]
HoursValue = Annotated[Value, _of(_hours, least=_ZERO, most=Decimal(24)), _JSON_VALUE]
RatioValue = Annotated[Value, _of(_ratio, least=_ZERO, most=_ONE), _JSON_VALUE]


def values_of(part: object, path: str = "") -> Iterator[tuple[str, Value]]:
    """(path, value) of every value in a part of the document."""
    if isinstance(part, Value):
        yield path, part
    elif isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            key = field.alias or name
            yield from values_of(getattr(part, name), f"{path}.{key}" if path else key)
    elif isinstance(part, dict):
        for key, item in part.items():
            yield from values_of(item, f"{path}.{key}")
    elif isinstance(part, tuple):
        for i, item in enumerate(part):
            yield from values_of(item, f"{path}[{i}]")


# --------------------------------------------------------------------- texts


def _zone(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the name of a time zone")
    try:
        return zone(value).name
    except UsageError as err:
        raise ValueError(err.message.rstrip(".")) from err


def _text(value: object) -> object:
    if isinstance(value, Toml) or not isinstance(value, str):
        raise ValueError("must be a text")
    if not value.strip() or len(value) > 2000 or not all(map(is_plain, value)):
        raise ValueError(
            "must be a text of 1 to 2000 characters on one line, without characters that control "
            "or turn the writing"
        )
    return value


def month_day(value: object) -> object:
    """`MM-DD`, a day that every year has."""
    if not isinstance(value, str) or not re.fullmatch(
        r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", value
    ):
        raise ValueError('must be a day such as "04-01"')
    month, day = int(value[:2]), int(value[3:])
    if day > (28, 30, 31)[(month != 2) + (month in (1, 3, 5, 7, 8, 10, 12))]:
        raise ValueError(f"{value} is not a day of every year")
    return value


def month_days(texts: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """`("04-01",)` as `((4, 1),)`."""
    return tuple((int(text[:2]), int(text[3:])) for text in texts)


MONTH_DAY = r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
ZoneName = Annotated[str, BeforeValidator(_zone)]
Text = Annotated[str, BeforeValidator(_text)]
Title = Text | dict[Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Za-z]{2,4})?$")], Text]
TariffId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Word = Annotated[str, Field(pattern=f"^{_WORD}$")]
Month = Annotated[int, Field(ge=1, le=12)]
MonthDay = Annotated[
    str,
    BeforeValidator(month_day),
    WithJsonSchema({"type": "string", "pattern": MONTH_DAY}),
]
Channel = Literal["import", "export", "reactive_import", "reactive_export"]
Day = Literal[
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday", "weekday", "weekend"
]  # fmt: skip


# --------------------------------------------------------------------- parts


def Many(minimum: int = 1, maximum: int | None = None) -> Any:  # noqa: N802 - reads as a type
    """A TOML array, kept as a tuple."""
    return Field(strict=False, min_length=minimum, max_length=maximum)


class Strict(BaseModel):
    """A table of the document: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def complaints(self) -> Iterator[Complaint]:
        """What its keys say together and must not."""
        yield from ()


def complaints_of(part: object, path: str = "") -> Iterator[Complaint]:
    """What a part of the document and all parts within it say together and must not."""
    if isinstance(part, Strict):
        for where, what in part.complaints():
            yield f"{path}.{where}" if path and where else path or where, what
        for name, field in type(part).model_fields.items():
            key = field.alias or name
            yield from complaints_of(getattr(part, name), f"{path}.{key}" if path else key)
    elif isinstance(part, dict):
        for key, item in part.items():
            yield from complaints_of(item, f"{path}.{key}")
    elif isinstance(part, tuple):
        for i, item in enumerate(part):
            yield from complaints_of(item, f"{path}[{i}]")


class RoundingPoint(Strict):
    """Where and how an amount is rounded."""

    places: Annotated[int, Field(ge=0, le=PLACES)]
    mode: Annotated[RoundingMode, Field(strict=False)]

    def point(self) -> Rounding:
        """As the shared type."""
        return Rounding(self.places, self.mode)
