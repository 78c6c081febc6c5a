"""After step 7: a difference as a picture: the old bill, a step per reason, the new bill.

Pure drawing with whole numbers in tenths of a pixel, so that no float decides a byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from html import escape
from typing import Any

from gridtally.plain import clean
from gridtally.rating.explain.words import LABELS, money

__all__ = ["waterfall"]

_WIDTH, _ROW, _TOP, _LEFT, _RIGHT = 7200, 320, 560, 1500, 1300
_INK, _MUTED, _LINE = "#1b2733", "#566472", "#d5dce2"
_TOTAL, _UP, _DOWN = "#566472", "#b5482e", "#12626f"
_BEGINS = {"en": "Bars begin at {} {}, not at zero.", "zh": "横条自 {} {} 起，不自零起。"}
_FONT = 'font-family="Noto Sans, Noto Sans CJK SC, DejaVu Sans, sans-serif" font-size="13"'


def waterfall(told: Mapping[str, Any], *, language: str = "en") -> str:
    """An SVG of what `difference` gave; a row per effect that is not zero, the largest first."""
    labels, currency = LABELS[language], told["currency"] or ""
    steps = [(one["effect"], Decimal(one["amount"])) for one in told["reasons"]]
    first, last = (Decimal(told["total"][name]) for name in ("before", "after"))
    edges = [first]
    for _, amount in steps:
        edges.append(edges[-1] + amount)
    scale = _Scale(min(edges), max(edges))
    body = [_text(_WIDTH // 2, 260, f"{told['before']} → {told['after']}", "middle", _INK)]
    bars = [("before", scale.zero, first, _TOTAL, money(first, currency))]
    for (name, amount), start, end in zip(steps, edges, edges[1:], strict=False):
        colour = _UP if amount > 0 else _DOWN
        bars.append((name, start, end, colour, money(amount, currency, signed=True)))
    bars.append(("after", scale.zero, last, _TOTAL, f"{money(last, currency)} {currency}"))
    for row, (name, start, end, colour, said) in enumerate(bars):
        y = _TOP + row * _ROW
        low, high = sorted((scale.at(start), scale.at(end)))
        body.append(_text(_LEFT - 120, y + 215, labels[name], "end", _INK))
        body.append(_rect(low, y + 50, max(high - low, 10), _ROW - 100, colour))
        body.append(_text(high + 80, y + 215, said, "start", _INK))
        if row < len(bars) - 1:
            x = scale.at(end)
            body.append(_rule(x, y + _ROW - 50, y + _ROW + 50))
    if scale.low > 0:
        begins = _BEGINS[language].format(money(scale.low, currency), currency)
        body.append(_text(_LEFT, _TOP + len(bars) * _ROW + 130, begins, "start", _MUTED))
    if scale.low < 0 < scale.high:
        body.append(_rule(scale.at(Decimal(0)), _TOP, _TOP + len(bars) * _ROW))
    height = _TOP + len(bars) * _ROW + 220
    size = f'width="{_at(_WIDTH)}" height="{_at(height)}" viewBox="0 0 {_at(_WIDTH)} {_at(height)}"'
    title = f"<title>{escape(clean(told['words'][language]))}</title>"
    ground = _rect(0, 0, _WIDTH, height, "#ffffff")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_FONT} role="img">'
        f"{title}{ground}{''.join(body)}</svg>\n"
    )


class _Scale:
    """Amounts as places; it begins near the smallest step when the steps are small."""

    def __init__(self, low: Decimal, high: Decimal) -> None:
        room = high - low
        begins = _clean(low - room) if low > 0 and room and low > 2 * room else min(low, Decimal(0))
        self.low, self.high = begins, max(high, Decimal(0)) or Decimal(1)
        self.zero = max(begins, Decimal(0)) if begins > 0 else Decimal(0)

    def at(self, amount: Decimal) -> int:
        """Tenths of a pixel from the left."""
        width = _WIDTH - _LEFT - _RIGHT
        share = (amount - self.low) / (self.high - self.low)
        return _LEFT + int((share * width).to_integral_value(ROUND_HALF_EVEN))


def _clean(amount: Decimal) -> Decimal:
    """Down to two digits: 227.31 -> 220."""
    return (
        amount.quantize(Decimal(1).scaleb(amount.adjusted() - 1), ROUND_FLOOR) if amount else amount
    )


def _at(tenths: int) -> str:
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest}" if rest else str(whole)


def _text(x: int, y: int, text: str, anchor: str, fill: str) -> str:
    where = f'x="{_at(x)}" y="{_at(y)}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {where}>{escape(clean(text))}</text>"


def _rect(x: int, y: int, width: int, height: int, fill: str) -> str:
    size = f'width="{_at(width)}" height="{_at(height)}"'
    return f'<rect x="{_at(x)}" y="{_at(y)}" {size} fill="{fill}"/>'


def _rule(x: int, y: int, down: int) -> str:
    return f'<path d="M{_at(x)} {_at(y)}V{_at(down)}" stroke="{_MUTED}" stroke-width="1"/>'
