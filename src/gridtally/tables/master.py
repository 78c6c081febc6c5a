"""Steps 1-2: master data: who pays, what is supplied, where dials stand, how it hangs together.

Valid time is in the columns `from` and `to`, half-open local days; what was known when is in the
versions of the store. A column that is not in `docs/master-data.md` as required may be null.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from gridtally.tables.kinds import DATE, I8, I32, I64, PRICE, STR, schema

__all__ = [
    "ACCOUNTS",
    "AGREEMENTS",
    "AGREEMENT_TERMS",
    "CONTACTS",
    "CYCLES",
    "HOLIDAYS",
    "MARKET_EVENTS",
    "MASTER",
    "METERING_POINTS",
    "METERS",
    "METER_EVENTS",
    "PARTIES",
    "PERSONAL",
    "PRICE_SERIES",
    "REGISTERS",
    "TOPOLOGY",
    "TRANSFORMERS",
]

PARTIES = schema(
    "Parties: people and organisations behind accounts. Who they are stands apart, in CONTACTS.",
    ("party", STR, "identifier"),
    ("kind", STR, "person or organisation"),
)

CONTACTS = schema(
    "Contacts: personal data of parties, stored apart; never in runs, findings or logs.",
    ("party", STR, "whose"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: open"),
    ("name", STR, "personal: name"),
    ("address", STR, "personal: postal address without postcode"),
    ("postcode", STR, "personal: postcode, as text"),
    ("email", STR, "personal: e-mail address; empty when none"),
    ("phone", STR, "personal: telephone number; empty when none"),
)

ACCOUNTS = schema(
    "Accounts: who gets the bill. Personal columns (name, address, e-mail) are kept apart.",
    ("account", STR, "account number"),
    ("segment", STR, "household, shop, factory …: peers are compared within it"),
    ("language", STR, "language of the bill: en or zh"),
    ("name", STR, "personal: name of the customer"),
    ("address", STR, "personal: postal address"),
    ("email", STR, "personal: empty when none"),
    ("party", STR, "who it belongs to; empty when the personal columns say it"),
    ("household_size", I32, "people in the household; null when unknown"),
)

CYCLES = schema(
    "Billing cycles: when a group of supplies is read and billed, and when a bill is due.",
    ("cycle", STR, "identifier"),
    ("route", STR, "reading round; empty when none"),
    ("read_day", I32, "day of the month on which a period begins, 1 to 31; clamped to its end"),
    ("months", I32, "length of a period [months]: 1, 2, 3, 4, 6 or 12"),
    ("first_month", I32, "a month in which a period begins, 1 to 12"),
    ("window_before_days", I32, "a reading may be so much earlier [days]"),
    ("window_after_days", I32, "a reading may be so much later [days]"),
    ("due_rule", STR, "from issue to due date: N days or N working days; empty: the workspace's"),
    ("holidays", STR, "calendar in HOLIDAYS that working days are counted by; empty when none"),
)

HOLIDAYS = schema(
    "Holidays: the days of a calendar that are not what their weekday says.",
    ("calendar", STR, "name of the calendar, such as DE-BY or CN"),
    ("day", DATE, "the day"),
    ("kind", STR, "holiday, or working for a Saturday or Sunday that is worked"),
    ("name", STR, "what it is called"),
)

METERING_POINTS = schema(
    "Metering points.",
    ("metering_point", STR, "identifier"),
    ("zone", STR, "IANA time zone of its local days"),
    ("region", STR, "network area: peers are compared within it"),
    ("fuse_ukw", I64, "largest possible power [10^-6 kW]; null when unknown"),
    ("features", STR, "space-separated: pv ev heatpump vacant"),
    ("voltage_level", STR, "low, medium, high or extra_high; empty when unknown"),
    ("phases", I8, "1 or 3; null when unknown"),
    ("transformer", STR, "the transformer it hangs on; empty when unknown"),
    ("cycle", STR, "billing cycle of agreements that name none; empty when none"),
    ("status", STR, "planned, connected, disconnected or removed; empty when unknown"),
)

METERS = schema(
    "Meters: which device stood at a metering point, from when to when.",
    ("meter", STR, "serial number"),
    ("metering_point", STR, "where it stands"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: still there"),
    ("model", STR, "type of device; empty when unknown"),
    ("accuracy_class", STR, "such as 0.5S, 1, A or B; empty when unknown"),
    ("ct_ratio", STR, "current transformers, such as 100/5; empty: none"),
    ("pt_ratio", STR, "voltage transformers, such as 10000/100; empty: none"),
    ("constant", I64, "further factor of the meter [10^-6]; null: one"),
    ("verified", DATE, "day of the last verification; null when unknown"),
    ("verify_by", DATE, "first day on which it is no longer verified; null when unknown"),
    ("owner", STR, "who owns the device; empty when unknown"),
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
    ("from", DATE, "first local day; null: as long as the meter stands"),
    ("to", DATE, "local day after the last; null: as long as the meter stands"),
)

METER_EVENTS = schema(
    "Meter events: what was done to a device, by whom.",
    ("meter", STR, "serial number"),
    ("day", DATE, "local day"),
    ("kind", STR, "seal, unseal, verification, custody, rotation or multiplier"),
    ("value", STR, "seal number, result, place, factor …; as delivered"),
    ("who", STR, "mark of who did it, such as a crew or badge number; no name"),
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
    ("cycle", STR, "billing cycle; empty: that of the metering point"),
    ("product", STR, "what was sold, in the seller's words; empty when none"),
    ("discount", STR, "what was promised, in the seller's words; empty when none"),
    ("exempt_to", DATE, "local day on which an exemption or social status ends; null when none"),
)

TOPOLOGY = schema(
    "Topology: which metering point lies behind which, and what that means for its energy.",
    ("parent", STR, "the metering point that measures both"),
    ("child", STR, "the metering point behind it"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: open"),
    ("relation", STR, "child_of (only placed), subtract (measured), ratio, quantity"),
    ("share", I64, "ratio: the child's part of the parent's energy [10^-6]; else null"),
    ("quantity_ukwh", I64, "quantity: the child's energy per month [10^-6 kWh]; else null"),
)

TRANSFORMERS = schema(
    "Transformers: what is needed to add the losses between the meter and the network.",
    ("transformer", STR, "identifier"),
    ("metering_point", STR, "whose losses alone they are; empty: of all that hang on it"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: open"),
    ("capacity_ukva", I64, "rated power [10^-6 kVA]"),
    ("no_load_loss_ukw", I64, "loss whenever energised, P0 [10^-6 kW]; null when unknown"),
    ("load_loss_ukw", I64, "loss at rated power, Pk [10^-6 kW]; null when unknown"),
    ("no_load_current", I64, "part of the rated current, I0 [10^-6]; null when unknown"),
    ("impedance", I64, "short-circuit voltage as a part, Uk [10^-6]; null when unknown"),
    ("hours_day", I64, "energised per day [10^-6 h]; null: all hours"),
)

AGREEMENT_TERMS = schema(
    "Agreement terms: numbers that an agreement states for its tariff, such as persons.",
    ("agreement", STR, "identifier"),
    ("term", STR, "name, as the tariff document declares it"),
    ("from", DATE, "first local day"),
    ("to", DATE, "local day after the last; null: open"),
    ("value", PRICE, "exact decimal, in the unit that the tariff document names"),
)

PRICE_SERIES = schema(
    "Price series: prices by time that tariff documents refer to by name.",
    ("series", STR, "name"),
    ("start_utc", I64, "first instant of the price [s]"),
    ("end_utc", I64, "first instant after it [s]"),
    ("price", PRICE, "exact decimal; null: published as not known"),
    ("unit", STR, "currency and unit of energy, such as EUR/MWh"),
)

MARKET_EVENTS = schema(
    "Market events: times that are called or known later, and for which time the list is whole.",
    ("event", STR, "name, as tariff documents refer to it"),
    ("start_utc", I64, "first instant [s]"),
    ("end_utc", I64, "first instant after it [s]"),
    ("kind", STR, "event, or complete: every event of this time is listed"),
)

MASTER: Mapping[str, pa.Schema] = {
    "parties": PARTIES,
    "contacts": CONTACTS,
    "accounts": ACCOUNTS,
    "holidays": HOLIDAYS,
    "cycles": CYCLES,
    "metering_points": METERING_POINTS,
    "meters": METERS,
    "registers": REGISTERS,
    "meter_events": METER_EVENTS,
    "agreements": AGREEMENTS,
    "topology": TOPOLOGY,
    "transformers": TRANSFORMERS,
    "agreement_terms": AGREEMENT_TERMS,
    "price_series": PRICE_SERIES,
    "market_events": MARKET_EVENTS,
}
"""Every table of master data by the name of its file, in the order in which they refer back."""

PERSONAL: Mapping[str, tuple[str, ...]] = {
    "accounts": ("name", "address", "email"),
    "contacts": ("name", "address", "postcode", "email", "phone"),
}
"""Columns with personal data: never in a finding, a log, an audit rule or a shared table."""
