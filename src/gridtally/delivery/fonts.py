"""Delivery: the letters that we can print, and small fonts that a web page carries with it.

Reads the TrueType files of `fonts/` (see the README there): which letters they have, and subsets
of them. A page then needs no font of the reader's machine, and no download.
Layout of the tables: OpenType specification 1.9, `cmap` formats 4 and 12, `glyf`, `loca`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["NAMES", "Font", "font", "font_bytes", "font_digest", "printable"]

NAMES = ("latin-regular", "latin-bold", "han-regular", "han-bold")
"""The fonts, in the order in which a letter is looked for."""

_KEPT = ("OS/2", "name", "post")


@cache
def font_bytes(name: str) -> bytes:
    """The file of one of `NAMES`."""
    return (files(__package__) / "fonts" / f"{name}.ttf").read_bytes()


@cache
def font_digest() -> str:
    """`sha256:` over all four files, in the order of `NAMES`."""
    digest = hashlib.sha256()
    for name in NAMES:
        digest.update(hashlib.sha256(font_bytes(name)).digest())
    return f"sha256:{digest.hexdigest()}"


@cache
def printable() -> frozenset[int]:
    """Code points that can be printed: what the two regular fonts have."""
    return frozenset(font("latin-regular").letters) | frozenset(font("han-regular").letters)


@cache
def font(name: str) -> Font:
    """One of `NAMES`, opened."""
    return Font.open(font_bytes(name))


@dataclass(frozen=True)
class Font:
    """A TrueType font: its tables, and the glyph of each letter."""

    tables: dict[str, bytes]
    letters: dict[int, int]
    """code point -> glyph"""

    @classmethod
    def open(cls, data: bytes) -> Font:
        """Read the directory of tables and the map of letters."""
        count = struct.unpack_from(">H", data, 4)[0]
        tables = {}
        for i in range(count):
            tag, _, offset, length = struct.unpack_from(">4sIII", data, 12 + 16 * i)
            tables[tag.decode("ascii")] = data[offset : offset + length]
        return cls(tables, _letters(tables["cmap"]))

    def subset(self, letters: Iterable[int]) -> bytes:
        """A font with only these letters (those that it has), unhinted, without kerning."""
        wanted = sorted(set(letters) & self.letters.keys())
        old = self._closed([0, *dict.fromkeys(self.letters[letter] for letter in wanted)])
        new = {glyph: i for i, glyph in enumerate(old)}
        outlines = [_renumbered(self._outline(glyph), new) for glyph in old]
        ends = [0]
        for outline in outlines:
            ends.append(ends[-1] + len(outline))
        tables = {tag: self.tables[tag] for tag in _KEPT} | {
            "cmap": _cmap([(letter, new[self.letters[letter]]) for letter in wanted]),
            "glyf": b"".join(outlines),
            "loca": struct.pack(f">{len(ends)}I", *ends),
            "hmtx": b"".join(self._width(glyph) for glyph in old),
            "hhea": self.tables["hhea"][:34] + struct.pack(">H", len(old)),
            "maxp": self.tables["maxp"][:4] + struct.pack(">H", len(old)) + self.tables["maxp"][6:],
            "head": self.tables["head"][:50] + struct.pack(">hh", 1, 0),
        }
        return _file(tables)

    def _closed(self, glyphs: list[int]) -> list[int]:
        """With the glyphs that these are composed of."""
        known = set(glyphs)
        for glyph in glyphs:  # the list grows while it is read
            for _, part in _parts(self._outline(glyph)):
                if part not in known:
                    known.add(part)
                    glyphs.append(part)
        return glyphs

    def _outline(self, glyph: int) -> bytes:
        """Its outline, padded to four bytes; empty for a space."""
        loca = self.tables["loca"]
        if struct.unpack_from(">h", self.tables["head"], 50)[0]:
            start, end = struct.unpack_from(">II", loca, 4 * glyph)
        else:
            start, end = (2 * x for x in struct.unpack_from(">HH", loca, 2 * glyph))
        outline = self.tables["glyf"][start:end]
        return outline + bytes(-len(outline) % 4)

    def _width(self, glyph: int) -> bytes:
        """Advance and left bearing, as `hmtx` holds them."""
        hmtx = self.tables["hmtx"]
        long = struct.unpack_from(">H", self.tables["hhea"], 34)[0]
        if glyph < long:
            return hmtx[4 * glyph : 4 * glyph + 4]
        bearing = 4 * long + 2 * (glyph - long)
        return hmtx[4 * (long - 1) : 4 * (long - 1) + 2] + hmtx[bearing : bearing + 2]


def _letters(cmap: bytes) -> dict[int, int]:
    """Code point -> glyph, from the Unicode subtable of format 12, else 4."""
    found: dict[int, int] = {}
    for i in range(struct.unpack_from(">H", cmap, 2)[0]):
        offset = struct.unpack_from(">I", cmap, 8 + 8 * i)[0]
        format_ = struct.unpack_from(">H", cmap, offset)[0]
        if format_ == 12:
            for j in range(struct.unpack_from(">I", cmap, offset + 12)[0]):
                first, last, glyph = struct.unpack_from(">III", cmap, offset + 16 + 12 * j)
                found |= {first + k: glyph + k for k in range(last - first + 1)}
        elif format_ == 4:
            found = _format_4(cmap[offset:]) | found
    return {letter: glyph for letter, glyph in found.items() if glyph}


def _format_4(table: bytes) -> dict[int, int]:
    count = struct.unpack_from(">H", table, 6)[0] // 2
    lasts, firsts, deltas, offsets = (
        struct.unpack_from(f">{count}H", table, 14 + 2 * count * i + (2 if i else 0))
        for i in range(4)
    )
    found = {}
    for i in range(count):
        for letter in range(firsts[i], lasts[i] + 1):
            glyph = letter
            if offsets[i]:
                place = 16 + 6 * count + 2 * i + offsets[i] + 2 * (letter - firsts[i])
                glyph = struct.unpack_from(">H", table, place)[0] if place < len(table) else 0
                if glyph == 0:
                    continue
            found[letter] = (glyph + deltas[i]) & 0xFFFF
    return found


def _parts(outline: bytes) -> list[tuple[int, int]]:
    """(offset, glyph) of each part of a composed outline."""
    if not outline or struct.unpack_from(">h", outline)[0] >= 0:
        return []
    parts, at = [], 10
    while True:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        parts.append((at + 2, glyph))
        at += 4 + (4 if flags & 1 else 2)
        at += 8 if flags & 0x80 else 4 if flags & 0x40 else 2 if flags & 8 else 0
        if not flags & 0x20:
            return parts


def _renumbered(outline: bytes, new: dict[int, int]) -> bytes:
    for offset, glyph in _parts(outline):
        outline = outline[:offset] + struct.pack(">H", new[glyph]) + outline[offset + 2 :]
    return outline


def _cmap(letters: list[tuple[int, int]]) -> bytes:
    groups = b"".join(struct.pack(">III", letter, letter, glyph) for letter, glyph in letters)
    head = struct.pack(">HHHHI", 0, 1, 3, 10, 12)
    return head + struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(letters)) + groups


def _file(tables: dict[str, bytes]) -> bytes:
    """Tables as a font file, with their checksums."""
    power = len(tables).bit_length() - 1
    span = 16 << power
    head = struct.pack(">IHHHH", 0x10000, len(tables), span, power, 16 * len(tables) - span)
    directory, body, offset = b"", b"", 12 + 16 * len(tables)
    for tag in sorted(tables):
        data = tables[tag]
        if tag == "head":  # the sum of the whole file is not set: no reader asks for it
            data = data[:8] + bytes(4) + data[12:]
        padded = data + bytes(-len(data) % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", tag.encode("ascii"), total, offset, len(data))
        body += padded
        offset += len(padded)
    return head + directory + body
