"""Steps 6-7 for charging sessions: OCPI tariff and sessions in, bills out (`docs/charging.md`).

tariff, document, cdr, values: what is read; pieces, match, rate: quantities; bill: money; assumed:
what was left open.
The second rater, `rating/reference/sessions.py`, shares none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from gridtally.money import Rounding, minor_digits, number, round_fraction
from gridtally.periods import iso_utc
from gridtally.periods import zone as zone_of
from gridtally.rating.sessions.assumed import assumed
from gridtally.rating.sessions.bill import bill_of
from gridtally.rating.sessions.document import STATES, Session, read, remark
from gridtally.rating.sessions.rate import use
from gridtally.rating.sessions.second import differing
from gridtally.rating.sessions.tariff import ChargingTariff, load, looks_so
from gridtally.tables import finding
from gridtally.terms import RoundingMode, Severity

__all__ = ["looks_so", "rate_sessions"]


def rate_sessions(
    tariff: bytes,
    sessions: bytes,
    *,
    tariff_name: str,
    sessions_name: str,
    zone: str | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Rate charging sessions or CDRs under an OCPI tariff; the JSON of `gridtally rate`.

    `zone` is that of sessions that name none; of several tariffs `key` names one.
    Raises `InvalidDocument`, `RefusedFile`, `UsageError`, `NotFound`.
    """
    if zone is not None:
        zone_of(zone)
    priced, source = load(tariff, name=tariff_name, key=key)
    told = read(sessions, name=sessions_name, tariff=priced, zone=zone)
    rows = [_ignored(key_, tariff_name) for key_ in priced.unknown] + told.findings
    able: list[Session] = []
    for session in told.sessions:
        held = _unfit(session, priced, sessions_name)
        rows += held
        able += [] if held else [session]
    rated: list[tuple[Session, dict[str, Any]]] = []
    spread, first = False, 0
    for session, used in zip(able, use(able, priced), strict=True):
        if used.open is not None:
            rows.append(_open(session, used.open[0] - first, used.open[1], sessions_name))
        else:
            rated.append((session, bill_of(session, used, priced)))
            spread |= used.spread
            rows += _totals(session, sessions_name)
            rows += _claimed(*rated[-1], sessions_name)
        first += len(session.spans)
    averaged = any(s.claim is not None and s.claim.averaged for s, _ in rated)
    doubted, checked = differing(source, rated, file=sessions_name)
    return {
        "schema": 1,
        "assumptions": assumed(priced, spread=spread, averaged=averaged),
        "second_opinions": checked,
        "bills": [bill for session, bill in rated if session.id not in doubted],
        "findings": [_shown(row) for row in [*rows, *doubted.values()]],
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("code", "severity", "file", "line", "metering_point", "channel", "message", "remedy")
    return {key: row.get(key) for key in keys} | {"start": None, "end": None}


# -------------------------------------------------------------------- findings


def _ignored(key: str, file: str) -> dict[str, Any]:
    return finding(
        "rating.charging.unknown_key",
        Severity.NOTE,
        f"{key[:64]}: this key of the tariff is unknown and ignored.",
        remedy="Nothing, if it is an operator's own; else correct its name.",
        file=file,
    )


def _unfit(session: Session, tariff: ChargingTariff, file: str) -> list[dict[str, Any]]:
    start = session.spans[0].start
    if (tariff.start is not None and start < tariff.start) or (
        tariff.end is not None and start >= tariff.end
    ):
        return [remark(
            "rating.session.outside",
            f"{session.id}: the tariff is not in force at its start, {iso_utc(start // 1000)}.",
            remedy="Rate it under the tariff of that day (start_date_time, end_date_time).",
            file=file, session=session.id,
        )]  # fmt: skip
    missing = [n for n, s in enumerate(session.spans) if not s.state and s.energy is None]
    if missing and tariff.needs_energy:
        return [remark(
            "rating.session.energy_missing",
            f"{session.id}: periods[{missing[0]}] has no energy, and the tariff asks for it.",
            remedy="Add energy_kwh; write 0 when none flowed.",
            file=file, session=session.id,
        )]  # fmt: skip
    return []


def _open(session: Session, period: int, dimension: str, file: str) -> dict[str, Any]:
    return remark(
        "rating.session.open",
        f"{session.id}: the {dimension} price of periods[{period}] "
        f"({STATES[session.spans[period].state]}) depends on a current or power that is not told, "
        "or that crosses a limit within the period.",
        remedy="Add current_a and power_kw, or split the period where the limit is crossed.",
        file=file, session=session.id,
    )  # fmt: skip


def _totals(session: Session, file: str) -> Iterator[dict[str, Any]]:
    """What a CDR says that it measured, where its periods say something else."""
    for name, stated, told, unit in session.claim.differs if session.claim else ():
        yield remark(
            "rating.session.cdr_totals_differ",
            f"{session.id}: the CDR says {name} {number(stated)} {unit}, its periods have "
            f"{number(told)}.",
            remedy="Ask the operator for the missing periods; it is rated from its periods.",
            file=file, session=session.id, severity=Severity.WARN,
        )  # fmt: skip


def _claimed(session: Session, bill: dict[str, Any], file: str) -> Iterator[dict[str, Any]]:
    """What a CDR says that it costs, where that is not what was rated."""
    if session.claim is None:
        return
    cents = Rounding(minor_digits(bill["currency"]), RoundingMode.HALF_UP)
    claims = ((session.claim.before, "total_ex_vat"), (session.claim.after, "total_inc_vat"))
    for claim, name in claims:
        rated = bill[name]
        if claim is None or rated is None:
            continue
        if round_fraction(Fraction(claim), cents) != round_fraction(Fraction(rated), cents):
            yield remark(
                "rating.session.total_differs",
                f"{session.id}: the CDR says {number(claim)} {bill['currency']} ({name}), "
                f"rated: {rated}.",
                remedy="Ask the operator for the breakdown; the lines show how it was rated.",
                file=file, session=session.id, severity=Severity.WARN,
            )  # fmt: skip
