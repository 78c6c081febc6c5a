"""Step 8, the second opinion: the slow rater's answer beside the kernel's, line by line.

Run on every held bill, every large bill and a seeded share of the rest. The two raters share no
code; where they differ, nobody knows which is right, so the bill is held.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.money import number
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["compare", "sample"]

RateCase = Callable[[dict[str, Any], Mapping[str, bytes]], dict[str, Any]]
_FIELDS = ("span", "component", "bucket", "kind", "quantity", "unit", "price", "factor", "amount")
_EXACT = ("quantity", "price", "amount")


def sample(
    bills: pa.Table, *, held: Set[str], large: Decimal, share: Decimal, seed: str
) -> list[str]:
    """Bills for the second opinion, in order: held ones, those of at least `large` either way,
    and of the rest a `share` (0 to 1) chosen by the hash of seed and bill: the same every time.
    """
    below = int(share * 2**64)
    return [
        bill
        for bill, total in zip(bills["bill"].to_pylist(), bills["total"].to_pylist(), strict=True)
        if bill in held or abs(total or 0) >= large or _draw(seed, bill) < below
    ]


def _draw(seed: str, bill: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{bill}".encode()).digest()[:8], "big")


def compare(
    cases: Iterable[tuple[str, dict[str, Any]]],
    lines: pa.Table,
    segments: pa.Table,
    *,
    rate_case: RateCase,
    tariffs: Mapping[str, bytes],
) -> pa.Table:
    """FINDINGS: a must-hold `review.second_rater.differs` for each segment rated differently.

    `cases` are (segment, rating case) as in docs/rating-case.md, `lines` and `segments` what the
    kernel made of them. A segment that neither could rate is an agreement.
    """
    cases = list(cases)
    wanted = pa.array([segment for segment, _ in cases], pa.string())
    of_lines, of_segment = _lines(lines, wanted), _segments(segments, wanted)
    rows = []
    for segment, case in cases:
        made = of_segment.get(segment)
        answer = rate_case(case, tariffs)
        if difference := _difference(of_lines.get(segment, []), made, answer):
            rows.append(_finding(segment, case, made, difference))
    return findings_table(rows)


def _lines(lines: pa.Table, wanted: pa.Array) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    chosen = lines.filter(pc.is_in(lines["segment"], value_set=wanted))
    for row in chosen.sort_by([("segment", "ascending"), ("line", "ascending")]).to_pylist():
        grouped[row["segment"]].append(row)
    return grouped


def _segments(segments: pa.Table, wanted: pa.Array) -> dict[str, dict[str, Any]]:
    chosen = segments.filter(pc.is_in(segments["segment"], value_set=wanted))
    return {row["segment"]: row for row in chosen.to_pylist()}


def _difference(
    lines: list[dict[str, Any]], made: Mapping[str, Any] | None, answer: Mapping[str, Any]
) -> dict[str, str] | None:
    """The first thing that differs: where, what the kernel says, what the second rater says."""
    for first, second in zip_longest(lines, answer["lines"]):
        if second is None or first is None:
            there = first or second or {}
            figures = (_amount(first), _amount(second))
            return {"where": f"line {_name(there)}", "kernel": figures[0], "second": figures[1]}
        for name in _FIELDS:
            figures = (_text(first, name), _text(second, name))
            if figures[0] != figures[1]:
                where = f"line {_name(first)}, {name}"
                return {"where": where, "kernel": figures[0], "second": figures[1]}
    total, other = _total(made["total"] if made else None), _total(answer["total"])
    return None if total == other else {"where": "the total", "kernel": total, "second": other}


def _total(value: Decimal | str | None) -> str:
    return "none" if value is None else number(Decimal(value))


def _text(line: Mapping[str, Any], name: str) -> str:
    return number(Decimal(line[name])) if name in _EXACT else str(line[name])


def _amount(line: Mapping[str, Any] | None) -> str:
    return "no such line" if line is None else _text(line, "amount")


def _name(line: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (str(line["component"]), str(line["bucket"]))))


def _finding(
    segment: str,
    case: Mapping[str, Any],
    made: Mapping[str, Any] | None,
    difference: dict[str, str],
) -> dict[str, Any]:
    where = {name: made[name] for name in ("bill", "account")} if made else {}
    return finding(
        "review.second_rater.differs",
        Severity.HOLD,
        "The two raters disagree on {where}: {kernel} against {second}.".format(**difference),
        remedy="Do not release: compare both with the tariff document; one of the raters is wrong.",
        must_hold=True,
        evidence=difference,
        money_at_risk=abs(made["total"]) if made and made["total"] is not None else None,
        segment=segment,
        metering_point=case["metering_point"],
        **where,
    )
