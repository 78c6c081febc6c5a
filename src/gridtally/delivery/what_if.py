"""Delivery: the report of a what-if as one page: no script, nothing from elsewhere, nobody's name.

Every chart has its sentence and its table: who cannot see it can read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from gridtally.delivery import what_if_charts as chart
from gridtally.delivery.html import Markup, document, el
from gridtally.plain import cleaned

__all__ = ["charts", "render"]

Row = Mapping[str, Any]
_CSS = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1b2733; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 880px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 4px; }
p { margin: 4px 0 12px; }
.quiet, figcaption { color: #566472; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  gap: 12px; margin: 24px 0 8px; padding: 0; }
.cards div { border: 1px solid #d5dce2; border-radius: 6px; padding: 12px 14px; }
.cards dt { color: #566472; font-size: 14px; }
.cards dd { margin: 0; font-size: 18px; font-weight: 600; font-variant-numeric: tabular-nums; }
.cards dd span { display: block; font-size: 14px; font-weight: 400; color: #566472; }
figure { margin: 12px 0; }
svg { width: 100%; height: auto; }
.wide { overflow-x: auto; margin: 0 0 20px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: right; padding: 5px 8px; border-bottom: 1px solid #d5dce2;
  font-variant-numeric: tabular-nums; white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td.long { white-space: normal; min-width: 260px; }
thead th { color: #566472; font-weight: 600; }
details { margin: 8px 0 20px; }
summary { cursor: pointer; color: #12626f; }
li { margin-bottom: 6px; }
@media print { main { max-width: none; } details { display: none; } h2 { break-after: avoid; }
  figure { break-inside: avoid; } }
"""


def render(answer: Row) -> str:
    """The whole document, of what `what_if.sums.summary` says."""
    answer = cleaned(answer)
    parts = [_head(answer)]
    if answer["bill_segments"]["rated"]:
        parts += [
            _cards(answer), _distribution(answer), _by_segment(answer), _by_tenth(answer),
            _by_month(answer), _revenue(answer), _biggest(answer),
        ]  # fmt: skip
    parts += [_not_rated(answer), _assumptions(answer)]
    title = f"{_title(answer)}: what if"
    return document(el("body", el("main", *parts)), title=title, styles=_CSS, language="en")


def charts(answer: Row) -> str:
    """The charts alone, below each other, as one SVG."""
    answer = cleaned(answer)
    currency = answer["tariff"]["currency"]
    return chart.stacked([
        ("Difference by account", chart.histogram(answer["histogram"], currency)),
        ("Who pays less, who pays more", chart.sides(answer["by_segment"])),
        ("Revenue by month", chart.revenue(answer["by_month"], currency)),
    ])  # fmt: skip


# -------------------------------------------------------------------- parts


def _title(answer: Row) -> str:
    title = answer["tariff"]["title"]
    return str(title) if isinstance(title, str) else str(title.get("en", answer["tariff"]["id"]))


def _head(answer: Row) -> Markup:
    bills, count = answer["bill_segments"], answer["accounts"]
    old = ", ".join(answer["compared_with"])
    said = (
        f"What {count['compared']:,} accounts would have paid from {answer['from']} to "
        f"{answer['to']} under {answer['tariff']['id']}, instead of {old}. "
        f"{bills['rated']:,} of {bills['chosen']:,} bill segments could be rated."
    )
    return el(
        "header",
        el("h1", f"What if: {_title(answer)}"),
        el("p", said),
        el("p", f"Source of the prices: {answer['tariff']['source']}", class_="quiet"),
    )


def _plus(text: str) -> str:
    return text if text.startswith("-") or Decimal(text) == 0 else f"+{text}"


def _money(text: str) -> str:
    """With commas between thousands and a true minus."""
    return f"{Decimal(text):,f}".replace("-", "−")


def _whole(text: str) -> str:
    """A large amount without its cents."""
    amount = Decimal(text)
    return _money(text if abs(amount) < 100_000 else str(amount.quantize(Decimal(1))))


def _change(row: Row) -> str:
    percent = f" ({_plus(row['percent'])} %)".replace("-", "−") if row["percent"] else ""
    return _money_plus(row["difference"]) + percent


def _money_plus(text: str) -> str:
    return ("+" if Decimal(text) > 0 else "") + _money(text)


def _cards(answer: Row) -> Markup:
    currency = answer["tariff"]["currency"]
    cards = [
        ("As billed", _whole(answer["old"]), currency),
        ("New tariff", _whole(answer["new"]), f"{_change(answer)} {currency}"),
        ("Pay less", f"{answer['winners']['accounts']:,}",
         f"accounts, {_money(answer['winners']['amount'])} {currency} together"),
        ("Pay more", f"{answer['losers']['accounts']:,}",
         f"accounts, {_money_plus(answer['losers']['amount'])} {currency} together"),
        ("Pay the same", f"{answer['unchanged']:,}", "accounts"),
    ]  # fmt: skip
    rows = [el("div", el("dt", a), el("dd", b, el("span", c))) for a, b, c in cards]
    return el("dl", rows, class_="cards")


def _figure(svg: str, alt: str, caption: str = "") -> Markup:
    marked = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
    return el("figure", Markup(marked), *([el("figcaption", caption)] if caption else []))


def _section(title: str, *parts: Markup) -> Markup:
    return el("section", el("h2", title), *parts)


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = 1, long: bool = False
) -> Markup:
    """Numbers to the right; the first `text` columns are words, the first may be a sentence."""

    def kind(i: int) -> dict[str, str]:
        return {"class_": "text long" if long and i == 0 else "text"} if i < text else {}

    head = el("tr", [el("th", name, scope="col", **kind(i)) for i, name in enumerate(heads)])
    body = [el("tr", [el("td", cell, **kind(i)) for i, cell in enumerate(row)]) for row in rows]
    return el("div", el("table", el("thead", head), el("tbody", body)), class_="wide")


def _folded(table: Markup) -> Markup:
    return el("details", el("summary", "The same as a table"), table)


# ----------------------------------------------------------------- sections


def _distribution(answer: Row) -> Markup:
    data, currency = answer["histogram"], answer["tariff"]["currency"]
    of = {row["percent"]: _money_plus(row["difference"]) for row in answer["quantiles"]}
    said = (
        f"For half of the accounts the difference is {of[50]} {currency} or less; nine in ten lie "
        f"between {of[5]} and {of[95]} {currency}."
    )
    alt = f"Histogram of the difference per account. {said}"
    beyond = data.get("below", 0) + data.get("above", 0)
    caption = f"A step is {data['step']} {currency}."
    if answer["unchanged"]:
        caption += f" {answer['unchanged']:,} accounts without a difference are in no step."
    if beyond:
        caption += f" The outermost steps hold {beyond:,} accounts that lie beyond them."
    rows = [(f"{percent} %", text) for percent, text in of.items()]
    return _section(
        "Difference by account",
        el("p", said),
        _figure(chart.histogram(data, currency), alt, caption),
        _folded(_table(("Of the accounts", f"have at most this difference, {currency}"), rows)),
    )  # fmt: skip


_HEADS = ("accounts", "pay less", "together", "pay more", "together", "difference", "median")


def _group(row: Row) -> tuple[str, ...]:
    return (
        f"{row['accounts']:,}", f"{row['winners']['accounts']:,}",
        _money(row["winners"]["amount"]), f"{row['losers']['accounts']:,}",
        _money_plus(row["losers"]["amount"]), _change(row), _money_plus(row["median"]),
    )  # fmt: skip


def _groups(title: str, rows: Sequence[Row]) -> Markup:
    return _table((title, *_HEADS), [(row["name"] or "(none)", *_group(row)) for row in rows])


def _said(rows: Sequence[Row], word: Callable[[Row], str]) -> str:
    return "; ".join(
        f"{word(row)}: {row['winners']['accounts']:,} of {row['accounts']:,} pay less, "
        f"{row['losers']['accounts']:,} more"
        for row in rows
    )


def _by_segment(answer: Row) -> Markup:
    rows = answer["by_segment"]
    alt = "Share of accounts that pay less and more. " + _said(rows, lambda r: str(r["name"]))
    parts = [
        _figure(
            chart.sides(rows), alt,
            f"Share of each customer segment's accounts, and what they pay less or more together, "
            f"{answer['tariff']['currency']}.",
        ),
        _folded(_groups("customer segment", rows)),
    ]  # fmt: skip
    if len(answer["by_region"]) > 1:
        parts.append(_groups("region", answer["by_region"]))
    return _section("Who pays less, who pays more", *parts)


def _by_tenth(answer: Row) -> Markup:
    rows = [
        {**row, "name": f"{_kwh(row['kwh_from'])}–{_kwh(row['kwh_to'])} kWh"}
        for row in answer["by_tenth"]
    ]
    alt = "The same by tenths of consumption. " + _said(rows, lambda r: str(r["name"]))
    caption = "Accounts in ten equal parts, those that use least first; energy of the rated bills."
    return _section(
        "By consumption",
        _figure(chart.sides(rows), alt, caption),
        _folded(_groups("energy", rows)),
    )


def _kwh(text: str) -> str:
    return f"{Decimal(text).quantize(Decimal(1)):,f}"


def _by_month(answer: Row) -> Markup:
    rows, currency = answer["by_month"], answer["tariff"]["currency"]
    alt = "Revenue by month as billed and under the new tariff. " + "; ".join(
        f"{row['month']}: {row['old']} and {row['new']}" for row in rows
    )
    cells = [
        (row["month"], f"{row['bill_segments']:,}", _money(row["old"]), _money(row["new"]),
         _change(row))
        for row in rows
    ]  # fmt: skip
    return _section(
        "Revenue by month",
        _figure(chart.revenue(rows, currency), alt, "A bill counts in the month of its first day."),
        _folded(_table(("month", "bill segments", "old", "new", "difference"), cells)),
    )


def _revenue(answer: Row) -> Markup:
    parts = []
    for title, key in (("what the lines show", "by_kind"), ("ledger account", "by_ledger")):
        rows = [
            (row["name"], _money(row["old"]), _money(row["new"]), _change(row))
            for row in answer["revenue"][key]
        ]
        parts.append(_table((title, "old", "new", "difference"), rows))
    return _section(f"Revenue in parts, {answer['tariff']['currency']}", *parts)


def _biggest(answer: Row) -> Markup:
    parts = []
    for title, side in (("Save most", "winners"), ("Pay most more", "losers")):
        rows = [
            (row["account"], row["segment"], row["region"], _kwh(row["kwh"]), _money(row["old"]),
             _money(row["new"]), _change(row))
            for row in answer["biggest"][side]
        ]  # fmt: skip
        heads = (title, "segment", "region", "kWh", "old", "new", "difference")
        if rows:
            parts.append(_table(heads, rows, text=3))
    return _section("The largest differences", *parts) if parts else Markup("")


def _not_rated(answer: Row) -> Markup:
    bills = answer["bill_segments"]
    rows = [
        (f"{row['message']} {row['remedy']}", row["code"], f"{row['bill_segments']:,}",
         f"{row['accounts']:,}", _money(row["billed"]))
        for row in answer["not_rated"]
    ]  # fmt: skip
    said = [
        f"{bills['not_rated']:,} of {bills['chosen']:,} bill segments have no amount under the new "
        "tariff; they are in none of the figures above."
    ]
    if bills["without_amount"]:
        said.append(f"{bills['without_amount']:,} were never billed an amount.")
    if bills["partly_in_range"]:
        said.append(f"{bills['partly_in_range']:,} lie in the range in part only.")
    parts = [el("p", " ".join(said))]
    if rows:
        heads = ("why", "code", "bill segments", "accounts", "billed")
        parts.append(_table(heads, rows, text=2, long=True))
    return _section("Not rated", *parts)


def _assumptions(answer: Row) -> Markup:
    return _section("Assumed", el("ul", [el("li", text) for text in answer["assumptions"]]))
