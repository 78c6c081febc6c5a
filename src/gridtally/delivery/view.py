"""Delivery: the bill record and the customer's openings become the page, in words.

Pure: the same record gives the same page, whenever and wherever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from gridtally.delivery import chart, pay
from gridtally.delivery.clean import Cleaner
from gridtally.delivery.page import Change, Figure, Page, Payment, Row
from gridtally.delivery.say import Speaker, speaker
from gridtally.delivery.sections import section
from gridtally.money import number

__all__ = ["page", "short_code"]

Json = Mapping[str, Any]
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def page(record: Json, openings: Json) -> tuple[Page, list[dict[str, Any]]]:
    """The page of a bill, and findings (rows of FINDINGS) about text that had to be changed."""
    cleaner = Cleaner(record["bill"], record["account"])
    bill = cleaner.clean(record)
    person = cleaner.clean({key: openings.get(key, "") for key in ("name", "address")}, "openings")
    say = speaker(bill["language"], bill["currency"])
    supplier = bill["supplier"]
    segments = bill["segments"]
    sections = tuple(section(say, segment, alone=len(segments) == 1) for segment in segments)
    changes, texts = _changes(say, bill)
    due, due_text = _due(say, bill)
    result = Page(
        language=say.language,
        labels=say.labels("bill"),
        issued=record["issued"],
        title=say("bill.title"),
        period=say.period(bill["period"]["from"], bill["period"]["to"]),
        supplier=supplier["name"],
        supplier_lines=_supplier(say, supplier),
        customer=person["name"],
        customer_lines=tuple(person["address"].split("\n")) if person["address"] else (),
        facts=_facts(say, bill),
        due=due,
        due_text=due_text,
        payment=_payment(say, bill),
        balance=_balance(say, bill),
        changes=changes,
        change_texts=texts,
        figure=_figure(say, bill),
        sections=sections,
        notes=_notes(say, bill, missing=cleaner.missing),
        proof=short_code(record),
        proof_text=say("note.proof"),
    )
    return result, cleaner.findings


def short_code(record: Json) -> str:
    """The leaf's first 12 letters in Crockford base 32: 7K2M-4QXZ-9D0C (docs/bill-record.md)."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    leaf = hashlib.sha256(b"\x00" + text.encode("utf-8", "surrogatepass")).digest()
    head = int.from_bytes(leaf[:8], "big") >> 4  # 60 bits, five a letter
    letters = "".join(_CROCKFORD[head >> shift & 31] for shift in range(55, -1, -5))
    return "-".join(letters[i : i + 4] for i in (0, 4, 8))


def _supplier(say: Speaker, supplier: Json) -> tuple[str, ...]:
    lines = [line for line in supplier.get("address", "").split("\n") if line]
    contact = [supplier.get("phone", ""), supplier.get("web", "")]
    lines.append(say("joint.part").join(part for part in contact if part))
    if supplier.get("tax_id"):
        lines.append(say("note.tax_id", id=supplier["tax_id"]))
    return tuple(line for line in lines if line)


def _facts(say: Speaker, bill: Json) -> tuple[Row, ...]:
    return (
        Row(say("bill.number"), bill["number"], strong=True),
        Row(say("bill.account"), bill["account"]),
        Row(say("bill.issued"), say.date(bill["issued"])),
    )


# -------------------------------------------------------------------- money


def _due(say: Speaker, bill: Json) -> tuple[Row, str]:
    """What is owed, large, and by when; or what is owed to the customer."""
    amount = Decimal(bill["balance"]["due"])
    if amount > 0:
        text = say("due.by", date=say.date(bill["due"]))
        return Row(say("due.label"), say.money(amount)), text
    if amount < 0:
        return Row(say("due.credit"), say.money(-amount)), say("due.carried")
    return Row(say("due.nothing"), say.money(amount)), say("due.settled")


def _balance(say: Speaker, bill: Json) -> tuple[Row, ...]:
    """The addition that ends in the amount due."""
    balance = bill["balance"]
    tax = sum((Decimal(row["amount"]) for row in bill["tax"]), Decimal(0))
    this = say("balance.bill_tax", tax=say.money(tax)) if tax else say("balance.bill")
    due = Decimal(balance["due"])
    rows = [
        Row(say(f"balance.{key}"), say.money(balance[key]))
        for key in ("previous", "payments", "adjustments")
    ]
    last = Row(say("balance.due" if due >= 0 else "balance.credit"), say.money(due), strong=True)
    return (*rows, Row(this, say.money(bill["total"])), last)


def _payment(say: Speaker, bill: Json) -> Payment:
    amount = Decimal(bill["balance"]["due"])
    if amount < 0:
        text = say("pay.credit_text", account=bill["account"])
        return Payment(say("pay.credit"), (), text, None)
    if amount == 0:
        return Payment(say("pay.title"), (), say("pay.settled_text"), None)
    supplier, reference = bill["supplier"], bill["number"]
    iban = pay.plain_iban(supplier.get("iban", ""))
    rows = [Row(say("pay.payee"), supplier["name"])]
    if iban:
        rows.append(Row(say("pay.iban"), pay.grouped_iban(iban)))
    rows.append(Row(say("pay.reference"), reference))
    code = _code(say, bill, iban) if iban and bill["currency"] == "EUR" else None
    text = supplier.get("payment_terms") or say("pay.plain")
    return Payment(say("pay.title"), tuple(rows), text, code)


def _code(say: Speaker, bill: Json, iban: str) -> Figure | None:
    payee, reference = bill["supplier"]["name"], bill["number"]
    amount = Decimal(bill["balance"]["due"])
    payload = pay.epc_payload(payee=payee, iban=iban, amount=amount, reference=reference)
    if payload is None:
        return None
    alt = say("pay.scan_alt", amount=say.money(amount), payee=payee, iban=iban, reference=reference)
    return Figure(pay.qr_svg(payload), alt, say("pay.scan"))


# ------------------------------------------------- compared with before


def _changes(say: Speaker, bill: Json) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """A row per bill that we can compare with, and what the difference is in words."""
    this = _this(bill)
    rows, texts = [_change(say, this, say("compare.now"), now=True)], []
    for key in ("previous", "year_ago"):
        other = bill["compare"].get(key)
        if other is None:
            continue
        rows.append(_change(say, other, say(f"compare.{key}"), now=False))
        before, now = _per_day(other), _per_day(this)
        if before > 0:
            texts.append(_difference(say, now, before, say.month(other["from"], other["to"])))
    if len(rows) == 1:
        texts.append(say("compare.none"))
    return tuple(rows), tuple(texts)


def _this(bill: Json) -> dict[str, str]:
    """This bill in the shape of those it is compared with: the days that were really supplied."""
    segments = bill["segments"]
    energy = sum((Decimal(segment["energy"]["import"]) for segment in segments), Decimal(0))
    return {
        "from": min((segment["from"] for segment in segments), default=bill["period"]["from"]),
        "to": max((segment["to"] for segment in segments), default=bill["period"]["to"]),
        "import": number(energy),
        "total": bill["total"],
    }


def _per_day(other: Json) -> Decimal:
    days = (date.fromisoformat(other["to"]) - date.fromisoformat(other["from"])).days
    return Decimal(other["import"]) / days


def _change(say: Speaker, other: Json, label: str, *, now: bool) -> Change:
    return Change(
        label=label,
        period=say.month(other["from"], other["to"]),
        energy=say.quantity(other["import"], "kWh"),
        per_day=f"{say.rounded(_per_day(other), 1)}\u00a0{say.unit('kWh')}",
        cost=say.money(other["total"]),
        now=now,
    )


def _difference(say: Speaker, now: Decimal, before: Decimal, when: str) -> str:
    percent = (now - before) * 100 / before
    words = say.rounded(abs(percent), 0)
    if words == "0":
        return say("compare.same", when=when)
    return say("compare.more" if percent > 0 else "compare.less", percent=words, when=when)


# ------------------------------------------------------------------- chart


def _figure(say: Speaker, bill: Json) -> Figure | None:
    """The days of the period, all metering points together; without intervals, bars per bill.

    None when there is neither.
    """
    parts = [(s["metering_point"], s["chart"]) for s in bill["segments"] if s["chart"]]
    parts = [(point, part) for point, part in parts if part["values"]]
    if parts:
        return _days(say, bill, parts)
    return _bars(say, bill) if any(bill["compare"].values()) else None


def _days(say: Speaker, bill: Json, parts: Sequence[tuple[str, Json]]) -> Figure:
    start = min(date.fromisoformat(part["from"]) for _, part in parts)
    offsets = [(date.fromisoformat(part["from"]) - start).days for _, part in parts]
    count = max(
        offset + len(part["values"]) for offset, (_, part) in zip(offsets, parts, strict=True)
    )
    values, estimated = [Decimal(0)] * count, [False] * count
    for offset, (_, part) in zip(offsets, parts, strict=True):
        for i, value in enumerate(part["values"], offset):
            values[i] += Decimal(value)
            estimated[i] = estimated[i] or part["estimated"][i - offset]
    unit = parts[0][1]["unit"]

    def label(i: int) -> str:
        return say.date(start + timedelta(days=i), year=False, short=True)

    svg = chart.days(values, estimated, label=label)
    mean = f"{say.rounded(sum(values, Decimal(0)) / count, 1)}\u00a0{say.unit(unit)}"
    caption = [say("chart.mean", mean=mean)]
    if any(estimated):
        caption.append(say("chart.estimated"))
    points = len({s["metering_point"] for s in bill["segments"]})
    shown = len({point for point, _ in parts})
    key = "chart.title" if shown == points else "chart.part"
    title = say(key, unit=say.unit(unit), n=shown, all=points)
    ends = {"low": say.rounded(min(values), 1), "high": say.rounded(max(values), 1)}
    alt = say(
        "chart.alt",
        n=count,
        mean=mean,
        estimated=sum(estimated),
        **ends,
        **{"from": say.date(start)},
    )
    return Figure(svg, alt, title, "".join(caption) if say.language == "zh" else " ".join(caption))


def _bars(say: Speaker, bill: Json) -> Figure:
    rows = [(say.month(*_ends(this := _this(bill))), _per_day(this))]
    rows += [
        (say.month(*_ends(other)), _per_day(other))
        for other in (bill["compare"].get(key) for key in ("previous", "year_ago"))
        if other
    ]
    told = [
        (name, value, f"{say.rounded(value, 1)}\u00a0{say.unit('kWh')}") for name, value in rows
    ]
    alt = say(
        "chart.bars_alt",
        bars=say("joint.clause").join(f"{name} {words}" for name, _, words in told),
    )
    return Figure(chart.bars(told), alt, say("chart.bars_title"))


def _ends(period: Json) -> tuple[str, str]:
    return period["from"], period["to"]


# ------------------------------------------------------------------- notes


def _estimated(say: Speaker, bill: Json) -> str:
    """How much of the bill is not measured."""
    energies = [segment["energy"] for segment in bill["segments"]]
    whole = sum((Decimal(energy["import"]) for energy in energies), Decimal(0))
    estimated = sum((Decimal(energy["estimated"]) for energy in energies), Decimal(0))
    if estimated:
        share = say.rounded(estimated * 100 / whole, 1) if whole else "0"
        figures = {"energy": number(estimated), "all": number(whole)}
        told = {key: say.quantity(value, "kWh") for key, value in figures.items()}
        return say("note.estimated", percent=share, **told)
    dials = [reading for segment in bill["segments"] for reading in segment["readings"]]
    doubtful = any("E" in (d["opening_quality"], d["closing_quality"]) for d in dials)
    return say("note.estimated_dial" if doubtful else "note.estimated_none")


def _notes(say: Speaker, bill: Json, *, missing: bool) -> tuple[str, ...]:
    notes = [_estimated(say, bill)]
    notes += [_tax(say, bill, row) for row in bill["tax"]]
    read = dict.fromkeys(
        text for segment in bill["segments"] for text in segment["tariff"]["assumptions"]
    )
    notes += [say("note.assumptions", text=say.title(text)) for text in read]
    contact = [bill["supplier"].get("phone", ""), bill["supplier"].get("web", "")]
    if any(contact):
        notes.append(say("note.questions", contact=say("joint.list").join(filter(None, contact))))
    if missing:
        notes.append(say("note.letter"))
    return tuple(notes)


def _tax(say: Speaker, bill: Json, tax: Json) -> str:
    lines = (line for segment in bill["segments"] for line in segment["lines"])
    titles = {line["component"]: say.title(line["title"]) for line in lines}
    return say(
        "note.tax",
        title=titles.get(tax["component"], tax["component"]),
        percent=say.number(tax["percent"]),
        base=say.money(tax["base"]),
        amount=say.money(tax["amount"]),
    )
