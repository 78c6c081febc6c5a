"""Step 8 for a whole run: rules, expectation and second rater on its tables, then ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.inbox import tariff_text
from gridtally.metering.whole import whole_base
from gridtally.prepare import Prepared, cases, kinds
from gridtally.rating import reference
from gridtally.review.audit import audit
from gridtally.review.expect import calibrate, expect
from gridtally.review.inputs import TARIFFS
from gridtally.review.rank import Worklist, worklist
from gridtally.review.second import compare, sample

if TYPE_CHECKING:
    from gridtally.pipeline import Outcome

__all__ = ["audit_tables", "ranked", "review"]

Report = Callable[[str, int, int], None]


def audit_tables(prepared: Prepared, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Everything that audit rules may read, by name."""
    names = ("segments", "bills", "lines", "determinants", "carry", "findings", "advances", "daily",
             "estimates")  # fmt: skip
    versions = [
        {
            "digest": t.digest,
            "id": t.id,
            "title": tariff_text(t.title),
            "currency": t.currency,
            "valid_from": t.valid_from,
        }
        for t in prepared.tariffs.values()
    ]
    return (
        {name: tables[name] for name in names}
        | {name: prepared.master[name] for name in
           ("accounts", "metering_points", "meters", "registers", "agreements")}
        | {
            "spans": prepared.spans,
            "history": prepared.history,
            "register_readings": tables["used"],
            "past_readings": prepared.before["used"],
            "past_determinants": prepared.before["determinants"],
            "tariffs": pa.Table.from_pylist(versions, schema=TARIFFS),
        }
    )  # fmt: skip


def review(prepared: Prepared, outcome: Outcome, info: Mapping[str, Any], report: Report) -> None:
    """Step 8: rules, expectation, the second rater; everything found is ranked."""
    tables, currency = outcome.tables, prepared.workspace.settings.currency
    report("audit", 0, 3)
    tables["findings"] = pa.concat_tables([tables["findings"], _whole(prepared, tables)])
    inputs = audit_tables(prepared, tables)
    calibration = calibrate(prepared.history, before=prepared.period.start)
    inputs["expected"] = expect(inputs, calibration)
    overrides = {
        f"{rule}.{name}": v for rule, vs in info["rules"].items() for name, v in vs.items()
    }
    found, outcome.stats = audit(
        inputs, period=prepared.period, currency=currency, parameters=overrides
    )
    report("audit", 1, 3)
    tables["expected"] = inputs["expected"]
    tables["findings"] = pa.concat_tables([tables["findings"], found])
    work = ranked(prepared, tables)
    second = _second(prepared, tables, held=work.held, info=info)
    outcome.second = second[0]
    report("audit", 2, 3)
    if second[1].num_rows:
        tables["findings"] = pa.concat_tables([tables["findings"], second[1]])
        work = ranked(prepared, tables)
    outcome.work = work
    report("audit", 3, 3)


def _whole(prepared: Prepared, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Checks of readings that need neighbours, the past, or all registers of the run."""
    return whole_base(
        {**tables, "spans": prepared.spans}, prepared.master, history=prepared.history,
        before=prepared.before, thresholds=prepared.thresholds, kinds=kinds(prepared),
        period=(prepared.period.start, prepared.period.end),
    )  # fmt: skip


def ranked(prepared: Prepared, tables: Mapping[str, pa.Table]) -> Worklist:
    """The work list of a run's findings."""
    settings_ = prepared.workspace.settings
    return worklist(
        tables["findings"],
        tables["bills"],
        tables["segments"],
        budget=settings_.review_budget,
        currency=settings_.currency,
        accounts=prepared.master["accounts"],
        expected=tables["expected"],
    )


def _second(
    prepared: Prepared,
    tables: Mapping[str, pa.Table],
    *,
    held: frozenset[str],
    info: Mapping[str, Any],
) -> tuple[int, pa.Table]:
    """The second rater on every held bill, the large ones, and a sample of the rest."""
    known = pc.is_valid(tables["bills"]["total"])
    bills = tables["bills"].filter(known)
    unpriced = tables["bills"].filter(pc.invert(known))["bill"].to_pylist()
    chosen = unpriced + sample(
        bills,
        held=held,
        large=_large(bills),
        share=Decimal(prepared.workspace.settings.second_opinion_percent) / 100,
        seed=info["seed"],
    )
    segments = tables["segments"]
    mine = segments.filter(pc.is_in(segments["bill"], pa.array(chosen, pa.string())))
    mine = mine.filter(pc.invert(pc.is_in(mine["segment"], _unread(tables["findings"]))))
    made = cases(prepared, mine["segment"].to_pylist())
    return len(chosen), compare(
        sorted(made.items()),
        tables["lines"],
        segments,
        rate_case=reference.rate_case,
        tariffs=prepared.documents,
    )


def _unread(findings: pa.Table) -> pa.Array:
    """Segments whose readings are in doubt: there is nothing that two raters could agree on."""
    doubt = pc.and_(findings["must_hold"], pc.starts_with(findings["code"], "metering."))
    return pc.unique(findings.filter(doubt)["segment"])


def _large(bills: pa.Table) -> Decimal:
    """The hundredth part of the bills with the largest totals is large."""
    totals = sorted((abs(t) for t in bills["total"].to_pylist()), reverse=True)
    return totals[len(totals) // 100] if totals else Decimal(0)
