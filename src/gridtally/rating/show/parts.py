"""Beside step 6: the parts of a tariff's picture: colours, heat map, legend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gridtally.rating.hours import MONTHS
from gridtally.rating.show.drawing import (
    MUTED,
    REST,
    colours,
    ink_on,
    line,
    rect,
    text,
    width_of,
    wrap,
)
from gridtally.rating.show.panels import on_map, prices_text

__all__ = ["as_decimal", "heat_map", "height_of", "legend", "shades"]

_ROW, _LEFT, _TOP = 16, 34, 24
_UNKNOWN = "#c9d1d8"
_DAYS = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w+")


def shades(part: Mapping[str, Any]) -> list[str]:
    """A colour per bucket by its first price; grey where the document gives no number.

    A bucket of events has no hours that are known: it is grey, and stretches no other's colour.
    """
    drawn = on_map(part)
    prices = [
        as_decimal(bucket["tiers"][0]["price"]) if number in drawn else None
        for number, bucket in enumerate(part["buckets"])
    ]
    known = [price for price in prices if price is not None]
    found = iter(colours(known)) if known else iter(())
    return [_UNKNOWN if price is None else next(found) for price in prices]


def as_decimal(price: str | None) -> Decimal | None:
    """A shown price as a number; None where it is said in words."""
    plain = price is not None and price.lstrip("-").replace(".", "", 1).isdigit()
    return Decimal(price) if plain and price is not None else None


def height_of(panel: Mapping[str, Any]) -> int:
    """How high a heat map is, with its title and its axis."""
    return _TOP + _ROW * len({row["month"] for row in panel["rows"]}) + 24


def heat_map(
    x: int,
    y: int,
    width: int,
    panel: Mapping[str, Any],
    buckets: Sequence[Mapping[str, Any]],
    colours: Sequence[str],
) -> list[str]:
    """Months down, hours across; a block of equal price is one box with its price in it."""
    left, top = x + _LEFT, y + _TOP
    room = width - _LEFT
    bottom = top + 12 * _ROW
    days = panel["days"]
    if width_of(days, 14) > room:
        days = _DAYS.sub(r"\1", days).replace("public ", "")
    body = [text(left, y + 12, days[0].upper() + days[1:], bold=True)]
    for month, name in enumerate(MONTHS):
        body.append(text(left - 6, top + month * _ROW + 12, name[:3], size=10, fill=MUTED,
                         anchor="end"))  # fmt: skip
    labels = []
    for start, end, bucket, first, last in _blocks(panel["rows"]):
        box = (left + start * room // 1440, top + first,
               (end * room // 1440) - (start * room // 1440), last - first)  # fmt: skip
        if bucket < 0:
            body.append(rect(*box, REST, about="at rest"))
            continue
        price = buckets[bucket]["tiers"][0]["price"] or "?"
        when = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
        about = f"{buckets[bucket]['bucket']} {when}: {price}".strip()
        body.append(rect(*box, colours[bucket], about=about))
        if width_of(price, 11) + 6 <= box[2] and box[3] >= 14:
            row = top + _row_of(first, last)
            labels.append(text(box[0] + box[2] // 2, row + 12, price, size=11,
                               fill=ink_on(colours[bucket]), anchor="middle"))  # fmt: skip
    between = "".join(f"M{left} {top + n * _ROW}H{left + room}" for n in range(1, 12))
    body += [line(between, stroke="#ffffff"), *labels]
    for hour in range(0, 25, 3):
        at = left + hour * 60 * room // 1440
        body.append(line(f"M{at} {bottom}V{bottom + 4}", stroke=MUTED))
        body.append(text(at, bottom + 16, f"{hour:02}", size=10, fill=MUTED, anchor="middle"))
    return body


def _row_of(first: int, last: int) -> int:
    """Where the letters of a block stand: the month in its middle that is wholly in it."""
    whole = range(-(-first // _ROW), last // _ROW)
    return whole[len(whole) // 2] * _ROW if whole else (first + last - _ROW) // 2


def _blocks(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int, int, int, int]]:
    """(first minute, end, bucket, top, bottom) of runs that are the same in rows above another."""
    open_: dict[tuple[int, int, int], int] = {}
    spent: dict[int, int] = {}
    y = 0
    days = {row["month"]: 0 for row in rows}
    for row in rows:
        days[row["month"]] += row["count"]
    for row in rows:
        runs = {(start, end, bucket) for start, end, bucket in row["runs"]}
        for run in [run for run in open_ if run not in runs]:
            yield (*run, open_.pop(run), y)
        for run in sorted(runs):
            open_.setdefault(run, y)
        month = row["month"]
        spent[month] = spent.get(month, 0) + row["count"]
        y = (month - 1) * _ROW + spent[month] * _ROW // days[month]
    for run, top in open_.items():
        yield (*run, top, y)


def legend(
    x: int, y: int, room: int, part: Mapping[str, Any], colours: Sequence[str]
) -> tuple[list[str], int]:
    """A swatch per bucket with its prices, from the dearest; and where the legend ends."""
    body: list[str] = []
    at = x
    y += 14
    for bucket, colour in sorted(
        zip(part["buckets"], colours, strict=True), key=lambda pair: _rank(pair[0])
    ):
        name, words = bucket["bucket"] or "at all times", prices_text(bucket, part)
        wide = 22 + width_of(name, 13) + 10 + width_of(words, 13) + 24
        if at + wide > x + room and at > x:
            at, y = x, y + 21
        body.append(rect(at, y - 11, 14, 14, colour, round_=3, edge=True))
        if wide <= room:
            body.append(text(at + 22, y, name, bold=True, then=words))
            at += wide
            continue
        names = wrap(name, width=(room - 22) * 9 // 10, size=13)
        rows = [*((row, True) for row in names),
                *((row, False) for row in wrap(words, width=room - 22, size=13))]  # fmt: skip
        for n, (row, bold) in enumerate(rows):
            body.append(text(at + 22, y + n * 19, row, bold=bold))
        at, y = x + room, y + (len(rows) - 1) * 19
    return body, y + 4


def _rank(bucket: Mapping[str, Any]) -> Decimal:
    price = as_decimal(bucket["tiers"][0]["price"])
    return Decimal(0) if price is None else -price
