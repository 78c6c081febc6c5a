"""Steps 9 and 10: from a sealed run to issued bills, their documents and their proofs.

Everything is read from the run's folder, so that release and issue can happen days later, by
other people, in other processes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import __version__, control
from gridtally.delivery import documents
from gridtally.errors import GridtallyError, NotFound
from gridtally.periods import Period, zone
from gridtally.prepare import Prepared, cases, prepare
from gridtally.proof import build as proofs
from gridtally.proof import checkpoint, keys, merkle
from gridtally.proof.record import commit
from gridtally.rating.tariff import TariffVersion
from gridtally.records import Facts, TariffFacts, bill_record, grouped
from gridtally.store import files, snapshot
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.snapshot import Snapshot
from gridtally.store.workspace import Workspace, keys_dir
from gridtally.subledger import approve, issue
from gridtally.subledger.batch import ToIssue
from gridtally.subledger.deliver import deliver
from gridtally.subledger.heads import leaf_hashes
from gridtally.subledger.keys import person_keys
from gridtally.subledger.records import read_record

__all__ = [
    "Closing", "copy_heads", "draw", "ensure_keys", "issue_release", "log_key_path", "proof_of",
    "public_key", "write_bill",
]  # fmt: skip

Table = pa.Table


# ----------------------------------------------------------------------- keys


def log_key_path(ws: Workspace) -> Path:
    """The private key that signs heads of this workspace's log; outside the workspace."""
    return keys_dir() / f"{ws.settings.log.replace('/', '_')}.log.key"


def ensure_keys(ws: Workspace) -> str:
    """Make the log's key when there is none; the public key's text."""
    path = log_key_path(ws)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        keys.write_key(keys.generate(ws.settings.log), path)
    public = str(keys.read_key(path).public)
    copy = ws.path / "published" / "log.pub"
    if not copy.exists():
        files.write(copy, f"{public}\n".encode())
    return public


def public_key(ws: Workspace) -> str:
    """The log's public key, as anybody may have it."""
    return str(keys.read_key(log_key_path(ws)).public)


def _approver(actor: str) -> keys.LogKey:
    """The key with which a person signs releases; made at their first."""
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in actor)
    path = keys_dir() / f"approver-{name}.key"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        keys.write_key(keys.generate(f"approver/{name}"), path)
    return keys.read_key(path)


def _signed(text: bytes, key: keys.LogKey) -> str:
    return f"{key.public} {base64.b64encode(key.sign(text)).decode()}"


def _verified(text: bytes, signature: str) -> bool:
    """Whether an approver whose key is in the folder of keys signed it."""
    public, _, seal = signature.partition(" ")
    try:
        key = keys.PublicKey.parse(public)
        known = (keys_dir() / f"{key.name.replace('/', '-')}.key.pub").read_text().strip()
        return known == public and key.signed(text, base64.b64decode(seal, validate=True))
    except (OSError, ValueError, GridtallyError):
        return False


# -------------------------------------------------------------------- closing


@dataclass(frozen=True)
class Closing:
    """A sealed run, and what is left to do with it."""

    workspace: Workspace
    run: RunFolder

    @classmethod
    def open(cls, ws: Workspace, run_id: str) -> Closing:
        """The run of that id, or the one for a period's text such as 2026-10. Raises `NotFound`."""
        if (ws.path / "runs" / run_id / "DONE").is_file():
            return cls(ws, open_run(ws, run_id))
        runs = control.models.Run.objects.filter(id__startswith=run_id).order_by("recorded", "pk")
        last = runs.last()
        if last is None:
            raise NotFound(
                f"There is no run {run_id}.", remedy="`gridtally status` lists the runs."
            )
        return cls(ws, open_run(ws, last.id))

    @cached_property
    def period(self) -> Period:
        """The period that the run bills."""
        texts = self.run.info["period"]
        return Period(date.fromisoformat(texts["from"]), date.fromisoformat(texts["to"]))

    @cached_property
    def snap(self) -> Snapshot:
        """What the run saw."""
        seen = self.run.info["snapshot"]
        return Snapshot(
            self.workspace, seen["loads"], seen["master"], seen["tariffs"], seen["history"]
        )

    @cached_property
    def prepared(self) -> Prepared:
        """The run's inputs, as it saw them."""
        return self._prepared(self.snap)

    def _prepared(self, snap: Snapshot) -> Prepared:
        accounts = sorted(
            set(self.run.read("segments", columns=["account"])["account"].to_pylist())
        )
        return prepare(self.workspace, self.period, accounts=accounts, snap=snap)

    @cached_property
    def facts(self) -> Facts:
        """The run's tables, grouped for records."""
        read, spans = self.run.read, self.run.read("spans")
        zones = dict(zip(spans["segment"].to_pylist(), spans["zone"].to_pylist(), strict=True))
        return Facts(
            segments=grouped(read("segments"), "bill"),
            spans=grouped(spans, "segment"),
            lines=grouped(read("lines"), "segment"),
            used=_dated(read("used"), zones),
            daily=grouped(read("daily"), "metering_point"),
            carry_in=grouped(read("carry_in"), "agreement"),
            carry_out=grouped(read("carry"), "segment"),
            findings=grouped(read("findings"), "bill"),
            history=grouped(self.prepared.history, "account"),
            accounts={row["account"]: row for row in self.prepared.master["accounts"].to_pylist()},
            agreements=grouped(self.prepared.master["agreements"], "agreement"),
            tariffs={d: _tariff_facts(t) for d, t in self.prepared.tariffs.items()},
            common=self._common(),
        )

    def _common(self) -> dict[str, Any]:
        supplier = self.workspace.settings.supplier
        return {
            "supplier": {name: getattr(supplier, name) for name in supplier.__slots__},
            "run": {"id": self.run.id, "root": self.run.done["run_root"]},
            "engine": {
                "gridtally": __version__,
                "tzdata": version("tzdata"),
                "template": documents.template_digest(),
                "fonts": documents.font_digest(),
            },
        }

    # --------------------------------------------------------------- step 9

    def release(self, *, actor: str, as_of: int, bills: Sequence[str] | None = None) -> str:
        """Sign the list of released bills; the release's id."""
        key = _approver(actor)
        return approve.approve(
            self.workspace,
            self.run.id,
            sign=lambda text: _signed(text, key),
            actor=actor,
            as_of=as_of,
            bills=bills,
        )

    # -------------------------------------------------------------- step 10

    def issue(
        self,
        release_id: str,
        *,
        actor: str,
        as_of: int,
        report: Callable[[str, int, int], None] = lambda _s, _d, _t: None,
    ) -> issue.Issued:
        """Issue every bill of a release that is still what was approved."""
        settings = self.workspace.settings
        ensure_keys(self.workspace)
        log = keys.read_key(log_key_path(self.workspace))
        components = {
            (digest, component.id): component.ledger or f"revenue.{component.id}"
            for digest, tariff in self.prepared.tariffs.items()
            for component in tariff.components
        }
        return issue.issue(
            self.workspace,
            release_id,
            actor=actor,
            as_of=as_of,
            issue_date=zone(settings.zone).date(as_of),
            due_days=settings.due_days,
            render_record=self._record,
            ledger_code=lambda digest, component: components[digest, component],
            tariff_ids={digest: t.id for digest, t in self.prepared.tariffs.items()},
            sign_head=lambda size, root: checkpoint.sign(
                checkpoint.Checkpoint(settings.log, size, root), log
            ),
            verify=_verified,
            check_inputs=self.inputs_now,
            progress=lambda done, total: report("issue", done, total),
        )

    def _record(self, bill: ToIssue) -> dict[str, Any]:
        account = self.facts.accounts[bill.row["account"]]
        codes = sorted({f["code"] for f in self.facts.findings.get(bill.row["bill"], [])})
        return bill_record(
            self.facts,
            bill.row,
            issued=bill.issued,
            due=bill.due,
            balance=bill.balance,
            personal={
                name: commit(bill.key, name, account[name] or "") for name in ("name", "address")
            },
            decision={"state": "released", "by": bill.decision, "findings": codes},
        )

    def inputs_now(self, segments: Sequence[str]) -> dict[str, str]:
        """The input digest of each segment as the store knows it now."""
        ws = self.workspace
        now = replace(snapshot.snapshot(ws), history_seq=self.snap.history_seq)
        if now == self.snap:  # files are immutable: nothing published, nothing changed
            rows = self.run.read("segments", columns=["segment", "input_digest"]).to_pylist()
            return {row["segment"]: row["input_digest"] for row in rows}
        from gridtally import bucket
        from gridtally.metering.cases import Cases
        from gridtally.prepare import jobs

        found = dict.fromkeys(segments, "")
        for job in jobs(self._prepared(now)):
            metered = bucket.meter(job)
            made = Cases(job.spans, dense=metered.dense, used=metered.used, carry=job.carry_in)
            found |= {name: made.digest(name) for name in made if name in found}
        return found


def _dated(used: Table, zones: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Register readings by segment, each with its local date."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in used.to_pylist():
        day = zone(zones[row["segment"]]).date(int(row["time_utc"].timestamp()))
        groups.setdefault(row["segment"], []).append({**row, "date": day})
    return groups


def _tariff_facts(tariff: TariffVersion) -> TariffFacts:
    titles = {c.id: _by_language(c.title or c.id) for c in tariff.components}
    return TariffFacts(tariff.id, _by_language(tariff.title), tariff.assumptions, titles)


def _by_language(title: object) -> dict[str, str]:
    return dict(title) if isinstance(title, Mapping) else {"en": str(title), "zh": str(title)}


# ------------------------------------------------------- documents and proofs


def issued_bill(number: str) -> Any:
    """The issued bill of a number, or of a bill's name. Raises `NotFound`."""
    rows = control.models.IssuedBill.objects
    row = rows.filter(number=number).first() or rows.filter(bill=number).order_by("pk").last()
    if row is None:
        raise NotFound(
            f"No bill {number} is issued.", remedy="Give its number or its account/from/to."
        )
    return row


def openings(ws: Workspace, record: Mapping[str, Any]) -> dict[str, str]:
    """What belongs to the customer alone: name, address, and the key of the commitments."""
    master = snapshot.master(snapshot.snapshot(ws))["accounts"]
    rows = master.filter(pc.equal(master["account"], record["account"])).to_pylist()
    person = rows[0] if rows else {"name": "", "address": ""}
    key = person_keys([record["account"]])[record["account"]]
    return {"key": key.hex(), "name": person["name"] or "", "address": person["address"] or ""}


def draw(
    ws: Workspace,
    *,
    actor: str,
    as_of: int,
    limit: int | None = None,
    report: Callable[[str, int, int], None] = lambda _s, _d, _t: None,
) -> int:
    """Draw the documents that wait in the outbox; how many were made."""
    master = snapshot.master(snapshot.snapshot(ws))["accounts"].to_pylist()
    people = {row["account"]: row for row in master}

    def person(record: Mapping[str, Any]) -> dict[str, str]:
        row = people[record["account"]]
        return {"name": row["name"] or "", "address": row["address"] or ""}

    def pdf(data: bytes) -> bytes:
        record = json.loads(data)
        return documents.render_pdf(record, person(record))

    def page(data: bytes) -> bytes:
        record = json.loads(data)
        return documents.render_html(record, person(record)).encode()

    return deliver(
        ws,
        {"pdf": pdf, "html": page},
        actor=actor,
        as_of=as_of,
        limit=limit,
        progress=lambda done, total: report("documents", done, total),
    )


def proof_of(ws: Workspace, number: str, *, personal: bool = True) -> bytes:
    """A bill's proof file: record, readings, tariffs, path to a signed head, openings."""
    row = issued_bill(number)
    record = json.loads(read_record(ws, row.number))
    closing = Closing.open(ws, row.run_id)
    names = [segment["segment"] for segment in record["segments"]]
    made = cases(closing.prepared, names)
    head = control.models.Head.objects.order_by("-size").first()
    if head is None or head.size <= row.leaf_id:
        raise NotFound(
            f"The bill {number} is not under a published head yet.",
            remedy="Run `gridtally issue` again: it finishes what was begun.",
        )
    hashes = leaf_hashes(size=head.size)
    proof = proofs.build(
        record,
        cases=[made[name] for name in names],
        tariffs=closing.prepared.documents,
        index=row.leaf_id,
        path=merkle.Tree(hashes).inclusion(row.leaf_id),
        checkpoint=head.checkpoint,
        openings=openings(ws, record) if personal else None,
    )
    return proofs.dump(proof)


def write_bill(ws: Workspace, number: str, folder: Path, *, personal: bool) -> list[Path]:
    """Write an issued bill's PDF, web page and proof into `folder`; their paths."""
    row = issued_bill(number)
    record = json.loads(read_record(ws, row.number))
    person = openings(ws, record) if personal else {"name": "", "address": ""}
    made = {
        "pdf": documents.render_pdf(record, person),
        "html": documents.render_html(record, person).encode(),
        "proof.json": proof_of(ws, row.number, personal=personal),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, data in made.items():
        path = folder / f"{row.number}.{kind}"
        path.write_bytes(data)
        paths.append(path)
    return paths


def copy_heads(ws: Workspace, target: Path) -> int:
    """Publish: copy the signed heads and the log's public key to a place outside; how many."""
    target.mkdir(parents=True, exist_ok=True)
    heads = sorted((ws.path / "published").iterdir())
    for head in heads:
        if not (target / head.name).exists():
            files.write(target / head.name, head.read_bytes())
    return len(heads)


def issue_release(
    ws: Workspace,
    release_id: str,
    *,
    actor: str,
    as_of: int,
    report: Callable[[str, int, int], None] = lambda _s, _d, _t: None,
) -> issue.Issued:
    """Issue a release by its id, or the last one of a run or period such as 2026-10."""
    rows = control.models.Release.objects.filter(id__startswith=release_id)
    release = rows.order_by("at", "pk").last()
    if release is None:
        raise NotFound(
            f"There is no release {release_id}.", remedy="Sign one with `gridtally release RUN`."
        )
    closing = Closing.open(ws, release.run_id)
    return closing.issue(release.id, actor=actor, as_of=as_of, report=report)
