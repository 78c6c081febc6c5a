"""Step 8: run every rule over every bill; what they find, and how much each found.

Rules are the SQL files of `review/rules` (grammar: `docs/rules.md`). They see tables, nothing
else, and only integers and decimals: the same tables give the same findings, whatever the order
of their rows and the number of threads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from gridtally.errors import InvalidDocument, UsageError
from gridtally.money import MICRO, Rounding, minor_digits, parse_decimal
from gridtally.periods import Period
from gridtally.review.exact import require_exact
from gridtally.review.inputs import complete
from gridtally.review.library import add_facts, shipped_rules
from gridtally.review.rulefile import SUBJECTS, Rule
from gridtally.review.sandbox import Sandbox, sandbox
from gridtally.review.words import plain, say
from gridtally.tables import finding, findings_table
from gridtally.terms import RoundingMode

__all__ = ["RuleStats", "audit", "settings"]

FINDINGS_MAX = 1_000_000
"""A rule that finds more than this is broken: nobody reads a million suspicions."""


@dataclass(frozen=True, slots=True)
class RuleStats:
    """What one rule found: `bills` distinct, money at risk by direction [currency]."""

    rule: str
    title: str
    severity: str
    findings: int
    bills: int
    over: Decimal
    under: Decimal


def audit(
    tables: Mapping[str, pa.Table],
    *,
    period: Period,
    currency: str,
    parameters: Mapping[str, object] | None = None,
    rules: Sequence[Rule] | None = None,
    grain: str | None = None,
    threads: int = 1,
) -> tuple[pa.Table, list[RuleStats]]:
    """Return (FINDINGS, stats per rule) of the period's bills.

    `tables` by the names of `review/inputs.py`; one left out is taken as empty. `parameters`
    overrides defaults by `rule id.parameter`. `grain` runs only the rules of that grain: `bill`
    rules may run on a part of the base, `base` rules need all of it.
    Raises `UsageError` for an unknown parameter, `InvalidDocument` for a rule that cannot run.
    """
    rules = shipped_rules() if rules is None else rules
    chosen = [rule for rule in rules if grain in (None, rule.grain)]
    require_exact(chosen)
    values = settings(rules, parameters or {})
    rows: list[dict[str, Any]] = []
    stats: list[RuleStats] = []
    with sandbox(complete(tables), threads=threads, memory_mib=2048) as room:
        add_facts(room)
        for rule in chosen:
            found = _run(room, rule, values[rule.id], period=period, currency=currency)
            stats.append(_stats(rule, found))
            rows += found
    return findings_table(rows), stats


def settings(
    rules: Iterable[Rule], overrides: Mapping[str, object]
) -> dict[str, dict[str, int | Decimal]]:
    """Every rule's parameters as they will run: what `run.json` records."""
    values = {rule.id: {p.name: p.value for p in rule.parameters} for rule in rules}
    for key, given in overrides.items():
        rule, _, name = key.rpartition(".")
        if name not in values.get(rule, {}):
            raise UsageError(
                f"There is no audit parameter {key!r}.",
                remedy=f"The rule has: {', '.join(values.get(rule, {})) or 'no such rule'}.",
            )
        values[rule][name] = _number(key, given)
    return values


def _number(key: str, given: object) -> int | Decimal:
    try:
        value = parse_decimal(str(given))
    except ValueError as err:
        raise UsageError(
            f"The audit parameter {key}: {err}.", remedy="Give a plain decimal number."
        ) from err
    return value if "." in str(given) else int(value)


def _run(
    room: Sandbox,
    rule: Rule,
    values: Mapping[str, int | Decimal],
    *,
    period: Period,
    currency: str,
) -> list[dict[str, Any]]:
    """The findings of one rule, in a fixed order."""
    given: dict[str, Any] = {"period_from": period.start, "period_to": period.end, **values}
    table = room.select(rule.sql, {name: given[name] for name in rule.uses}, name=rule.id)
    _check(rule, table)
    rows = [_finding(rule, row, currency) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


def _check(rule: Rule, table: pa.Table) -> None:
    """The columns are those that the header declares, and no figure is a binary float."""
    names = set(table.column_names)
    declared = {part.name for part in rule.evidence} | {"at_risk"}
    declared |= {"direction"} if rule.direction == "row" else set()
    wrong = [f"the column {n!r} is missing" for n in sorted(declared - names)]
    wrong += [f"the column {n!r} is not declared" for n in sorted(names - declared - {*SUBJECTS})]
    if not names & {"bill", "segment", "account", "metering_point"}:
        wrong.append("it names no bill, segment, account or metering_point")
    wrong += [f"{f.name} is a binary float" for f in table.schema if pa.types.is_floating(f.type)]
    if table.num_rows > FINDINGS_MAX:
        wrong.append(f"it found {table.num_rows:,} rows")
    if wrong:
        raise InvalidDocument(
            f"The SELECT of {rule.id} does not fit its header: {'; '.join(wrong)}.",
            remedy="docs/rules.md says which columns a rule gives.",
            file=rule.id,
            code="review.rule.invalid",
        )


def _finding(rule: Rule, row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    where = {name: row[name] for name in SUBJECTS if row.get(name) is not None}
    where["direction"] = row.get("direction") or "" if rule.direction == "row" else rule.direction
    if where["direction"] == "none":
        where["direction"] = ""
    where["count"] = int(where.get("count", 1))
    words = {part.name: say(_exact(row[part.name]), part.unit, currency) for part in rule.evidence}
    words |= {name: str(row.get(name) or "") for name in ("account", "metering_point", "channel")}
    risk = row["at_risk"]
    return finding(
        rule.id,
        rule.severity,
        rule.message.format_map(words),
        remedy=rule.remedy,
        must_hold=rule.must_hold,
        evidence={p.name: plain(_exact(row[p.name]), p.unit, currency) for p in rule.evidence},
        money_at_risk=None if risk is None else _money(risk, currency),
        **where,
    )


def _money(risk: int | Decimal, currency: str) -> Decimal:
    """10^-6 of the currency as an amount in its smallest unit."""
    rounding = Rounding(minor_digits(currency), RoundingMode.HALF_UP)
    return rounding.apply(Decimal(int(risk)) / MICRO)


def _exact(value: Any) -> Any:
    """A HUGEINT comes back as a decimal without places."""
    whole = isinstance(value, Decimal) and value.as_tuple().exponent == 0
    return int(value) if whole else value


def _stats(rule: Rule, rows: Sequence[Mapping[str, Any]]) -> RuleStats:
    def money(direction: str) -> Decimal:
        chosen = (row["money_at_risk"] for row in rows if row["direction"] == direction)
        return sum((value for value in chosen if value is not None), Decimal(0))

    subjects = {
        row["bill"] or row["segment"] or row["account"] or row["metering_point"] for row in rows
    }
    return RuleStats(
        rule.id, rule.title, str(rule.severity), len(rows), len(subjects), money("over"),
        money("under"),
    )  # fmt: skip
