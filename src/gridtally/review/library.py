"""Step 8, the shipped rules and the facts that they share, read from the package."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from gridtally.review.rulefile import Fact, Rule, parse_fact, parse_rule
from gridtally.review.sandbox import Sandbox

__all__ = ["add_facts", "shipped_facts", "shipped_rules"]


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """Every rule of `review/rules`, by id."""
    rules = [parse_rule(text, name=name) for name, text in _texts("rules")]
    return tuple(sorted(rules, key=lambda rule: rule.id))


@cache
def shipped_facts() -> tuple[Fact, ...]:
    """Every derived table of `review/facts`, each after those that it needs."""
    waiting = [parse_fact(text, name=name) for name, text in _texts("facts")]
    ordered: list[Fact] = []
    while waiting:
        done = {fact.id for fact in ordered}
        ready = [fact for fact in waiting if done.issuperset(fact.needs)]
        assert ready, f"facts need each other in a circle: {[fact.id for fact in waiting]}"
        ordered += sorted(ready, key=lambda fact: fact.id)
        waiting = [fact for fact in waiting if fact not in ready]
    return tuple(ordered)


def add_facts(room: Sandbox, names: Iterable[str] | None = None) -> None:
    """Compute the derived tables, or only those `names`, in the room."""
    wanted = None if names is None else set(names)
    for fact in shipped_facts():
        if wanted is None or fact.id in wanted:
            room.keep(fact.id, fact.sql, {})


def _texts(folder: str) -> list[tuple[str, str]]:
    found = files("gridtally.review").joinpath(folder).iterdir()
    return [
        (f"{folder}/{entry.name}", entry.read_text("utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
        if entry.name.endswith(".sql")
    ]
