"""Steps 1-2: master data: who pays, what is supplied, where dials stand."""

from __future__ import annotations

from gridtally.tables.kinds import DATE, I8, I64, STR, schema

__all__ = [
    "ACCOUNTS",
    "AGREEMENTS",
    "METERING_POINTS",
    "METERS",
    "REGISTERS",
]

ACCOUNTS = schema(
    "Accounts: who gets the bill. Personal columns (name, address, e-mail) are kept apart.",
    ("account", STR, "account number"),
    ("segment", STR, "household, shop, factory …: peers are compared within it"),
    ("language", STR, "language of the bill: en or zh"),
    ("name", STR, "personal: name of the customer"),
    ("address", STR, "personal: postal address"),
    ("email", STR, "personal: empty when none"),
)

METERING_POINTS = schema(
    "Metering points.",
    ("metering_point", STR, "identifier"),
    ("zone", STR, "IANA time zone of its local days"),
    ("region", STR, "network area: peers are compared within it"),
    ("fuse_ukw", I64, "largest possible power [10^-6 kW]; null when unknown"),
    ("features", STR, "space-separated: pv ev heatpump vacant"),
)

METERS = schema(
    "Meters: which device stood at a metering point, from when to when.",
    ("meter", STR, "serial number"),
    ("metering_point", STR, "where it stands"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: still there"),
)

REGISTERS = schema(
    "Registers: the dials of a meter.",
    ("meter", STR, "serial number of the meter"),
    ("register", STR, "name of the dial"),
    ("channel", STR, "import, export, reactive_import, reactive_export"),
    ("bucket", STR, "time-of-use bucket, total for all"),
    ("kind", STR, "cumulative or demand"),
    ("digits", I8, "digits before the mark"),
    ("multiplier", I64, "CT x PT x constant [10^-6]"),
)

AGREEMENTS = schema(
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
