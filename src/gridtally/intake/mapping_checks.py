"""Step 2: what the keys of a mapping say together: what is missing, what contradicts what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gridtally.intake.units import UNITS, unit_of

if TYPE_CHECKING:
    from gridtally.intake.mapping import Mapping, Value

__all__ = ["contradictions"]

_DATE = {"year", "month", "day"}
_ALWAYS = ("metering_point", "start", "end", "time", "channel", "unit", "meter", "register")
_ONLY_REGISTERS = ("time", "meter", "register", "bucket", "reason", "multiplier", "digits")


def contradictions(mapping: Mapping) -> Iterator[str]:
    """Each thing that the document leaves open, or says in two ways."""
    if "metering_point" not in mapping.columns:
        yield "columns.metering_point is missing"
    yield from _columns(mapping)
    yield from _time(mapping)
    yield from _intervals(mapping) if mapping.kind == "intervals" else _registers(mapping)
    for number, value in enumerate(mapping.values):
        if not value.ordinal or value.ordinal == 1:
            yield from (f"value[{number}] {what}" for what in _value(value, mapping))
    for word in mapping.words:
        if word not in mapping.columns:
            yield f"words.{word} has no columns.{word} to translate"


def _columns(mapping: Mapping) -> Iterator[str]:
    """Columns by name need a header; stamps and values come from columns."""
    places = [place for places in mapping.columns.values() for place in places]
    places += [value.column for value in mapping.values]
    places += [value.occurred for value in mapping.values if value.occurred]
    if not mapping.file.header and any(place.name for place in places):
        yield "columns have names, but file.header is false; use their numbers"
    if any(value.column.constant is not None for value in mapping.values):
        yield "a value cannot be a constant"
    if any(value.occurred and value.occurred.constant is not None for value in mapping.values):
        yield "occurred cannot be a constant"
    for name, froms in mapping.columns.items():
        if name in _ALWAYS and any(place.optional for place in froms):
            yield f"columns.{name} cannot be optional"
    if mapping.file.others == "refuse" and not mapping.file.header:
        yield 'file.others = "refuse" needs a header'
    if mapping.file.trailer_optional and mapping.file.trailer is None:
        yield "file.trailer_optional needs file.trailer"
    if mapping.file.decimal == mapping.file.delimiter:
        yield "file.decimal and file.delimiter are the same mark"


def _time(mapping: Mapping) -> Iterator[str]:
    """The pattern tells a date, and no more of the clock than it can."""
    time = mapping.time
    if not time.pattern:
        yield "time.pattern is missing"
        return
    told = set().union(*(pattern.names for pattern in time.pattern))
    if sum(len(pattern.names) for pattern in time.pattern) > len(told):
        yield "time.pattern has a field in two columns"
    if not told >= _DATE:
        yield "time.pattern needs year, month and day"
    for fine, coarse in (("minute", "hour"), ("second", "minute"), ("half", "hour")):
        if fine in told and coarse not in told:
            yield f"time.pattern has the {fine} but not the {coarse}"
    for name in mapping.stamp_columns:
        if len(mapping.columns[name]) != len(time.pattern):
            yield f"columns.{name} and time.pattern must have as many parts"
        if any(place.constant is not None for place in mapping.columns[name]):
            yield f"columns.{name} cannot be a constant"
    yield from _clock(mapping, told)


def _clock(mapping: Mapping, told: set[str]) -> Iterator[str]:
    """Hours that come twice, days without a clock, numbered intervals: each said in one way."""
    time = mapping.time
    if (time.fold == "marks") != ("fold" in told) or (time.fold == "marks") != any(time.marks):
        yield 'time.fold = "marks", time.marks and the field F in time.pattern belong together'
    if any(pattern.open_fold for pattern in time.pattern) and any(
        mark[:1].isdigit() for mark in time.marks
    ):
        yield "time.marks cannot be digits right behind a field without leading zero"
    if "offset" in told and time.fold != "refuse":
        yield "time.fold is needless where time.pattern has an offset (ZZ)"
    if time.fold == "in_order" and mapping.series.order == "any":
        yield 'time.fold = "in_order" needs series.order'
    if time.day == "ends" and ("hour" in told or "start" in mapping.columns):
        yield 'time.day = "ends" is for dates without a clock, in columns.end or columns.time'
    if "ordinal" in told and (told & {"hour", "offset"} or mapping.interval.length <= 0):
        yield "the field N of time.pattern needs interval.length in seconds, and no clock beside it"


def _intervals(mapping: Mapping) -> Iterator[str]:
    """Start and end of each interval are known; what a dial says is in order."""
    columns, interval, series = mapping.columns, mapping.interval, mapping.series
    for name in _ONLY_REGISTERS:
        if name in columns:
            yield f'columns.{name} is for kind = "registers"'
    if not columns.keys() & {"start", "end"}:
        yield "columns.start or columns.end is missing"
    elif "end" not in columns and not interval.length:
        yield "interval.length is missing: columns.start alone does not say where intervals end"
    by_number = any(value.ordinal for value in mapping.values)
    told = set().union(*(pattern.names for pattern in mapping.time.pattern))
    if by_number and (
        "hour" in told or "end" in columns or interval.length <= 0 or "ordinal" in told
    ):
        yield "first and count need a date in columns.start and interval.length in seconds"
    if "ordinal" in told and "end" in columns:
        yield "the field N of time.pattern numbers an interval; name its column in columns.start"
    if interval.length < 0 and {"start", "end"} <= columns.keys():
        yield 'interval.length = "day" needs columns.start or columns.end, not both'
    if series.order == "any" and (series.cumulative or mapping.linked):
        what = "a cumulative dial" if series.cumulative else "an end without start and length"
        yield f"series.order is missing: {what} needs the row before"
    if series.reset and not series.cumulative:
        yield 'series.reset is for series.values = "cumulative"'
    if (by_number or len(mapping.values) > 1) and series.repeats > 1:
        yield "series.repeats needs a single column of values"
    if by_number and series.cumulative:
        yield "a cumulative dial needs a row per reading"


def _registers(mapping: Mapping) -> Iterator[str]:
    """A dial has a meter and an instant."""
    columns = mapping.columns
    for name in ("meter", "time"):
        if name not in columns:
            yield f"columns.{name} is missing"
    for name in ("start", "end"):
        if name in columns:
            yield f'columns.{name} is for kind = "intervals"'
    if mapping.interval != type(mapping.interval)():
        yield 'interval is for kind = "intervals"'
    if mapping.series.cumulative or mapping.series.repeats > 1:
        yield 'series.values and series.repeats are for kind = "intervals"'
    if any("ordinal" in pattern.names for pattern in mapping.time.pattern):
        yield 'the field N of time.pattern is for kind = "intervals"'


def _value(value: Value, mapping: Mapping) -> Iterator[str]:
    """What a column of values is: said once, here or by a column."""
    registers = mapping.kind == "registers"
    for key, needed in (("channel", not registers), ("unit", True), ("register", registers)):
        here = bool(getattr(value, key))
        if here and key in mapping.columns:
            yield f"has {key}, and so has columns"
        elif needed and not here and key not in mapping.columns:
            yield f"needs {key}, here or in columns"
    if value.bucket and "bucket" in mapping.columns:
        yield "has bucket, and so has columns"
    if registers and value.ordinal:
        yield 'has first and count, which are for kind = "intervals"'
    if not registers:
        for key in ("register", "bucket", "dial", "digits", "occurred"):
            if getattr(value, key):
                yield f'has {key}, which is for kind = "registers"'
    kept = UNITS[value.unit][0] if value.unit else ""
    if kept and value.channel and (value.dial == "demand") != (kept == "kW"):
        yield f"has the unit {value.unit}, which is not that of its dial"
    elif kept and value.channel and value.dial != "demand" and kept != unit_of(value.channel):
        yield f"has the unit {value.unit}, which is not that of {value.channel}"
