"""A small town for tests, delivered and billed: October 2026 after a backfilled September.

As a script it bills a delivered town in a process of its own: FOLDER DELIVERED -> JSON.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from gridtally import pipeline, signing
from gridtally.demo import town
from gridtally.periods import Period
from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace

AS_OF = int(datetime(2026, 11, 3, 12, tzinfo=UTC).timestamp())
PREPARER, APPROVER = "ana", "bruno"
BEFORE, MONTH = Period.month(2026, 9), Period.month(2026, 10)
NEEDED = ("2026-08", "2026-09", "2026-10", "2026-11")
"""Months whose files a bill of October needs, its past included."""


def build(folder, accounts=60):
    """The files that the town delivers; those of earlier months are taken away."""
    town.build(folder, accounts=accounts)
    for path in (folder / "readings").iterdir():
        if not any(month in path.name for month in NEEDED):
            path.unlink()
    (folder / "payments.csv").unlink()
    return folder


def files(delivered):
    """Every delivered file that is not a note."""
    return sorted(p for p in delivered.rglob("*") if p.is_file() and p.parent != delivered)


def workspace(folder, *, buckets=2):
    """An empty workspace of the town."""
    settings = Settings(name="town", zone="Europe/Lisbon", buckets=buckets, review_budget=20)
    ws = Workspace.create(folder, settings)
    signing.ensure_keys(ws)
    return ws


def receive(ws, paths):
    """Take in files in one delivery."""
    answers = pipeline.receive(
        ws, paths, sender="", zone=None, correction=False, as_of=AS_OF, actor=PREPARER,
        dry_run=False, report=lambda *_: None,
    )  # fmt: skip
    assert not any(answer.refused for answer in answers)


def past(ws, *, threads=2):
    """September, as billed elsewhere."""
    pipeline.run(ws, BEFORE, actor=PREPARER, as_of=AS_OF, purpose="backfill", threads=threads)


def said(outcome):
    """What a run must say whatever the machine: its root, and the digest of each table."""
    tables = {name: entry["digest"] for name, entry in outcome.done["tables"].items()}
    return {"root": outcome.done["run_root"], "tables": tables}


def bill(ws, *, threads=2, dry_run=False):
    """October; what its seal says."""
    return said(
        pipeline.run(ws, MONTH, actor=PREPARER, as_of=AS_OF, threads=threads, dry_run=dry_run)
    )


if __name__ == "__main__":
    target, source = map(Path, sys.argv[1:])
    os.environ["GRIDTALLY_KEYS"] = str(target.parent / "keys")
    made = workspace(target)
    receive(made, files(source))
    past(made)
    json.dump(bill(made), sys.stdout)
