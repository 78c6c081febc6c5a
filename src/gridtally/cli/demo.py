"""The door's verb `demo`: Port Lumen, from delivered files to issued and proved bills."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from shlex import quote
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from gridtally.cli.common import out, progress
from gridtally.errors import Conflict, UsageError
from gridtally.periods import Period
from gridtally.terms import BillState

LAST = Period.month(2026, 10)
PREPARER, APPROVER = "ana (billing)", "bruno (revenue assurance)"
Report = Callable[[str, int, int], None]


@click.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default="demo-town",
    show_default=True,
    help="Folder for the town, the workspace and the keys; made anew each time.",
)
@click.option(
    "--accounts",
    type=click.IntRange(min=20),
    default=2000,
    show_default=True,
    help="Size of the town.",
)
@click.option("--seed", type=int, help="Another town; default: Port Lumen.")
def demo(into: Path, accounts: int, seed: int | None) -> int:
    """A synthetic town: readings in, audited and issued bills out.

    2,000 accounts, 13 months, 40 hidden faults. The ten steps run for the last month; the clean
    bills are issued, the doubtful ones held, and you see why.
    """
    started = time.monotonic()
    root = _fresh(into)
    os.environ["GRIDTALLY_KEYS"] = str(root / "keys")
    show = _Demo(root, accounts, seed)
    with progress() as report:
        show.build(report)
        show.deliver(report)
        show.past(report)
        show.bill(report)
        show.close(report)
    show.tell(time.monotonic() - started)
    return 0


def _fresh(into: Path) -> Path:
    """An empty folder of that name; only a former demo is ever removed."""
    root = into.absolute()
    if root.exists():
        here = Path.cwd()
        if root.resolve() in (here, *here.parents):
            raise UsageError(
                f"{root} is the current folder, or one above it: the demo makes its folder anew.",
                remedy="Name another folder with --into.",
            )
        if not root.is_dir() or root.is_symlink():
            raise Conflict(f"{root} is not a folder.", remedy="Name another one with --into.")
        if any(root.iterdir()) and not (root / ".gridtally-demo").exists():
            raise Conflict(f"{root} is not a demo.", remedy="Name another folder with --into.")
        shutil.rmtree(root)
    root.mkdir(parents=True)
    (root / ".gridtally-demo").touch()
    return root


def _environment() -> str:
    """The line that puts `gridtally` on the path: nothing of ours is installed by a checkout."""
    activate = Path(sys.prefix) / "bin" / "activate"
    if activate.parent.parent.name != ".venv" or not activate.exists():
        return ""
    here = Path.cwd()
    short = activate.relative_to(here) if activate.is_relative_to(here) else activate
    return f"  source {quote(str(short))}\n"


@dataclass
class _Demo:
    root: Path
    accounts: int
    seed: int | None

    def build(self, report: Report) -> None:
        """Before step 1: the files that a utility would deliver."""
        from gridtally.demo import town

        self.town = town.build(
            self.root / "delivered",
            seed=self.seed if self.seed is not None else town.SEED,
            accounts=self.accounts,
            progress=lambda done, total, _what: report("build the town's files", done, total),
        )
        noon = datetime.fromisoformat(town.AS_OF).replace(hour=12, tzinfo=UTC)
        self.as_of = int(noon.timestamp())

    def deliver(self, report: Report) -> None:
        """Steps 1 and 2."""
        from gridtally import pipeline, signing
        from gridtally.store.settings import Settings, Supplier
        from gridtally.store.workspace import Workspace

        supplier = Supplier(
            name="Port Lumen Energy",
            address="1 Harbour Light, 4000-001 Port Lumen",
            tax_id="PT 500 000 000",
            phone="+351 220 000 000",
            web="https://portlumen.example",
            iban="PT50 0002 0123 1234 5678 9015 4",
            payment_terms="Payable within 21 days of issue.",
        )
        self.ws = Workspace.create(
            self.root / "workspace",
            Settings(
                name="port-lumen",
                zone="Europe/Lisbon",
                supplier=supplier,
                log="portlumen.example/bills",
                series="PL",
                buckets=4,
                review_budget=max(20, self.accounts // 20),
            ),
        )
        signing.ensure_keys(self.ws)
        delivered = self.root / "delivered"
        folders = [delivered / name for name in ("tariffs", "master", "readings")]
        self.received = pipeline.receive(
            self.ws,
            folders,
            sender="Port Lumen Grid",
            zone=None,
            correction=False,
            as_of=self.as_of,
            actor=PREPARER,
            dry_run=False,
            report=report,
        )

    def past(self, report: Report) -> None:
        """Twelve months billed elsewhere: into history, with the balance that they left."""
        from gridtally import pipeline
        from gridtally.demo.payments import bank_file

        months = [Period.month(2025, m) for m in (10, 11, 12)]
        months += [Period.month(2026, m) for m in range(1, 10)]
        for number, month in enumerate(months, start=1):
            outcome = pipeline.run(
                self.ws, month, actor=PREPARER, as_of=self.as_of, purpose="backfill"
            )
            report("twelve months of past bills", number, len(months))
        rows = outcome.tables["bills"].select(["account", "total"]).to_pylist()
        owed = {row["account"]: row["total"] for row in rows if row["total"] is not None}
        self._open(owed)
        payments = self.root / "delivered" / "payments.csv"
        payments.write_bytes(bank_file(owed, seed=self.town.seed))
        pipeline.receive(
            self.ws,
            [payments],
            sender="Harbour Bank",
            zone=None,
            correction=False,
            as_of=self.as_of,
            actor=PREPARER,
            dry_run=False,
            report=lambda _s, _d, _t: None,
        )

    def _open(self, owed: dict[str, Decimal]) -> None:
        """What each customer owed for September when this system took over."""
        from gridtally.money import to_minor
        from gridtally.subledger.post import OPENING, Move, adjust

        moves = [
            Move(
                key=f"opening/{account}",
                account=account,
                amount=-to_minor(total, "EUR"),
                posted=date(2026, 10, 1),
                memo="Bill of September 2026",
            )
            for account, total in sorted(owed.items())
            if total
        ]
        adjust(moves, code=OPENING, currency="EUR", actor=PREPARER, as_of=self.as_of)

    def bill(self, report: Report) -> None:
        """Steps 3 to 8 for October 2026."""
        from gridtally import pipeline

        self.outcome = pipeline.run(self.ws, LAST, actor=PREPARER, as_of=self.as_of, report=report)

    def close(self, report: Report) -> None:
        """Steps 9 and 10, by somebody else than who prepared the run; three bills as documents."""
        from gridtally import closing, papers

        run = closing.Closing.open(self.ws, self.outcome.run_id)
        release = run.release(actor=APPROVER, as_of=self.as_of)
        self.issued = run.issue(release, actor=APPROVER, as_of=self.as_of, report=report)
        papers.copy_heads(self.ws, self.root / "published")
        self.samples = self._three()
        self.files: list[Path] = []
        for done, number in enumerate(self.samples, start=1):
            self.files += papers.write_bill(self.ws, number, self.root / "bills", personal=True)
            report("draw three bills, with proofs", done, len(self.samples))

    def _three(self) -> list[str]:
        """A PV home, a household in Chinese with something in mid-period, and a factory."""
        segments = self.outcome.tables["segments"].to_pylist()
        accounts = {a["account"]: a for a in self._accounts()}
        numbers = self.issued.numbers
        issued = [s for s in segments if s["bill"] in numbers]

        def first(*tests: Callable[[dict[str, Any]], bool]) -> list[str]:
            for wanted in (tests, tests[:1]):
                found = [s for s in issued if all(test(s) for test in wanted)]
                if found:
                    return [numbers[found[0]["bill"]]]
            return []

        def of(kind: str) -> Callable[[dict[str, Any]], bool]:
            return lambda s: accounts[s["account"]]["segment"] == kind

        picks = first(
            lambda s: s["export_ukwh"] > 0,
            of("household"),
            lambda s: " " in s["tariffs"],
            lambda s: accounts[s["account"]]["language"] == "en",
        )
        picks += first(
            of("household"),
            lambda s: s["legal_source"] == "register",
            lambda s: accounts[s["account"]]["language"] == "zh",
        )
        picks += first(of("factory"), lambda s: " " in s["tariffs"])
        return list(dict.fromkeys(picks))

    def _accounts(self) -> list[dict[str, Any]]:
        from gridtally.store import snapshot

        rows: list[dict[str, Any]] = snapshot.master(snapshot.snapshot(self.ws))[
            "accounts"
        ].to_pylist()
        return rows

    # --------------------------------------------------------------- telling

    def tell(self, seconds: float) -> None:
        """What happened, in the order in which a newcomer asks."""
        self._figures(seconds)
        self._worklist()
        self._samples()
        self._faults()
        out.print(
            "\nLook around:\n"
            f"{_environment()}"
            f"  cd {quote(str(self.ws.path))}\n"
            f"  export GRIDTALLY_KEYS={quote(str(self.root / 'keys'))}\n"
            "  gridtally status\n"
            "  gridtally worklist 2026-10\n"
            f"  gridtally explain {self.samples[0]}\n"
            "  gridtally check",
            highlight=False,
        )

    def _figures(self, seconds: float) -> None:
        bills = self.outcome.tables["bills"]
        totals = dict(zip(bills["bill"].to_pylist(), bills["total"].to_pylist(), strict=True))
        counts = self.outcome.release.counts if self.outcome.release else {}
        money = sum((totals[bill] for bill in self.issued.numbers), Decimal(0))
        held = sum(
            (t for b, t in totals.items() if b not in self.issued.numbers and t is not None),
            Decimal(0),
        )
        town = self.town
        out.rule("[bold]Port Lumen, October 2026[/bold]")
        table = Table(show_header=False, show_edge=False, box=None, padding=(0, 2))
        rows = (
            ("town", f"{town.accounts:,} accounts, {town.metering_points:,} metering points, "
             f"{town.billed_from_registers:,} accounts billed from registers"),
            ("delivered", f"{town.files} files, {town.intervals:,} interval values and "
             f"{town.readings:,} register readings of 13 months"),
            ("with something in mid-period", f"{town.changed_in_october:,} bills"),
            ("issued", f"[bold]{len(self.issued.numbers):,} bills, {money:,.2f} EUR[/bold]"),
            ("held", f"[bold]{counts.get('held', 0):,} bills, {held:,.2f} EUR drafted[/bold]"),
            ("second rater", f"{self.outcome.second:,} bills computed again by other code, "
             f"{self._disagreements()} differ"),
            ("signed head", str(self.issued.checkpoint).split("\n")[2]),
            ("time", f"{seconds:.0f} s, all of it"),
        )  # fmt: skip
        for row in rows:
            table.add_row(*row)
        out.print(table)

    def _disagreements(self) -> int:
        codes = self.outcome.tables["findings"]["code"].to_pylist()
        return sum(code == "review.second_rater.differs" for code in codes)

    def _worklist(self) -> None:
        assert self.outcome.work is not None
        out.print("\n[bold]The top of the work list[/bold]  (gridtally worklist 2026-10)\n")
        for text in self.outcome.work.rows(5):
            out.print(escape(text), highlight=False)
            out.print()

    def _samples(self) -> None:
        from gridtally import explaining
        from gridtally.proof import verify
        from gridtally.rating import reference

        out.print("[bold]Three bills[/bold]")
        for path in self.files:
            out.print(f"  {path}", highlight=False)
        out.print("\n[bold]One bill, line by line[/bold]  (gridtally explain NUMBER)\n")
        out.print(explaining.rendered(explaining.tree(self.ws, self.samples[0])))
        proof = next(path for path in self.files if path.name.endswith(".proof.json"))
        key = (self.root / "published" / "log.pub").read_text().strip()
        answer = verify.verify(verify.load(proof.read_bytes()), key, rate_case=reference.rate_case)
        word = "[green]proved[/green]" if answer["ok"] else "[red]not proved[/red]"
        out.print(f"\n[bold]One proof verified[/bold]: {word}", highlight=False)
        out.print(
            f"  gridtally verify {proof} --key {self.root / 'published' / 'log.pub'}\n",
            highlight=False,
        )

    def _faults(self) -> None:
        from gridtally.demo.story import load_truth
        from gridtally.review.faults import score

        truth = load_truth(self.root / "delivered")
        held = set(self.outcome.release.bills(BillState.HELD)) if self.outcome.release else set()
        tables = self.outcome.tables
        result = score(truth.faults, held, tables["bills"], tables["segments"])
        caught = set(result.caught)
        out.print(
            f"[bold]{len(caught)} of {len(truth.faults)} hidden faults caught[/bold]; "
            f"{len(result.false_holds)} of {len(held)} held bills were innocent."
        )
        kinds: dict[str, list[bool]] = {}
        for fault in truth.faults:
            kinds.setdefault(fault["kind"], []).append(fault["id"] in caught)
        for kind, hits in kinds.items():
            out.print(f"  {sum(hits)}/{len(hits)}  {escape(truth.kinds[kind])}", highlight=False)
        for fault in truth.faults:
            if fault["id"] not in caught:
                out.print(
                    f"  [yellow]missed[/yellow] {fault['account']}: {escape(fault['what'])}",
                    highlight=False,
                )
