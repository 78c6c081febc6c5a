"""Steps 9 and 10: from a sealed run to issued bills, their documents and their proofs.

Everything is read from the run's folder, so that release and issue can happen days later, by
other people, in other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from gridtally import __version__, control
from gridtally.delivery import documents
from gridtally.errors import NotFound
from gridtally.metering.cycles import Cycle, calendars, due_date, of_accounts
from gridtally.periods import Period, zone
from gridtally.prepare import Prepared, again
from gridtally.proof import checkpoint, keys
from gridtally.proof.record import commit
from gridtally.rating.charges import Charge, Energy, Tiered
from gridtally.rating.tariff import TariffVersion
from gridtally.records import Facts, TariffFacts, bill_record, grouped
from gridtally.signing import approver, ensure_keys, log_key_path, signed, verified
from gridtally.store import snapshot
from gridtally.store.files import sha256
from gridtally.store.master import people
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.snapshot import Snapshot
from gridtally.store.workspace import Workspace
from gridtally.subledger import approve, issue
from gridtally.subledger.batch import ToIssue

__all__ = ["Closing", "dry_issue", "issue_release"]


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
        return again(self.workspace, self.run, accounts=accounts, snap=snap)

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
        key = approver(actor)
        return approve.approve(
            self.workspace,
            self.run.id,
            sign=lambda text: signed(text, key),
            verify=verified,
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
            due_dates=self._due_dates(zone(settings.zone).date(as_of)),
            render_record=self._record,
            ledger_code=lambda digest, component: components[digest, component],
            tariff_ids={digest: t.id for digest, t in self.prepared.tariffs.items()},
            sign_head=lambda size, root: checkpoint.sign(
                checkpoint.Checkpoint(settings.log, size, root), log
            ),
            verify=self._signed_by(release_id),
            check_inputs=self.inputs_now,
            progress=lambda done, total: report("issue", done, total),
        )

    def _signed_by(self, release_id: str) -> Callable[[bytes, str], bool]:
        """Whether the person whom the release names signed a text."""
        release = control.models.Release.objects.filter(id=release_id).first()
        return lambda text, seal: release is not None and verified(text, seal, release.actor)

    def signer(self, release_id: str) -> str:
        """Who signed a release, which may have been before."""
        return str(control.models.Release.objects.get(id=release_id).actor)

    def dry_release(self, *, actor: str) -> dict[str, Any]:
        """What `release` would sign: how many bills, and the list's digest. No effects."""
        items, text = approve.listed(self.workspace, self.run.id, actor=actor)
        return {"run": self.run.id, "bills": len(items), "list_digest": sha256(text)}

    def dry_issue(self, release_id: str) -> dict[str, Any]:
        """How many bills `issue` would issue, and leave out. No effects."""
        return issue.preview(
            self.workspace,
            release_id,
            verify=self._signed_by(release_id),
            check_inputs=self.inputs_now,
        )

    def _record(self, bill: ToIssue) -> dict[str, Any]:
        person = self._people(bill.issued).get(bill.row["account"], {})
        codes = sorted({f["code"] for f in self.facts.findings.get(bill.row["bill"], [])})
        return bill_record(
            self.facts,
            bill.row,
            issued=bill.issued,
            due=bill.due,
            balance=bill.balance,
            personal={
                name: commit(bill.key, name, person.get(name, "")) for name in ("name", "address")
            },
            decision={"state": "released", "by": bill.decision, "findings": codes},
            language=self.workspace.settings.language,
        )

    def _due_dates(self, issued: date) -> dict[str, date]:
        """account -> due date, where a cycle has a rule; of two cycles the later date."""
        master = self.prepared.master
        cycles = {row["cycle"]: Cycle.of(row) for row in master["cycles"].to_pylist()}
        if not any(cycle.due_rule for cycle in cycles.values()):
            return {}
        known = calendars(master["holidays"].to_pylist())
        mine = of_accounts(master["agreements"], master["metering_points"], period=self.period)
        dates = {
            name: due_date(cycles[name].due_rule, issued, known.get(cycles[name].calendar))
            for name in set().union(*mine.values())
            if name in cycles and cycles[name].due_rule
        }
        return {
            account: max(dates[name] for name in names if name in dates)
            for account, names in mine.items()
            if names & dates.keys()
        }

    def _people(self, on: date) -> dict[str, dict[str, str]]:
        """Who the accounts belonged to on a day, as the run's master data knew it."""
        if on not in self._who:
            self._who[on] = people(self.workspace, self.snap.master_seq, on=on)
        return self._who[on]

    @cached_property
    def _who(self) -> dict[date, dict[str, dict[str, str]]]:
        return {}

    def inputs_now(self, segments: Sequence[str]) -> dict[str, str]:
        """The input digest of each segment as the store knows it now."""
        ws = self.workspace
        now = replace(snapshot.snapshot(ws), history_seq=self.snap.history_seq)
        if now == self.snap:  # files are immutable: nothing published, nothing changed
            rows = self.run.read("segments", columns=["segment", "input_digest"]).to_pylist()
            return {row["segment"]: row["input_digest"] for row in rows}
        from gridtally import bucket
        from gridtally.prepare import jobs

        found = dict.fromkeys(segments, "")
        for job in jobs(self._prepared(now)):
            metered = bucket.meter(job)
            made = bucket.cases(job, metered)
            found |= {name: made.digest(name) for name in made if name in found}
        return found


def _dated(used: pa.Table, zones: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Register readings by segment, each with its local date."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in used.to_pylist():
        day = zone(zones[row["segment"]]).date(int(row["time_utc"].timestamp()))
        groups.setdefault(row["segment"], []).append({**row, "date": day})
    return groups


def _tariff_facts(tariff: TariffVersion) -> TariffFacts:
    titles = {c.id: _by_language(c.title or c.id) for c in tariff.components}
    how = {c.id: word for c in tariff.components if (word := _how(c))}
    return TariffFacts(tariff.id, _by_language(tariff.title), tariff.assumptions, titles, how)


def _how(charge: Charge) -> str:
    """What the lines of a component cannot tell by themselves."""
    if isinstance(charge, Energy):
        return "series" if charge.series else ""
    if isinstance(charge, Tiered):
        day, volume = charge.window == "day", charge.method == "volume"
        return "day" if day else "volume" if volume else "quota" if charge.fill == "quota" else ""
    return ""


def _by_language(title: object) -> dict[str, str]:
    return dict(title) if isinstance(title, Mapping) else {"en": str(title), "zh": str(title)}


def issue_release(
    ws: Workspace,
    release_id: str,
    *,
    actor: str,
    as_of: int,
    report: Callable[[str, int, int], None] = lambda _s, _d, _t: None,
) -> issue.Issued:
    """Issue a release by its id, or the last one of a run or period such as 2026-10."""
    closing, found = _released(ws, release_id)
    return closing.issue(found, actor=actor, as_of=as_of, report=report)


def dry_issue(ws: Workspace, release_id: str) -> dict[str, Any]:
    """What `issue_release` would do, without effects."""
    closing, found = _released(ws, release_id)
    return closing.dry_issue(found)


def _released(ws: Workspace, release_id: str) -> tuple[Closing, str]:
    rows = control.models.Release.objects.filter(id__startswith=release_id)
    release = rows.order_by("at", "pk").last()
    if release is None:
        raise NotFound(
            f"There is no release {release_id}.", remedy="Sign one with `gridtally release RUN`."
        )
    return Closing.open(ws, release.run_id), release.id
