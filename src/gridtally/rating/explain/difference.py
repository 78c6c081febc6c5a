"""After step 7: why two bills differ, as a sum of named effects whose residual is zero.

What each effect means is defined in `docs/explain.md`; `effects.py` has the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from gridtally.money import Rounding, minor_digits, number, round_fraction
from gridtally.rating.explain.effects import EFFECTS, NOTHING, Effects, Replaced, changed
from gridtally.rating.explain.sides import Cell, Side
from gridtally.rating.explain.words import reasons, sentence
from gridtally.terms import Channel, RoundingMode

__all__ = ["difference", "rounded"]

Tree = Mapping[str, Any]
_Part = Mapping[tuple[str, int, str, str], Fraction]
_Replaced = tuple[_Part, _Part]


def difference(before: Tree, after: Tree, *, replaced: _Replaced | None = None) -> dict[str, Any]:
    """How `after` comes from `before`, two trees of `explain` in one currency.

    Of each component and in total: before + the effects = after, exactly. `replaced` is, for bills
    of the same days, by how much the measured energy [kWh or kvarh] of a (segment, span, component,
    bucket) changed where readings took the place of estimates or the other way round; sorted into
    the spans and buckets of `before`, and into those of `after`.
    """
    assert before["currency"] == after["currency"], "two currencies cannot be compared"
    places = minor_digits(before["currency"]) if before["currency"] else 2
    rows: dict[str, dict[str, Any]] = {}
    for old, new in _pairs(before, after):
        for name, sides, exact in _components(old, new, replaced or ({}, {})):
            row = rows.setdefault(name, {"title": name, "sides": [], "exact": {}})
            row["title"] = _title(old, new, name)
            row["sides"].append(sides)
            for effect, part in exact.items():
                row["exact"][effect] = row["exact"].get(effect, Fraction(0)) + part
    parts = [_row(name, row, places) for name, row in rows.items()]
    total = _total(parts, places)
    steps = sum((Decimal(total[effect]) for effect in EFFECTS), Decimal(0))
    told = {
        "before": before["bill"], "after": after["bill"], "currency": before["currency"],
        "facts": _facts(before, after), "components": parts, "total": total,
        "residual": number(Decimal(total["after"]) - Decimal(total["before"]) - steps),
    }  # fmt: skip
    return told | {
        "reasons": reasons(told),
        "words": {language: sentence(told, language) for language in ("en", "zh")},
    }


def rounded(exact: Effects, change: Decimal, *, places: int) -> dict[str, Decimal]:
    """Effects that sum to `change`, each within one unit of what it is exactly.

    Each is rounded half to even; what is then missing goes to those that lost most. Swapping the
    bills turns every sign, because nothing here looks at the sign.
    """
    assert sum(exact.values(), Fraction(0)) == Fraction(change), "effects that do not add up"
    spoken = -change.normalize().as_tuple().exponent  # type: ignore[operator]
    point = Rounding(max(places, spoken), RoundingMode.HALF_EVEN)
    unit = Decimal(1).scaleb(-point.places)
    found = {name: round_fraction(exact.get(name, Fraction(0)), point) for name in EFFECTS}
    rest = change - sum(found.values(), Decimal(0))
    step = unit if rest > 0 else -unit
    lost = {name: (exact.get(name, Fraction(0)) - Fraction(found[name])) * (1 if rest > 0 else -1)
            for name in EFFECTS}  # fmt: skip
    order = sorted(EFFECTS, key=lambda name: (-lost[name], EFFECTS.index(name)))
    for name in order[: int(abs(rest / unit).to_integral_value(ROUND_HALF_EVEN))]:
        found[name] += step
    return found


def _row(name: str, row: Mapping[str, Any], places: int) -> dict[str, Any]:
    amounts = [sum((side[i].amount for side in row["sides"]), Decimal(0)) for i in (0, 1)]
    effects = rounded(row["exact"], amounts[1] - amounts[0], places=places)
    return {
        "component": name, "title": row["title"],
        "before": number(amounts[0]), "after": number(amounts[1]),
    } | {effect: number(part) for effect, part in effects.items()}  # fmt: skip


def _total(parts: Sequence[Mapping[str, Any]], places: int) -> dict[str, str]:
    """The sums of the rows; rounded anew where lines keep more places than the currency has."""
    sums = {
        label: sum((Decimal(part[label]) for part in parts), Decimal(0))
        for label in ("before", "after", *EFFECTS)
    }
    unit = Decimal(1).scaleb(-places)
    if any(sums[effect] % unit for effect in EFFECTS):
        exact = {effect: Fraction(sums[effect]) for effect in EFFECTS}
        sums |= rounded(exact, sums["after"] - sums["before"], places=places)
    return {label: number(value) for label, value in sums.items()}


# ------------------------------------------------------------------ two trees


def _pairs(before: Tree, after: Tree) -> Iterator[tuple[Sequence[Tree], Sequence[Tree]]]:
    """Segments of the two bills that belong together: of one metering point, or the only ones."""
    groups = [_by_point(before), _by_point(after)]
    alone = [[name for name in group if name not in other] for group, other in
             ((groups[0], groups[1]), (groups[1], groups[0]))]  # fmt: skip
    if len(alone[0]) == len(alone[1]) == 1:
        yield groups[0].pop(alone[0][0]), groups[1].pop(alone[1][0])
    for name in dict.fromkeys((*groups[0], *groups[1])):
        yield groups[0].get(name, ()), groups[1].get(name, ())


def _by_point(tree: Tree) -> dict[str, list[Tree]]:
    found: dict[str, list[Tree]] = {}
    for segment in tree["segments"]:
        found.setdefault(segment["metering_point"], []).append(segment)
    return found


def _components(
    old: Sequence[Tree], new: Sequence[Tree], replaced: _Replaced
) -> Iterator[tuple[str, tuple[Side, Side], Effects]]:
    """Each component of a pair of segments, what it is on both, and the exact effects on it."""
    sides = _sides(old), _sides(new)
    energy = _replaced_by(old, new, replaced)
    names = list(dict.fromkeys((*sides[0], *sides[1])))
    done: dict[str, Effects] = {}

    def work(name: str) -> Effects:
        if name not in done:
            old_side, new_side = (side.get(name, Side()) for side in sides)
            # on both bills: one version's bases have no ring, but those of two together may
            of = [other for other in old_side.of if other in new_side.of and other in names]
            base = {other: work(other) for other in of}
            moved = energy.get(name, NOTHING)
            done[name] = changed(old_side, new_side, base=base, replaced=moved)
        return done[name]

    for name in names:
        yield name, (sides[0].get(name, Side()), sides[1].get(name, Side())), work(name)


def _sides(segments: Sequence[Tree]) -> dict[str, Side]:
    found: dict[str, Side] = {}
    for segment in segments:
        for span in segment["spans"]:
            for charge in span["components"]:
                side = found.setdefault(charge["id"], Side())
                side.days += span["days"]
                side.shape, side.of = charge["shape"], tuple(charge["of"])
                side.tiered = side.tiered or charge["tiered"]
                side.buckets |= set(charge["buckets"])
                side.fed_in = charge["channels"] == [Channel.EXPORT]
            for line in span["lines"]:
                side = found.setdefault(line["component"], Side(days=span["days"]))
                side.cells.append(_cell(line, (segment["segment"], span["span"])))
    for side in found.values():
        below = (found[name].amount for name in side.of if name in found)
        side.base = Fraction(sum(below, Decimal(0)))
    return found


def _cell(line: Mapping[str, Any], span: tuple[str, int]) -> Cell:
    quantity, factor = Fraction(line["quantity"]), Fraction(line["factor"])
    exact = quantity * factor * Fraction(line["price"])
    amount = Decimal(line["amount"])
    value = Fraction(line["exact"]) if "exact" in line else exact
    return Cell(
        bucket=line["bucket"], unit=line["unit"], kind=line["kind"], span=span,
        quantity=quantity, factor=factor, value=value, amount=amount, measured=_measured(line),
    )  # fmt: skip


def _measured(line: Mapping[str, Any]) -> Fraction | None:
    """The one determinant that a line is billed from, in the line's unit."""
    found = [one for one in line.get("from", ()) if one["kind"] == "determinant"]
    one = found[0] if len(found) == 1 and found[0]["unit"] == line["unit"] else None
    return Fraction(one["value"]) if one else None


def _replaced_by(
    old: Sequence[Tree], new: Sequence[Tree], replaced: _Replaced
) -> dict[str, Replaced | None]:
    """component -> by how much its energy changed with estimates, where each of the bills has it.

    None: the bills meet at estimated dials, so that all that usage a day differs by is theirs.
    """
    met = _met(old, new)
    charges = [
        charge
        for segment in new or old for span in segment["spans"] for charge in span["components"]
    ]  # fmt: skip
    mine = {segment["segment"] for segment in (*old, *new)}
    found: dict[str, tuple[dict[Any, Fraction], dict[Any, Fraction]]] = {}
    for i, side in enumerate(replaced):
        for (segment, span, component, bucket), energy in side.items():
            if segment in mine:
                both = found.setdefault(component, ({}, {}))
                both[i][(segment, span), bucket] = energy
    dials = {
        charge["id"] for charge in charges
        if charge["channels"] and met.issuperset(charge["channels"])
    }  # fmt: skip
    return found | dict.fromkeys(dials)


def _met(old: Sequence[Tree], new: Sequence[Tree]) -> set[str]:
    """Channels of which one bill ends, and the other begins, at dials that were estimated."""
    sides = _ends(old), _ends(new)
    if sides[0].keys() != sides[1].keys():
        return set()
    found: dict[str, bool] = {}
    for dial, (first, last) in sides[0].items():
        begins, ends = sides[1][dial]
        met = (last == begins and last[1] == "E") or (first == ends and first[1] == "E")
        found[dial[0]] = found.get(dial[0], True) and met
    return {channel for channel, all_of_them in found.items() if all_of_them}


def _ends(
    segments: Sequence[Tree],
) -> dict[tuple[str, str, str], tuple[tuple[str, str, str], tuple[str, str, str]]]:
    """(channel, meter, dial) -> time, quality and value of its first and its last reading."""
    found = {}
    for dial in (dial for segment in segments for dial in segment["readings"]):
        ends = [dial["readings"][i] for i in (0, -1)]
        first, last = ((one["time"], one["quality"], one["reading"]) for one in ends)
        if dial["kind"] != "demand":
            found[dial["channel"], dial["meter"], dial["register"]] = first, last
    return found


def _title(old: Sequence[Tree], new: Sequence[Tree], name: str) -> Any:
    for segment in (*new, *old):
        for span in segment["spans"]:
            for charge in span["components"]:
                if charge["id"] == name:
                    return charge["title"]
    return name


# ----------------------------------------------------------------------- facts


def _facts(before: Tree, after: Tree) -> dict[str, Any]:
    """What the sentence needs besides amounts, of both bills."""
    trees = before, after
    return {
        "days": [str(_days(tree)) for tree in trees],
        "usage": [_daily(tree, "import") for tree in trees],
        "feed_in": [_daily(tree, "export") for tree in trees],
        "demand": [_largest(tree) for tree in trees],
        "power_factor": [_power_factor(tree) for tree in trees],
        "estimated": [number(_energy(tree, "estimated")) for tree in trees],
        "came": sorted(_names(after) - _names(before)),
        "went": sorted(_names(before) - _names(after)),
    }


def _days(tree: Tree) -> int:
    return (date.fromisoformat(tree["to"]) - date.fromisoformat(tree["from"])).days


def _energy(tree: Tree, name: str) -> Fraction:
    return sum((Fraction(s["energy"][name] or 0) for s in tree["segments"]), Fraction(0))


def _daily(tree: Tree, name: str) -> str:
    """Energy a day, in 0.01 kWh."""
    point = Rounding(2, RoundingMode.HALF_EVEN)
    return number(round_fraction(_energy(tree, name) / _days(tree), point))


def _largest(tree: Tree) -> str | None:
    known = [Fraction(s["demand"]) for s in tree["segments"] if s["demand"] is not None]
    return number(max(known)) if known else None


def _power_factor(tree: Tree) -> str | None:
    found = [
        line["bucket"]
        for segment in tree["segments"] for span in segment["spans"] for line in span["lines"]
        if line.get("shape") == "power_factor"
    ]  # fmt: skip
    return found[-1] if found else None


def _names(tree: Tree) -> set[str]:
    spans = (span for segment in tree["segments"] for span in segment["spans"])
    return {charge["id"] for span in spans for charge in span["components"]}
