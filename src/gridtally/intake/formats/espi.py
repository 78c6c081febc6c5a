"""Step 2: the XML of a Green Button feed as plain records, read in one pass and never as a tree.

Document types, and with them entities, are refused; so are nesting deeper than 64, attributes that
are long or many, and XInclude. Of a reading nothing but the text of its fields is kept, in columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat  # no entity is ever read: a document type ends the file

import numpy as np
import numpy.typing as npt

from gridtally.errors import RefusedFile
from gridtally.intake.text import Names
from gridtally.intake.words import refuse

__all__ = ["CODED", "NUMBERS", "Feed", "Linked", "Readings", "Resource", "Texts", "read_feed"]

Ints = npt.NDArray[np.int64]

_DEEPEST = 64
_ATTRIBUTES = 64
_ATTRIBUTE_MAX = 8192
_TEXT_MAX = 128 * 1024
_STEP = 1 << 20
_FLUSH = 1 << 15
_FIELDS = ("start", "duration", "value", "quality", "cost", "tou", "consumptionTier", "cpp")
_XINCLUDE = "http://www.w3.org/2001/XInclude"
NUMBERS = _FIELDS[:3]
"""Fields of a reading that are whole numbers."""
CODED = _FIELDS[3:]
"""Fields of a reading that are kept as texts. Several qualities are one text."""


@dataclass(slots=True)
class Linked:
    """An Atom entry's links: its own address, the collection it is in, what it relates to."""

    own: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)
    uuid: str = ""
    updated: str = ""


@dataclass(slots=True)
class Resource:
    """What an entry holds, its fields by path such as `interval.start`; `line` is where it begins.

    An IntervalBlock has the readings `first` … `last - 1`.
    """

    kind: str
    link: Linked
    line: int
    fields: dict[str, str] = field(default_factory=dict)
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts as UTF-8, one after the other: row r is `data[starts[r]:ends[r]]`."""

    data: npt.NDArray[np.uint8]
    starts: Ints
    ends: Ints

    def text(self, row: int) -> str:
        """One of them."""
        return self.data[self.starts[row] : self.ends[row]].tobytes().decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Readings:
    """Some tens of thousands of readings: `line` (n,), texts of NUMBERS, codes of CODED."""

    line: Ints
    numbers: Mapping[str, Texts]
    codes: Mapping[str, Ints]


@dataclass(slots=True)
class Feed:
    """Resources of a feed by kind, and its readings; `texts` numbers those of CODED fields."""

    resources: dict[str, list[Resource]] = field(default_factory=dict)
    readings: list[Readings] = field(default_factory=list)
    texts: Names = field(default_factory=Names)
    count: int = 0

    def of(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds."""
        return [resource for kind in kinds for resource in self.resources.get(kind, ())]


class _Handler:
    """Called by the parser for each element; keeps one resource at a time, and some readings."""

    def __init__(self, file: str, parser: expat.XMLParserType) -> None:
        self.file, self.parser, self.feed = file, parser, Feed()
        self.stack: list[str] = []
        self.text: list[str] = []
        self.link = Linked()
        self.resource: Resource | None = None
        self.bottom = 0
        self.path: list[str] = []
        self.seen: list[dict[str, int]] = []
        self.now: dict[str, str] = {}
        self.line = self.inside = 0
        self.rows: list[tuple[Any, ...]] = []
        self.local = _Local()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens, outside readings."""
        stack, local = self.stack, self.local[name]
        stack.append(local)
        self.text.clear()
        if len(stack) > _DEEPEST:
            raise self.unsafe(f"more than {_DEEPEST} levels")
        if attributes:
            self._check(attributes)
        if local == "IntervalReading":
            # Most of a feed are readings: only the ends of their fields are listened to.
            self.line, self.inside = self.parser.CurrentLineNumber, 0
            self.parser.StartElementHandler = None
            self.parser.EndElementHandler = self.end_inside
        elif self.resource is not None:
            self._open(local)
        elif local == "entry":
            self.link = Linked()
        elif local == "link":
            self._link(attributes)
        elif len(stack) == 1 or stack[-2] == "content":
            self._begin(local)

    def end_inside(self, name: str) -> None:
        """A field of a reading closes, or the reading itself."""
        local, now, text = self.local[name], self.now, "".join(self.text).strip()
        self.text.clear()
        if local != "IntervalReading":
            self.inside += 1
            now[local] = f"{now[local]},{text}" if local == "quality" and local in now else text
            return
        if self.inside > _DEEPEST:
            raise self.unsafe(f"more than {_DEEPEST} levels or fields in a reading")
        get = now.get
        self.rows.append((self.line, *[get(field, "") for field in _FIELDS]))
        now.clear()
        if len(self.rows) >= _FLUSH:
            self.flush()
        self.stack.pop()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def _check(self, attributes: Mapping[str, str]) -> None:
        """Refuse attributes that no feed has."""
        if len(attributes) > _ATTRIBUTES or max(map(len, attributes.values())) > _ATTRIBUTE_MAX:
            raise self.unsafe("attributes that are too many or too long")
        if _XINCLUDE in attributes.values():
            raise self.unsafe("XInclude")

    def _begin(self, kind: str) -> None:
        """A resource begins: the only child of an entry's content."""
        if kind in ("feed", "entry"):
            return
        self.resource = Resource(kind, self.link, self.parser.CurrentLineNumber)
        self.resource.first = self.feed.count + len(self.rows)
        self.bottom = len(self.stack)
        self.path, self.seen = [], [{}]

    def _open(self, name: str) -> None:
        """A field, or a group of fields; one that is there again is numbered."""
        seen = self.seen[-1]
        seen[name] = count = seen.get(name, 0) + 1
        self.path.append(name if count == 1 else f"{name}.{count}")
        self.seen.append({})

    def _link(self, attributes: Mapping[str, str]) -> None:
        href = attributes.get("href", "").rstrip("/")
        relation = attributes.get("rel", "")
        if relation == "self":
            self.link.own = href
        elif relation == "up":
            self.link.up = href
        elif relation == "related":
            self.link.related.append(href)

    def end(self, name: str) -> None:
        """An element closes, outside readings."""
        if not self.stack or self.stack.pop() != self.local[name]:
            raise self.unsafe("a reading inside a reading")  # their beginnings are not listened to
        text = "".join(self.text).strip()
        self.text.clear()
        if len(text) > _TEXT_MAX:
            raise self.unsafe("a text that is too long")
        if self.resource is not None:
            self._close(text)
        elif self.stack and self.stack[-1] == "entry":
            local = self.local[name]
            if local == "id":
                self.link.uuid = text
            elif local == "updated":
                self.link.updated = text

    def _close(self, text: str) -> None:
        """A field, a group or the resource itself closes."""
        resource = self.resource
        assert resource is not None
        if len(self.stack) < self.bottom:
            resource.last = self.feed.count + len(self.rows)
            self.feed.resources.setdefault(resource.kind, []).append(resource)
            self.resource = None
            return
        if not self.seen.pop() and text:
            resource.fields[".".join(self.path)] = text
        self.path.pop()

    def flush(self) -> None:
        """The readings so far as columns."""
        if not self.rows:
            return
        lines, *columns = zip(*self.rows, strict=True)
        texts = dict(zip(_FIELDS, columns, strict=True))
        number = self.feed.texts.number
        codes = {
            name: np.fromiter(map(number, texts[name]), np.int64, len(lines)) for name in CODED
        }
        numbers = {name: _texts(texts[name]) for name in NUMBERS}
        self.feed.readings.append(Readings(np.array(lines, np.int64), numbers, codes))
        self.feed.count += len(self.rows)
        self.rows.clear()

    def doctype(self, *_: object) -> None:
        """A document type begins."""
        raise self.unsafe("a document type or entities")

    def unsafe(self, text: str) -> RefusedFile:
        """The refusal of a file for what it has."""
        line = self.parser.CurrentLineNumber
        return refuse("intake.xml.unsafe", file=self.file, line=line, text=text)


class _Local(dict[str, str]):
    """The name of an element without its prefix, looked up once."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


def _texts(column: Sequence[str]) -> Texts:
    """Texts one after the other, with room behind them for whoever reads eight bytes at once."""
    joined = "".join(column)
    raw = joined.encode()
    size: Ints
    if len(raw) == len(joined):
        size = np.fromiter(map(len, column), np.int64, len(column))
    else:
        size = np.array([len(text.encode()) for text in column], np.int64)
    ends = np.cumsum(size)
    return Texts(np.frombuffer(raw + bytes(64), np.uint8), ends - size, ends)


def read_feed(data: memoryview, *, file: str) -> Feed:
    """The feed's resources. Raises `RefusedFile` for broken or unsafe XML, with the line."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    handler = _Handler(file, parser)
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.CharacterDataHandler = handler.text.append
    parser.StartDoctypeDeclHandler = handler.doctype
    parser.EntityDeclHandler = handler.doctype
    try:
        for at in range(0, len(data), _STEP):
            parser.Parse(data[at : at + _STEP], False)
        parser.Parse(b"", True)
    except expat.ExpatError as err:
        said = expat.errors.messages[err.code]
        raise refuse("intake.xml.broken", file=file, line=err.lineno, text=said) from err
    handler.flush()
    return handler.feed
