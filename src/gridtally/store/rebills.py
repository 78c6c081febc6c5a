"""The store: what comes for a period that was billed proposes a rebill, and does no more.

Readings do, and the prices of an approved plan (`store/plans.py`). A proposal is a row; what
becomes of it is a step by a person. No bill, entry or document changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import IntegrityError

from gridtally import control
from gridtally.control.database import insert
from gridtally.errors import Conflict, Corrupt, NotFound, UsageError
from gridtally.store.publish import Prepared
from gridtally.store.runs import RunFolder
from gridtally.tables import finding
from gridtally.terms import LegalSource, Severity

__all__ = ["Billed", "Proposal", "billed", "close", "proposals", "propose", "propose_prices"]


@dataclass(frozen=True, slots=True)
class Billed:
    """An issued segment in whose period readings change."""

    metering_point: str
    start_utc: int
    end_utc: int
    segment: str
    bill: str
    number: str
    run: str

    def finding(self, *, file: str) -> dict[str, Any]:
        """What the sender's receipt says of it (M49)."""
        return finding(
            "intake.reading.billed",
            Severity.WARN,
            f"Readings of {self.metering_point} changed in the period of the issued bill "
            f"{self.number}. The bill stays as it is.",
            remedy="Look at the difference with `gridtally rebills show`, and propose a "
            "cancellation and a rebill if it matters.",
            file=file,
            metering_point=self.metering_point,
            segment=self.segment,
            bill=self.bill,
            start_utc=self.start_utc,
            end_utc=self.end_utc,
        )


def billed(prepared: Prepared, *, root: Path) -> list[Billed]:
    """The issued segments that a delivery may change.

    Intervals change what is billed from intervals. Dials change both: gaps are filled so that they
    sum to what the dials advanced.
    """
    found: dict[Billed, bool] = {}
    for kind, parts in prepared.touched.items():
        for one in _touching([part for part in parts if part.num_rows]):
            found[one] = found.get(one, False) or kind != "blocks"
    by_dial = _by_dial(root, [one for one, dials in found.items() if not dials])
    return [one for one in found if one.segment not in by_dial]


def _touching(parts: Sequence[pa.Table]) -> list[Billed]:
    """The issued segments whose winning readings change."""
    if not parts:
        return []
    touched = pa.concat_tables(parts)
    rows = control.models.IssuedSegment.objects.filter(
        live=True,
        start_utc__lt=pc.max(touched["last"]).as_py(),
        end_utc__gt=pc.min(touched["first"]).as_py(),
    )
    columns = ("metering_point", "start_utc", "end_utc", "segment", "bill__bill", "bill__number")
    issued = [Billed(*row) for row in rows.values_list(*columns, "bill__run_id")]
    if not issued:
        return []
    points = touched["metering_point"].to_numpy(zero_copy_only=False)
    order = np.argsort(points, kind="stable")
    points = points[order]
    first, last = touched["first"].to_numpy()[order], touched["last"].to_numpy()[order]
    found = []
    for one in issued:
        low = np.searchsorted(points, one.metering_point, "left")
        high = np.searchsorted(points, one.metering_point, "right")
        if ((first[low:high] < one.end_utc) & (last[low:high] > one.start_utc)).any():
            found.append(one)
    return found


def _by_dial(root: Path, issued: Sequence[Billed]) -> set[str]:
    """Those of these segments that were billed from registers, as their runs say."""
    found: set[str] = set()
    for run in sorted({one.run for one in issued}):
        folder = RunFolder(root / "runs" / run)
        try:
            segments = folder.read("segments", columns=["segment", "legal_source"])
        except (Corrupt, NotFound):
            continue  # then all are proposed
        from_dials = pc.equal(segments["legal_source"], LegalSource.REGISTER)
        found.update(segments["segment"].filter(from_dials).to_pylist())
    return found


def propose(found: list[Billed], *, source: str, actor: str, as_of: int) -> None:
    """Enter the proposals of a delivery, inside the caller's transaction."""
    pairs = [(one.number, one.segment) for one in found]
    _enter(pairs, source=source, tariff=None, actor=actor, as_of=as_of)


def propose_prices(
    found: Iterable[tuple[str, str]], *, tariff: int, actor: str, as_of: int
) -> None:
    """Enter those of a tariff version for (number, segment), inside the caller's transaction."""
    _enter(list(found), source=None, tariff=tariff, actor=actor, as_of=as_of)


def _enter(
    found: Sequence[tuple[str, str]],
    *,
    source: str | None,
    tariff: int | None,
    actor: str,
    as_of: int,
) -> None:
    models = control.models
    insert(
        models.RebillProposal,
        [
            {"bill_id": number, "segment": segment, "source_id": source, "tariff_id": tariff,
             "at": as_of}
            for number, segment in found
        ],
    )  # fmt: skip
    insert(
        models.Event,
        [
            {"at": as_of, "actor": actor, "what": "rebill.proposed", "subject": segment}
            for _, segment in found
        ],
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal, and how it was closed: `state` is open or closed.

    `source` is the digest of what came: a file of readings, or a tariff version (`what`).
    """

    id: int
    bill: str
    number: str
    segment: str
    what: str
    source: str
    file: str
    at: int
    state: str
    closed: int | None
    by: str
    why: str


def proposals(*, bill: str | None = None, open_only: bool = False) -> list[Proposal]:
    """Proposals in the order in which they came; of one bill, by its number or name."""
    models = control.models
    rows = models.RebillProposal.objects.select_related("bill", "source", "tariff").order_by("pk")
    steps = {step.proposal_id: step for step in models.RebillStep.objects.all()}
    found = []
    for row in rows:
        step = steps.get(row.pk)
        if (bill and bill not in (row.bill_id, row.bill.bill)) or (open_only and step):
            continue
        ended = (step.at, step.actor, step.why) if step else (None, "", "")
        what, source, name = (
            ("readings", row.source_id, row.source.name)
            if row.source
            else ("tariff", row.tariff.digest, Path(row.tariff.path).name)
        )
        found.append(
            Proposal(
                row.pk, row.bill.bill, row.bill_id, row.segment, what, source, name, row.at,
                "closed" if step else "open", *ended,
            )
        )  # fmt: skip
    return found


def close(proposal: int, *, why: str, actor: str, as_of: int) -> None:
    """Say what became of a proposal. Raises `NotFound`, `Conflict`, `UsageError`."""
    models = control.models
    if not why.strip():
        raise UsageError("A proposal is closed with a reason.", remedy="Give it with --why.")
    if not models.RebillProposal.objects.filter(pk=proposal).exists():
        raise NotFound(
            f"There is no proposal {proposal}.", remedy="`gridtally rebills list` has them all."
        )
    try:
        with control.database.atomic():
            models.RebillStep.objects.create(
                proposal_id=proposal, at=as_of, actor=actor, why=why.strip()
            )
            models.Event.objects.create(
                at=as_of, actor=actor, what="rebill.closed", subject=str(proposal)
            )
    except IntegrityError as err:
        raise Conflict(
            f"The proposal {proposal} is closed already.",
            remedy="`gridtally rebills list --all` says by whom, and why.",
        ) from err
