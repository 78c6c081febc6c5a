"""A small world for laws about rating: readings as arrays, spans, both ways to a bill."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa

from gridtally.market import NO_MARKET, Market
from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.metering.cases import Cases
from gridtally.metering.determine import determine
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.rating.assemble import assemble
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import (
    ADVANCES,
    AGREEMENTS,
    CARRY,
    METERING_POINTS,
    REGISTERS_USED,
    empty,
    table,
)


@dataclass
class Bill:
    """A segment as the kernel rates it, in the shape of `docs/rating-case.md`."""

    lines: list[dict]
    total: str | None
    carry_out: list[dict]
    findings: list[dict]
    carry: pa.Table


def text(value: Decimal) -> str:
    """A decimal without trailing zeros."""
    plain = format(value, "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


@dataclass
class World:
    """One metering point with readings [10^-6 kWh] per channel, billed by tariff documents."""

    documents: list[str]
    period: Period
    zone: str
    resolution_s: int
    channels: dict[str, np.ndarray]
    terms: dict
    carry: pa.Table
    quality: dict[str, np.ndarray] | None = None
    stated: dict[str, str] | None = None
    """Terms of the agreement, name to decimal."""
    market: Market = NO_MARKET
    began: date | None = None
    """When the agreement began; None: with the period."""

    def grids(self) -> list[Dense]:
        start, _ = zone_of(self.zone).bounds(self.period)
        return [
            Dense(
                ("MP",), channel, start, self.resolution_s, values[None, :],
                (self.quality or {}).get(channel, np.full(len(values), ACTUAL, np.uint8))[None, :],
            )
            for channel, values in self.channels.items()
        ]  # fmt: skip

    def rated(self) -> tuple[Bill, Cases, dict[str, bytes]]:
        """The kernel's answer, and what the second rater needs for its own."""
        versions = {v.digest: v for v in (load(d.encode(), name="t") for d in self.documents)}
        spans, found = scope(
            table(AGREEMENTS, [{
                "agreement": "A", "account": "C", "metering_point": "MP",
                "from": self.began or self.period.start, "to": self.period.end,
                "tariff": next(iter(versions.values())).id, "legal_source": "interval",
                **self.terms,
            }]),
            table(METERING_POINTS, [{"metering_point": "MP", "zone": self.zone}]),
            period=self.period,
            versions=[
                Version(
                    v.id, v.digest, v.valid_from, v.valid_to, v.resets,
                    looks_back=bool(v.looking_back),
                )
                for v in versions.values()
            ],
        )  # fmt: skip
        if self.stated:
            text_ = json.dumps(self.stated, sort_keys=True, separators=(",", ":"))
            at = spans.schema.get_field_index("terms")
            stated = pa.array([text_] * spans.num_rows)
            spans = spans.set_column(at, spans.schema.field("terms"), stated)
        grids = self.grids()
        determinants, more = determine(
            spans, dense=grids, advances=empty(ADVANCES),
            wanted={digest: version.wanted for digest, version in versions.items()},
            market=self.market,
        )  # fmt: skip
        rated = rate(
            spans, determinants, tariffs=versions, carry_in=self.carry, incomplete=more,
            market=self.market,
        )  # fmt: skip
        findings = pa.concat_tables([found, more, rated.findings])
        segments, _, _ = assemble(
            spans, rated.lines, determinants, tariffs=versions, findings=findings
        )
        total = segments["total"][0].as_py()
        bill = Bill(
            lines=[_line(row) for row in rated.lines.to_pylist()],
            total=None if total is None else text(total),
            carry_out=[
                {"key": row["key"], "at": str(row["at"]), "value": row["value"]}
                for row in rated.carry.to_pylist()
            ],
            findings=findings.filter(findings["must_hold"]).to_pylist(),
            carry=rated.carry,
        )
        cases = Cases(
            spans, dense=grids, used=empty(REGISTERS_USED), carry=self.carry, market=self.market,
            tariffs=versions,
        )  # fmt: skip
        documents = zip(versions, self.documents, strict=True)
        return bill, cases, {digest: document.encode() for digest, document in documents}


def _line(row: dict) -> dict:
    keys = ("span", "component", "kind", "bucket", "unit", "factor")
    numbers = {key: text(row[key]) for key in ("quantity", "price", "amount")}
    return {key: row[key] for key in keys} | numbers


def months(first: date, count: int) -> Period:
    """Whole calendar months."""
    number = first.year * 12 + first.month - 1 + count
    return Period(first, date(number // 12, number % 12 + 1, 1))


def header(zone: str, *, places: int = 2, mode: str = "half_up", **keys: str) -> str:
    """The head of a document in force in 2026."""
    lines = {"valid_from": "2026-01-01", "valid_to": "2027-01-01", "currency": '"EUR"'} | keys
    return (
        'schema = 1\ntariff = "t"\nsource = "a test"\n'
        + f'zone = "{zone}"\n'
        + "".join(f"{key} = {value}\n" for key, value in lines.items())
        + f'[rounding]\nline = {{ places = {places}, mode = "{mode}" }}\n'
        + 'total = { places = 2, mode = "half_up" }\n'
    )


def amount(bill: Bill, *components: str) -> Decimal:
    """The sum of a bill's lines, of some components or all."""
    return sum(
        (Decimal(line["amount"]) for line in bill.lines
         if not components or line["component"] in components),
        Decimal(0),
    )  # fmt: skip


def exact(line: dict) -> Fraction:
    """A line's amount before rounding."""
    return Fraction(line["quantity"]) * Fraction(line["price"]) * Fraction(line["factor"])


NO_CARRY = empty(CARRY)
