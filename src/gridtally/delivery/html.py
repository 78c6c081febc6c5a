"""Delivery: the page on a screen: one file, readable on a phone, printable, without script.

Whatever is not markup made here is escaped: text cannot become markup by being forgotten.
The page brings its letters with it (`fonts.Font.subset`), so it shows no boxes anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from html import escape, unescape
from importlib.resources import files

from gridtally.delivery.fonts import font
from gridtally.delivery.page import Figure, Page, Row, Section

__all__ = ["render"]

_VOID = {"meta", "br"}
_FACES = (
    ("latin-regular", "Gridtally Sans", 400),
    ("latin-bold", "Gridtally Sans", 600),
    ("han-regular", "Gridtally Han", 400),
    ("han-bold", "Gridtally Han Strong", 600),
)
_WIDE = frozenset(map(ord, "·—‘’“”…"))
"""Signs that are as wide as a letter in Chinese: taken from the Chinese font there."""
_BOLD = re.compile(r"<(h[1-3]|strong)[ >].*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def el(name: str, /, *children: str | Iterable[str], **attributes: str) -> Markup:
    """An element. Children that are not Markup are escaped; `class_` gives the class."""
    parts = [f"<{name}"]
    for key, value in attributes.items():
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"')
    parts.append(">")
    for child in children:
        pieces = [child] if isinstance(child, str) else child
        parts += (piece if isinstance(piece, Markup) else escape(piece) for piece in pieces)
    if name not in _VOID:
        parts.append(f"</{name}>")
    return Markup("".join(parts))


def render(page: Page) -> str:
    """The whole document."""
    body = el(
        "body",
        el(
            "main",
            _letterhead(page),
            _due(page),
            _before(page),
            *(_section(page, section) for section in page.sections),
            _foot(page),
        ),
    )
    return document(
        body,
        title=f"{page.title} {page.facts[0].value}",
        styles=_faces(page, body) + _css(),
        language="zh-Hans" if page.language == "zh" else page.language,
        fonts="font-src data:; ",
    )


def document(body: Markup, *, title: str, styles: str, language: str, fonts: str = "") -> str:
    """A whole document that may load nothing: no script, no style but its own, no address told."""
    digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; {fonts}"
        "base-uri 'none'; form-action 'none'"
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("style", Markup(styles)),
    )
    return f"<!doctype html>\n{el('html', head, body, lang=language)}\n"


# -------------------------------------------------------------------- letters


@cache
def _css() -> str:
    return (files(__package__) / "templates" / "bill.css").read_text(encoding="utf-8")


def _faces(page: Page, body: str) -> str:
    """The fonts of the page, each with only the letters that it needs of it."""
    every = set(map(ord, unescape(_TAG.sub("", body))))
    strong = set(map(ord, unescape(_TAG.sub("", "".join(m[0] for m in _BOLD.finditer(body))))))
    rules = []
    for name, family, weight in _FACES:
        letters = strong if name.endswith("bold") else every
        letters = letters & font(name).letters.keys()
        if name.startswith("latin"):
            letters -= _WIDE if page.language == "zh" else set()
        else:
            letters -= set() if page.language == "zh" else font("latin-regular").letters.keys()
        if letters:
            data = base64.b64encode(font(name).subset(letters)).decode("ascii")
            rules.append(
                f'@font-face{{font-family:"{family}";font-weight:{weight};'
                f'src:url("data:font/ttf;base64,{data}") format("truetype")}}\n'
            )
    return "".join(rules)


# ---------------------------------------------------------------------- parts


def _figure(figure: Figure, class_: str) -> Markup:
    svg = figure.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(figure.alt)}" ', 1)
    return el("div", Markup(svg), class_=class_)


def _lines(lines: Iterable[str]) -> list[Markup]:
    return [el("span", line, class_="line") for line in lines]


def _list(rows: Iterable[Row], class_: str) -> Markup:
    return el(
        "dl",
        [
            el(
                "div",
                el("dt", row.label),
                el("dd", el("strong", row.value) if row.strong else row.value),
            )
            for row in rows
        ],
        class_=class_,
    )


def _letterhead(page: Page) -> Markup:
    say = page.labels
    return el(
        "header",
        el(
            "div",
            el("strong", page.supplier, class_="name"),
            _lines(page.supplier_lines),
            class_="supplier",
        ),
        el("div", el("h1", page.title), el("span", page.period, class_="line"), class_="title"),
        el(
            "address",
            el("span", say["to"], class_="label"),
            el("span", page.customer, class_="customer"),
            _lines(page.customer_lines),
        ),
        _list(page.facts, "facts"),
    )


def _due(page: Page) -> Markup:
    payment = page.payment
    paying = [_list(payment.rows, "stack")] if payment.rows else []
    if payment.text:
        paying.append(el("p", payment.text, class_="small"))
    code = []
    if payment.code:
        caption = el("span", payment.code.title, class_="small")
        code = [el("div", _figure(payment.code, "code"), caption, class_="scan")]
    return el(
        "section",
        el(
            "div",
            el("h2", page.due.label),
            el("strong", page.due.value, class_="large"),
            el("strong", page.due_text, class_="line"),
        ),
        el("div", el("h2", page.labels["balance"]), _list(page.balance, "sum")),
        el("div", el("h2", payment.title), el("div", el("div", *paying), *code, class_="pay")),
        class_="due",
    )


def _table(head: Iterable[str], rows: Iterable[Markup], *, class_: str, caption: str) -> Markup:
    return el(
        "div",
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", [el("th", cell, scope="col") for cell in head])),
            el("tbody", rows),
            class_=class_,
        ),
        class_="scroll",
    )


def _before(page: Page) -> Markup:
    say = page.labels
    rows = []
    for row in page.changes:
        cells = (row.energy, row.per_day, row.cost)
        label = el("strong", row.label) if row.now else row.label
        rows.append(
            el(
                "tr",
                el("th", label, el("span", row.period, class_="line small"), scope="row"),
                [el("td", el("strong", cell) if row.now else cell) for cell in cells],
            )
        )
    head = (say["period"], say["energy"], say["per_day"], say["cost"])
    return el(
        "section",
        el(
            "div",
            el("h2", say["compare"]),
            _table(head, rows, class_="compare", caption=say["compare"]),
            [el("p", text, class_="small") for text in page.change_texts],
        ),
        [_chart(page.figure)] if page.figure else [],
        class_="before",
    )


def _chart(figure: Figure) -> Markup:
    caption = [el("p", figure.caption, class_="small")] if figure.caption else []
    return el("div", el("h2", figure.title), _figure(figure, "chart"), caption)


def _section(page: Page, section: Section) -> Markup:
    parts = [el("h2", section.title), el("p", section.facts, class_="small")]
    if section.source:
        parts.append(el("p", section.source))
    if section.dials:
        parts.append(_dials(page, section))
    if section.events:
        parts.append(el("ul", [el("li", event) for event in section.events], class_="events"))
    parts.append(_bill_lines(page, section))
    parts += [el("p", note, class_="small") for note in section.notes]
    return el("section", *parts, class_="segment")


def _dials(page: Page, section: Section) -> Markup:
    say = page.labels
    head = [say[key] for key in ("meter", "opening", "closing", "multiplier", "used")]
    rows = []
    for dial in section.dials:
        cells: list[list[str]] = [
            [el("span", dial.opened, class_="small"), " ", dial.opening],
            [el("span", dial.closed, class_="small"), " ", dial.closing],
            [dial.multiplier],
            [el("strong", dial.used)],
        ]
        named = zip(cells, head[1:], strict=True)  # on a phone each figure says what it is
        tds = [el("td", el("span", cell), data_label=label) for cell, label in named]
        rows.append(el("tr", el("th", dial.name, scope="row"), tds))
    return _table(head, rows, class_="dials", caption=say["meter"])


def _bill_lines(page: Page, section: Section) -> Markup:
    say = page.labels
    factor = [say["factor"]] if section.factors else []
    span = str(4 + len(factor))
    rows = []
    for group in section.groups:
        if group.title:
            title = el("th", el("strong", group.title), colspan=span, scope="rowgroup")
            rows.append(el("tr", title, class_="group"))
        for line in group.lines:
            why = [el("span", line.why, class_="why small")] if line.why else []
            cells = [line.quantity, f"× {line.price}" if line.price else ""]
            cells += [line.factor, line.amount] if section.factors else [line.amount]
            rows.append(
                el(
                    "tr",
                    el("th", line.what, " ", why, scope="row"),
                    [el("td", cell) for cell in cells],
                )
            )
    total = el("th", el("strong", section.total.label), colspan=str(int(span) - 1), scope="row")
    rows.append(el("tr", total, el("td", el("strong", section.total.value)), class_="total"))
    head = (say["what"], say["quantity"], say["price"], *factor, say["amount"])
    return _table(head, rows, class_="lines", caption=section.title)


def _foot(page: Page) -> Markup:
    say = page.labels
    return el(
        "footer",
        el("div", el("h2", say["notes"]), [el("p", note) for note in page.notes]),
        el(
            "div",
            el("h2", say["proof"]),
            el("strong", page.proof, class_="proof"),
            el("p", page.proof_text),
        ),
    )
