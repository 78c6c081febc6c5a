"""Beside step 6: marks of an SVG, in whole pixels, and the colours of prices.

The colours run from pale to dark and warm: told apart by their lightness alone, whatever
colours somebody sees, and in print without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from html import escape

__all__ = ["FONT", "INK", "LINE", "MUTED", "REST", "colours", "ink_on", "line", "rect", "svg",
           "text", "width_of", "wrap"]  # fmt: skip

INK, MUTED, LINE, REST = "#1b2733", "#5b6875", "#d5dce2", "url(#rest)"
FONT = ("Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans SC', 'PingFang SC', "
        "'Microsoft YaHei', sans-serif")  # fmt: skip
_RAMP = ((255, 243, 207), (252, 200, 117), (236, 137, 77), (186, 60, 84), (82, 27, 92))
_APART = Fraction(1, 10)
"""Colours of different prices lie at least so far from each other on the ramp, if there is room."""


def colours(prices: Sequence[Decimal]) -> list[str]:
    """A colour per price: the lowest pale, the highest dark; what is alone lies between.

    Between, a colour lies as its price does, but so far from the next that both are told apart.
    """
    steps = sorted(set(prices))
    if len(steps) == 1:
        return [_at(Fraction(2, 5))] * len(prices)
    apart = min(_APART, Fraction(1, len(steps) - 1))
    places = [Fraction(price - steps[0]) / Fraction(steps[-1] - steps[0]) for price in steps]
    for n in range(1, len(places)):
        places[n] = max(places[n], places[n - 1] + apart)
    places[-1] = Fraction(1)
    for n in range(len(places) - 2, 0, -1):
        places[n] = min(places[n], places[n + 1] - apart)
    found = dict(zip(steps, map(_at, places), strict=True))
    return [found[price] for price in prices]


def _at(place: Fraction) -> str:
    steps = len(_RAMP) - 1
    index = min(int(place * steps), steps - 1)
    part = place * steps - index
    pairs = zip(_RAMP[index], _RAMP[index + 1], strict=True)
    return "#" + "".join(f"{round(first + (last - first) * part):02x}" for first, last in pairs)


def ink_on(colour: str) -> str:
    """Dark or white letters, whichever is read better on a colour."""
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return INK if red * 299 + green * 587 + blue * 114 > 140_000 else "#ffffff"


def svg(body: Sequence[str], *, width: int, height: int, title: str, about: str) -> str:
    """A whole picture that needs nothing from elsewhere."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-family="{FONT}" font-size="13">'
        f"<title>{escape(title)}</title><desc>{escape(about)}</desc>"
        '<defs><pattern id="rest" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<rect width="6" height="6" fill="#f4f6f8"/>'
        '<path d="M-1 1L1 -1M0 6L6 0M5 7L7 5" stroke="#d5dce2" stroke-width="1"/>'
        f'</pattern></defs><rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def text(
    x: int,
    y: int,
    words: str,
    *,
    size: int = 13,
    fill: str = INK,
    bold: bool = False,
    anchor: str = "start",
    then: str = "",
    halo: bool = False,
) -> str:
    """Letters; `y` is their base line. `then` follows them, never bold; `halo` keeps lines off."""
    rest = f'<tspan dx="8" font-weight="400">{escape(then)}</tspan>' if then else ""
    weight = ' font-weight="600"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    place += ' paint-order="stroke" stroke="#ffffff" stroke-width="3"' if halo else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{weight}{place}>'
        f"{escape(words)}{rest}</text>"
    )


def rect(
    x: int,
    y: int,
    width: int,
    height: int,
    fill: str,
    *,
    about: str = "",
    round_: int = 0,
    edge: bool = False,
) -> str:
    """A filled box; `about` is said when a pointer rests on it."""
    corner = f' rx="{round_}"' if round_ else ""
    corner += f' stroke="{LINE}"' if edge else ""
    box = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"{corner}'
    return f"{box}><title>{escape(about)}</title></rect>" if about else f"{box}/>"


def line(path: str, *, stroke: str = LINE, width: int = 1, dash: str = "") -> str:
    """A drawn path."""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{width}"{dashes}/>'


def width_of(words: str, size: int) -> int:
    """About how wide letters are [px]: a Han letter is a square, others are half as wide."""
    return sum(size * (100 if ord(char) > 0x2E80 else 53) for char in words) // 100


def wrap(words: str, *, width: int, size: int) -> list[str]:
    """Text as lines of at most about `width` pixels."""
    lines: list[str] = []
    for piece in (piece for word in words.split() for piece in _pieces(word, width, size)):
        longer = f"{lines[-1]} {piece}" if lines else piece
        if lines and width_of(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def _pieces(word: str, width: int, size: int) -> list[str]:
    """A word that is wider than the page, such as an address or Chinese, in pieces that are not."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and width_of(pieces[-1] + letter, size) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces
