"""Steps 3-10: what the steps make of readings: determinants, lines, bills, findings."""

from __future__ import annotations

import pyarrow as pa

from gridtally.tables.kinds import AMOUNT, DATE, I8, I32, I64, PRICE, QUANTITY, STR, UTC, schema

__all__ = [
    "ADVANCES",
    "BILLS",
    "CARRY",
    "DAILY",
    "DETERMINANTS",
    "ESTIMATES",
    "FINDINGS",
    "HISTORY",
    "LINES",
    "PROFILES",
    "REGISTERS_USED",
    "SEGMENTS",
    "SPANS",
]

SPANS = schema(
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
    ("terms", STR, "further terms of the agreement as canonical JSON, name to decimal; null: none"),
    (
        "look_back_from",
        DATE,
        "first day since which earlier demands must be known; null: none must",
    ),
)

ESTIMATES = schema(
    "Estimates: each gap that a run filled, with method and inputs. Readings are never replaced.",
    ("metering_point", STR, "identifier"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("start_utc", I64, "first instant of the gap [s]"),
    ("end_utc", I64, "first instant after [s]"),
    ("method", STR, "rung of docs/estimation.md; +register when scaled to the register's advance"),
    ("inputs", STR, "what it was estimated from, in words"),
    ("energy_ukwh", I64, "energy that was filled in [10^-6 kWh or kvarh]"),
    ("low_ukwh", I64, "lower end of its 90 % interval [same unit]"),
    ("high_ukwh", I64, "upper end of its 90 % interval [same unit]"),
    ("count", I64, "intervals filled"),
)

DAILY = schema(
    "Daily energy: the final readings per local day, for the audit and the charts.",
    ("metering_point", STR, "identifier"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("day", DATE, "local day"),
    ("ukwh", I64, "energy [10^-6 kWh or kvarh]"),
    ("estimated_ukwh", I64, "part of it that was estimated [same unit]"),
)

PROFILES = schema(
    "Profiles: the shape of a metering point's week, for comparison with the next period.",
    ("metering_point", STR, "identifier"),
    ("channel", STR, "import"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last"),
    ("resolution_s", I32, "length of a slot [s]"),
    ("workdays", I64, "days from Monday to Friday that are summed; none with a clock change"),
    ("restdays", I64, "Saturdays and Sundays that are summed"),
    ("values", pa.list_(I64), "sum per slot of workdays, then of restdays [10^-6 kWh]"),
)

ADVANCES = schema(
    "Advances: what the registers of a segment give, per span; all dials of a bucket together.",
    ("segment", STR, "agreement/from/to"),
    ("span", I32, "0, 1, … within the segment"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("bucket", STR, "time-of-use bucket of the dials, total for all"),
    ("kind", STR, "cumulative: sum of the dials; demand: largest of the dials"),
    ("value", I64, "after multiplier [10^-6 kWh, kvarh or kW]"),
    ("estimated", I64, "part of the value that rests on a reading that was not read [same unit]"),
)

REGISTERS_USED = schema(
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

DETERMINANTS = schema(
    "Determinants: the billed quantities, before prices.",
    ("segment", STR, ""),
    ("span", I32, ""),
    ("name", STR, "kind/channel/calendar/bucket, such as energy/import/tou/peak (run-folder.md)"),
    ("value", I64, "[10^-6 of the unit]; of a cost two rows, [10^-25 of the currency]"),
    ("estimated", I64, "part of the value that was estimated [same unit]; 0 where not known apart"),
    ("unit", STR, "kWh, kvarh, kW, kVA; 10^-25 for a cost"),
)

LINES = schema(
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

CARRY = schema(
    "Carry: what a segment hands to the next: tier positions, demand history, credit banks.",
    ("agreement", STR, ""),
    ("segment", STR, "the segment that it comes from"),
    ("key", STR, "tier/COMPONENT, demand/COMPONENT/BUCKET, bank/COMPONENT/BUCKET"),
    ("at", DATE, "tier: start of the window; demand: first of the month; bank: end of the segment"),
    ("value", I64, "[10^-6 kWh or kW]"),
)

SEGMENTS = schema(
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
    ("demand_ukw", I64, "largest measured demand, of those in kW alone [10^-6 kW]; null when none"),
    ("total", AMOUNT, "rounded as the tariff declares"),
    ("input_digest", STR, "SHA-256 over the rating case: readings, carry-in, terms, tariffs"),
)

BILLS = schema(
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

FINDINGS = schema(
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

HISTORY = schema(
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
