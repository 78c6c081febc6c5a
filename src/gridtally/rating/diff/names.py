"""Beside step 6: components of two versions beside each other, whatever they are called in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gridtally.rating.diff.changes import far_from, prices_of
from gridtally.rating.diff.hours import Renamed
from gridtally.rating.wording import unit_of

__all__ = ["as_called_now", "component_pairs", "step_told"]

Part = Mapping[str, Any]
_BY_NAME = ("id", "title", "of", "later", "demand", "source", "ledger")
"""Keys in which a component may differ from the one that it was under another name."""
_BY_ENERGY = ("energy", "tiered")


def component_pairs(
    old: Mapping[str, Part], new: Mapping[str, Part], renamed: Mapping[str, Renamed]
) -> dict[str, str]:
    """The old id by the new one: the same id, or else what says all the same but its id."""
    pairs = {name: name for name in new if name in old}
    free = [name for name in old if name not in pairs]
    for name, part in new.items():
        twin = next((was for was in free if _same_but_name(old[was], part, renamed)), None)
        if name not in pairs and twin is not None:
            pairs[name] = twin
            free.remove(twin)
    return pairs


def _same_but_name(old: Part, new: Part, renamed: Mapping[str, Renamed]) -> bool:
    called = as_called_now(old, new, {}, renamed)
    return all(called.get(key) == new.get(key) for key in {**old, **new} if key not in _BY_NAME)


def as_called_now(
    old: Part, new: Part, ids: Mapping[str, str], renamed: Mapping[str, Renamed]
) -> dict[str, Any]:
    """The old component under the new names of components, calendars and buckets."""
    part = dict(old) | {"id": new["id"]}
    for key in ("of", "later"):
        if part.get(key):
            part[key] = [ids.get(name, name) for name in part[key]]
    if part.get("demand"):
        part["demand"] = ids.get(part["demand"], part["demand"])
    names = renamed.get(str(new.get("calendar")))
    if names is None or part.get("calendar") != names.was:
        return part
    return _buckets(part, names.buckets) | {"calendar": new["calendar"]}


def _buckets(part: Part, names: Mapping[str, str]) -> dict[str, Any]:
    """A component, or a part of it, with the new names of buckets wherever one stands."""
    found = dict(part)
    for key in ("prices", "loss_factors"):
        if part.get(key):
            found[key] = {names.get(name, name): price for name, price in part[key].items()}
    if part.get("tiers"):
        found["tiers"] = [_buckets(tier, names) for tier in part["tiers"]]
    if part.get("true_up"):
        found["true_up"] = _buckets(part["true_up"], names)
    if part.get("bank_moves"):
        found["bank_moves"] = [
            move | {key: names.get(move[key], move[key]) for key in ("from", "to")}
            for move in part["bank_moves"]
        ]
    return found


# ------------------------------------------- steps under another name (T09)


def step_told(new: Part, left: Sequence[Part], currency: str) -> str:
    """How far a new component lies from those whose place it takes; empty where it does not.

    `left` are components of the version before that are gone, or that rest in more months now.
    """
    alike = _alike(new, left)
    if not alike:
        return ""
    unit = unit_of(new, ("price",), currency)
    units = {part["id"]: unit_of(part, ("price",), currency) for part in alike}
    same = [part for part in alike if units[part["id"]] == unit]
    if not same:
        was = ", ".join(dict.fromkeys(units.values()))
        return f"another unit than {_names(alike)} before ({was})"
    far = far_from([figure for part in same for figure in _figures(part)], _figures(new))
    return f"far from {_names(same)} before ({far})" if far else ""


def _alike(new: Part, left: Sequence[Part]) -> list[Part]:
    """Of `left`, those that charge the same: of the same kind where there are such."""
    found = [part for part in left if _charges(part) == _charges(new)]
    return [part for part in found if part.get("kind") == new.get("kind")] or found


def _charges(part: Part) -> tuple[Any, ...]:
    shape = part["shape"]
    return "energy" if shape in _BY_ENERGY else shape, part.get("channel")


def _figures(part: Part) -> list[Decimal]:
    """What a component charges: its prices, its percentage or its bound."""
    others = (part.get("percent"), part.get("amount"))
    return [*prices_of(part), *(figure for figure in others if isinstance(figure, Decimal))]


def _names(parts: Sequence[Part]) -> str:
    return ", ".join(str(part["id"]) for part in parts)
