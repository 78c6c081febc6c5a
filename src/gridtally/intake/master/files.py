"""Steps 1-2: the files of master data: their columns, what names a row, what a row refers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from gridtally import tables
from gridtally.intake.fields import (
    Test,
    address,
    choice,
    choice_of,
    day,
    decimal,
    due_rule,
    features,
    hours,
    identifier,
    instant,
    is_address,
    is_identifier,
    is_name,
    is_text,
    micro,
    optional,
    percent,
    phone,
    price_unit,
    ratio,
    share,
    tariff_id,
    tariff_word,
    text,
    whole,
    zone_name,
)
from gridtally.intake.units import CHANNELS
from gridtally.terms import LegalSource, RegisterKind

__all__ = ["FILES", "Column", "File", "table_name"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its name there, its name in the table, and what its text means.

    `plain` says of whole columns which cells are surely right and stand for themselves; only the
    others are parsed one by one.
    """

    name: str
    parse: Callable[[str], object]
    target: str = ""
    required: bool = True
    plain: Test | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file of master data. `key` names a row; a row that points at nothing there is left out."""

    schema: pa.Schema
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: Mapping[str, str] = field(default_factory=dict)
    """column -> table: a row without it is left out"""
    mentions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """column -> (table, its column): what is not there is only said"""
    personal: frozenset[str] = frozenset()
    """columns whose cells are never quoted"""


def _id(name: str) -> Column:
    return Column(name, identifier, plain=is_identifier)


def _name(name: str, target: str = "") -> Column:
    """An identifier that may be left out."""
    return Column(name, optional(identifier, ""), target, required=False, plain=is_name)


def _text(name: str) -> Column:
    return Column(name, text, required=False, plain=is_text)


def _maybe(name: str, parse: Callable[[str], object], target: str = "") -> Column:
    """A cell that may be empty or left out: null."""
    return Column(name, optional(parse), target, required=False)


def _word(name: str, *words: str) -> Column:
    return Column(name, optional(choice(*words), ""), required=False)


_FROM = Column("from", day)
_TO = _maybe("to", day)
_STRETCH = (Column("start", instant, "start_utc"), Column("end", instant, "end_utc"))
_PERSONAL = {name: frozenset(columns) for name, columns in tables.PERSONAL.items()}

FILES: dict[str, File] = {
    "parties": File(
        tables.PARTIES,
        (_id("party"), Column("kind", choice("person", "organisation"))),
        key=("party",),
    ),
    "contacts": File(
        tables.CONTACTS,
        (
            _id("party"), _FROM, _TO, _text("name"), _text("address"), _text("postcode"),
            Column("email", optional(address, ""), required=False, plain=is_address),
            Column("phone", optional(phone, ""), required=False),
        ),
        key=("party", "from"),
        references={"party": "parties"},
        personal=_PERSONAL["contacts"],
    ),
    "accounts": File(
        tables.ACCOUNTS,
        (
            _id("account"), _id("segment"), Column("language", choice("en", "zh")),
            _text("name"), _text("address"),
            Column("email", optional(address, ""), required=False, plain=is_address),
            _name("party"), _maybe("household_size", whole(1, 99)),
        ),
        key=("account",),
        mentions={"party": ("parties", "party")},
        personal=_PERSONAL["accounts"],
    ),
    "holidays": File(
        tables.HOLIDAYS,
        (_id("calendar"), Column("day", day), Column("kind", choice("holiday", "working")),
         _text("name")),
        key=("calendar", "day"),
    ),
    "cycles": File(
        tables.CYCLES,
        (
            _id("cycle"), _text("route"), Column("read_day", whole(1, 31)),
            Column("months", optional(choice_of(1, 2, 3, 4, 6, 12), 1), required=False),
            Column("first_month", optional(whole(1, 12), 1), required=False),
            Column("window_before_days", optional(whole(0, 31), 0), required=False),
            Column("window_after_days", optional(whole(0, 31), 0), required=False),
            Column("due_rule", optional(due_rule, ""), required=False), _name("holidays"),
        ),
        key=("cycle",),
        mentions={"holidays": ("holidays", "calendar")},
    ),
    "metering_points": File(
        tables.METERING_POINTS,
        (
            _id("metering_point"), Column("zone", zone_name), _text("region"),
            _maybe("fuse_kw", micro, "fuse_ukw"), Column("features", features, required=False),
            _word("voltage_level", "low", "medium", "high", "extra_high"),
            _maybe("phases", choice_of(1, 3)), _name("transformer"), _name("cycle"),
            _word("status", "planned", "connected", "disconnected", "removed"),
        ),
        key=("metering_point",),
        mentions={"transformer": ("transformers", "transformer"), "cycle": ("cycles", "cycle")},
    ),
    "meters": File(
        tables.METERS,
        (
            _id("meter"), _id("metering_point"), _FROM, _TO, _text("model"),
            _text("accuracy_class"), Column("ct_ratio", optional(ratio, ""), required=False),
            Column("pt_ratio", optional(ratio, ""), required=False), _maybe("constant", micro),
            _maybe("verified", day), _maybe("verify_by", day), _text("owner"),
        ),
        key=("meter", "from"),
        references={"metering_point": "metering_points"},
    ),
    "registers": File(
        tables.REGISTERS,
        (
            _id("meter"), _id("register"), Column("channel", choice(*CHANNELS)),
            _id("bucket"), Column("kind", choice(*RegisterKind)), Column("digits", whole(1, 12)),
            Column("multiplier", micro), _maybe("from", day), _TO,
        ),
        key=("meter", "register", "from"),
        references={"meter": "meters"},
    ),
    "meter_events": File(
        tables.METER_EVENTS,
        (
            _id("meter"), Column("day", day),
            Column("kind", choice("seal", "unseal", "verification", "custody", "rotation",
                                  "multiplier")),
            _text("value"), _text("who"),
        ),
        key=("meter", "day", "kind", "value"),
        references={"meter": "meters"},
    ),
    "agreements": File(
        tables.AGREEMENTS,
        (
            _id("agreement"), _id("account"), _id("metering_point"), _FROM, _TO,
            Column("tariff", tariff_id), Column("legal_source", choice(*LegalSource)),
            _maybe("contract_kw", micro, "contract_ukw"),
            _maybe("capacity_kva", micro, "capacity_ukva"), _name("cycle"), _text("product"),
            _text("discount"), _maybe("exempt_to", day),
        ),
        key=("agreement", "from"),
        references={"account": "accounts", "metering_point": "metering_points"},
        mentions={"cycle": ("cycles", "cycle")},
    ),
    "topology": File(
        tables.TOPOLOGY,
        (
            _id("parent"), _id("child"), _FROM, _TO,
            Column("relation", choice("child_of", "subtract", "ratio", "quantity")),
            _maybe("share", share), _maybe("quantity_kwh", micro, "quantity_ukwh"),
        ),
        key=("parent", "child", "from"),
        references={"parent": "metering_points", "child": "metering_points"},
    ),
    "transformers": File(
        tables.TRANSFORMERS,
        (
            _id("transformer"), _name("metering_point"), _FROM, _TO,
            Column("kva", micro, "capacity_ukva"),
            _maybe("no_load_loss_kw", micro, "no_load_loss_ukw"),
            _maybe("load_loss_kw", micro, "load_loss_ukw"),
            _maybe("no_load_current_percent", percent, "no_load_current"),
            _maybe("impedance_percent", percent, "impedance"),
            _maybe("hours_per_day", hours, "hours_day"),
        ),
        key=("transformer", "from"),
        mentions={"metering_point": ("metering_points", "metering_point")},
    ),
    "agreement_terms": File(
        tables.AGREEMENT_TERMS,
        (_id("agreement"), Column("term", tariff_word), _FROM, _TO, Column("value", decimal)),
        key=("agreement", "term", "from"),
        references={"agreement": "agreements"},
    ),
    "price_series": File(
        tables.PRICE_SERIES,
        (
            Column("series", tariff_word), *_STRETCH, Column("price", optional(decimal)),
            Column("unit", price_unit),
        ),
        key=("series", "start_utc"),
    ),
    "market_events": File(
        tables.MARKET_EVENTS,
        (Column("event", tariff_word), *_STRETCH, Column("kind", choice("event", "complete"))),
        key=("event", "kind", "start_utc"),
    ),
}  # fmt: skip


def table_name(name: str) -> str | None:
    """The table that a file of this name delivers; None when it is none of master data."""
    stem = name.replace("\\", "/").rpartition("/")[2]
    for ending in (".gz", ".csv", ".parquet"):
        stem = stem.removesuffix(ending)
    return stem if stem in FILES else None
