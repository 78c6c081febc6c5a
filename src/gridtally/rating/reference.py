"""Step 6, the second opinion: one bill segment, rated slowly and plainly.

Written from `docs/tariff.md`, `docs/rating-case.md` and `docs/registers.md` by somebody who had
not read the kernel, and importing nothing from it: read it with those pages beside it.
`reference_tariff.py` reads the document, `reference_readings.py` gives energy, `reference_span.py`
terms, factors and lines, `reference_carry.py` what one segment hands to the next; the shapes are
in `reference_energy.py`, `reference_demand.py` and `reference_lines.py`.
Quantities are whole numbers of 10^-6 kWh, kvarh or kW; everything else is an exact fraction
until the one rounding that the tariff declares. Whatever the pages hold gives no lines and one
finding that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating import reference_demand, reference_energy, reference_lines
from gridtally.rating.reference_carry import Carry, check_cut
from gridtally.rating.reference_numbers import Held, plain, rounded
from gridtally.rating.reference_readings import Readings
from gridtally.rating.reference_series import Series
from gridtally.rating.reference_span import C, Line, Rater, line, written_line
from gridtally.rating.reference_tariff import tariff
from gridtally.rating.reference_time import Span, first_instant, iso_date

__all__ = ["rate_case"]

SHAPES: dict[str, Callable[[Rater, C], list[Line]]] = {
    "energy": reference_energy.energy,
    "tiered": reference_energy.tiered,
    "demand": reference_demand.demand,
    "fixed": reference_lines.fixed,
    "percentage": reference_lines.percentage,
    "table": reference_lines.table,
    "power_factor": reference_lines.power_factor_line,
    "reactive": reference_lines.reactive,
    "minimum": reference_lines.bound,
    "maximum": reference_lines.bound,
    "bank": reference_lines.bank,
    "transfer": reference_lines.transfer,
}
AT_REST: dict[str, Callable[[Rater, C], None]] = {
    "energy": reference_energy.energy_at_rest,
    "tiered": reference_energy.energy_at_rest,
    "demand": reference_demand.demand_at_rest,
    "minimum": reference_lines.bound_at_rest,
    "maximum": reference_lines.bound_at_rest,
    "bank": reference_lines.bank_at_rest,
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
    if any(calendar.uses_holiday for calendar in document["calendars"].values()):
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
