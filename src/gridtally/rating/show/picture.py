"""Beside step 6: a tariff version as one picture (SVG): prices by month and hour, steps, words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridtally.rating.show.drawing import INK, LINE, MUTED, line, rect, svg, text, width_of, wrap
from gridtally.rating.show.panels import changes_with_time, in_words, on_a_scale, varies
from gridtally.rating.show.parts import heat_map, height_of, legend, shades
from gridtally.rating.show.stairs import step_chart
from gridtally.rating.wording import name_of

__all__ = ["picture"]

_WIDTH, _EDGE, _GAP = 1080, 44, 28
_STAIRS_MAX = 6
"""More stairs than that in one chart are not told apart; the legend has them all."""
_ROOM = _WIDTH - 2 * _EDGE


@dataclass
class _Page:
    """What is drawn so far, and where it ends."""

    body: list[str] = field(default_factory=list)
    y: int = 0

    def say(
        self, words: str, *, size: int = 13, fill: str = INK, bold: bool = False, less: int = 0
    ) -> None:
        """Lines of words over the whole width, `less` something on the right."""
        for row in wrap(words, width=_ROOM - less, size=size):
            self.y += size * 3 // 2
            self.body.append(text(_EDGE, self.y, row, size=size, fill=fill, bold=bold))


def picture(shown: Mapping[str, Any], *, badge: str | None = None) -> str:
    """The SVG of what `show` gives; `badge` is a word of warning beside the title."""
    page = _Page(y=_EDGE - 10)
    _head(page, shown, badge)
    if shown["total"]:
        _total(page, shown["total"])
    for part in shown["components"]:
        if varies(part):
            _component(page, part)
    _table(page, [part for part in shown["components"] if not varies(part)])
    _declared(page, shown["declared"])
    _foot(page, shown)
    name = name_of(shown["title"], shown["tariff"])
    return svg(
        page.body,
        width=_WIDTH,
        height=page.y + _EDGE - 8,
        title=f"{name}: prices by month and hour",
        about=f"Tariff {shown['tariff']}, {_validity(shown)}. Source: {shown['source']}.",
    )


def _head(page: _Page, shown: Mapping[str, Any], badge: str | None) -> None:
    title = shown["title"]
    name = name_of(title, shown["tariff"])
    wide = width_of(badge, 12) + 20 if badge else 0
    if badge:
        y, middle = page.y + 20, _WIDTH - _EDGE - wide // 2
        page.body.append(rect(_WIDTH - _EDGE - wide, y, wide, 24, "#8a2b0b", round_=12))
        page.body.append(
            text(middle, y + 16, badge, size=12, fill="#ffffff", bold=True, anchor="middle")
        )
    # Bold letters are wider than `width_of` reckons: a tenth more is left free.
    page.say(name, size=26, bold=True, less=wide + (_ROOM - wide) // 10)
    if isinstance(title, Mapping):
        others = [words for words in title.values() if words != name]
        if others:
            page.say("  ".join(others), size=15, fill=MUTED)
    page.y += 4
    page.say(f"{shown['tariff']}  ·  {_validity(shown)}  ·  {shown['currency']}  ·  hours of "
             f"{shown['zone']}", fill=MUTED)  # fmt: skip
    page.say(f"Source: {shown['source']}", fill=MUTED)
    if shown["verified_by"]:
        page.say(f"Checked against: {shown['verified_by']}", fill=MUTED)


def _validity(shown: Mapping[str, Any]) -> str:
    until = f"to {shown['valid_to']}" if shown["valid_to"] else "on, until another follows"
    year = f", shown for {shown['year']}" if shown["year"] else ""
    return f"in force from {shown['valid_from']} {until}{year}"


def _heading(page: _Page, name: str, words: str) -> None:
    page.y += 26
    page.body.append(line(f"M{_EDGE} {page.y}H{_WIDTH - _EDGE}"))
    page.y += 8
    page.say(name, size=18, bold=True)
    page.y += 4
    if words:
        page.say(words, fill=MUTED)


def _total(page: _Page, total: Mapping[str, Any]) -> None:
    included = f"{total['unit']}. Included: {', '.join(total['includes'])}."
    _heading(page, total["text"], included)
    if total["excludes"]:
        said = "; ".join(f"{name} ({why})" for name, why in total["excludes"])
        page.say(f"Not included: {said}.", fill=MUTED)
    for remark in total["remarks"]:
        page.say(remark, fill=MUTED)
    _prices(page, total)


def _component(page: _Page, part: Mapping[str, Any]) -> None:
    words = in_words(part, prices=False)
    _heading(page, name_of(part["title"], part["id"]), words[0].upper() + words[1:])
    _prices(page, part)


def _prices(page: _Page, part: Mapping[str, Any]) -> None:
    """Heat maps where the price changes with time, the steps, and what the colours mean."""
    colours = shades(part)
    page.y += 14
    if changes_with_time(part):
        for start in range(0, len(part["panels"]), 3):
            some = part["panels"][start : start + 3]
            across = max(2, len(some)) if len(part["panels"]) > 1 else 1
            wide = (_ROOM - _GAP * (across - 1)) // across
            for n, panel in enumerate(some):
                x = _EDGE + n * (wide + _GAP)
                page.body += heat_map(x, page.y, wide, panel, part["buckets"], colours)
            page.y += height_of(some[0]) + 10
    rows, page.y = legend(_EDGE, page.y, _ROOM, part, colours)
    page.body += rows
    if on_a_scale(part) and len(part["buckets"]) <= _STAIRS_MAX:
        page.y += 12
        page.body += step_chart(_EDGE, page.y, _ROOM * 3 // 5, part, colours)
        page.y += 172


def _table(page: _Page, parts: Sequence[Mapping[str, Any]]) -> None:
    if parts:
        rows = [(name_of(part["title"], part["id"]), in_words(part)) for part in parts]
        _heading(page, "The rest in words", "")
        _rows(page, rows)


def _declared(page: _Page, rows: Sequence[Sequence[str]]) -> None:
    _heading(page, "What it rests on", "")
    _rows(page, rows)


def _rows(page: _Page, table: Sequence[Sequence[str]]) -> None:
    page.y += 6
    first, second = _EDGE + 240, _WIDTH - _EDGE
    for name, said in table:
        rows = wrap(said, width=second - first, size=13)
        names = wrap(name, width=220, size=13)
        for n in range(max(len(rows), len(names))):
            page.y += 19
            if n < len(names):
                page.body.append(text(_EDGE, page.y, names[n], bold=True))
            if n < len(rows):
                page.body.append(text(first, page.y, rows[n]))
        page.y += 7
        page.body.append(line(f"M{_EDGE} {page.y}H{second}", stroke=LINE))


def _foot(page: _Page, shown: Mapping[str, Any]) -> None:
    page.y += 14
    if shown["holidays"]:
        page.say(f"Public holidays: {', '.join(shown['holidays'])}", size=11, fill=MUTED)
    for words in shown["assumptions"]:
        page.say(f"Assumed: {words}", size=11, fill=MUTED)
    page.say(f"Drawn by gridtally tariff show from {shown['digest'][:23]}…", size=11, fill=MUTED)
