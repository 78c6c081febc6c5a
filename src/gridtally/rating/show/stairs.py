"""Beside step 6: tiers as stairs: what the next unit costs by how much there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gridtally.rating.show.drawing import INK, LINE, MUTED, line, text, width_of
from gridtally.rating.show.parts import as_decimal

__all__ = ["step_chart"]

_LEFT, _TOP, _HEIGHT = 46, 14, 136
_ABOVE, _BELOW = -6, 15
"""Base lines of a price from its stair."""
_LETTERS, _OVER = 11, 22
"""The size of letters, and by how much a price may be wider than its stair. [px]"""


@dataclass
class _Chart:
    """The scales of a chart, and what stands in it: no price is written over another, or a line."""

    left: int
    right: int
    bottom: int
    last: Decimal
    low: Decimal
    high: Decimal
    stairs: list[tuple[int, int, int]] = field(default_factory=list)
    """From, to, height."""
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)

    def across(self, amount: Decimal) -> int:
        """Where an amount lies."""
        return self.left + int(amount * (self.right - self.left) / self.last)

    def up(self, price: Decimal) -> int:
        """Where a price lies."""
        return self.bottom - int((price - self.low) * _HEIGHT / (self.high - self.low))

    def label(self, stair: tuple[int, int, int], words: str) -> list[str]:
        """A price above its stair, or else below it, or nowhere: the legend has it, too."""
        first, last, y = stair
        middle, half = (first + last) // 2, width_of(words, _LETTERS) // 2 + 4
        if 2 * half > last - first + _OVER:
            return []
        for base in (y + _ABOVE, y + _BELOW):
            box = (middle - half, base - 10, middle + half, base + 2)
            crossed = any(a < box[2] and b > box[0] and box[1] - 2 <= at <= box[3] + 1
                          for a, b, at in self.stairs if (a, b, at) != stair)  # fmt: skip
            taken = any(one[0] < box[2] and one[2] > box[0] and one[1] < box[3] and one[3] > box[1]
                        for one in self.boxes)  # fmt: skip
            if not crossed and not taken and base < self.bottom:
                self.boxes.append(box)
                return [text(middle, base, words, size=_LETTERS, anchor="middle", halo=True)]
        return []


def step_chart(
    x: int, y: int, width: int, part: Mapping[str, Any], colours: Sequence[str]
) -> list[str]:
    """Each bucket's stairs, with a line at zero and the thresholds below."""
    buckets = part["buckets"]
    ends = [Decimal(step["upto"]) for step in buckets[0]["tiers"][:-1]]
    known = [as_decimal(step["price"]) for bucket in buckets for step in bucket["tiers"]]
    prices = [price for price in known if price is not None]
    low = min([Decimal(0), *prices])
    high = max([Decimal(0), *prices])
    high = high if high > low else low + 1
    chart = _Chart(x + _LEFT, x + width, y + _TOP + _HEIGHT, ends[-1] * 4 / 3, low, high)
    body = [
        line(f"M{chart.across(end)} {y + _TOP - 6}V{chart.bottom}", dash="2 3", stroke=LINE)
        for end in ends
    ]
    stairs = [_stairs(chart, bucket["tiers"]) for bucket in buckets]
    for some, colour in zip(stairs, colours, strict=True):
        path = "".join(f"{'L' if n else 'M'}{a} {at}H{b}" for n, ((a, b, at), _) in enumerate(some))
        if path:
            body += [line(path, stroke=MUTED, width=6), line(path, stroke=colour, width=4)]
    zero = chart.up(Decimal(0))
    body.append(line(f"M{chart.left} {zero}H{chart.right}", stroke=MUTED))
    body.append(text(chart.left - 8, zero + 4, "0", size=10, fill=MUTED, anchor="end"))
    body += _thresholds(chart, ends, part["upto_unit"])
    once = dict.fromkeys(one for some in stairs for one in some)
    return body + [words for stair, price in once for words in chart.label(stair, price)]


def _stairs(
    chart: _Chart, steps: Sequence[Mapping[str, Any]]
) -> list[tuple[tuple[int, int, int], str]]:
    """The stairs of a bucket, each with its price; they are in the chart from now on."""
    found, before = [], Decimal(0)
    for step in steps:
        price = as_decimal(step["price"])
        end = chart.last if step["upto"] is None else Decimal(step["upto"])
        if price is not None:
            stair = (chart.across(before), chart.across(end), chart.up(price))
            found.append((stair, str(step["price"])))
        before = end
    chart.stairs += [stair for stair, _ in found]
    return found


def _thresholds(chart: _Chart, ends: Sequence[Decimal], unit: str) -> list[str]:
    """Where tiers end; of those that lie too close to be read, the first."""
    y = chart.bottom + 16
    body = [text(chart.right, y, unit, size=_LETTERS, fill=MUTED, anchor="end")]
    free = chart.left
    for end in ends:
        at, half = chart.across(end), width_of(f"{end:f}", _LETTERS) // 2 + 3
        if at - half >= free:
            body.append(text(at, y, f"{end:f}", size=_LETTERS, fill=INK, anchor="middle"))
            free = at + half
    return body
