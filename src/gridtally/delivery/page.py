"""Delivery: what stands on the page, as words. Templates only place it.

Every text is ready to print, in the bill's language; paper and screen show the same.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Change", "Dial", "Figure", "Group", "Line", "Page", "Payment", "Row", "Section"]


@dataclass(frozen=True, slots=True)
class Row:
    """A label and what belongs to it."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, what it shows in words, and what stands above and below it."""

    svg: str
    alt: str
    title: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """A dial's opening and closing reading."""

    name: str
    opening: str
    opened: str
    closing: str
    closed: str
    multiplier: str
    used: str
    estimated: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What x how much x price = amount, and why."""

    what: str
    why: str
    quantity: str
    price: str
    factor: str
    amount: str


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one span; `title` is empty when there is only one."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A bill segment: one agreement, one period."""

    title: str
    facts: str
    source: str
    dials: tuple[Dial, ...]
    events: tuple[str, ...]
    groups: tuple[Group, ...]
    factors: bool
    """True when some line has a share to show."""
    total: Row
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One bill of the comparison."""

    label: str
    period: str
    energy: str
    per_day: str
    cost: str
    now: bool


@dataclass(frozen=True, slots=True)
class Payment:
    """How to pay, or what happens to a credit."""

    title: str
    rows: tuple[Row, ...]
    text: str
    code: Figure | None


@dataclass(frozen=True, slots=True)
class Page:
    """A whole bill."""

    language: str
    labels: dict[str, str]
    issued: str
    """YYYY-MM-DD"""
    title: str
    period: str
    supplier: str
    supplier_lines: tuple[str, ...]
    customer: str
    customer_lines: tuple[str, ...]
    facts: tuple[Row, ...]
    due: Row
    due_text: str
    payment: Payment
    balance: tuple[Row, ...]
    changes: tuple[Change, ...]
    change_texts: tuple[str, ...]
    figure: Figure | None
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    proof: str
    proof_text: str
