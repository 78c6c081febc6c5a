"""After step 7: the tree of a bill as it is printed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from gridtally.money import minor_digits
from gridtally.plain import clean
from gridtally.rating.explain.estimates import sentences
from gridtally.rating.explain.readings import summary
from gridtally.rating.shipped import badge

__all__ = ["render", "shown", "word"]


def render(tree: Mapping[str, Any], *, language: str = "en") -> Tree:
    """The tree as it is printed."""
    money = tree["currency"] or ""
    top = Tree(f"[bold]{shown(tree['bill'])}[/]  {_money(tree['total'], money)}")
    for segment in tree["segments"]:
        branch = top.add(
            f"{shown(segment['metering_point'])}, billed from {segment['legal_source']} readings: "
            f"{_money(segment['total'], money)}"
        )
        for dial in segment["readings"]:
            values = " -> ".join(
                f"{reading['reading']} ({reading['quality']}, {reading['time'][:10]})"
                for reading in dial["readings"]
            )
            branch.add(
                f"[dim]meter {shown(dial['meter'])}, dial {shown(dial['register'])} "
                f"x {dial['multiplier']}: {values}{_turned(dial)}[/]"
            )
        for sentence in sentences(segment["estimates"]):
            branch.add(f"[dim]{shown(sentence)}[/]")
        for span in segment["spans"]:
            _render_span(branch, span, money, language)
        for name, word in (("carry_in", "carried in"), ("carry_out", "carried on")):
            for row in segment[name]:
                branch.add(f"[dim]{word}: {shown(row['key'])} {row['at']}: {row['value']}[/]")
    return top


def _turned(dial: Mapping[str, Any]) -> str:
    """` = 37.2, times 20 = 744, over its end once`."""
    steps = f" = {dial['steps']}" if dial["kind"] != "demand" else ""
    whole = f", times {dial['multiplier']} = {dial['gives']}" if dial["multiplier"] != "1" else ""
    turns = {0: "", 1: ", over its end once"}
    return (
        steps
        + whole
        + turns.get(dial["rolled_over"], f", {dial['rolled_over']} times over its end")
    )


def _render_source(leaf: Tree, source: Mapping[str, Any]) -> None:
    """A source of a line; under it its days, its intervals or its peak, where they are known."""
    twig = leaf.add(f"[dim]{shown(_source(source))}[/]")
    if source.get("peak"):
        twig.add(f"[dim]reached from {source['peak']['local']} on[/]")
    days = source.get("days") or []
    if days:
        twig.add(f"[dim]{summary(days)}[/]")
    for day in days:
        if "intervals" in day:
            guessed = f", {day['estimated']} of it estimated" if day["estimated"] != "0" else ""
            each = " · ".join(
                f"{one['local'][11:16]} {one['value']}"
                + (f" {one['quality']}" if one["quality"] != "A" else "")
                + (f" x {one['price']}" if one.get("price") else "")
                for one in day["intervals"]
            )
            twig.add(f"[dim]{day['day']}: {day['quantity']}{guessed}\n{each}[/]")


def _render_span(branch: Tree, span: Mapping[str, Any], money: str, language: str) -> None:
    tariff = span["tariff"]
    name = word(tariff["title"], language) if tariff else "no tariff"
    said = badge(tariff["assumptions"]) if tariff else None
    mark = f" [bold red]{shown(said)}[/]" if said else ""
    node = branch.add(f"{span['from']} to {span['to']}, {span['days']} days: {name}{mark}")
    if tariff:
        node.add(f"[dim]{shown(tariff['source'])}, in force from {tariff['valid_from']}[/]")
        for assumed in tariff["assumptions"]:
            node.add(f"[dim]Assumed: {shown(assumed)}[/]")
    for line in span["lines"]:
        bucket = f" {shown(line['bucket'])}" if line["bucket"] else ""
        leaf = node.add(
            f"{word(line['title'], language)}{bucket}: {_product(line, money)} "
            f"= [bold]{_money(line['amount'], money)}[/]"
        )
        if "exact" in line and line["exact"] != line["amount"]:
            leaf.add(
                f"[dim]{line['exact']} rounded to {line['rounding']['places']} places, "
                f"{line['rounding']['mode']}[/]"
            )
        of = [source["of"] for source in line["from"] if source["kind"] == "lines"]
        if of:
            leaf.add(f"[dim]the lines of {shown(', '.join(of))}[/]")
        for source in line["from"]:
            if source["kind"] != "lines":
                _render_source(leaf, source)


def _money(amount: str | None, currency: str) -> str:
    """`5.7` -> `5.70 EUR`: the currency's places, and more where a line keeps more."""
    if amount is None:
        return "no amount"
    if not currency:
        return amount
    decimals = len(amount.partition(".")[2])
    return f"{Decimal(amount):.{max(decimals, minor_digits(currency))}f} {currency}"


def _product(line: Mapping[str, Any], currency: str) -> str:
    """`120 kWh x 0.1558`; a percentage of money as `22.02 EUR x 23 %`."""
    quantity = f"{line['quantity']} {line['unit']}"
    if line["unit"] == currency:
        quantity = _money(line["quantity"], currency)
    if line["factor"] == "1/100":
        return f"{quantity} x {line['price']} %"
    return f"{quantity} x {line['price']}" + (
        f" x {line['factor']}" if line["factor"] != "1" else ""
    )


def word(title: object, language: str) -> str:
    """A title in a language, safe to print."""
    if isinstance(title, Mapping):
        title = title.get(language) or title.get("en") or next(iter(title.values()))
    return shown(title)


def shown(text: object) -> str:
    """As one line, and nothing in it is read as colours."""
    return escape(clean(text))


def _source(source: Mapping[str, str]) -> str:
    if source["kind"] == "term":
        return f"{source['of'].partition('_')[0]} of the agreement: {source['value']}"
    estimated = f", {source['estimated']} of it estimated" if source["estimated"] != "0" else ""
    return f"{source['of']}: {source['value']} {source['unit']}{estimated}"
