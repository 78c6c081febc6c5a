"""Delivery: the charts of a what-if, as SVG. Whole numbers decide every length.

Who pays less is blue and plain, who pays more orange and hatched: told apart without colour, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from html import escape
from typing import Any

from gridtally.money import number

__all__ = ["histogram", "revenue", "sides", "stacked"]

Row = Mapping[str, Any]
WIDTH = 880
_INK, _MUTED, _LINE = "#1b2733", "#566472", "#d5dce2"
_LESS, _MORE, _OLD, _NEW = "#2166ac", "#b35806", "#8a97a3", "#12626f"
_LEFT = 64


def _pattern(name: str, colour: str, pale: str) -> str:
    return (
        f'<pattern id="{name}" width="5" height="5" patternUnits="userSpaceOnUse">'
        f'<rect width="5" height="5" fill="{pale}"/>'
        f'<path d="M-1 1L1 -1M0 5L5 0M4 6L6 4" stroke="{colour}" stroke-width="1.6"/></pattern>'
    )


_DEFS = f"<defs>{_pattern('more', _MORE, '#f7dcc0')}{_pattern('old', _OLD, '#e6eaee')}</defs>"


def _svg(body: Sequence[str], height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13">{_DEFS}{"".join(body)}</svg>'
    )


def stacked(charts: Sequence[tuple[str, str]]) -> str:
    """Several charts, each with its title, as one picture."""
    parts, top = [], 0
    for title, svg in charts:
        height = int(svg.split('viewBox="0 0 ', 1)[1].split(" ", 1)[1].split('"', 1)[0])
        inner = svg.split("</defs>", 1)[1].removesuffix("</svg>")
        parts.append(
            f'<g transform="translate(0 {top + 40})"><text x="0" y="-12" font-size="17" '
            f'font-weight="600" fill="{_INK}">{escape(title)}</text>{inner}</g>'
        )
        top += height + 64
    paper = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return _svg([paper, *parts], top)


def _text(x: int, y: int, text: str, *, anchor: str = "start", fill: str = _MUTED) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _bar(x: int, y: int, width: int, height: int, fill: str, edge: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{max(0, width)}" height="{max(0, height)}" '
        f'fill="{fill}" stroke="{edge}"/>'
    )


def _rule(x1: int, y1: int, x2: int, y2: int, colour: str) -> str:
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{colour}" fill="none"/>'


def _step(top: Decimal) -> Decimal:
    """The distance of the lines of a grid: 1, 2 or 5 times a power of ten; two to four lines."""
    size = Decimal(1).scaleb(top.adjusted() - 1)
    return next(size * n for n in (1, 2, 5, 10, 20, 50) if top / (size * n) <= 4)


def _grid(top: Decimal, room: int, floor: int) -> tuple[Decimal, list[str]]:
    """The value at the upper edge, and lines with their numbers."""
    step = _step(top)
    ceiling = step * (top / step).to_integral_value(ROUND_CEILING)
    body = []
    for i in range(int(ceiling / step) + 1):
        y = floor - int(step * i * room / ceiling)
        body.append(_rule(_LEFT, y, WIDTH, y, _LINE))
        body.append(_text(_LEFT - 8, y + 4, _short(step * i), anchor="end"))
    return ceiling, body


_LARGE = ((10**9, 10**9, "G"), (10**6, 10**6, "M"), (10**4, 1000, "k"))


def _short(value: Decimal) -> str:
    """12,000 as 12k, 3,400,000 as 3.4M."""
    size, sign = next(
        ((unit, sign) for limit, unit, sign in _LARGE if abs(value) >= limit), (1, "")
    )
    rounded = (value / size).quantize(Decimal("0.1")) if sign else value
    return number(rounded).replace("-", "−") + sign


# ------------------------------------------------------------------ histogram


def histogram(data: Row, currency: str) -> str:
    """Accounts by difference: below zero to the left, in blue."""
    bins = data["bins"]
    if not bins:
        return _svg([_text(WIDTH // 2, 40, "Nobody pays more or less.", anchor="middle")], 64)
    height, floor, room = 300, 240, 210
    top = Decimal(max(b["accounts"] for b in bins))
    ceiling, body = _grid(max(top, Decimal(4)), room, floor)
    pitch = (WIDTH - _LEFT) // len(bins)
    for i, part in enumerate(bins):
        x, tall = _LEFT + i * pitch, int(part["accounts"] * room / ceiling)
        less = Decimal(part["from"]) < 0
        fill, edge = (_LESS, _LESS) if less else ("url(#more)", _MORE)
        if part["accounts"]:
            body.append(_bar(x + 1, floor - max(tall, 1), pitch - 2, max(tall, 1), fill, edge))
        if Decimal(part["from"]) == 0:
            body.append(_rule(x, floor - room - 14, x, floor + 6, _INK))
    body.append(_rule(_LEFT, floor, WIDTH, floor, _MUTED))
    body += _edges(bins, pitch, floor)
    zero = _LEFT + pitch * sum(Decimal(b["from"]) < 0 for b in bins)
    if zero > _LEFT:
        body.append(_text(zero - 8, floor - room - 4, "◀ pay less", anchor="end", fill=_LESS))
    if zero < _LEFT + pitch * len(bins):
        body.append(_text(zero + 8, floor - room - 4, "pay more ▶", fill=_MORE))
    body.append(_text((WIDTH + _LEFT) // 2, floor + 46, f"difference, {currency}", anchor="middle"))
    return _svg(body, height)


def _edges(bins: Sequence[Row], pitch: int, floor: int) -> list[str]:
    """Numbers below the axis, at most some ten, zero among them."""
    marks = [*(b["from"] for b in bins), bins[-1]["to"]]
    zero = next((i for i, mark in enumerate(marks) if Decimal(mark) == 0), 0)
    every = max(1, -(-len(marks) // 9))
    return [
        _text(_LEFT + i * pitch, floor + 22, _short(Decimal(mark)), anchor="middle")
        for i, mark in enumerate(marks)
        if (i - zero) % every == 0
    ]


# ---------------------------------------------------------------- who pays more


def sides(rows: Sequence[Row]) -> str:
    """Of each group, the share that pays less to the left, the share that pays more to the right.

    Beside each bar how many accounts that is, and their money.
    """
    label, pitch, thick = 150, 44, 22
    middle, room = label + (WIDTH - label) // 2, (WIDTH - label) // 2 - 150
    body = [
        _text(middle - 8, 16, "◀ pay less", anchor="end", fill=_LESS),
        _text(middle + 8, 16, "pay more ▶", fill=_MORE),
    ]
    for i, row in enumerate(rows):
        y = 30 + i * pitch
        body.append(_text(0, y + 16, _cut(row["name"] or "(none)"), fill=_INK))
        body.append(_text(0, y + 31, f"{row['accounts']:,} accounts"))
        for side, sign, fill, edge in (
            ("winners", -1, _LESS, _LESS),
            ("losers", 1, "url(#more)", _MORE),
        ):
            part = row[side]
            long = part["accounts"] * room // row["accounts"]
            if part["accounts"]:
                x = middle - long if sign < 0 else middle
                body.append(_bar(x, y, max(long, 1), thick, fill, edge))
            share = f"{100 * part['accounts'] // row['accounts']} %"
            money = _short(Decimal(part["amount"]).quantize(Decimal(1)))
            text = f"{share}, {'+' if sign > 0 and part['accounts'] else ''}{money}"
            anchor = "end" if sign < 0 else "start"
            body.append(_text(middle + sign * (long + 8), y + 16, text, anchor=anchor, fill=_INK))
    body.append(_rule(middle, 24, middle, 30 + len(rows) * pitch - 12, _INK))
    return _svg(body, 36 + len(rows) * pitch)


def _cut(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


# -------------------------------------------------------------------- revenue


def revenue(rows: Sequence[Row], currency: str) -> str:
    """A pair of bars per month: as billed, and under the new tariff; above them the difference."""
    height, floor, room = 320, 250, 196
    amounts = [Decimal(row[key]) for row in rows for key in ("old", "new")]
    top = max([*amounts, Decimal(1)])
    ceiling, body = _grid(top, room, floor)
    pitch = (WIDTH - _LEFT) // max(1, len(rows))
    wide = min(pitch * 2 // 5, 48)
    for i, row in enumerate(rows):
        x = _LEFT + i * pitch + pitch // 2
        talls = [int(max(Decimal(row[key]), Decimal(0)) * room / ceiling) for key in ("old", "new")]
        body.append(_bar(x - wide, floor - talls[0], wide, talls[0], "url(#old)", _OLD))
        body.append(_bar(x, floor - talls[1], wide, talls[1], _NEW, _NEW))
        body.append(_text(x, floor + 20, row["month"], anchor="middle"))
        if row["percent"] is not None:
            plus = "" if row["percent"].startswith("-") else "+"
            said = f"{plus}{Decimal(row['percent']).quantize(Decimal('0.1'))} %".replace("-", "−")
            body.append(_text(x, floor - max(talls) - 8, said, anchor="middle", fill=_INK))
    body.append(_rule(_LEFT, floor, WIDTH, floor, _MUTED))
    body.append(_bar(_LEFT, floor + 40, 14, 14, "url(#old)", _OLD))
    body.append(_text(_LEFT + 22, floor + 52, "as billed"))
    body.append(_bar(_LEFT + 120, floor + 40, 14, 14, _NEW, _NEW))
    body.append(_text(_LEFT + 142, floor + 52, f"under the new tariff, {currency}"))
    return _svg(body, height)
