"""Corrections: the exact delta of a segment, as it was issued and as it comes out now.

Pure arithmetic on lines: what a correction posts, by line, component, ledger account and tax, with
the service period, the tariff and the tax rates of the original. Swapped, every sign turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gridtally.money import MICRO, number
from gridtally.rating.cone import Step
from gridtally.rating.explain import carried

__all__ = ["delta", "pair"]

Row = Mapping[str, Any]
Code = Callable[[str, str], str]
"""(tariff digest, component) -> ledger account"""
_COMPARED = ("energy", "lines", "components", "ledger", "taxes", "carry")
_KEY = ("span", "component", "bucket", "kind", "unit")
_CHANNELS = ("import", "export", "estimated")
_SIDES = ("before", "after")
_SAID = ("quantity", "price", "factor", "amount")


def delta(
    step: Step, *, tariffs: tuple[Sequence[str], Sequence[str]], code: Code
) -> dict[str, Any]:
    """The document of one segment, numbers as text; `tariffs` are the digests of both sides' spans.

    Of a segment that cannot be made anew all that is compared is null.
    """
    before, after = step.before, step.after
    said = {
        "segment": before["segment"], "agreement": before["agreement"],
        "account": before["account"], "metering_point": before["metering_point"],
        "bill": before["bill"], "run": step.run, "currency": before["currency"],
        "service": {"from": str(before["from"]), "to": str(before["to"])},
        "causes": list(step.causes),
        "tariffs": {"before": list(tariffs[0]), "after": list(tariffs[1]) if after else None},
        "input_digest": {
            "before": before["input_digest"], "after": after["input_digest"] if after else None,
        },
    }  # fmt: skip
    if after is None:
        none = {"before": number(before["total"]), "after": None, "delta": None}
        return said | dict.fromkeys(_COMPARED) | {"total": none}
    lines = _lines(step, tariffs, code)
    return said | {
        "energy": {name: _energy(before, after, name) for name in _CHANNELS},
        "lines": lines,
        "components": _sums("component", [(line, [line["component"]] * 2) for line in lines]),
        "ledger": _sums("ledger", [(line, [*line["ledger"].values()]) for line in lines]),
        "taxes": _taxes(lines),
        "carry": {"before": _carry(step.carry[0]), "after": _carry(step.carry[1])},
        "total": pair(before["total"], after["total"]),
    }  # fmt: skip


def pair(before: Decimal, after: Decimal) -> dict[str, str]:
    """Two amounts and what is between them."""
    return {"before": number(before), "after": number(after), "delta": number(after - before)}


def _energy(before: Row, after: Row, name: str) -> dict[str, str]:
    """Energy in kWh; none counts as nothing."""
    old, new = (Fraction(row[f"{name}_ukwh"] or 0, MICRO) for row in (before, after))
    return {"before": number(old), "after": number(new), "delta": number(new - old)}


def _lines(
    step: Step, tariffs: tuple[Sequence[str], Sequence[str]], code: Code
) -> list[dict[str, Any]]:
    """Every line of both, side by side, in their order; one that has no other side stands alone."""
    sides = [_keyed(rows) for rows in step.lines]
    found = []
    for key in dict.fromkeys((*sides[0], *sides[1])):
        rows = [side.get(key) for side in sides]
        amounts = [row["amount"] if row else Decimal(0) for row in rows]
        accounts = [
            code(digests[key[0]] if key[0] < len(digests) else "", key[1]) if row else None
            for row, digests in zip(rows, tariffs, strict=True)
        ]
        found.append(
            dict(zip(_KEY, key, strict=False))
            | {
                "ledger": dict(zip(_SIDES, accounts, strict=True)),
                "before": _said(rows[0]), "after": _said(rows[1]),
                "delta": number(amounts[1] - amounts[0]),
            }
        )  # fmt: skip
    return found


def _keyed(rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    """Lines by what they are; of several alike each counts for itself, in order."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["line"]):
        key, turn = tuple(row[name] for name in _KEY), 0
        while (*key, turn) in found:
            turn += 1
        found[*key, turn] = row
    return found


def _said(row: Row | None) -> dict[str, str] | None:
    if row is None:
        return None
    return {name: row[name] if name == "factor" else number(row[name]) for name in _SAID}


def _sums(name: str, lines: Iterable[tuple[Row, Sequence[str]]]) -> list[dict[str, str]]:
    """Amounts before and after, by component or ledger account; a line may change its account."""
    sums: dict[str, list[Decimal]] = {}
    for line, keys in lines:
        for i, side in enumerate(_SIDES):
            if line[side]:
                both = sums.setdefault(keys[i], [Decimal(0), Decimal(0)])
                both[i] += Decimal(line[side]["amount"])
    return [{name: key} | pair(*both) for key, both in sums.items()]


def _taxes(lines: Sequence[Row]) -> list[dict[str, Any]]:
    """Tax by component and rate: its base and its amount, before and after."""
    sums: dict[tuple[str, str], dict[str, list[Decimal]]] = {}
    for line in (line for line in lines if line["kind"] == "tax"):
        for i, side in enumerate(_SIDES):
            if line[side] is None:
                continue
            key = (line["component"], line[side]["price"])
            both = sums.setdefault(key, {name: [Decimal(0)] * 2 for name in ("base", "amount")})
            both["base"][i] += Decimal(line[side]["quantity"])
            both["amount"][i] += Decimal(line[side]["amount"])
    return [
        {"component": component, "percent": percent}
        | {name: pair(*values) for name, values in both.items()}
        for (component, percent), both in sums.items()
    ]


def _carry(rows: Iterable[Row]) -> list[dict[str, str]]:
    return [
        {"key": row["key"], "at": str(row["at"]), "value": carried(row["key"], row["value"])}
        for row in sorted(rows, key=lambda row: (row["key"], row["at"]))
    ]
