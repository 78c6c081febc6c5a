"""Between steps 9 and 10: the bill record, all that a customer is told and a leaf commits to.

The shape is `docs/bill-record.md`. Numbers are text, dates are local, nothing is personal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from gridtally.money import MICRO, number
from gridtally.terms import LegalSource

__all__ = ["Facts", "TariffFacts", "bill_record", "grouped"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TariffFacts:
    """What a bill says about a tariff version."""

    id: str
    title: Mapping[str, str]
    assumptions: Sequence[str]
    titles: Mapping[str, Mapping[str, str]]
    """component -> its title by language"""
    how: Mapping[str, str] = field(default_factory=dict)
    """component -> series, day, volume or quota, where that decides what its lines mean"""


@dataclass(frozen=True)
class Facts:
    """The tables of a run, grouped for looking up one bill after the other."""

    segments: Mapping[str, Sequence[Row]]
    """bill -> SEGMENTS"""
    spans: Mapping[str, Sequence[Row]]
    """segment -> SPANS"""
    lines: Mapping[str, Sequence[Row]]
    """segment -> LINES"""
    used: Mapping[str, Sequence[Row]]
    """segment -> register readings that bound its stretches"""
    daily: Mapping[str, Sequence[Row]]
    """metering point -> energy per local day"""
    carry_in: Mapping[str, Sequence[Row]]
    """agreement -> CARRY of its predecessor"""
    carry_out: Mapping[str, Sequence[Row]]
    """segment -> CARRY"""
    findings: Mapping[str, Sequence[Row]]
    """bill -> FINDINGS"""
    history: Mapping[str, Sequence[Row]]
    """account -> HISTORY of earlier periods"""
    accounts: Mapping[str, Row]
    """account -> ACCOUNTS"""
    agreements: Mapping[str, Sequence[Row]]
    """agreement -> AGREEMENTS"""
    tariffs: Mapping[str, TariffFacts]
    """digest -> what bills say about it"""
    common: Mapping[str, Any] = field(default_factory=dict)
    """supplier, engine, run: the same on every bill of the run"""


def grouped(table: pa.Table, key: str) -> dict[str, list[Row]]:
    """Rows of a table by the text in `key`, in order."""
    groups: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        groups.setdefault(row[key], []).append(row)
    return groups


def bill_record(
    facts: Facts,
    bill: Row,
    *,
    issued: date,
    due: date,
    balance: Mapping[str, Decimal],
    personal: Mapping[str, str],
    decision: Row,
    language: str,
) -> dict[str, Any]:
    """The record of one bill, without its number (which issue assigns).

    `balance` holds previous, payments and adjustments [currency]; `personal` the commitments;
    `language` is that of the workspace, for accounts that name none.
    """
    account = facts.accounts[bill["account"]]
    segments = [_segment(facts, row) for row in facts.segments[bill["bill"]]]
    amounts = {key: balance[key] for key in ("previous", "payments", "adjustments")}
    due_amount = bill["total"] + sum(amounts.values())
    return {
        "schema": 1,
        "bill": bill["bill"],
        "account": bill["account"],
        "period": {"from": str(bill["from"]), "to": str(bill["to"])},
        "issued": str(issued),
        "due": str(due),
        "language": account["language"] or language,
        "currency": bill["currency"],
        "segments": segments,
        "total": number(bill["total"]),
        "tax": _taxes(segments),
        "balance": {key: number(value) for key, value in amounts.items()}
        | {"due": number(due_amount)},
        "compare": _compare(facts.history.get(bill["account"], []), bill),
        "decision": decision,
        "personal": dict(personal),
        **facts.common,
    }


def _segment(facts: Facts, row: Row) -> dict[str, Any]:
    name = row["segment"]
    spans = facts.spans[name]
    titles = {
        (digest, component): title
        for digest in {span["tariff"] for span in spans}
        for component, title in facts.tariffs[digest].titles.items()
    }
    tariff = facts.tariffs[spans[-1]["tariff"]]
    how = {
        (digest, component): word
        for digest in {span["tariff"] for span in spans}
        for component, word in facts.tariffs[digest].how.items()
    }
    return {
        "segment": name,
        "agreement": row["agreement"],
        "metering_point": row["metering_point"],
        "zone": spans[0]["zone"],
        "legal_source": row["legal_source"],
        "from": str(row["from"]),
        "to": str(row["to"]),
        "tariff": {
            "id": tariff.id,
            "title": dict(tariff.title),
            "digests": row["tariffs"].split(),
            "assumptions": list(tariff.assumptions),
        },
        "readings": _dials(facts.used.get(name, []))
        if row["legal_source"] == LegalSource.REGISTER
        else [],
        "energy": {
            "import": _units(row["import_ukwh"]),
            "export": _units(row["export_ukwh"]),
            "estimated": _units(row["estimated_ukwh"]),
        },
        "lines": [_line(line, spans, titles, how) for line in facts.lines.get(name, [])],
        "total": number(row["total"]),
        "carry_in": _carry(facts.carry_in.get(row["agreement"], [])),
        "carry_out": _carry(facts.carry_out.get(name, [])),
        "events": _events(facts, row, spans),
        "chart": _chart(facts.daily.get(row["metering_point"], []), row),
        "input_digest": row["input_digest"],
    }


def _units(micro: int | None) -> str:
    return number(Decimal(micro or 0) / MICRO)


def _line(
    line: Row,
    spans: Sequence[Row],
    titles: Mapping[tuple[str, str], Any],
    how: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    span = spans[line["span"]]
    title = titles.get((span["tariff"], line["component"]))
    word = how.get((span["tariff"], line["component"]))
    return ({"how": word} if word else {}) | {
        "span": line["span"],
        "from": str(span["from"]),
        "to": str(span["to"]),
        "component": line["component"],
        "title": dict(title or {"en": "Rounding", "zh": "尾差"}),
        "kind": line["kind"],
        "bucket": line["bucket"],
        "quantity": number(line["quantity"]),
        "unit": line["unit"],
        "price": number(line["price"]),
        "factor": line["factor"],
        "amount": number(line["amount"]),
    }


def _dials(used: Sequence[Row]) -> list[dict[str, Any]]:
    """Opening and closing of each dial, and its advance in units."""
    dials: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(used, key=lambda r: (r["meter"], r["register"], r["time_utc"])):
        dials.setdefault((row["meter"], row["register"]), []).append(row)
    return [_dial(readings) for readings in dials.values()]


_UNIT = {"import": "kWh", "export": "kWh", "reactive_import": "kvarh", "reactive_export": "kvarh"}


def _dial(readings: Sequence[Row]) -> dict[str, Any]:
    first, last = readings[0], readings[-1]
    values = [row["reading"] for row in readings]
    if first["kind"] == "demand":
        steps = max(values[1:], default=values[0])
    else:
        turn = 10 ** first["digits"] * MICRO
        steps = sum((b - a) + (turn if b < a else 0) for a, b in pairwise(values))
    factor = Decimal(first["multiplier"]) / MICRO
    return {
        "meter": first["meter"],
        "register": first["register"],
        "channel": first["channel"],
        "bucket": first["bucket"],
        "unit": "kW" if first["kind"] == "demand" else _UNIT[first["channel"]],
        "opening": _units(first["reading"]),
        "opening_date": str(first["date"]),
        "opening_quality": first["quality"],
        "closing": _units(last["reading"]),
        "closing_date": str(last["date"]),
        "closing_quality": last["quality"],
        "multiplier": number(factor),
        "advance": number(Decimal(steps) / MICRO * factor),
    }


def _carry(rows: Sequence[Row]) -> list[dict[str, Any]]:
    ordered = sorted(rows, key=lambda r: (r["key"], r["at"]))
    return [{"key": r["key"], "at": str(r["at"]), "value": r["value"]} for r in ordered]


def _events(facts: Facts, row: Row, spans: Sequence[Row]) -> list[dict[str, str]]:
    """What happened inside the period, in words that the page can explain."""
    events = []
    for before, after in pairwise(spans):
        terms = ("contract_ukw", "capacity_ukva")
        if any(before[key] != after[key] for key in terms):
            detail = "; ".join(
                f"{key.split('_')[0]} {_units(before[key])} -> {_units(after[key])}"
                for key in terms
                if before[key] != after[key]
            )
            events.append(_event("capacity_change", after["from"], detail))
        if before["tariff"] != after["tariff"]:
            events.append(_event("price_change", after["from"], ""))
    terms_of = facts.agreements.get(row["agreement"], [])
    if terms_of and min(term["from"] for term in terms_of) == row["from"]:
        events.append(_event("move_in", row["from"], ""))
    if terms_of and all(term["to"] is not None for term in terms_of):
        last = max(term["to"] for term in terms_of)
        if last == row["to"]:
            events.append(_event("move_out", row["to"], ""))
    events += [
        _event("meter_exchange", reading["date"], reading["meter"])
        for reading in facts.used.get(row["segment"], [])
        if reading["reason"] == "exchange_in"
    ]
    if row["estimated_ukwh"]:
        events.append(_event("estimated", row["from"], _units(row["estimated_ukwh"])))
    unique = {(e["kind"], e["date"], e["detail"]): e for e in events}
    return sorted(unique.values(), key=lambda e: (e["date"], e["kind"], e["detail"]))


def _event(kind: str, day: date, detail: str) -> dict[str, str]:
    return {"kind": kind, "date": str(day), "detail": detail}


def _chart(days: Sequence[Row], row: Row) -> dict[str, Any] | None:
    """Energy delivered per local day of the segment; None where no intervals are known."""
    inside = [
        day
        for day in sorted(days, key=lambda d: d["day"])
        if day["channel"] == "import" and row["from"] <= day["day"] < row["to"]
    ]
    if not inside:
        return None
    return {
        "from": str(inside[0]["day"]),
        "unit": "kWh",
        "values": [_units(day["ukwh"]) for day in inside],
        "estimated": [bool(day["estimated_ukwh"]) for day in inside],
    }


def _taxes(segments: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Tax lines summed by component and percent."""
    sums: dict[tuple[str, str], list[Decimal]] = {}
    for line in (line for segment in segments for line in segment["lines"]):
        if line["kind"] == "tax" and line["bucket"] != "net":  # that takes an included tax off
            total = sums.setdefault((line["component"], line["price"]), [Decimal(0), Decimal(0)])
            total[0] += Decimal(line["quantity"])
            total[1] += Decimal(line["amount"])
    return [
        {"component": name, "percent": percent, "base": number(base), "amount": number(amount)}
        for (name, percent), (base, amount) in sorted(sums.items())
    ]


def _compare(history: Sequence[Row], bill: Row) -> dict[str, Any]:
    """The bill before, and the one that began in the same month a year ago."""
    by_bill: dict[str, list[Row]] = {}
    for row in history:
        by_bill.setdefault(row["bill"], []).append(row)
    before = [rows for rows in by_bill.values() if max(r["to"] for r in rows) == bill["from"]]
    start = bill["from"]
    year_ago = [
        rows
        for rows in by_bill.values()
        if (rows[0]["from"].year, rows[0]["from"].month) == (start.year - 1, start.month)
    ]
    return {
        "previous": _earlier(before[-1]) if before else None,
        "year_ago": _earlier(year_ago[-1]) if year_ago else None,
    }


def _earlier(rows: Sequence[Row]) -> dict[str, str]:
    return {
        "from": str(min(row["from"] for row in rows)),
        "to": str(max(row["to"] for row in rows)),
        "import": _units(sum(row["import_ukwh"] or 0 for row in rows)),
        "total": number(sum((row["total"] for row in rows), Decimal(0))),
    }
