"""Steps 1-2: opening balances: what another system hands over when Gridtally takes its place."""

from __future__ import annotations

from gridtally.tables.kinds import AMOUNT, DATE, I64, STR, schema

__all__ = [
    "BILL_HISTORY",
    "CONTROL_TOTALS",
    "CREDIT_BANKS",
    "DEPOSITS",
    "OPEN_ITEMS",
    "RATCHETS",
    "TIER_ENERGY",
]

OPEN_ITEMS = schema(
    "Open items: what customers owe, or are owed, on the day of the cut-over.",
    ("account", STR, "account number"),
    ("reference", STR, "number of the bill or the payment in the other system; once per account"),
    ("amount", AMOUNT, "owed; a credit is below zero [currency]"),
    ("posted", DATE, "day on which it was booked"),
    ("due", DATE, "due date; null when none"),
    ("service_from", DATE, "first local day that it is for; null when none"),
    ("service_to", DATE, "local day after the last; null when none"),
)

DEPOSITS = schema(
    "Deposits: money that is held for customers.",
    ("account", STR, "account number"),
    ("reference", STR, "number of the deposit in the other system; once per account"),
    ("amount", AMOUNT, "above zero [currency]"),
    ("posted", DATE, "day on which it came in"),
)

BILL_HISTORY = schema(
    "Bill history: the bills of the other system, one row per agreement and period.",
    ("account", STR, "account number"),
    ("agreement", STR, "agreement of the master data"),
    ("metering_point", STR, "what was supplied"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; that of the newest is the day of the cut-over"),
    ("tariff", STR, "tariff id"),
    ("import_ukwh", I64, "energy delivered [10^-6 kWh]"),
    ("export_ukwh", I64, "energy received [10^-6 kWh]; null when none"),
    ("estimated_ukwh", I64, "part of the import that was estimated [10^-6 kWh]; null when none"),
    ("demand_ukw", I64, "largest billed demand [10^-6 kW]; null when none"),
    ("total", AMOUNT, "of the bill [currency]"),
)

TIER_ENERGY = schema(
    "Tier energy: how far agreements are within the tiers of a tariff component.",
    ("agreement", STR, "agreement of the master data"),
    ("component", STR, "id in the tariff document"),
    ("window_from", DATE, "first local day of the tiers' window"),
    ("ukwh", I64, "energy since then [10^-6 kWh]"),
)

RATCHETS = schema(
    "Ratchets: demands of earlier months that later bills look back to.",
    ("agreement", STR, "agreement of the master data"),
    ("component", STR, "id in the tariff document"),
    ("bucket", STR, "time-of-use bucket of the demand, all when it has none"),
    ("month", DATE, "first day of the month"),
    ("ukw", I64, "demand [10^-6 kW]"),
)

CREDIT_BANKS = schema(
    "Credit banks: energy that customers have given and not yet taken back.",
    ("agreement", STR, "agreement of the master data"),
    ("component", STR, "id in the tariff document"),
    ("bucket", STR, "time-of-use bucket of the bank, all when it has none"),
    ("ukwh", I64, "energy in the bank [10^-6 kWh]"),
)

CONTROL_TOTALS = schema(
    "Control totals: what the other system says that its files sum to.",
    ("table", STR, "name of the file, without its ending"),
    ("column", STR, "column that is summed, or rows"),
    ("total", AMOUNT, "sum, in the unit of the column"),
)
