"""The store: what Gridtally promises, checked on the live store. Reads only.

Each check is a function that yields a sentence for everything that is not as it must be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, Sum

from gridtally import control
from gridtally.errors import Corrupt, GridtallyError
from gridtally.money import to_minor
from gridtally.store import files, master, plans, runs
from gridtally.store.compact import orphans
from gridtally.store.digest import hash_root
from gridtally.store.workspace import Workspace

__all__ = ["CHECKS", "Checked", "check"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Checked:
    """One invariant: whether it holds, and what does not."""

    invariant: str
    ok: bool
    detail: str


def check(ws: Workspace, *, only: set[str] | None = None) -> list[Checked]:
    """Check every invariant (or some, by name) against one consistent view of the database."""
    found = []
    with control.database.reading():
        for name, (sentence, test) in CHECKS.items():
            if only is not None and name not in only:
                continue
            try:
                problems = list(test(ws))
            except GridtallyError as err:
                problems = [err.message]
            detail = f"{name}: {sentence}"
            if problems:
                more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
                detail = "; ".join(problems[:_SHOWN]) + more
            found.append(Checked(name, not problems or name in HARMLESS, detail))
    return found


def _guards(ws: Workspace) -> Iterator[str]:
    for name in control.guards.missing():
        yield f"{name} is missing or was changed"


def _segments(ws: Workspace) -> Iterator[str]:
    rows = control.models.IssuedSegment.objects.filter(live=True)
    before: tuple[str, object, str] | None = None
    ordered = rows.order_by("agreement", "date_from", "date_to")
    for agreement, start, end, segment in ordered.values_list(
        "agreement", "date_from", "date_to", "segment"
    ).iterator():
        if before and before[0] == agreement and before[1] > start:
            yield f"{segment} overlaps {before[2]}"
            before = (agreement, max(before[1], end), segment)
        else:
            before = (agreement, end, segment)


def _posted(ws: Workspace) -> Iterator[str]:
    models = control.models
    owed: dict[str, int] = {}
    entries = models.Entry.objects.filter(kind="bill")
    columns = ("bill_id", "transaction", "debit_id", "credit_id", "amount")
    for bill, transaction, debit, credit, amount in entries.values_list(*columns).iterator():
        if transaction != f"bill:{bill}" or "receivable" not in (debit, credit):
            yield f"an entry of {bill} stands under {transaction}"
        owed[bill] = owed.get(bill, 0) + (amount if debit == "receivable" else -amount)
    for number, total in models.IssuedBill.objects.values_list("number", "total_minor").iterator():
        if owed.pop(number, 0) != total:
            yield f"{number} is not posted with its total"
    for number in owed:
        yield f"{number} is posted and not issued"


def _records(ws: Workspace) -> Iterator[str]:
    issued = control.models.IssuedBill.objects.select_related("leaf").order_by("record_path")
    data, opened = b"", ""
    for row in issued.iterator():
        if row.record_path != opened:
            opened = row.record_path
            path = ws.path / opened
            data = path.read_bytes() if path.is_file() else b""
        text = data[row.record_offset : row.record_offset + row.record_size]
        if files.sha256(b"\x00" + text) != row.leaf.hash:
            yield f"the record of {row.number} is not what its leaf says"
            continue
        yield from _record(json.loads(text), row)


def _record(record: dict[str, object], row: control.models.IssuedBill) -> Iterator[str]:
    """Sum of lines = total = what is posted (L-02)."""
    total = Decimal(str(record["total"]))
    if record["number"] != row.number or to_minor(total, row.currency) != row.total_minor:
        yield f"the record of {row.number} does not say what was issued"
    segments = record.get("segments", [])
    assert isinstance(segments, list)
    sums = [sum((Decimal(n["amount"]) for n in s["lines"]), Decimal(0)) for s in segments]
    if segments and sum(sums) != total:
        yield f"the lines of {row.number} do not sum to its total"


def _numbers(ws: Workspace) -> Iterator[str]:
    rows = control.models.IssuedBill.objects.order_by("series", "serial")
    series, expected = "", 1
    for name, serial, number in rows.values_list("series", "serial", "number").iterator():
        series, expected = (series, expected) if name == series else (name, 1)
        if serial != expected or number != f"{series}-{serial:06d}":
            yield f"{number} stands where {series}-{expected:06d} must"
        expected = serial + 1


def _leaves(ws: Workspace) -> Iterator[str]:
    models = control.models
    rows = list(models.Leaf.objects.order_by("index").values_list("index", "hash"))
    if [index for index, _ in rows] != list(range(len(rows))):
        yield "the indices of the leaves have a hole"
    hashes = [bytes.fromhex(text) for _, text in rows]
    for head in models.Head.objects.order_by("size"):
        if len(hashes) < head.size or hash_root(hashes[: head.size]).hex() != head.root:
            yield f"the first {head.size} leaves do not give the root of their head"
        path = ws.path / "published" / f"{head.size:012d}.checkpoint"
        if not path.is_file() or path.read_text(encoding="utf-8") != head.checkpoint:
            yield f"the head over {head.size} leaves is not what was published"
    bills = models.IssuedBill.objects.exclude(leaf__subject=F("number")).count()
    if bills:
        yield f"{bills} bills have the leaf of another"


def _raw(ws: Workspace) -> Iterator[str]:
    rows = control.models.SourceFile.objects.values_list("delivered", "mapping")
    given = {source.digest for sources in master.sources().values() for source in sources}
    for digest in sorted({digest for row in rows for digest in row if digest} | given):
        yield from _file(ws, f"raw/{digest[:2]}/{digest}", digest)


def _manifest(ws: Workspace) -> Iterator[str]:
    models = control.models
    there = models.ReadingFile.objects.exclude(pk__in=models.PrunedFile.objects.values("file_id"))
    kinds = (models.MasterTable, models.TariffDocument, models.HistoryFile)
    for rows in (there, *(model.objects.all() for model in kinds)):
        for path, digest in rows.values_list("path", "digest").iterator():
            yield from _file(ws, path, digest)


def _rows(ws: Workspace) -> Iterator[str]:
    """What became of each row of each file (I-01), and of each file."""
    models = control.models
    for row in models.SourceFile.objects.exclude(
        rows=F("accepted") + F("duplicates") + F("quarantined")
    ):
        yield f"the rows of {row.name} do not add up"
    published = models.Load.objects.values("source_id")
    for name in models.SourceFile.objects.exclude(pk__in=published).values_list("name", flat=True):
        yield f"{name} was received and never published"


def _merged(ws: Workspace) -> Iterator[str]:
    """A merged file has the rows of those that were retired into it, no more and no less."""
    models = control.models
    held = models.RetiredFile.objects.values("into_id").annotate(held=Sum("file__rows"))
    rows = dict(held.values_list("into_id", "held"))
    for file in models.ReadingFile.objects.filter(compaction__isnull=False):
        if rows.get(file.pk) != file.rows:
            yield f"{file.path} has {file.rows} rows, those in its place had {rows.get(file.pk)}"


def _proposals(ws: Workspace) -> Iterator[str]:
    """What a receipt says of issued bills stands as a proposal, and nothing else does."""
    models = control.models
    rows = models.RebillProposal.objects.filter(source__isnull=False)
    have = set(rows.values_list("source_id", "segment"))
    said = {
        (digest, found["segment"])
        for digest, text in models.SourceFile.objects.filter(
            findings__contains='"intake.reading.billed"'
        ).values_list("digest", "findings")
        for found in json.loads(text)
        if found["code"] == "intake.reading.billed"
    }
    for _, segment in sorted(have ^ said):
        yield f"late readings of {segment} are in a receipt or in a proposal, not in both"


def _plans(ws: Workspace) -> Iterator[str]:
    """A version over others has its plan, two approvals, and a proposal for each of its bills."""
    models = control.models
    for row in models.RebillPlan.objects.order_by("id"):
        yield from _file(ws, row.path, row.digest)
    rows = models.TariffDocument.objects.order_by("seq").select_related("plan")
    for row in (row for row in rows if row.plan):
        given = models.RebillApproval.objects.filter(plan=row.plan).exclude(actor=row.plan.actor)
        if row.plan.document != row.digest or given.count() < plans.NEEDED:
            yield f"{row.path} stands in place of others without a plan that two people approved"
        have = models.RebillProposal.objects.filter(tariff=row).values_list("bill_id", "segment")
        said = plans.segments(plans.content(ws, row.plan_id))
        for _, segment in sorted(set(have) ^ set(said)):
            yield f"prices of {segment} are in a plan or in a proposal, not in both"


def _orphans(ws: Workspace) -> Iterator[str]:
    yield from (f"{path} is named by nothing; `store prune` removes it" for path in orphans(ws))


def _quarantine(ws: Workspace) -> Iterator[str]:
    """Every row that was not accepted is listed (I-01); files of before there were items are not.

    Items that took the place of others when master data arrived stand for the same rows.
    """
    models = control.models
    listed: dict[str, int] = {}
    late = models.QuarantineStep.objects.filter(action="arrived").values("item_id")
    for source, rows in models.QuarantineItem.objects.exclude(id__in=late).values_list(
        "source_id", "rows"
    ):
        listed[source] = listed.get(source, 0) + rows
    settled = set(
        models.QuarantineItem.objects.filter(id__in=late).values_list("source_id", flat=True)
    )
    counted = models.SourceFile.objects.filter(quarantined__gt=0, actor__gt="")
    for digest, name, rows in counted.values_list("digest", "name", "quarantined").iterator():
        there = listed.get(digest, 0)
        if there > rows or (there < rows and digest not in settled):
            yield f"{name} has {rows} rows in quarantine, of which {there} are listed"
    for item in models.QuarantineItem.objects.filter(kind="file"):
        path = ws.path / "raw" / "quarantine" / item.refused
        if path.exists():
            yield from _file(ws, ws.relative(path), item.refused)


def _file(ws: Workspace, path: str, digest: str) -> Iterator[str]:
    try:
        files.read_checked(ws.path / path, digest)
    except Corrupt as err:
        yield err.message


def _runs(ws: Workspace) -> Iterator[str]:
    for row in control.models.Run.objects.order_by("id"):
        run = runs.open_run(ws, row.id)
        if files.sha256((run.path / "DONE").read_bytes()) != row.done_digest:
            yield f"the seal of the run {row.id} was changed"
        yield from (f"run {row.id}: {problem}" for problem in runs.verify_run(run))
        if run.done["run_root"] != row.root:
            yield f"the root of the run {row.id} is not the registered one"


def _nobody_forgotten(ws: Workspace) -> Iterator[str]:
    models = control.models
    for row in models.RunBill.objects.filter(
        run__closed__isnull=False, state__in=["draft", "released"]
    ):
        yield f"{row.bill} of the closed run {row.run_id} is {row.state}"
    issued = models.IssuedBill.objects.filter(version=0)
    have = set(issued.values_list("run_id", "bill"))
    rows = models.RunBill.objects.filter(state__in=["issued", "cancelled"])
    said = set(rows.values_list("run_id", "bill"))
    for _, bill in sorted(have ^ said):
        yield f"{bill} is issued in one place and not in another"


def _history(ws: Workspace) -> Iterator[str]:
    rows = control.models.HistoryFile.objects.filter(kind="issued").order_by("seq")
    listed: list[str] = []
    for path, digest in rows.values_list("path", "digest"):
        data = files.read_checked(ws.path / path, digest)
        listed += files.table_of(data, columns=["segment"])["segment"].to_pylist()
    issued = control.models.IssuedSegment.objects.filter(version=0)
    if sorted(listed) != sorted(issued.values_list("segment", flat=True)):
        yield "the history does not have each issued segment exactly once"


CHECKS: dict[str, tuple[str, Callable[[Workspace], Iterator[str]]]] = {
    "guards": ("every trigger and constraint is in place", _guards),
    "segments": ("issued segments of an agreement do not overlap", _segments),
    "posted": ("each issued bill is posted exactly once, with its total", _posted),
    "records": ("each record is what its leaf says, and its lines sum to its total", _records),
    "numbers": ("bill numbers have no hole", _numbers),
    "leaves": ("leaves are dense and give the published roots", _leaves),
    "raw": ("delivered bytes are what arrived", _raw),
    "rows": ("every delivered row is accepted, a duplicate or in quarantine", _rows),
    "manifest": ("every stored file is there and unchanged", _manifest),
    "merged": ("merged files have every row of those in whose place they stand", _merged),
    "proposals": ("every late reading of a billed period has its proposal", _proposals),
    "plans": ("each version over billed days has its plan, approvals and proposals", _plans),
    "orphans": ("no file of readings is left over", _orphans),
    "quarantine": ("every row that was not accepted is listed", _quarantine),
    "runs": ("every run folder is as it was sealed", _runs),
    "scope": ("every bill of a closed run is issued, held or excluded", _nobody_forgotten),
    "history": ("the history has each issued segment once", _history),
}
"""By name: what is promised, and the function that finds what breaks it."""
HARMLESS = {"orphans"}
"""What is found here is told, and breaks no promise."""
