"""After step 7: one bill as a tree, from the total down to readings and clauses.

bill <- segments <- spans <- lines <- quantity x price x factor, rounded once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import NotFound
from gridtally.money import number
from gridtally.rating.charges import Charge, Energy, Fixed, OnLines, Tiered
from gridtally.rating.costs import COST_DECIMALS, HALF
from gridtally.rating.explain.estimates import told
from gridtally.rating.tariff import TariffVersion
from gridtally.rating.wants import Declarations, all_wanted
from gridtally.terms import Wanted

__all__ = ["carried", "explain"]

Row = Mapping[str, Any]
_MICRO = 10**6


def explain(
    bill: str,
    *,
    bills: pa.Table,
    segments: pa.Table,
    spans: pa.Table,
    lines: pa.Table,
    determinants: pa.Table,
    used: pa.Table,
    carry_in: pa.Table,
    carry_out: pa.Table,
    tariffs: Mapping[str, TariffVersion],
    estimates: pa.Table | None = None,
) -> dict[str, Any]:
    """The bill as nested dicts, numbers as text.

    `used` are the register readings that bound the stretches (REGISTERS_USED), `estimates` the
    gaps that the run filled (ESTIMATES). Raises `NotFound`.
    """
    head = _rows(bills, "bill", bill)
    if not head:
        raise NotFound(f"There is no bill {bill[:80]!r}.", remedy="See the run's list of bills.")
    parts = []
    for segment in _rows(segments, "bill", bill):
        name = segment["segment"]
        known = {(row["span"], row["name"]): row for row in _rows(determinants, "segment", name)}
        mine = _rows(lines, "segment", name)
        parts.append(
            {key: _plain(segment[key]) for key in ("segment", "metering_point", "legal_source")}
            | {"from": str(segment["from"]), "to": str(segment["to"])}
            | {"total": _plain(segment["total"]), "energy": _energy(segment)}
            | {"demand": None if segment["demand_ukw"] is None else _micro(segment["demand_ukw"])}
            | {"spans": [
                _span(span, [line for line in mine if line["span"] == span["span"]], known, tariffs)
                for span in sorted(_rows(spans, "segment", name), key=lambda row: row["span"])
            ]}
            | {"readings": _dials(_rows(used, "segment", name))}
            | {"estimates": [] if estimates is None else told(
                estimates, segment["metering_point"], _rows(spans, "segment", name)
            )}
            | {"carry_in": _carry(_rows(carry_in, "agreement", segment["agreement"]))}
            | {"carry_out": _carry(_rows(carry_out, "segment", name))}
        )  # fmt: skip
    top = head[0]
    return {
        "bill": bill, "account": top["account"], "from": str(top["from"]), "to": str(top["to"]),
        "currency": top["currency"], "total": _plain(top["total"]), "segments": parts,
    }  # fmt: skip


def _rows(table: pa.Table, column: str, value: str) -> list[Row]:
    return list(table.filter(pc.equal(table[column], value)).to_pylist())


def _plain(value: Any) -> Any:
    return number(value) if isinstance(value, Decimal) else value


def _micro(value: int) -> str:
    return number(Fraction(value, _MICRO))


def _span(
    span: Row,
    lines: Sequence[Row],
    known: Mapping[tuple[int, str], Row],
    tariffs: Mapping[str, TariffVersion],
) -> dict[str, Any]:
    version = tariffs.get(span["tariff"] or "")
    stated = None
    if version is not None:
        stated = {
            "id": version.id, "digest": version.digest, "source": version.source,
            "title": version.title if isinstance(version.title, str) else dict(version.title),
            "valid_from": str(version.valid_from), "assumptions": list(version.assumptions),
        }  # fmt: skip
    return {
        "span": span["span"],
        "from": str(span["from"]),
        "to": str(span["to"]),
        "days": (span["to"] - span["from"]).days,
        "tariff": stated,
        "components": [_component(charge, version) for charge in version.components]
        if version
        else [],
        "lines": [_line(line, span, known, version) for line in lines],
    }


def _energy(segment: Row) -> dict[str, str | None]:
    """import, export and the estimated part of the import, in kWh."""
    names = ("import", "export", "estimated")
    return {
        name: None if segment[f"{name}_ukwh"] is None else _micro(segment[f"{name}_ukwh"])
        for name in names
    }


def _component(charge: Charge, version: TariffVersion) -> dict[str, Any]:
    """A component that is in force in a span, whether it gives a line or not."""
    netting = isinstance(charge, Energy | Tiered) and charge.netting == "month"
    channel = getattr(charge, "channel", None)
    energy = isinstance(charge, Energy | Tiered)
    calendar = getattr(charge, "calendar", None)
    return {
        "id": charge.id,
        "title": charge.title if charge.title is not None else charge.id,
        "shape": charge.shape,
        "of": list(charge.of) if isinstance(charge, OnLines) else [],
        "tiered": bool(getattr(charge, "tiers", None)),
        "buckets": list(version.calendars[calendar].buckets) if calendar else [],
        "channels": (["import", "export"] if netting else [channel]) if energy else [],
    }


def _line(
    line: Row,
    span: Row,
    known: Mapping[tuple[int, str], Row],
    version: TariffVersion | None,
) -> dict[str, Any]:
    keys = ("component", "kind", "bucket", "quantity", "unit", "price", "factor", "amount")
    told = {key: _plain(line[key]) for key in keys}
    charge = version.component(line["component"]) if version else None
    if version is None or charge is None:
        return told | {"title": line["component"], "clause": "", "from": []}
    exact = _exact(
        charge,
        line,
        {name: row for (of, name), row in known.items() if of == line["span"]},
        version,
    )
    rounding = charge.rounding.point() if charge.rounding else version.line
    return told | {
        "title": charge.title if charge.title is not None else charge.id,
        "clause": charge.source or version.source,
        "ledger": charge.ledger or "",
        "shape": charge.shape,
        "exact": number(exact),
        "mean_price": bool(getattr(charge, "series", None)),
        "rounding": {"places": rounding.places, "mode": str(rounding.mode)},
        "from": _sources(charge, line, span, known, version),
    }


def _exact(charge: Charge, line: Row, known: Mapping[str, Row], version: TariffVersion) -> Fraction:
    """A line before rounding; one of a price series by its cost, for its price is a mean."""
    amount = Fraction(line["amount"])
    exact = Fraction(line["quantity"]) * Fraction(line["price"]) * Fraction(line["factor"])
    if isinstance(charge, Energy) and charge.series:
        cost = _cost(charge, line, known, version)
        exact = amount if cost is None else cost
    if amount and exact:  # credits and what is paid out have turned signs
        return -exact if (amount < 0) != (exact < 0) else exact
    return -exact if charge.credit else exact


def _cost(
    charge: Energy, line: Row, known: Mapping[str, Row], version: TariffVersion
) -> Fraction | None:
    """Energy x price of each interval, times billed quantity / energy where these differ."""
    mine = {
        wanted.kind: wanted  # losses ask for energies of other channels and of all hours, too
        for wanted in _wanted(charge, version)
        if wanted.channel == charge.channel and wanted.calendar == (charge.calendar or "")
    }
    bucket = line["bucket"]
    parts = [known.get(mine["cost"].name(f"{bucket}/{part}")) for part in ("hi", "lo")]
    measured = known.get(mine.get("net", mine["energy"]).name(bucket))
    if parts[0] is None or parts[1] is None or measured is None or not measured["value"]:
        return None
    cost = Fraction(parts[0]["value"] * HALF + parts[1]["value"], 10**COST_DECIMALS)
    return cost * Fraction(line["quantity"]) / Fraction(measured["value"], _MICRO)


def _sources(
    charge: Charge,
    line: Row,
    span: Row,
    known: Mapping[tuple[int, str], Row],
    version: TariffVersion,
) -> list[dict[str, str]]:
    """What a line's quantity comes from: lines, terms, determinants."""
    found: list[dict[str, str]] = []
    if isinstance(charge, OnLines):
        found += [{"kind": "lines", "of": name} for name in charge.of]
    if isinstance(charge, Fixed):
        term = {"kva": "capacity_ukva", "kw": "contract_ukw"}.get(charge.per.partition("_")[0])
        found += [{"kind": "term", "of": term, "value": _micro(span[term])}] if term else []
    for name in _determinants(charge, line["bucket"], version):
        row = known.get((span["span"], name))
        if row is not None:
            found.append({
                "kind": "determinant", "of": name, "value": _micro(row["value"]),
                "actual": _micro(row["value"] - row["estimated"]),
                "estimated": _micro(row["estimated"]), "unit": row["unit"],
            })  # fmt: skip
    return found


def _wanted(charge: Charge, version: TariffVersion) -> tuple[Wanted, ...]:
    """What a component asks step 5 for."""
    declared = Declarations(
        version.calendars, terms=version.terms, series=version.series, losses=version.losses
    )
    return all_wanted((charge,), version.zone, declared)


def _determinants(charge: Charge, bucket: str, version: TariffVersion) -> list[str]:
    """Names of the determinants of a line: energies, what netting leaves, demands."""
    name = bucket.partition("/")[0]
    return [
        wanted.name(name if name in wanted.buckets else "")
        for wanted in _wanted(charge, version)
        if wanted.kind in ("energy", "net", "demand") and wanted.variant != "whole"
        and (name in wanted.buckets or wanted.buckets == ("",))
    ]  # fmt: skip


def carried(key: str, value: int) -> str:
    """A value of CARRY: energy and power count 10^-6, money 10^-8 of the currency."""
    money = key.partition("/")[0] in ("money", "bound", "sum")
    return number(Fraction(value, 10**8 if money else _MICRO))


def _dials(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Opening and closing of each dial, with what lies between, and what that gives."""
    dials: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r["meter"], r["register"], r["time_utc"])):
        dials.setdefault((row["meter"], row["register"]), []).append(row)
    return [
        {
            "meter": meter, "register": register,
            "channel": readings[0]["channel"], "bucket": readings[0]["bucket"],
            "kind": readings[0]["kind"], "digits": readings[0]["digits"],
            "multiplier": _micro(readings[0]["multiplier"]),
            "readings": [
                {"time": r["time_utc"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                 "reading": _micro(r["reading"]), "quality": r["quality"], "reason": r["reason"]}
                for r in readings
            ],
        } | _moved(readings)
        for (meter, register), readings in dials.items()
    ]  # fmt: skip


def _moved(readings: Sequence[Row]) -> dict[str, Any]:
    """How far a dial went, how often over its end, and times the multiplier."""
    values = [row["reading"] for row in readings]
    turns = sum(after < before for before, after in pairwise(values))
    if readings[0]["kind"] == "demand":
        steps, turns = max(values[1:], default=0), 0
    else:
        steps = values[-1] - values[0] + turns * 10 ** readings[0]["digits"] * _MICRO
    whole = Fraction(steps * readings[0]["multiplier"], _MICRO**2)
    return {"steps": _micro(steps), "rolled_over": turns, "gives": number(whole)}


def _carry(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [
        {"key": row["key"], "at": str(row["at"]), "value": carried(row["key"], row["value"]),
         "from": row["segment"] or ""}
        for row in sorted(rows, key=lambda row: (row["key"], row["at"]))
    ]  # fmt: skip
