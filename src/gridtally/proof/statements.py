"""Step 10, the trail: what a bill record says beside its lines, checked against its case.

Dials and energy as in `docs/bill-record.md`; sums of the bill; the segment's own terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.proof.report import Report, exact

__all__ = ["from_case", "shaped", "sums"]

Json = dict[str, Any]
MICRO = 1_000_000
RECORD: dict[str, Any] = {
    "bill": str, "segments": list, "total": str, "tax": list, "balance": dict, "personal": dict,
}  # fmt: skip
SEGMENT: dict[str, Any] = {
    "segment": str, "tariff": dict, "readings": list, "energy": dict, "lines": list,
    "total": str, "carry_in": list, "carry_out": list, "input_digest": str,
}  # fmt: skip


def shaped(record: Json, report: Report) -> bool:
    """Whether the record has the parts that are checked; what is missing is reported."""
    before = len(report.failures)
    _parts(record, RECORD, "/record", report)
    if len(report.failures) > before:
        return False
    for number, segment in enumerate(record["segments"]):
        where = f"/record/segments/{number}"
        if type(segment) is not dict:
            report.fail(where, "a segment", segment)
            continue
        _parts(segment, SEGMENT, where, report)
        digests = _dict(segment.get("tariff")).get("digests")
        if type(digests) is not list or any(type(name) is not str for name in digests):
            report.fail(f"{where}/tariff/digests", "a list of names", digests)
        for part in ("lines", "readings"):
            for n, row in enumerate(segment.get(part) or []):
                if type(row) is not dict:
                    report.fail(f"{where}/{part}/{n}", "an object", row)
    return len(report.failures) == before


def _parts(value: Json, wanted: dict[str, Any], where: str, report: Report) -> None:
    for name, kind in wanted.items():
        if type(value.get(name)) is not kind:
            report.fail(f"{where}/{name}", f"a JSON {kind.__name__}", value.get(name))


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


# ----------------------------------------------------------------- the bill


def sums(record: Json, report: Report) -> None:
    """The bill's total, taxes and amount due follow from its segments and its balance."""
    segments = record["segments"]
    total = _sum(segment["total"] for segment in segments)
    report.equal("/record/total", total, record["total"])
    balance = record["balance"]
    parts = (balance.get(key) for key in ("previous", "payments", "adjustments"))
    report.equal("/record/balance/due", total + _sum(parts), balance.get("due"))
    taxes: dict[tuple[str, str], list[Fraction]] = {}
    for line in (line for segment in segments for line in segment["lines"]):
        if line.get("kind") == "tax":
            found = taxes.setdefault((str(line.get("component")), str(line.get("price"))), [])
            found += [_sum([line.get("quantity")]), _sum([line.get("amount")])]
    report.same("/record/tax", f"{len(taxes)} taxes", f"{len(record['tax'])} taxes")
    for n, ((name, percent), each) in enumerate(sorted(taxes.items())):
        row = _dict(record["tax"][n]) if n < len(record["tax"]) else {}
        where = f"/record/tax/{n}"
        report.same(f"{where}/component", name, row.get("component"))
        report.same(f"{where}/percent", percent, row.get("percent"))
        report.equal(f"{where}/base", sum(each[::2], Fraction(0)), row.get("base"))
        report.equal(f"{where}/amount", sum(each[1::2], Fraction(0)), row.get("amount"))


def _sum(texts: Iterable[object]) -> Fraction:
    """The sum of numbers; a text that is none is found where it is compared itself."""
    return sum((exact(text) or Fraction(0) for text in texts), Fraction(0))


# -------------------------------------------------------------- the segment


def from_case(number: int, segment: Json, case: Json, report: Report) -> None:
    """Terms, carry in, dials and energy of the segment are those of its case."""
    where = f"/record/segments/{number}"
    for name in ("agreement", "metering_point", "zone", "legal_source", "from", "to", "carry_in"):
        report.same(f"{where}/{name}", case.get(name), segment.get(name))
    try:
        spans = [(span["from"], span["to"]) for span in case["spans"]]
        digests = list(dict.fromkeys(span["tariff"] for span in case["spans"]))
        report.same(f"{where}/tariff/digests", digests, segment["tariff"]["digests"])
        for n, line in enumerate(segment["lines"]):
            first, end = spans[line["span"]]
            report.same(f"{where}/lines/{n}/from", first, line.get("from"))
            report.same(f"{where}/lines/{n}/to", end, line.get("to"))
        _dials(where, segment, case, report)
        if case["legal_source"] == "interval":
            _energy(where, segment, case, report)
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as err:
        reason = f"{type(err).__name__}: {str(err)[:100]}"
        report.fail(f"/cases/{number}", "a rating case that its segment describes", reason)


def _energy(where: str, segment: Json, case: Json, report: Report) -> None:
    """The energy of an interval-billed segment is the sum of its values, estimated by quality."""
    channels = case["channels"]
    delivered = channels.get("import", {"values": [], "quality": ""})
    received = channels.get("export", {"values": []})
    guessed = zip(delivered["values"], delivered["quality"], strict=True)
    expected = {
        "import": sum(delivered["values"]),
        "export": sum(received["values"]),
        "estimated": sum(value for value, quality in guessed if quality == "E"),
    }
    for name, value in expected.items():
        found = segment["energy"].get(name)
        report.equal(f"{where}/energy/{name}", Fraction(value, MICRO), found)


def _dials(where: str, segment: Json, case: Json, report: Report) -> None:
    """A row per dial of the case, by meter and register."""
    dials = sorted(case["registers"], key=lambda dial: (dial["meter"], dial["register"]))
    rows = segment["readings"]
    report.same(f"{where}/readings", f"{len(dials)} dials", f"{len(rows)} dials")
    zone = ZoneInfo(case["zone"])
    for n, (dial, row) in enumerate(zip(dials, rows, strict=False)):
        for name, value in _dial_texts(dial, zone).items():
            report.same(f"{where}/readings/{n}/{name}", value, row.get(name))
        for name, number in _dial_numbers(dial).items():
            report.equal(f"{where}/readings/{n}/{name}", number, row.get(name))


def _dial_texts(dial: Json, zone: ZoneInfo) -> dict[str, str]:
    first, last = dial["readings"][0], dial["readings"][-1]
    energy = "kvarh" if dial["channel"].startswith("reactive") else "kWh"
    return {
        "meter": dial["meter"],
        "register": dial["register"],
        "channel": dial["channel"],
        "bucket": dial["bucket"],
        "unit": "kW" if dial["kind"] == "demand" else energy,
        "opening_date": _local_date(first["time"], zone),
        "opening_quality": first["quality"],
        "closing_date": _local_date(last["time"], zone),
        "closing_quality": last["quality"],
    }


def _dial_numbers(dial: Json) -> dict[str, Fraction]:
    readings = [reading["reading"] for reading in dial["readings"]]
    if not 1 <= dial["digits"] <= 12:
        raise ValueError("a dial has 1 to 12 digits")
    full = int(10 ** dial["digits"]) * MICRO
    if dial["kind"] == "demand":
        moved = max(readings[1:], default=readings[0])
    else:
        moved = sum(b - a if b >= a else b + full - a for a, b in pairwise(readings))
    return {
        "opening": Fraction(readings[0], MICRO),
        "closing": Fraction(readings[-1], MICRO),
        "multiplier": Fraction(dial["multiplier"], MICRO),
        "advance": Fraction(moved * dial["multiplier"], MICRO**2),
    }


def _local_date(time: str, zone: ZoneInfo) -> str:
    instant = datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return instant.astimezone(zone).date().isoformat()
