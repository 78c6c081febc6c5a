"""Step 2: the XML of a Green Button feed as plain records, read in one pass and never as a tree.

DTDs and entities are refused by the parser, nesting deeper than 64 here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError  # the error's name; parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from gridtally.intake.words import refuse

__all__ = ["Block", "Feed", "Interval", "Linked", "read_feed"]

_DEEPEST = 64
_LINE = re.compile(r"(?:: )?line (\d+), column \d+")


@dataclass(frozen=True, slots=True)
class Interval:
    """An IntervalReading as text; `line` is where it begins. A missing part is empty."""

    line: int
    start: str
    seconds: str
    value: str
    quality: str
    has_cost: bool


@dataclass(slots=True)
class Linked:
    """An Atom entry's links: its own address, the collection it is in, what it relates to."""

    own: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)
    uuid: str = ""


@dataclass(slots=True)
class Block:
    """The IntervalBlocks of an entry."""

    link: Linked
    intervals: list[Interval]


@dataclass(slots=True)
class Feed:
    """Resources of a feed by kind; a reading type is its fields by name."""

    points: list[Linked] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    readings: list[Linked] = field(default_factory=list)
    types: list[tuple[Linked, Mapping[str, str]]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


class _Handler:
    """Called by the parser for each element; keeps one entry at a time."""

    def __init__(self, file: str) -> None:
        self.file, self.feed = file, Feed()
        self.stack: list[str] = []
        self.text: list[str] = []
        self.link = Linked()
        self.kinds: set[str] = set()
        self.fields: dict[str, str] = {}
        self.now: dict[str, str] = {}
        self.line = 0
        self.intervals: list[Interval] = []
        self.parser: Any = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element opens."""
        name = tag.rpartition("}")[2]
        self.stack.append(name)
        self.text = []
        if len(self.stack) > _DEEPEST:
            raise refuse(
                "intake.xml.unsafe", file=self.file, line=self.parser.CurrentLineNumber,
                text=f"more than {_DEEPEST} levels",
            )  # fmt: skip
        if name == "entry":
            self.link, self.kinds, self.fields, self.intervals = Linked(), set(), {}, []
        elif name == "link":
            self._link(attributes)
        elif name == "IntervalReading":
            self.now, self.line = {}, self.parser.CurrentLineNumber
        elif name in ("UsagePoint", "MeterReading", "ReadingType", "IntervalBlock"):
            self.kinds.add(name)

    def _link(self, attributes: Mapping[str, str]) -> None:
        href = attributes.get("href", "").rstrip("/")
        relation = attributes.get("rel", "")
        if relation == "self":
            self.link.own = href
        elif relation == "up":
            self.link.up = href
        elif relation == "related":
            self.link.related.append(href)

    def data(self, text: str) -> None:
        """Text inside an element."""
        self.text.append(text)

    def end(self, _tag: str) -> None:
        """An element closes."""
        name = self.stack.pop()
        parent = self.stack[-1] if self.stack else ""
        text = "".join(self.text).strip()
        self.text = []
        if "IntervalReading" in self.stack:
            self.now[f"{parent}/{name}"] = text
        elif name == "IntervalReading":
            self._interval()
        elif parent == "ReadingType":
            self.fields[name] = text
        elif name == "kind" and parent == "ServiceCategory":
            self.fields["service"] = text
        elif name == "id" and parent == "entry":
            self.link.uuid = text
        elif name == "entry":
            self._entry()

    def _interval(self) -> None:
        now = self.now
        self.intervals.append(
            Interval(
                self.line, now.get("timePeriod/start", ""), now.get("timePeriod/duration", ""),
                now.get("IntervalReading/value", ""), now.get("ReadingQuality/quality", ""),
                "IntervalReading/cost" in now,
            )
        )  # fmt: skip

    def _entry(self) -> None:
        feed = self.feed
        if "UsagePoint" in self.kinds:
            feed.points.append(self.link)
            feed.services[self.link.own] = self.fields.get("service", "")
        if "MeterReading" in self.kinds:
            feed.readings.append(self.link)
        if "ReadingType" in self.kinds:
            feed.types.append((self.link, self.fields))
        if "IntervalBlock" in self.kinds:
            feed.blocks.append(Block(self.link, self.intervals))

    def close(self) -> Feed:
        """The whole feed."""
        return self.feed


def read_feed(data: bytes, *, file: str) -> Feed:
    """The feed's resources. Raises `RefusedFile` for broken or unsafe XML, with the line."""
    handler = _Handler(file)
    parser = DefusedXMLParser(target=handler, forbid_dtd=True)
    handler.parser = parser.parser
    try:
        parser.feed(data)
        feed = parser.close()
    except DefusedXmlException as err:
        raise refuse(
            "intake.xml.unsafe", file=file, line=handler.parser.CurrentLineNumber,
            text="a document type or entities",
        ) from err  # fmt: skip
    except ParseError as err:
        said = _LINE.sub("", str(err)).strip(" :")
        raise refuse("intake.xml.broken", file=file, line=err.position[0], text=said) from err
    assert isinstance(feed, Feed)
    return feed
