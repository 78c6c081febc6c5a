"""Before step 6 for charging sessions: what refuses an OCPI tariff, and what is odd about one."""

from __future__ import annotations

from collections.abc import Iterator

from gridtally.errors import GridtallyError
from gridtally.rating.document.values import Problem
from gridtally.rating.sessions.tariff import (
    ChargingTariff,
    Element,
    Restrictions,
    objects,
    read,
)
from gridtally.terms import Severity

__all__ = ["lint"]


def lint(data: bytes) -> list[Problem]:
    """Every problem of the tariffs of a file that refuses it (hold), or else notes."""
    try:
        tariffs = objects(data, name="")
    except GridtallyError as err:
        return [Problem("rating.charging.tariff", "", err.message, err.remedy)]
    found: list[Problem] = []
    for n, said in enumerate(tariffs):
        tariff, wrong = read(said)
        head = f"[{n}]." if len(tariffs) > 1 else ""
        if wrong:
            found += [
                Problem("rating.charging.tariff", head + p.path, p.message, p.remedy) for p in wrong
            ]
        else:
            found += _odd(tariff, head)
    return found


def _odd(tariff: ChargingTariff, head: str) -> Iterator[Problem]:
    for key in tariff.unknown:
        yield _note("rating.charging.unknown_key", head + key, "an unknown key, which is ignored.",
                    "Nothing, if it is an operator's own; else correct its name.")  # fmt: skip
    for path in tariff.zero_steps:
        yield _note("rating.charging.step_zero", head + path, "0 is read as 1.",
                    "Write 1 to bill by the Wh or second.")  # fmt: skip
    for n, element in enumerate(tariff.elements):
        for kind, component in element.components.items():
            first = _shadow(tariff.elements[:n], element.when, kind)
            if first is not None:
                where = f"{head}elements[{n}].price_components[{component.order}]"
                yield _note("rating.charging.unreachable", where,
                            f"this {kind} is never charged: elements[{first}] prices it always.",
                            "Put what has restrictions before what has none.")  # fmt: skip
    yield from _free(tariff, head)


def _shadow(before: tuple[Element, ...], when: Restrictions, kind: str) -> int | None:
    """An earlier element that always matches where this one would."""
    for n, element in enumerate(before):
        if kind in element.components and element.when == Restrictions(
            reservation=when.reservation
        ):
            return n
    return None


def _free(tariff: ChargingTariff, head: str) -> Iterator[Problem]:
    """Dimensions that cost something only at times."""
    always = {
        kind
        for element in tariff.elements
        if element.when == Restrictions()
        for kind in element.components
    }
    priced = {k for e in tariff.elements if not e.when.reservation for k in e.components}
    for kind in sorted(priced - always - {"FLAT"}):
        yield _note("rating.charging.no_default", f"{head}elements",
                    f"{kind} is free whenever no element matches.",
                    f"If that is not meant, add a last element with {kind} and no restrictions.",
                    )  # fmt: skip


def _note(code: str, path: str, message: str, remedy: str) -> Problem:
    return Problem(code, path, message, remedy, Severity.NOTE)
