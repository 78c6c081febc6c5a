"""Delivery: a bill segment in words: readings, lines, and for each line why.

The words follow from the record alone: unit, bucket, factor and carry tell what a line means
(docs/tariff.md, *The shapes*; docs/bill-record.md).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from gridtally.delivery.page import Dial, Group, Line, Row, Section
from gridtally.delivery.say import Speaker
from gridtally.money import MICRO, number

__all__ = ["section"]

Json = Mapping[str, Any]
_TIER = re.compile(r"(?:(?P<bucket>.+)/)?tier-(?P<n>[0-9]+)\Z")
_POWER_FACTOR = re.compile(r"[01]\.[0-9]{2}\Z")
_TERMS = re.compile(r"(contract|capacity) ([0-9.]+) -> ([0-9.]+)\Z")


def section(say: Speaker, segment: Json, *, alone: bool) -> Section:
    """A segment of the record as it is shown; `alone`: the bill has no other."""
    lines = segment["lines"]
    point = segment["metering_point"]
    label = say("segment.total") if alone else say("segment.total_of", point=point)
    return Section(
        title=_heading(say, segment),
        facts=_tariff(say, segment["tariff"]),
        source=_source(say, segment),
        dials=tuple(_dial(say, reading) for reading in segment["readings"]),
        events=tuple(_events(say, segment)),
        groups=_groups(say, segment),
        factors=any(_shown_factor(say, line) for line in lines),
        total=Row(label, say.money(segment["total"]), strong=True),
        notes=tuple(_carried(say, segment)),
    )


def _heading(say: Speaker, segment: Json) -> str:
    meters = list(dict.fromkeys(reading["meter"] for reading in segment["readings"]))
    parts = [say("segment.point", point=segment["metering_point"])]
    if meters:
        key = "segment.meter" if len(meters) == 1 else "segment.meters"
        parts.insert(0, say(key, meter=say("joint.list").join(meters)))
    parts.append(say.period(segment["from"], segment["to"], short=True))
    return say("joint.part").join(parts)


def _tariff(say: Speaker, tariff: Json) -> str:
    digests = [digest.removeprefix("sha256:")[:8] for digest in dict.fromkeys(tariff["digests"])]
    key = "segment.version" if len(digests) == 1 else "segment.versions"
    title = say.title(tariff["title"], tariff["id"])
    versions = say(key, digest=say("joint.list").join(digests))
    return say("segment.tariff", title=title, id=tariff["id"], versions=versions)


def _source(say: Speaker, segment: Json) -> str:
    """From which readings it is billed, and how much of them is estimated."""
    if segment["legal_source"] == "register":
        return ""
    energy = segment["energy"]
    text = say("segment.interval", energy=say.quantity(energy["import"], "kWh"))
    if Decimal(energy["export"]):
        text += say("segment.export", energy=say.quantity(energy["export"], "kWh"))
    estimated, whole = Decimal(energy["estimated"]), Decimal(energy["import"])
    if not estimated:
        return text + say("segment.measured")
    share = say.rounded(estimated * 100 / whole, 1) if whole else "0"
    part = say.quantity(energy["estimated"], "kWh")
    return text + say("segment.part", energy=part, percent=share)


def _dial(say: Speaker, reading: Json) -> Dial:
    demand = reading["unit"] == "kW"
    words = [say.maybe(f"channel.{'demand' if demand else reading['channel']}")]
    if reading["bucket"] not in ("", "total", "all"):
        words.append(_bucket(say, reading["bucket"]))
    about = say("joint.list").join(word for word in words if word)
    qualities = (reading["opening_quality"], reading["closing_quality"])
    return Dial(
        name=say("joint.part").join((reading["meter"], reading["register"], about)),
        opening=say.number(reading["opening"]),
        opened=_read(say, reading["opening_date"], qualities[0]),
        closing=say.number(reading["closing"]),
        closed=_read(say, reading["closing_date"], qualities[1]),
        multiplier=f"× {say.number(reading['multiplier'])}",
        used=say.quantity(reading["advance"], reading["unit"]),
        estimated="E" in qualities,
    )


def _read(say: Speaker, day: str, quality: str) -> str:
    word = say.maybe(f"quality.{quality}") or quality
    return say("joint.list").join((say.date(day, year=False, short=True), word))


def _events(say: Speaker, segment: Json) -> list[str]:
    """What happened inside the period; how much is estimated is said with the source, if there."""
    by_register = segment["legal_source"] == "register"
    told = [e for e in segment["events"] if by_register or e["kind"] != "estimated"]
    texts = [_event(say, event, segment) for event in told]
    if by_register and len({line["span"] for line in segment["lines"]}) > 1:
        texts.append(say("event.split"))
    return texts


def _event(say: Speaker, event: Json, segment: Json) -> str:
    kind, detail = event["kind"], event["detail"]
    day = event["date"]
    if kind == "move_out" and day == segment["to"]:
        day = str(date.fromisoformat(day) - timedelta(days=1))
    if kind == "capacity_change":
        detail = say("joint.clause").join(_term(say, part) for part in detail.split("; "))
    if kind == "estimated":
        try:
            detail = say.quantity(str(Decimal(detail)), "kWh")
        except ArithmeticError:
            return say("event.estimated_some")
    key = f"event.{kind}" if say.maybe(f"event.{kind}") else "event.other"
    return say(key, date=say.date(day), detail=detail)


def _term(say: Speaker, text: str) -> str:
    found = _TERMS.match(text)
    if not found:
        return text
    kind, before, after = found.groups()
    return say(f"event.{kind}", before=say.number(before), after=say.number(after))


# ------------------------------------------------------------------- lines


def _groups(say: Speaker, segment: Json) -> tuple[Group, ...]:
    spans = [list(lines) for _, lines in groupby(segment["lines"], key=lambda line: line["span"])]
    steps = _Steps(segment)
    return tuple(
        Group(
            title=_span_title(say, lines[0]) if len(spans) > 1 else "",
            lines=tuple(_line(say, line, segment, steps) for line in lines),
        )
        for lines in spans
    )


def _span_title(say: Speaker, line: Json) -> str:
    days = (date.fromisoformat(line["to"]) - date.fromisoformat(line["from"])).days
    period = say.period(line["from"], line["to"])
    return say("segment.days" if days != 1 else "segment.day", period=period, days=days)


def _line(say: Speaker, line: Json, segment: Json, steps: _Steps) -> Line:
    title = say.title(line["title"], line["component"])
    bucket = "" if _is_share(say, line) else _bucket(say, line["bucket"])
    quantity = say.quantity(line["quantity"], line["unit"])
    if _is_share(say, line):
        quantity = say.money(line["quantity"])
        price = f"{say.number(line['price'])}{'' if say.language == 'zh' else chr(0xA0)}%"
    else:
        price = say.money(line["price"])
    if line["kind"] in ("rounding", "minimum", "maximum") or _is_sum(say, line):
        quantity = price = ""
    elif line["unit"] == "day" and say.language == "en" and Decimal(line["quantity"]) == 1:
        quantity = "1\u00a0day"
    return Line(
        what=say("joint.list").join((title, bucket)) if bucket else title,
        why=_why(say, line, segment, steps),
        quantity=quantity,
        price=price,
        factor=_shown_factor(say, line),
        amount=say.amount(line["amount"]),
    )


def _is_share(say: Speaker, line: Json) -> bool:
    """A percentage of other lines."""
    return bool(line["unit"] == say.currency and line["factor"] != "1")


def _is_sum(say: Speaker, line: Json) -> bool:
    """Money that is what it is: a credit that is kept, a difference of rounding."""
    return bool(line["unit"] == say.currency and line["factor"] == "1")


def _bucket(say: Speaker, bucket: str) -> str:
    time, _, part = bucket.rpartition("/")
    if time and part in ("contract", "excess"):
        return say("joint.list").join(_bucket(say, one) for one in (time, part))
    tier = _TIER.match(bucket)
    if not tier:
        return say.maybe(f"bucket.{bucket}") or bucket
    step = say("bucket.tier", n=tier["n"])
    return say("joint.list").join((_bucket(say, tier["bucket"]), step)) if tier["bucket"] else step


def _shown_factor(say: Speaker, line: Json) -> str:
    """The factor as the tariff computes it; one that no page can hold, as a percentage."""
    if line["factor"] == "1" or _is_share(say, line):
        return ""
    factor = Fraction(line["factor"])
    if factor.denominator <= 366 * 31:
        return f"× {line['factor']}"
    return f"× {_percent(say, factor)}\u00a0%"


def _percent(say: Speaker, share: Fraction) -> str:
    return say.rounded(Decimal(share.numerator) * 100 / Decimal(share.denominator), 2)


def _why(say: Speaker, line: Json, segment: Json, steps: _Steps) -> str:
    reasons = [_because(say, line, segment), steps.reason(say, line), _prorated(say, line)]
    return say("joint.clause").join(reason for reason in reasons if reason)


def _because(say: Speaker, line: Json, segment: Json) -> str:
    """Why there is such a line at all, when its title does not say so."""
    kind, bucket = line["kind"], line["bucket"]
    if kind in ("rounding", "minimum", "maximum"):
        return say(f"why.{kind}")
    if line["unit"] == say.currency:
        return _share(say, line)
    if line.get("how") == "series":
        return say("why.series")
    if line["unit"] in ("kW", "kvar"):
        part = bucket.rpartition("/")[2]
        return say(f"why.{part if part in ('contract', 'excess') else 'demand'}")
    if line["amount"].startswith("-") and not line["price"].startswith("-"):
        return say("why.credit")
    banks = f"bank/{line['component']}/"
    netted = any(row["key"].startswith(banks) for row in segment["carry_out"])
    return say("why.netted") if netted else ""


def _power_factor(say: Speaker, line: Json) -> str:
    percent = Decimal(line["price"])
    key = "why.factor_bad" if percent > 0 else "why.factor_good" if percent else "why.factor"
    return say(key, value=line["bucket"])


def _share(say: Speaker, line: Json) -> str:
    """A power factor; a tax that is part of its base, or that the amounts above hold already."""
    if _POWER_FACTOR.match(line["bucket"]):
        return _power_factor(say, line)
    if _is_sum(say, line):
        return ""
    percent, factor = Fraction(line["price"]), Fraction(line["factor"])
    if factor == Fraction(1, 100) or abs(percent) >= 100:
        return ""
    return say("why.inside" if factor == 1 / (100 - abs(percent)) else "why.included")


def _prorated(say: Speaker, line: Json) -> str:
    """A share of a month or year in days."""
    if line["factor"] == "1" or _is_share(say, line) or line["unit"] in ("kWh", "kvarh"):
        return ""
    first, after = date.fromisoformat(line["from"]), date.fromisoformat(line["to"])
    days, last = (after - first).days, after - timedelta(days=1)
    if Fraction(line["factor"]) == days:
        return say("why.each_day", days=days)
    if line["unit"] == "year":
        whole = 366 if calendar.isleap(first.year) else 365
        if Fraction(line["factor"]) == Fraction(days, whole):
            return say("why.year", days=days, all=whole)
    elif (first.year, first.month) == (last.year, last.month):
        whole = calendar.monthrange(first.year, first.month)[1]
        if Fraction(line["factor"]) == Fraction(days, whole):
            return say("why.days", days=days, all=whole)
    return say("why.share")


class _Steps:
    """From where to where each step of a tiered price reaches, counted along the lines."""

    def __init__(self, segment: Json) -> None:
        self._since = {row["key"]: row["at"] for row in segment["carry_out"]}
        self._at = {
            row["key"]: Decimal(row["value"]) / MICRO
            for row in segment["carry_in"]
            if self._since.get(row["key"]) == row["at"]
        }

    def reason(self, say: Speaker, line: Json) -> str:
        tier = _TIER.match(line["bucket"])
        if not tier or line["unit"] not in ("kWh", "kvarh"):
            return ""
        if how := line.get("how"):
            return say(f"why.step_{how}")
        if tier["bucket"]:
            return say("why.step_share") if line["factor"] != "1" else ""
        key = f"tier/{line['component']}"
        place = key if key in self._since else f"{key}/{line['span']}"
        start = self._at.get(place, Decimal(0))
        self._at[place] = end = start + Decimal(line["quantity"])
        words = {"from": say.number(number(start)), "to": say.quantity(number(end), line["unit"])}
        if place == key:
            return say("why.step_year", since=say.date(self._since[key], short=True), **words)
        return say("why.step", **words)


def _carried(say: Speaker, segment: Json) -> Sequence[str]:
    """What the next bill takes over."""
    notes, banked, money = [], Decimal(0), Decimal(0)
    for row in segment["carry_out"]:
        value = Decimal(row["value"]) / MICRO
        if row["key"].startswith("bank/"):
            banked += value
        elif row["key"].startswith("money/"):
            money += value / 100
        elif row["key"].startswith("tier/") and row["key"].count("/") == 1:
            energy = say.quantity(number(value), "kWh")
            notes.append(say("carry.tier", energy=energy, since=say.date(row["at"])))
    if money:
        notes.insert(0, say("carry.money", amount=say.money(number(money))))
    if banked:
        notes.insert(0, say("carry.bank", energy=say.quantity(number(banked), "kWh")))
    return notes
