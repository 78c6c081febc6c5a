"""Step 2, the way back: what the writers of NEM12 and NEM13 share: header, fields, remarks.

A remark is looked up by metering point, channel and key; a key may end in the suffix of one of
several streams of a channel, such as `nem12.method.E2`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from gridtally.intake.formats.mdff import fields_text, moment, moment_text, text_fields
from gridtally.intake.report import Report

__all__ = ["Book", "Header", "Remark", "header_of", "line_of"]


class Remark(NamedTuple):
    """One remark: from `start` to `end` [UTC s] the sender says `value`."""

    start: int
    end: int
    version: int
    value: str
    line: int


class Book:
    """Remarks of one format by metering point, channel and key (without `nem12.` before it)."""

    def __init__(self, remarks: pa.Table, *, prefix: str, report: Report) -> None:
        self._found: dict[tuple[str, str, str], list[Remark]] = defaultdict(list)
        self.tags: dict[tuple[str, str], set[str]] = {}
        others: Counter[str] = Counter()
        points, channels, keys, values, versions, lines = (
            remarks[name].to_pylist()
            for name in ("metering_point", "channel", "key", "value", "version", "line")
        )
        starts, ends = (
            remarks[name].cast(pa.int64()).to_pylist() for name in ("start_utc", "end_utc")
        )
        rows = zip(points, channels, keys, starts, ends, versions, values, lines, strict=True)
        for point, channel, key, *rest in rows:
            if not key.startswith(prefix):
                others[key] += 1
                continue
            name, _, tag = key.removeprefix(prefix).partition(".")
            self._found[point, channel, f"{name}.{tag}" if tag else name].append(Remark(*rest))
            if channel:
                self.tags.setdefault((point, channel), set()).add(tag)
        if others:
            text = f"remarks that other formats make ({', '.join(sorted(others))})"
            report.note("intake.convert.left", text=text, count=others.total())

    def of(self, point: str, channel: str, key: str, tag: str = "") -> Sequence[Remark]:
        """What is said of a channel's stream under a key, oldest version first."""
        found = self._found.get((point, channel, f"{key}.{tag}" if tag else key), [])
        return sorted(found, key=lambda remark: remark.version) if len(found) > 1 else found

    def points(self) -> Iterable[str]:
        """Every metering point of which something is said."""
        return dict.fromkeys(point for point, _, _ in self._found)

    def all(self, key: str) -> Mapping[str, Sequence[Remark]]:
        """What is said of each metering point as a whole under a key."""
        return {
            point: found for (point, channel, name), found in self._found.items()
            if name == key and not channel
        }  # fmt: skip


class Header(NamedTuple):
    """The 100 record of a file; `created` [UTC s] is the version of what has no update time."""

    created: int
    text: str


def header_of(book: Book, version: str, *, as_of: int, report: Report) -> Header:
    """The header that the remarks state; a new one when they state none, or several."""
    said = {remark.value for found in book.all("header").values() for remark in found}
    if len(said) == 1:
        fields = text_fields(said.pop())
        created = moment(fields[0])
        if created is not None:
            return Header(created, line_of("100", version, *fields))
    fields = [moment_text(as_of)[:12], "", ""]
    created = moment(fields[0])
    assert created is not None
    report.note("intake.convert.header", text=fields[0])
    return Header(created, line_of("100", version, *fields))


def line_of(*fields: str) -> str:
    """A record as one line; a field with a comma or a quotation mark is quoted."""
    plain = ",".join(fields)
    if plain.count(",") == len(fields) - 1 and '"' not in plain:
        return plain
    return fields_text(fields)
