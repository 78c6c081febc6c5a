"""Step 2: the mapping document, which says how a utility's own CSV is read.

`docs/mapping.md` has each key. It declares and never computes: no expression, no regular
expression, nothing that runs.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, fields, replace
from typing import Any

from gridtally.errors import InvalidDocument, UsageError
from gridtally.intake import stamps, strict
from gridtally.intake.mapping_checks import contradictions
from gridtally.intake.readings import KINDS, REASONS
from gridtally.intake.stamps import Pattern
from gridtally.intake.strict import choice, flag, text, whole
from gridtally.intake.units import CHANNELS, QUALITIES, UNITS
from gridtally.periods import Zone
from gridtally.periods import zone as zone_of

__all__ = ["DAY", "Dialect", "From", "Interval", "Mapping", "Series", "Stamp", "Value", "load"]

DAY = -1
"""The length of an interval that is a local day."""
_COLUMNS_MAX = 2000
_SHORTEST, _LONGEST = 60, 31 * 86_400
_ENCODINGS = {
    "utf-8": "utf-8", "utf-16": "utf-16", "latin-1": "iso8859-1", "windows-1252": "cp1252",
    "gb18030": "gb18030", "big5": "big5", "shift-jis": "shift_jis",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class From:
    """Where a text comes from: a constant, or a column by its number (from 1) or its name.

    Beside a name, `number` says how many columns further on. `optional`: the file need not have it.
    """

    name: str = ""
    number: int = 0
    constant: str | None = None
    optional: bool = False

    def __str__(self) -> str:
        if not self.name:
            return f"number {self.number}"
        return repr(self.name) + (f" and {self.number} on" if self.number else "")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written. `trailer`: text before and after the number of rows."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    exponent: bool = False
    header: bool = True
    skip: int = 0
    trailer: tuple[str, str] | None = None
    trailer_optional: bool = False
    others: str = "ignore"
    unreadable: str = "set_aside"


@dataclass(frozen=True, slots=True)
class Stamp:
    """How its dates and times are written."""

    pattern: tuple[Pattern, ...]
    zone: Zone | None = None
    hour_24: bool = False
    day: str = "starts"
    fold: str = "refuse"
    marks: tuple[bytes, bytes] = (b"", b"")


@dataclass(frozen=True, slots=True)
class Interval:
    """How long intervals are [s], 0: as start and end say, or from the end before; DAY: a day."""

    length: int = 0
    tolerance: int = 0
    uneven: str = ""
    gap: int = 0
    gaps: str = ""
    overlaps: str = "set_aside"
    grid: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """How rows follow on each other. `reset`: local seconds of the day from and to, or None."""

    order: str = "any"
    repeats: int = 1
    cumulative: bool = False
    reset: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """One column of values, and what they are. `ordinal`: which interval of the day, from 1."""

    column: From
    channel: str = ""
    unit: str = ""
    scale: tuple[int, int] = (1, 0)
    register: str = ""
    bucket: str = ""
    dial: str = ""
    digits: int = 0
    occurred: From | None = None
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping document; see `docs/mapping.md`."""

    name: str
    kind: str
    columns: MappingOf[str, tuple[From, ...]]
    time: Stamp
    values: tuple[Value, ...]
    file: Dialect = field(default_factory=Dialect)
    interval: Interval = field(default_factory=Interval)
    series: Series = field(default_factory=Series)
    words: MappingOf[str, MappingOf[str, str]] = field(default_factory=dict)

    @property
    def linked(self) -> bool:
        """An interval starts where the row before ended."""
        ends_only = "end" in self.columns and "start" not in self.columns
        return self.kind == "intervals" and ends_only and not self.interval.length

    @property
    def apart(self) -> bool:
        """Each row says all by itself, whatever the row before it was."""
        interval, series = self.interval, self.series
        beside = series.cumulative or series.repeats > 1 or self.time.fold == "in_order"
        return bool(interval.length) and interval.gaps == "note" and not beside

    def without(self, missing: Collection[str]) -> Mapping:
        """The mapping of a file that does not have these optional columns."""

        def there(place: From | None) -> bool:
            return place is not None and not (place.optional and place.name in missing)

        columns = {key: froms for key, froms in self.columns.items() if all(map(there, froms))}
        values = tuple(
            replace(value, occurred=value.occurred if there(value.occurred) else None)
            for value in self.values
            if there(value.column)
        )
        return replace(self, columns=columns, values=values)

    @property
    def stamp_columns(self) -> tuple[str, ...]:
        """Which of start, end and time the file has."""
        return tuple(name for name in ("start", "end", "time") if name in self.columns)


def load(data: bytes, *, name: str = "mapping") -> Mapping:
    """The mapping that a document holds. Raises `InvalidDocument` with every problem at once."""
    problems: list[str] = []
    raw = strict.toml(data, problems)
    mapping = None if problems else _read(raw, problems)
    if mapping is not None:
        problems += contradictions(mapping)
    if problems or mapping is None:
        more = f" (and {len(problems) - 10} more)" if len(problems) > 10 else ""
        raise InvalidDocument(
            "The mapping is refused: " + "; ".join(problems[:10]) + more + ".",
            file=name,
            code="intake.mapping.document",
            remedy="docs/mapping.md and `gridtally formats mapping` show every key.",
        )
    dial = mapping.series.cumulative
    gaps = mapping.interval.gaps or ("set_aside" if dial else "note")
    uneven = mapping.interval.uneven or ("set_aside" if mapping.linked and not dial else "note")
    return replace(mapping, interval=replace(mapping.interval, gaps=gaps, uneven=uneven))


def _read(raw: dict[str, Any], problems: list[str]) -> Mapping | None:
    """What the tables say, each for itself."""
    found = strict.table(raw, "", _DOCUMENT, problems)
    needed = ("gridtally_mapping", "name", "kind", "columns", "time")
    problems += [f"{key} is missing" for key in needed if key not in raw]
    parts: dict[str, Any] = {}
    for key, (known, build) in _TABLES.items():
        before = len(problems)
        given = strict.table(raw.get(key, {}), key, known, problems)
        if len(problems) == before:
            parts[key] = build(**given)
    parts["values"] = _values(raw.get("value"), problems)
    return None if problems else Mapping(name=found["name"], kind=found["kind"], **parts)


# ---------------------------------------------------------------------- keys


def _from(value: object) -> From:
    if isinstance(value, dict):
        if list(value) == ["constant"]:
            return From(constant=text(value["constant"]))
        if list(value) == ["optional"]:
            return From(name=text(value["optional"]), optional=True)
        raise ValueError('must be a column, { optional = "…" } or { constant = "…" }')
    if isinstance(value, int) and not isinstance(value, bool):
        return From(number=whole(1, _COLUMNS_MAX)(value))
    return From(name=text(value))


def _froms(value: object) -> tuple[From, ...]:
    if isinstance(value, list):
        if not 1 <= len(value) <= 4:
            raise ValueError("must be one to four columns")
        return tuple(_from(one) for one in value)
    return (_from(value),)


def _one_from(value: object) -> tuple[From, ...]:
    return (_from(value),)


def _patterns(value: object) -> tuple[Pattern, ...]:
    parts = value if isinstance(value, list) else [value]
    if not 1 <= len(parts) <= 4:
        raise ValueError("must be one to four patterns")
    return tuple(stamps.compiled(part) for part in parts)


def _zone(value: object) -> Zone:
    try:
        return zone_of(text(value))
    except UsageError as err:
        raise ValueError("must be an IANA zone such as Europe/Lisbon") from err


def _marks(value: object) -> tuple[bytes, bytes]:
    if not isinstance(value, list) or len(value) != 2 or value[0] == value[1]:
        raise ValueError('must be two different marks such as ["A", "B"]')
    first, second = (text(mark).encode() if mark else b"" for mark in value)
    if max(len(first), len(second)) > 16:
        raise ValueError("must be short marks such as A and B")
    return first, second


def _trailer(value: object) -> tuple[str, str]:
    before, found, after = text(value).partition("{rows}")
    if not found or not before + after or "{" in before + after:
        raise ValueError('must be a line such as "END;{rows}"')
    return before, after


def _length(value: object) -> int:
    if value == "day":
        return DAY
    try:
        seconds: int = whole(_SHORTEST, _LONGEST)(value)
    except ValueError as err:
        raise ValueError(f'{err} [s], or "day"') from err
    return seconds


def _window(value: object) -> tuple[int, int] | None:
    if value == "never":
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError('must be "never", or local times such as ["23:45", "00:15"]')
    first, last = (_clock(part) for part in value)
    return first, last


def _unit(value: object) -> str:
    """A unit in any letter case."""
    unit: str = choice(*UNITS)(value.lower() if isinstance(value, str) else value)
    return unit


def _unit_words(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        value = {word: str(meaning).lower() for word, meaning in value.items()}
    return dict(strict.words(*UNITS)(value))


def _later(value: object) -> object:
    """A table that is read on its own."""
    return value


def _clock(value: object) -> int:
    pieces = value.split(":") if isinstance(value, str) else []
    fits = 2 <= len(pieces) <= 3
    if fits and all(len(p) == 2 and p.isascii() and p.isdigit() for p in pieces):
        hour, minute, second = map(int, [*pieces, "00"][:3])
        if hour < 24 and minute < 60 and second < 60:
            return hour * 3600 + minute * 60 + second
    raise ValueError(f"has {value!r:.40}, which is no local time such as 23:45 or 23:59:59")


_WHOLE_SECONDS = whole(0, _LONGEST)
_KEPT = choice("note", "set_aside")


_DOCUMENT: dict[str, strict.Parser] = {
    "gridtally_mapping": whole(1, 1), "name": text, "kind": choice("intervals", "registers"),
    **dict.fromkeys(("file", "columns", "time", "interval", "series", "words", "value"), _later),
}  # fmt: skip
_COLUMNS: dict[str, strict.Parser] = {
    **dict.fromkeys(("start", "end", "time"), _froms),
    **dict.fromkeys(
        ("metering_point", "channel", "unit", "quality", "version", "meter", "register", "bucket",
         "reason", "multiplier", "digits"),
        _one_from,
    ),
}  # fmt: skip
_TABLES: dict[str, tuple[dict[str, strict.Parser], Any]] = {
    "file": (
        {
            "encoding": choice(*_ENCODINGS), "delimiter": choice(",", ";", "\t", "|"),
            "quote": choice('"', ""), "decimal": choice(".", ","), "exponent": flag,
            "header": flag, "skip": whole(0, 1000), "trailer": _trailer,
            "trailer_optional": flag, "others": choice("ignore", "refuse"),
            "unreadable": choice("set_aside", "refuse"),
        },
        lambda **keys: Dialect(**keys | {"encoding": _ENCODINGS[keys.get("encoding", "utf-8")]}),
    ),
    "columns": (_COLUMNS, dict),
    "time": (
        {
            "pattern": _patterns, "zone": _zone, "hour_24": flag, "day": choice("starts", "ends"),
            "fold": choice("refuse", "in_order", "marks"), "marks": _marks,
        },
        lambda **keys: Stamp(**{"pattern": ()} | keys),
    ),
    "interval": (
        {
            "length": _length, "tolerance": _WHOLE_SECONDS, "uneven": _KEPT,
            "gap": _WHOLE_SECONDS, "gaps": _KEPT, "overlaps": _KEPT, "grid": flag,
        },
        Interval,
    ),
    "series": (
        {
            "order": choice("any", "increasing", "decreasing"), "repeats": whole(1, 100),
            "values": choice("interval", "cumulative"), "reset": _window,
        },
        lambda values="interval", **keys: Series(cumulative=values == "cumulative", **keys),
    ),
    "words": (
        {
            "channel": strict.words(*CHANNELS), "unit": _unit_words,
            "quality": strict.words(*QUALITIES), "reason": strict.words(*REASONS),
        },
        dict,
    ),
}  # fmt: skip
_VALUE: dict[str, strict.Parser] = {
    "column": _from, "columns": _froms, "first": _from, "count": whole(1, 1500),
    "channel": choice(*CHANNELS), "unit": _unit,
    "scale": strict.decimal, "register": text, "bucket": text, "dial": choice(*KINDS),
    "digits": whole(1, 12), "occurred": _from,
}  # fmt: skip


def _values(raw: object, problems: list[str]) -> tuple[Value, ...]:
    """The [[value]] tables; `first` and `count` stand for a column per interval of the day."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= 200:
        problems.append("there must be 1 to 200 tables [[value]]")
        return ()
    found: list[Value] = []
    names = {part.name for part in fields(Value)}
    for number, one in enumerate(raw):
        keys = strict.table(one, f"value[{number}]", _VALUE, problems)
        ways = keys.keys() & {"column", "first"}
        if len(ways) != 1 or ("first" in keys) != ("count" in keys):
            problems.append(f"value[{number}] must have a column, or first and count")
            continue
        plain = {key: kept for key, kept in keys.items() if key in names - {"column"}}
        if "column" in keys:
            found.append(Value(keys["column"], **plain))
            continue
        first = keys["first"]
        found += [
            Value(replace(first, number=first.number + k), ordinal=k + 1, **plain)
            for k in range(keys["count"])
        ]
    return tuple(found)
