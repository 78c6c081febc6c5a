"""Step 8, the audit's rules as a page: what each looks for, excludes, and asks a person to do."""

from __future__ import annotations

from collections.abc import Iterable

from gridtally.review.rulefile import Parameter, Rule
from gridtally.review.words import plain

__all__ = ["catalogue"]


def catalogue(rules: Iterable[Rule]) -> str:
    """Markdown with one section per rule, by id; the same rules give the same text."""
    return "\n".join(part for rule in sorted(rules, key=lambda r: r.id) for part in _section(rule))


def _section(rule: Rule) -> list[str]:
    grave = f"{rule.severity}, never released" if rule.must_hold else str(rule.severity)
    lines = [f"## `{rule.id}`", "", f"**{rule.title}** ({grave})", "", rule.why, ""]
    lines.append(f"- Says: {rule.message}")
    lines.append(f"- To do: {rule.remedy}")
    lines.append(f"- Money at risk: {rule.money_at_risk}.")
    lines += [f"- Left out: {cause}." for cause in rule.causes]
    lines += [f"- `{rule.id}.{p.name}` = {_default(p)}: {p.doc}." for p in rule.parameters]
    return [*lines, ""]


def _default(parameter: Parameter) -> str:
    return plain(parameter.value, parameter.unit, "of the currency")
