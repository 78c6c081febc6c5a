"""Shared by every room: the tables that the ten steps pass on, a unit and a sentence per column.

`docs/tables.md` is generated from this file. Every step returns `(table, findings)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from gridtally.terms import Severity

__all__ = [
    "ACCOUNTS",
    "AGREEMENTS",
    "BILLS",
    "BLOCKS",
    "CARRY",
    "DAILY",
    "DETERMINANTS",
    "FINDINGS",
    "HISTORY",
    "LINES",
    "METERING_POINTS",
    "METERS",
    "REGISTERS",
    "REGISTER_READINGS",
    "SEGMENTS",
    "SPANS",
    "empty",
    "finding",
    "findings_table",
    "table",
]  # fmt: skip

STR, I64, I32, I8 = pa.string(), pa.int64(), pa.int32(), pa.int8()
DATE, UTC = pa.date32(), pa.timestamp("s", tz="UTC")
QUANTITY = PRICE = AMOUNT = pa.decimal128(38, 8)
"""A quantity has 6 decimals when it is energy or power, those of amounts when it sums lines."""


def _schema(title: str, *columns: tuple[str, pa.DataType, str]) -> pa.Schema:
    fields = [pa.field(name, type_, metadata={"doc": doc}) for name, type_, doc in columns]
    return pa.schema(fields, metadata={"doc": title})


# ------------------------------------------------------------------ readings

BLOCKS = _schema(
    "Interval readings: a block holds a run of equal intervals of one channel, a day or less.",
    ("metering_point", STR, "where the energy was measured"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("start_utc", UTC, "start of the first interval"),
    ("resolution_s", I32, "length of each interval [s]"),
    ("values", pa.list_(I64), "energy per interval [10^-6 kWh or kvarh]; null: not here"),
    ("quality", STR, "one letter for all values, or one letter per value: A S E N"),
    ("version", I64, "declared version of the sender, 0 when none (UTC seconds of its mark)"),
    ("load_seq", I64, "order of arrival; 0 until stored"),
    ("source", STR, "SHA-256 of the file it came from"),
    ("line", I64, "line of that file where the block begins"),
)

REGISTER_READINGS = _schema(
    "Register readings: what a dial showed at an instant.",
    ("metering_point", STR, "where the meter is"),
    ("meter", STR, "serial number on the meter"),
    ("register", STR, "name of the dial on the meter, such as 1.8.0 or total"),
    ("channel", STR, "import, export, reactive_import, reactive_export; empty: see REGISTERS"),
    ("bucket", STR, "time-of-use bucket of the dial, total for all; empty: see REGISTERS"),
    ("kind", STR, "cumulative or demand; empty: see REGISTERS"),
    ("time_utc", UTC, "instant of the reading"),
    ("reading", I64, "dial reading before multiplier [10^-6 kWh, kvarh or kW]"),
    ("digits", I8, "digits before the mark that the dial has; null: see REGISTERS"),
    ("multiplier", I64, "CT x PT x constant [10^-6]; null: see REGISTERS"),
    ("quality", STR, "A S E N"),
    ("reason", STR, "routine, initial, exchange_out, exchange_in, move, check"),
    ("version", I64, "declared version of the sender, 0 when none"),
    ("load_seq", I64, "order of arrival; 0 until stored"),
    ("source", STR, "SHA-256 of the file it came from"),
    ("line", I64, "line of that file"),
)

# --------------------------------------------------------------- master data

ACCOUNTS = _schema(
    "Accounts: who gets the bill. Personal columns (name, address, e-mail) are kept apart.",
    ("account", STR, "account number"),
    ("segment", STR, "household, shop, factory …: peers are compared within it"),
    ("language", STR, "language of the bill: en or zh"),
    ("name", STR, "personal: name of the customer"),
    ("address", STR, "personal: postal address"),
    ("email", STR, "personal: empty when none"),
)

METERING_POINTS = _schema(
    "Metering points.",
    ("metering_point", STR, "identifier"),
    ("zone", STR, "IANA time zone of its local days"),
    ("region", STR, "network area: peers are compared within it"),
    ("fuse_ukw", I64, "largest possible power [10^-6 kW]; null when unknown"),
    ("features", STR, "space-separated: pv ev heatpump vacant"),
)

METERS = _schema(
    "Meters: which device stood at a metering point, from when to when.",
    ("meter", STR, "serial number"),
    ("metering_point", STR, "where it stands"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: still there"),
)

REGISTERS = _schema(
    "Registers: the dials of a meter.",
    ("meter", STR, "serial number of the meter"),
    ("register", STR, "name of the dial"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("bucket", STR, "time-of-use bucket, total for all"),
    ("kind", STR, "cumulative or demand"),
    ("digits", I8, "digits before the mark"),
    ("multiplier", I64, "CT x PT x constant [10^-6]"),
)

AGREEMENTS = _schema(
    "Agreements: account x metering point x tariff x period. One row per change of a term.",
    ("agreement", STR, "identifier; several rows of one agreement never overlap"),
    ("account", STR, "who pays"),
    ("metering_point", STR, "what is supplied"),
    ("from", DATE, "first local day of these terms"),
    ("to", DATE, "local day after the last; null: open"),
    ("tariff", STR, "tariff id; the version in force is chosen by date"),
    ("legal_source", STR, "interval or register: which readings are billed"),
    ("contract_ukw", I64, "contracted demand [10^-6 kW]; null when none"),
    ("capacity_ukva", I64, "connected capacity [10^-6 kVA]; null when none"),
)

# ------------------------------------------------------------------- results

SPANS = _schema(
    "Spans: the parts of a segment in which tariff version and terms stay the same.",
    ("segment", STR, "agreement/from/to"),
    ("span", I32, "0, 1, … within the segment"),
    ("agreement", STR, ""),
    ("account", STR, ""),
    ("metering_point", STR, ""),
    ("zone", STR, "IANA time zone"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last"),
    ("start_utc", I64, "first instant [s]"),
    ("end_utc", I64, "first instant after [s]"),
    ("legal_source", STR, "interval or register"),
    ("tariff", STR, "digest of the tariff version; null when none is in force"),
    ("contract_ukw", I64, "[10^-6 kW]; null when none"),
    ("capacity_ukva", I64, "[10^-6 kVA]; null when none"),
)

ESTIMATES = _schema(
    "Estimates: each gap that a run filled, with method and inputs. Readings are never replaced.",
    ("metering_point", STR, "identifier"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("start_utc", I64, "first instant of the gap [s]"),
    ("end_utc", I64, "first instant after [s]"),
    ("method", STR, "linear, like_days, other_days or even; + register when scaled to its total"),
    ("inputs", STR, "what it was estimated from, in words"),
    ("energy_ukwh", I64, "energy that was filled in [10^-6 kWh or kvarh]"),
    ("count", I64, "intervals filled"),
)

DAILY = _schema(
    "Daily energy: the final readings per local day, for the audit and the charts.",
    ("metering_point", STR, "identifier"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("day", DATE, "local day"),
    ("ukwh", I64, "energy [10^-6 kWh or kvarh]"),
    ("estimated_ukwh", I64, "part of it that was estimated [same unit]"),
)

ADVANCES = _schema(
    "Advances: what the registers of a segment give, per span; all dials of a bucket together.",
    ("segment", STR, "agreement/from/to"),
    ("span", I32, "0, 1, … within the segment"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("bucket", STR, "time-of-use bucket of the dials, total for all"),
    ("kind", STR, "cumulative: sum of the dials; demand: largest of the dials"),
    ("value", I64, "after multiplier [10^-6 kWh, kvarh or kW]"),
    ("estimated", I64, "part of the value that rests on a reading that was not read [same unit]"),
)

REGISTERS_USED = _schema(
    "Register readings that a segment is billed from, in order of dial and time.",
    ("segment", STR, "agreement/from/to"),
    ("meter", STR, "serial number"),
    ("register", STR, "name of the dial"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("bucket", STR, "time-of-use bucket of the dial, total for all"),
    ("kind", STR, "cumulative or demand"),
    ("digits", I8, "digits before the mark"),
    ("multiplier", I64, "CT x PT x constant [10^-6]"),
    ("time_utc", UTC, "instant of the reading"),
    ("reading", I64, "before multiplier [10^-6 kWh, kvarh or kW]"),
    ("quality", STR, "A S E"),
    ("reason", STR, "routine, initial, exchange_out, exchange_in, move, check"),
)

DETERMINANTS = _schema(
    "Determinants: the billed quantities, before prices.",
    ("segment", STR, ""),
    ("span", I32, ""),
    ("name", STR, "kind/channel/calendar/bucket, such as energy/import/tou/peak"),
    ("value", I64, "[10^-6 kWh, kvarh or kW]"),
    ("estimated", I64, "part of the value that was estimated [same unit]"),
    ("unit", STR, "kWh, kvarh or kW"),
)

LINES = _schema(
    "Bill lines: amount = round(quantity x price x factor), as the tariff declares.",
    ("segment", STR, ""),
    ("span", I32, ""),
    ("line", I32, "order within the segment"),
    ("component", STR, "id in the tariff document"),
    ("kind", STR, "shape, or what the component declares: energy, demand, fixed, tax …"),
    ("bucket", STR, "time-of-use bucket, tier-1 …, bucket/tier-1 …; empty when one line"),
    ("quantity", QUANTITY, "in unit"),
    ("unit", STR, "kWh, kvarh, kW, kVA, month, day, year, percent base currency …"),
    ("price", PRICE, "currency per unit, or percent"),
    ("factor", STR, "exact share as text: 1, 17/31"),
    ("amount", AMOUNT, "currency; a credit is negative"),
)

CARRY = _schema(
    "Carry: what a segment hands to the next: tier positions, demand history, credit banks.",
    ("agreement", STR, ""),
    ("segment", STR, "the segment that it comes from"),
    ("key", STR, "tier/COMPONENT, demand/COMPONENT/BUCKET, bank/COMPONENT/BUCKET"),
    ("at", DATE, "tier: start of the window; demand: first of the month; bank: end of the segment"),
    ("value", I64, "[10^-6 kWh or kW]"),
)

SEGMENTS = _schema(
    "Bill segments: one agreement, one period.",
    ("segment", STR, "agreement/from/to"),
    ("bill", STR, "account/from/to"),
    ("agreement", STR, ""),
    ("account", STR, ""),
    ("metering_point", STR, ""),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last"),
    ("legal_source", STR, "interval or register"),
    ("tariffs", STR, "space-separated digests in order of the spans"),
    ("currency", STR, "ISO 4217"),
    ("import_ukwh", I64, "energy delivered [10^-6 kWh]"),
    ("export_ukwh", I64, "energy received [10^-6 kWh]"),
    ("estimated_ukwh", I64, "part of the import that was estimated [10^-6 kWh]"),
    ("demand_ukw", I64, "largest billed demand [10^-6 kW]; null when none"),
    ("total", AMOUNT, "rounded as the tariff declares"),
    ("input_digest", STR, "SHA-256 over the rating case: readings, carry-in, terms, tariffs"),
)

BILLS = _schema(
    "Bills: one account, one period.",
    ("bill", STR, "account/from/to"),
    ("account", STR, ""),
    ("from", DATE, ""),
    ("to", DATE, ""),
    ("currency", STR, ""),
    ("segments", I32, "how many"),
    ("total", AMOUNT, "sum of the segments"),
    ("state", STR, "draft, released, held, excluded"),
    ("leaf", STR, "SHA-256 over lines, findings, input digests: what an approval binds"),
)

FINDINGS = _schema(
    "Findings: what is wrong or odd with customer data, as rows. One schema everywhere.",
    ("code", STR, "room.subject.problem, such as metering.interval.missing"),
    ("severity", STR, "hold, warn or note"),
    ("must_hold", pa.bool_(), "true: never cut by the review budget"),
    ("file", STR, "name of the delivered file; empty when none"),
    ("line", I64, "line in it; null when none"),
    ("metering_point", STR, "empty when none"),
    ("channel", STR, "empty when none"),
    ("account", STR, "empty when none"),
    ("segment", STR, "empty when none"),
    ("bill", STR, "empty when none"),
    ("start_utc", I64, "first instant concerned [s]; null when none"),
    ("end_utc", I64, "first instant after [s]; null when none"),
    ("message", STR, "what is wrong, for a person"),
    ("remedy", STR, "what to do about it"),
    ("evidence", STR, "JSON object of the figures behind it, numbers as strings"),
    ("money_at_risk", AMOUNT, "currency; null when not known"),
    ("direction", STR, "over, under or empty: which way the bill would be wrong"),
    ("count", I64, "how many readings or rows it stands for"),
)

HISTORY = _schema(
    "History: one row per issued segment, the past that audit, estimates and explanations read.",
    ("segment", STR, ""),
    ("bill", STR, ""),
    ("agreement", STR, ""),
    ("account", STR, ""),
    ("customer_segment", STR, "household, shop, factory …"),
    ("metering_point", STR, ""),
    ("from", DATE, ""),
    ("to", DATE, ""),
    ("tariff", STR, "tariff id of the last span"),
    ("currency", STR, ""),
    ("import_ukwh", I64, "[10^-6 kWh]"),
    ("export_ukwh", I64, "[10^-6 kWh]"),
    ("estimated_ukwh", I64, "[10^-6 kWh]"),
    ("demand_ukw", I64, "[10^-6 kW]; null when none"),
    ("total", AMOUNT, ""),
    ("findings", STR, "space-separated codes"),
    ("decision", STR, "issued, opening or backfill"),
    ("run", STR, "run that made it"),
)


# -------------------------------------------------------------- constructors


def table(schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A table of few rows; a column that a row leaves out is null. Not for readings."""
    rows = list(rows)
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def empty(schema: pa.Schema) -> pa.Table:
    """A table without rows."""
    return schema.empty_table()


def finding(
    code: str,
    severity: Severity,
    message: str,
    *,
    remedy: str,
    must_hold: bool = False,
    evidence: Mapping[str, object] | None = None,
    money_at_risk: Decimal | None = None,
    count: int = 1,
    **where: Any,
) -> dict[str, Any]:
    """A row of FINDINGS. `where` takes the columns file, line, metering_point, … of FINDINGS."""
    text = {key: str(value) for key, value in (evidence or {}).items()}
    row: dict[str, Any] = {
        "code": code,
        "severity": str(severity),
        "must_hold": must_hold,
        "message": message,
        "remedy": remedy,
        "evidence": json.dumps(text, ensure_ascii=False, sort_keys=True),
        "money_at_risk": money_at_risk,
        "count": count,
        "direction": "",
    }
    row |= dict.fromkeys(("file", "metering_point", "channel", "account", "segment", "bill"), "")
    unknown = where.keys() - set(FINDINGS.names)
    assert not unknown, f"not columns of FINDINGS: {sorted(unknown)}"
    return row | where


def findings_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows made by `finding` as a table."""
    return table(FINDINGS, rows)
