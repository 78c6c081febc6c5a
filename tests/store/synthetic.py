"""Tiny tables for the tests of store and subledger: no other room is needed to make them."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa

from gridtally import tables
from gridtally.store import runs
from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace
from gridtally.subledger.approve import approve, register_run

AS_OF = 1_790_000_000
PREPARER, APPROVER = "paula", "anton"


def workspace(path, **settings):
    return Workspace.create(path, Settings(**settings))


@dataclass
class Read:
    format: str
    blocks: pa.Table
    registers: pa.Table
    findings: pa.Table
    rows: int
    accepted: int
    duplicates: int = 0
    quarantined: int = 0
    remarks: pa.Table = field(default_factory=lambda: tables.empty(tables.REMARKS))
    aside: pa.Table = field(default_factory=lambda: tables.empty(tables.ASIDE))


def blocks(points, *, day=20_000, value=1, quality="A", version=0, channel="import", slots=96):
    """One block per point, of a UTC day; `value` one number, or one per slot."""
    count = len(points)
    values = np.broadcast_to(np.asarray(value, dtype=np.int64), (count, slots)).reshape(-1)
    offsets = pa.array(np.arange(count + 1) * slots, pa.int32())
    columns = {
        "metering_point": pa.array(points, pa.string()),
        "channel": pa.repeat(channel, count),
        "start_utc": pa.array([day * 86_400] * count, pa.timestamp("s", tz="UTC")),
        "resolution_s": pa.array([86_400 // slots] * count, pa.int32()),
        "values": pa.ListArray.from_arrays(offsets, pa.array(values)),
        "quality": pa.repeat(quality, count),
        "version": pa.array([version] * count, pa.int64()),
        "load_seq": pa.array([0] * count, pa.int64()),
        "source": pa.repeat("", count),
        "line": pa.array(range(1, count + 1), pa.int64()),
    }
    return pa.table([columns[f.name] for f in tables.BLOCKS], schema=tables.BLOCKS)


def dials(points, *, reading=1, quality="A", version=0, day=20_000):
    rows = [
        {
            "metering_point": point, "meter": f"M-{point}", "register": "1.8.0", "channel": "",
            "bucket": "", "kind": "", "time_utc": datetime.fromtimestamp(day * 86_400, UTC),
            "reading": reading, "quality": quality, "reason": "routine", "version": version,
            "load_seq": 0, "source": "", "line": line,
        }
        for line, point in enumerate(points, 1)
    ]  # fmt: skip
    return tables.table(tables.REGISTER_READINGS, rows)


def remarks(points, *, key="nem12.method", value="A51", day=20_000, version=0, line=1):
    rows = [
        {
            "metering_point": point, "channel": "import", "key": key, "value": value,
            "start_utc": datetime.fromtimestamp(day * 86_400, UTC),
            "end_utc": datetime.fromtimestamp((day + 1) * 86_400, UTC),
            "version": version, "load_seq": 0, "source": "", "line": line,
        }
        for point in points
    ]  # fmt: skip
    return tables.table(tables.REMARKS, rows)


def decoder(read_blocks=None, registers=None, said=None):
    """A decoder that finds these tables in any file."""
    read_blocks = tables.empty(tables.BLOCKS) if read_blocks is None else read_blocks
    registers = tables.empty(tables.REGISTER_READINGS) if registers is None else registers
    count = read_blocks.num_rows + registers.num_rows
    nothing = tables.empty(tables.FINDINGS)
    said = tables.empty(tables.REMARKS) if said is None else said
    return lambda data, *, name, as_of: Read(
        "test", read_blocks, registers, nothing, count, count, remarks=said
    )


MONTH = (date(2026, 10, 1), date(2026, 11, 1))


def results(count, *, month=MONTH, cents=1_000, findings=()):
    """The tables of a run with one bill, one segment and two lines per account."""
    start, end = month
    utc = [int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) for d in month]
    bills, segments, lines, spans, accounts = [], [], [], [], []
    for i in range(count):
        account, agreement = f"AC-{i:06d}", f"AG-{i:06d}"
        bill, segment = f"{account}/{start}/{end}", f"{agreement}/{start}/{end}"
        total = Decimal(cents + i) / 100
        common = {"account": account, "from": start, "to": end, "currency": "EUR"}
        bills.append(common | {"bill": bill, "segments": 1, "total": total, "state": "draft"})
        segments.append(
            common
            | {
                "segment": segment, "bill": bill, "agreement": agreement,
                "metering_point": f"MP-{i:06d}", "legal_source": "interval",
                "tariffs": "sha256:t1", "import_ukwh": i, "export_ukwh": 0, "estimated_ukwh": 0,
                "total": total, "input_digest": hashlib.sha256(segment.encode()).hexdigest(),
            }
        )  # fmt: skip
        spans.append(
            common
            | {
                "segment": segment, "span": 0, "agreement": agreement,
                "metering_point": f"MP-{i:06d}", "zone": "UTC", "start_utc": utc[0],
                "end_utc": utc[1], "legal_source": "interval", "tariff": "sha256:t1",
            }
        )  # fmt: skip
        tax = Decimal(1)
        for n, (name, amount) in enumerate((("energy", total - tax), ("vat", tax))):
            lines.append(
                {
                    "segment": segment, "span": 0, "line": n, "component": name, "kind": name,
                    "bucket": "", "quantity": Decimal(1), "unit": "kWh", "price": amount,
                    "factor": "1", "amount": amount,
                }
            )  # fmt: skip
        accounts.append({"account": account, "segment": "household", "language": "en"})
    return {
        "bills": tables.table(tables.BILLS, bills),
        "segments": tables.table(tables.SEGMENTS, segments),
        "lines": tables.table(tables.LINES, lines),
        "spans": tables.table(tables.SPANS, spans),
        "findings": tables.findings_table(findings),
        "master/accounts": tables.table(tables.ACCOUNTS, accounts),
    }


def sealed(ws, count=3, *, month=MONTH, note="", parts=None, **options):
    """A sealed run folder."""
    info = {"period": {"from": str(month[0]), "to": str(month[1])}, "note": note, "n": count}
    run = runs.create_run(ws, info)
    if not run.sealed:
        for name, table in (parts or results(count, month=month, **options)).items():
            run.write(name, table)
    return run.seal()


def standing(run, *, held=()):
    """All bills released, but those that are held."""
    bills = run.read("bills")
    state = ["held" if bill in held else "released" for bill in bills["bill"].to_pylist()]
    return bills.select(["bill", "account", "leaf"]).append_column(
        "state", pa.array(state)
    ).append_column("reason", pa.repeat("test", len(state)))  # fmt: skip


def register(ws, run, *, held=(), actor=PREPARER):
    register_run(ws, run, standing(run, held=held), scope_digest="0" * 64, actor=actor, as_of=AS_OF)


def sign(text):
    return "signed " + hashlib.sha256(text).hexdigest()


def verify(text, signature):
    return signature == sign(text)


def released(ws, count=3, *, held=(), **options):
    """A run that is sealed, registered and approved: the release's id."""
    run = sealed(ws, count, **options)
    register(ws, run, held=held)
    return approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF)


def record(bill):
    """A bill record with little in it."""
    row = bill.row
    amounts = {name: str(value) for name, value in bill.balance.items()}
    return {
        "schema": 1, "bill": row["bill"], "account": row["account"], "total": str(row["total"]),
        "balance": amounts, "issued": str(bill.issued), "due": str(bill.due),
    }  # fmt: skip


def how_to_issue(**changes):
    """Everything that `issue` wants besides the workspace and the release."""
    return {
        "actor": APPROVER,
        "as_of": AS_OF,
        "issue_date": date(2026, 11, 3),
        "due_days": 21,
        "render_record": record,
        "ledger_code": lambda tariff, name: {"vat": "tax.vat"}.get(name, f"revenue.{name}"),
        "tariff_ids": {"sha256:t1": "home"},
        "sign_head": lambda size, root: f"town\n{size}\n{root.hex()}\n",
        "verify": verify,
    } | changes
