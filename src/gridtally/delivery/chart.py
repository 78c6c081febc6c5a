"""Delivery: charts as SVG, the same picture on paper and on screen.

Pure drawing with whole numbers: a length is in hundredths of a point, so that no float decides
a byte. Letters are set in our own fonts; colours are told apart by hatching, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, Decimal
from html import escape

from gridtally.delivery.say import THIN
from gridtally.money import number

__all__ = ["bars", "days"]

WIDTH, HEIGHT = 25_200, 9_200
_LEFT, _TOP, _BOTTOM = 2_400, 700, 1_300
_INK, _MUTED, _LINE, _ACCENT, _PALE = "#1b2733", "#566472", "#d5dce2", "#12626f", "#bcd6d9"
_FONT = 'font-family="Gridtally Sans, Gridtally Han" font-size="7.4"'


def _at(hundredths: int) -> str:
    """A length as text: 1234 -> 12.34."""
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{rest:02d}".rstrip("0").rstrip(".")


def _svg(body: list[str], *, height: int) -> str:
    size = f'viewBox="0 0 {_at(WIDTH)} {_at(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_FONT}>'
        '<defs><pattern id="estimated" width="3" height="3" patternUnits="userSpaceOnUse">'
        f'<rect width="3" height="3" fill="{_PALE}"/>'
        f'<path d="M-1 1L1 -1M0 3L3 0M2 4L4 2" stroke="{_ACCENT}" stroke-width="0.8"/>'
        f"</pattern></defs>{''.join(body)}</svg>"
    )


def _text(x: int, y: int, text: str, *, anchor: str = "start", fill: str = _MUTED) -> str:
    return (
        f'<text x="{_at(x)}" y="{_at(y)}" text-anchor="{anchor}" fill="{fill}">'
        f"{escape(text)}</text>"
    )


def _rect(x: int, y: int, width: int, height: int, fill: str) -> str:
    size = f'width="{_at(width)}" height="{_at(height)}"'
    return f'<rect x="{_at(x)}" y="{_at(y)}" {size} fill="{fill}"/>'


def _rule(y: int, colour: str, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="M{_at(_LEFT)} {_at(y)}H{_at(WIDTH)}" fill="none" stroke="{colour}" '
        f'stroke-width="0.5"{dashes}/>'
    )


def _step(top: Decimal) -> Decimal:
    """The distance of the lines of a grid: 1, 2 or 5 times a power of ten; two to four lines."""
    size = Decimal(1).scaleb(top.adjusted() - 1)
    steps = (size * n for n in (1, 2, 5, 10, 20, 50))
    return next(step for step in steps if top / step <= 4)


def _tick(value: Decimal) -> str:
    return f"{Decimal(number(value)):,f}".replace(",", THIN)


def days(
    values: Sequence[Decimal],
    estimated: Sequence[bool],
    *,
    label: Callable[[int], str],
) -> str:
    """A bar per day, hatched where estimated; a dashed line at the mean.

    `label` names the day with that number below the axis.
    """
    top = max([*values, Decimal(1)])
    step = _step(top)
    ceiling = step * (top / step).to_integral_value(ROUND_CEILING)
    floor_y = HEIGHT - _BOTTOM
    room = floor_y - _TOP

    def y(value: Decimal) -> int:
        return floor_y - int(max(value, Decimal(0)) * room / ceiling)

    body = []
    lines = int(ceiling / step)
    for i in range(1, lines + 1):
        body.append(_rule(y(step * i), _LINE))
        body.append(_text(_LEFT - 300, y(step * i) + 240, _tick(step * i), anchor="end"))
    body.append(_text(_LEFT - 300, floor_y + 240, "0", anchor="end"))
    pitch = (WIDTH - _LEFT) // len(values)
    wide = pitch * 72 // 100
    for i, (value, is_estimated) in enumerate(zip(values, estimated, strict=True)):
        x = _LEFT + pitch * i + (pitch - wide) // 2
        if value > 0:
            fill = "url(#estimated)" if is_estimated else _ACCENT
            body.append(_rect(x, y(value), wide, floor_y - y(value), fill))
    body.append(_rule(floor_y, _MUTED))
    body.append(_rule(y(sum(values, Decimal(0)) / len(values)), _INK, "2 2"))
    body += _dates(len(values), label, pitch, floor_y)
    return _svg(body, height=HEIGHT)


def _dates(count: int, label: Callable[[int], str], pitch: int, floor_y: int) -> list[str]:
    """A label below every seventh bar, or below five of them in a longer or shorter period."""
    every = 7 if 28 <= count <= 35 else max(1, -(-count // 5))
    return [
        _text(_LEFT + pitch * i + pitch // 2, floor_y + 950, label(i), anchor="middle")
        for i in range(0, count, every)
    ]


def bars(rows: Sequence[tuple[str, Decimal, str]]) -> str:
    """A lying bar per (label, value, value in words); the first is this bill and stands out."""
    longest = max([value for _, value, _ in rows] + [Decimal(1).scaleb(-6)])
    label, pitch, thick = 6_200, 1_900, 1_100
    room = WIDTH - label - 5_200
    body = []
    for i, (name, value, words) in enumerate(rows):
        y = pitch * i + 300
        length = int(max(value, Decimal(0)) * room / longest)
        body.append(_text(0, y + 800, name, fill=_INK if i == 0 else _MUTED))
        body.append(_rect(label, y, max(length, 40), thick, _ACCENT if i == 0 else _PALE))
        body.append(_text(label + max(length, 40) + 400, y + 800, words, fill=_INK))
    return _svg(body, height=pitch * len(rows) + 200)
