"""Step 2: what an unknown name looks like, as a hint for a person; nothing is ever matched by it.

Look-alike letters, blanks, unseen characters, zeros lost at the front, and numbers that a
spreadsheet has rounded to 1.23E+11.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.report import shown

__all__ = ["Alike", "plain"]

_LOOKS = str.maketrans(
    "авсеһіјкмноԛрѕтухԝүѵαβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВСЕНІЈКМОРЅТУХ",
    "abcehijkmhoqpstyxwyvabeikvoptuxabezhikmnoptyxabcehijkmopstyx",
)
"""Cyrillic and Greek letters that look like Latin ones."""
_DASHES = str.maketrans("‐‑‒–—−", "------")
_SAME = (("o", "0"), ("i", "1"), ("l", "1"), ("|", "1"))
_ROUNDED = re.compile(r"([1-9])(?:[.,]([0-9]{1,15}))?[eE]\+?([0-9]{1,2})\Z")


def plain(name: str) -> str:
    """A name without what the eye does not tell apart."""
    text = unicodedata.normalize("NFKC", name).translate(_LOOKS).translate(_DASHES).casefold()
    text = "".join(char for char in text if char.isprintable() and not char.isspace())
    for seen, meant in _SAME:
        text = text.replace(seen, meant)
    return text.lstrip("0")


class Alike:
    """The names of master data, without what the eye does not tell apart; made when asked."""

    def __init__(self, points: pa.ChunkedArray, meters: pa.Array) -> None:
        self._names = {"point": pa.chunked_array([pc.unique(points)]), "meter": pc.unique(meters)}
        self._plain: dict[str, pa.Array] = {}

    def point(self, name: str) -> str:
        """The one metering point that looks like this; empty when none, or several, do."""
        return self._near("point", name)

    def meter(self, name: str) -> str:
        """The one meter that looks like this; empty when none, or several, do."""
        return self._near("meter", name)

    def _near(self, kind: str, name: str) -> str:
        names = self._names[kind]
        if kind not in self._plain:
            self._plain[kind] = _plain_column(names)
        fits = pc.equal(self._plain[kind], plain(name))
        if found := _ROUNDED.match(name.strip()):
            fits = _rounded(names, *found.groups(default=""))
        near = names.filter(fits)
        return shown(near[0].as_py()) if len(near) == 1 else ""


def _plain_column(names: pa.Array) -> pa.Array:
    """`plain` of whole columns: only what is not ASCII goes one by one."""
    text = pc.ascii_lower(names)
    for seen, meant in (*_SAME, (" ", "")):
        text = pc.replace_substring(text, seen, meant)
    text = pc.ascii_ltrim(text, "0")
    ascii_only = pc.string_is_ascii(names)
    if pc.all(ascii_only).as_py():
        return text
    odd = [plain(name) for name in names.filter(pc.invert(ascii_only)).to_pylist()]
    return pc.replace_with_mask(_whole(text), _whole(pc.invert(ascii_only)), pa.array(odd))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _rounded(names: pa.Array, first: str, rest: str, exponent: str) -> pa.Array:
    """Numbers that a spreadsheet shows like this. A mask as long as `names`."""
    length = int(exponent) + 1
    begins = pc.starts_with(pc.ascii_ltrim(names, "0"), first)
    long = pc.equal(pc.binary_length(pc.ascii_ltrim(names, "0")), length)
    maybe = pc.and_(pc.and_(begins, long), pc.match_substring_regex(names, "^[0-9]+$"))
    wanted = f"{first}{'.' + rest if rest else ''}E+{int(exponent)}"
    hits = [
        bool(may) and f"{Decimal(name):.{len(rest)}E}" == wanted
        for may, name in zip(maybe.to_pylist(), names.to_pylist(), strict=True)
    ]
    return pa.array(hits, pa.bool_())
