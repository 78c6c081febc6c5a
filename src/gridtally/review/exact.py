"""Step 8, a guard: no binary float anywhere in what a rule computes.

The words of a SELECT do not show its types (`total // 2` of a decimal is a binary float in
DuckDB). So the SELECT is bound against empty tables, and the types of its plan are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from gridtally.errors import InvalidDocument
from gridtally.review.inputs import INPUTS
from gridtally.review.library import add_facts
from gridtally.review.rulefile import RESERVED, Rule
from gridtally.review.sandbox import Sandbox, sandbox

__all__ = ["require_exact"]

_INEXACT = ("DOUBLE", "FLOAT")


_KNOWN: dict[Rule, tuple[str, ...]] = {}
"""Rules looked at before, and the names of their expressions that are floats."""


def require_exact(rules: Sequence[Rule]) -> None:
    """Raise `InvalidDocument` for a rule that does not bind, or whose plan has a binary float."""
    _KNOWN.update(_look([rule for rule in rules if rule not in _KNOWN]))
    for rule in rules:
        if sources := _KNOWN[rule]:
            raise InvalidDocument(
                f"The rule {rule.id} computes with binary floats: {', '.join(sources)}.",
                remedy="`//` on a DECIMAL gives a float: CAST it to BIGINT or HUGEINT first.",
                file=rule.id,
                code="review.rule.inexact",
            )


def _look(rules: Sequence[Rule]) -> dict[Rule, tuple[str, ...]]:
    if not rules:
        return {}
    with sandbox({f"_{name}": schema.empty_table() for name, schema in INPUTS.items()}) as room:
        for name in INPUTS:  # a plan can be written out over DuckDB's own tables only
            room.keep(name, f"SELECT * FROM _{name}", {})  # noqa: S608 -- our own names
        add_facts(room)
        return {rule: tuple(sorted(set(_walk(_plan(room, rule))))) for rule in rules}


def _plan(room: Sandbox, rule: Rule) -> Any:
    """The plan of a rule with the types of all its expressions."""
    types = dict.fromkeys(RESERVED, "DATE")
    for part in rule.parameters:
        types[part.name] = "DECIMAL(38, 6)" if isinstance(part.value, Decimal) else "BIGINT"
    typed = re.sub(r"\$(\w+)", lambda hole: f"CAST(NULL AS {types[hole[1]]})", rule.sql)
    plan = "SELECT json_serialize_plan($select, optimize := false) AS plan"
    parsed = json.loads(room.select(plan, {"select": typed}, name=rule.id).to_pylist()[0]["plan"])
    if parsed["error"]:
        raise InvalidDocument(
            f"The SELECT of {rule.id} does not run: {' '.join(parsed['error_message'].split())}",
            remedy="docs/rules.md lists the tables and columns that a rule may read.",
            file=rule.id,
            code="review.rule.invalid",
        )
    return parsed["plans"]


def _walk(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _walk(child)
    elif isinstance(node, dict):
        kind, name = node.get("return_type"), (node.get("qname") or {}).get("path", [""])[-1]
        if isinstance(kind, dict) and kind.get("id") in _INEXACT:
            yield str(node.get("alias") or name or "expression")
        picks = name == "quantile_disc"  # its fraction is a float, and only counts rows
        for key, child in node.items():
            yield from _walk(child[:1] if picks and key == "children" else child)
