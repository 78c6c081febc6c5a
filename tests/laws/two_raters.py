"""How the kernel and the second opinion are compared, for the law of the two raters."""

import json
from datetime import date
from fractions import Fraction

import numpy as np
from random_towns import Town

from gridtally.metering.blocks import LETTERS, Dense
from gridtally.metering.cases import Cases
from gridtally.metering.determine import determine
from gridtally.periods import Period, zone
from gridtally.rating.rate import rate
from gridtally.rating.reference import rate_case
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, CARRY, REGISTERS_USED, SPANS, empty, table

SAME = {
    "rating.carry.ambiguous": ["rating.carry.twice"],
    "rating.currency.differs": ["rating.currency.mixed"],
    "rating.demand.register": ["rating.quantity.registers"],
    "rating.netting.register": ["rating.quantity.registers"],
    "rating.price.missing": ["rating.power_factor.price"],
    "rating.quantity.missing": ["rating.calendar.finer", "rating.months.register"],
    "rating.series.registers": ["rating.quantity.registers", "rating.series.missing"],
    "rating.span.uncut": ["rating.window.reset"],
    "rating.tariff.missing": ["rating.price.missing", "rating.tariff.none"],
    "rating.term.missing": ["rating.capacity.missing", "rating.contract.missing"],
    "rating.window.register": ["rating.quantity.registers"],
}
"""Code of the reference -> codes by which the kernel says the same."""


def compare(town, *, used=None, advances=None, held=()):
    """What the two raters say differently: (segment, what, kernel, reference)."""
    versions = {digest: load(text, name="t") for digest, text in town.tariffs.items()}
    wanted = {digest: version.wanted for digest, version in versions.items()}
    determinants, first = determine(
        town.spans,
        dense=town.dense,
        advances=empty(ADVANCES) if advances is None else advances,
        wanted=wanted,
        market=town.market,
    )
    rated = rate(
        town.spans, determinants, tariffs=versions, carry_in=town.carry, incomplete=first,
        market=town.market,
    )  # fmt: skip
    used = empty(REGISTERS_USED) if used is None else used
    cases = Cases(
        town.spans, dense=town.dense, used=used, carry=town.carry, market=town.market,
        tariffs=versions,
    )  # fmt: skip
    why = {}
    for findings in (first, rated.findings, *held):
        for row in findings.to_pylist():
            if row["severity"] == "hold":
                why.setdefault(row["segment"], []).append(row["code"])
    lines, carry = by_segment(rated.lines), by_segment(rated.carry)
    for segment in sorted(set(town.spans["segment"].to_pylist())):
        answer = rate_case(cases.case(segment), town.tariffs)
        yield from differences(
            segment, answer, why.get(segment), lines.get(segment, []), carry.get(segment, [])
        )


def by_segment(rows):
    found = {}
    for row in rows.to_pylist():
        found.setdefault(row["segment"], []).append(row)
    return found


def same(code, why):
    """Whether the kernel holds a segment for the reason that the reference has for its hold.

    What step 5 holds for its readings (a gap, channels of different lengths) is not looked at any
    further, so that any reason of the reference may stand beside it.
    """
    return bool({code, *SAME.get(code, ())} & set(why)) or any(
        one.startswith("metering.") for one in why
    )


def differences(segment, answer, why, lines, carry):
    """Nothing when both say the same; the reference stops at its first reason to hold, the kernel
    names all that it meets, and the reference's must be one of them.

    What step 5 holds because of the registers never becomes a case, so the reference cannot say;
    nor does it know that the kernel's integers end.
    """
    if any(code.startswith("metering.register.") for code in why or ()):
        return
    if "metering.determinant.overflow" in (why or ()) and not lines:
        return
    if why or answer["findings"]:
        codes = [finding["code"] for finding in answer["findings"]]
        if bool(why) != bool(codes) or not all(same(code, why) for code in codes):
            yield segment, "held", why, answer["findings"]
        if why and lines:
            yield segment, "lines of a held segment", len(lines), 0
        return
    kernel = [line_of(row) for row in sorted(lines, key=lambda row: row["line"])]
    other = [line_of(row) for row in answer["lines"]]
    if kernel != other:
        pairs = [(a, b) for a, b in zip(kernel, other, strict=False) if a != b]
        yield segment, "lines", pairs[:3] or kernel[len(other) :], other[len(kernel) :]
    total = sum((line["amount"] for line in kernel), Fraction(0))
    if total != Fraction(answer["total"]):
        yield segment, "total", total, answer["total"]
    ours = sorted((row["key"], str(row["at"]), row["value"]) for row in carry)
    theirs = [(row["key"], row["at"], row["value"]) for row in answer["carry_out"]]
    if ours != theirs:
        missing = sorted(set(theirs) - set(ours))
        yield segment, "carry", sorted(set(ours) - set(theirs)), missing


def line_of(row):
    texts = {key: row[key] for key in ("span", "component", "kind", "bucket", "unit", "factor")}
    return texts | {key: Fraction(row[key]) for key in ("quantity", "price", "amount")}


def tables_of(case):
    """Spans, grids of readings and carry, as the kernel reads them."""
    name, rows, began = case["zone"], [], case.get("look_back_from")
    for number, span in enumerate(case["spans"]):
        first, end = date.fromisoformat(span["from"]), date.fromisoformat(span["to"])
        start_utc, end_utc = zone(name).bounds(Period(first, end))
        terms = json.dumps(span.get("terms", {}), sort_keys=True, separators=(",", ":"))
        rows.append(
            {
                "segment": "A/1", "span": number, "agreement": "A", "account": "C",
                "metering_point": "P", "zone": name, "from": first, "to": end,
                "start_utc": start_utc, "end_utc": end_utc, "legal_source": "interval",
                "terms": None if terms == "{}" else terms,
                "look_back_from": date.fromisoformat(began) if began else None,
                **{key: span[key] for key in ("tariff", "contract_ukw", "capacity_ukva")},
            }
        )  # fmt: skip
    grids = [
        Dense(
            ("P",),
            channel,
            rows[0]["start_utc"],
            given["resolution_s"],
            np.array([given["values"]], np.int64),
            np.array([[LETTERS.index(letter) for letter in given["quality"]]], np.uint8),
        )
        for channel, given in case["channels"].items()
    ]
    carry = [
        {"agreement": "A", "segment": "before", "key": entry["key"],
         "at": date.fromisoformat(entry["at"]), "value": entry["value"]}
        for entry in case["carry_in"]
    ]  # fmt: skip
    return table(SPANS, rows), grids, table(CARRY, carry)


def town_of(case, tariffs):
    """An interval-billed rating case as the tables that the kernel reads."""
    return Town(*tables_of(case), dict(tariffs))
