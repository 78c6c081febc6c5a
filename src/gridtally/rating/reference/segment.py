"""Step 6, the second opinion: one bill segment, span after span, component after component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference import charges, demand, energy
from gridtally.rating.reference.carry import Carry, check_cut
from gridtally.rating.reference.figures import Held, plain, rounded
from gridtally.rating.reference.instants import Span, first_instant, iso_date
from gridtally.rating.reference.readings import Readings
from gridtally.rating.reference.series import Series
from gridtally.rating.reference.span import C, Line, Rater, line, written_line
from gridtally.rating.reference.tariff import tariff

__all__ = ["rate_case"]

SHAPES: dict[str, Callable[[Rater, C], list[Line]]] = {
    "energy": energy.energy,
    "tiered": energy.tiered,
    "demand": demand.demand,
    "fixed": charges.fixed,
    "percentage": charges.percentage,
    "table": charges.table,
    "power_factor": charges.power_factor_line,
    "reactive": charges.reactive,
    "minimum": charges.bound,
    "maximum": charges.bound,
    "bank": charges.bank,
    "transfer": charges.transfer,
}
AT_REST: dict[str, Callable[[Rater, C], None]] = {
    "energy": energy.energy_at_rest,
    "tiered": energy.energy_at_rest,
    "demand": demand.demand_at_rest,
    "minimum": charges.bound_at_rest,
    "maximum": charges.bound_at_rest,
    "bank": charges.bank_at_rest,
}


def rate_case(case: dict[str, Any], tariffs: Mapping[str, bytes]) -> dict[str, Any]:
    """Rate one segment: `docs/rating-case.md` says what goes in and what comes out.

    `tariffs` maps `sha256:…` to the bytes of the tariff document. A segment that cannot be rated
    has no lines, no total, and one finding `{"code", "message"}`. Never raises for wrong data.
    """
    try:
        return rate_segment(case, tariffs)
    except Held as held:
        finding = {"code": held.code, "message": held.message}
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as err:
        reason = f"The case is malformed: {type(err).__name__}: {str(err)[:200]}"
        finding = {"code": "rating.case.malformed", "message": reason}
    return {"lines": [], "total": None, "carry_out": [], "findings": [finding]}


def rate_segment(case: dict[str, Any], tariffs: Mapping[str, bytes]) -> dict[str, Any]:
    """Span after span; only carry connects them."""
    zone = ZoneInfo(case["zone"])
    spans = cut(case, zone)
    versions = [version(written, case, tariffs) for written in case["spans"]]
    if len({document["currency"] for document in versions}) > 1:
        raise Held("rating.currency.differs", "The spans have different currencies.")
    readings, carry = Readings(case, spans, zone), Carry(case)
    series = {name: Series(each) for name, each in case.get("series", {}).items()}
    lines: list[Line] = []
    for span, written, document in zip(spans, case["spans"], versions, strict=True):
        lines += span_lines(Rater(span, written, document, readings, series, carry))
    last = versions[-1]
    exact_sum = sum((line["amount"] for line in lines), Fraction(0))
    total = rounded(exact_sum, last["rounding"]["total"])
    if total != exact_sum:
        rounding = {"id": "rounding", "shape": "rounding", "kind": "rounding"}
        rest = total - exact_sum
        lines.append(line(spans[-1], rounding, Fraction(1), last["currency"], rest, rest))
    return {
        "lines": [written_line(each) for each in lines],
        "total": plain(total),
        "carry_out": carry.out(),
        "findings": [],
    }


def cut(case: dict[str, Any], zone: ZoneInfo) -> list[Span]:
    """The spans of the case, which must tile its days."""
    spans, expected = [], iso_date(case["from"])
    for number, written in enumerate(case["spans"]):
        first, end = iso_date(written["from"]), iso_date(written["to"])
        if first != expected or end <= first:
            raise ValueError("the spans do not tile the segment")
        start, stop = (first_instant(day, zone) for day in (first, end))
        spans.append(Span(number, first, end, start, stop))
        expected = end
    if not spans or expected != iso_date(case["to"]):
        raise ValueError("the spans do not tile the segment")
    return spans


def version(
    written: dict[str, Any], case: dict[str, Any], tariffs: Mapping[str, bytes]
) -> dict[str, Any]:
    """The tariff document of a span: there, in force, of the same zone, its holidays known."""
    if written["tariff"] not in tariffs:
        raise Held("rating.tariff.missing", f"There is no tariff for {written['from']}.")
    document = tariff(tariffs[written["tariff"]])
    first, end = iso_date(written["from"]), iso_date(written["to"])
    if first < document["valid_from"] or end > document.get("valid_to", date.max):
        raise Held("rating.tariff.missing", f"The tariff is not in force from {first} to {end}.")
    if document["zone"] != case["zone"]:
        raise Held("rating.zone.differs", f"The tariff's hours are local to {document['zone']}.")
    years = set(range(first.year, (end - timedelta(days=1)).year + 1))
    asking = [each for each in document["calendars"].values() if each.uses_holiday]
    if asking:
        zone = ZoneInfo(case["zone"])
        years |= {each.clock(first_instant(first, zone), zone).year for each in asking}
        unknown = years - set(document["holidays"]["years"])
        if unknown:
            raise Held("rating.holidays.missing", f"The holidays of {min(unknown)} are not listed.")
    return document


def span_lines(r: Rater) -> list[Line]:
    """Every component's lines in the document's order, each computed after those it names."""
    waiting: list[C] = list(r.document["components"])
    while waiting:
        ready = [c for c in waiting if set(c["after"]) <= r.made.keys()]
        for c in ready:
            r.made[c["id"]] = component_lines(r, c)
            waiting.remove(c)
    return [made for c in r.document["components"] for made in r.made[c["id"]]]


def component_lines(r: Rater, c: C) -> list[Line]:
    """The lines of one component; none, only its carry, outside its months."""
    check_cut(c, r.span)
    if not r.days(c):
        if c["shape"] in AT_REST:
            AT_REST[c["shape"]](r, c)
        return []
    lines = SHAPES[c["shape"]](r, c)
    if "round_component" in c:
        exact_sum = sum((made["amount"] for made in lines), Fraction(0))
        rest = rounded(exact_sum, c["round_component"]) - exact_sum
        if rest:
            lines = [*lines, r.money({**c, "kind": "rounding"}, rest, "rounding")]
    return lines
