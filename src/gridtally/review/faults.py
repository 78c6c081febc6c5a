"""Step 8, the audit's own measure: faults put into clean tables on purpose, and the score.

A published corpus instead of an opinion: what was caught, what was missed, what was held for
nothing, in bills and in money. The same score reads the truth of the demo town.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import tables as t
from gridtally.money import MICRO, Rounding, round_fraction
from gridtally.review.inputs import complete
from gridtally.terms import RoundingMode, Severity

__all__ = ["KINDS", "Score", "inject", "score"]

Row = dict[str, Any]
Tables = dict[str, pa.Table]
_CENT = Rounding(2, RoundingMode.HALF_UP)


@dataclass(frozen=True, slots=True)
class Score:
    """How an audit did on known faults. Shares are in thousandths."""

    caught: tuple[str, ...]
    """Ids of faults whose bill was held."""
    missed: tuple[str, ...]
    false_holds: tuple[str, ...]
    """Held bills that no fault touches."""
    held: int
    bills: int
    by_kind: Mapping[str, tuple[int, int]]
    """Kind -> (caught, hidden)."""
    money_held: Decimal
    """Sum of the totals of the bills held rightly [currency]."""

    @property
    def recall(self) -> int | None:
        """Faults caught, of all [10^-3]; None when there were none."""
        found = len(self.caught) + len(self.missed)
        return len(self.caught) * 1000 // found if found else None

    @property
    def precision(self) -> int | None:
        """Held bills that a fault touches, of all held [10^-3]; None when none was held."""
        return (self.held - len(self.false_holds)) * 1000 // self.held if self.held else None

    @property
    def false_share(self) -> int | None:
        """Clean bills that were held, of all bills [10^-3]."""
        return len(self.false_holds) * 1000 // self.bills if self.bills else None


def score(
    truth: Iterable[Mapping[str, Any]], held: Set[str], bills: pa.Table, segments: pa.Table
) -> Score:
    """Compare held bills with the truth: rows with `id`, `kind`, `account`, `metering_point`.

    A fault is caught when a bill of its account or of its metering point is held. A held bill is
    false when no fault names its account or one of its metering points.
    """
    touched = _touched(held, bills, segments)
    seen = set().union(*touched.values())
    caught: list[str] = []
    missed: list[str] = []
    named: set[str] = set()
    kinds: dict[str, list[int]] = {}
    for fault in truth:
        subjects = {fault["account"], fault["metering_point"]} - {"", None}
        named |= subjects
        found = bool(subjects & seen)
        (caught if found else missed).append(fault["id"])
        count = kinds.setdefault(fault["kind"], [0, 0])
        count[0] += found
        count[1] += 1
    false = sorted(bill for bill, subjects in touched.items() if not subjects & named)
    totals = _pairs(bills, "bill", "total")
    money = sum((abs(totals.get(b) or 0) for b in held - set(false)), Decimal(0))
    by_kind = {kind: (one, of) for kind, (one, of) in sorted(kinds.items())}
    return Score(
        tuple(caught), tuple(missed), tuple(false), len(held), bills.num_rows, by_kind, money
    )


def _touched(held: Iterable[str], bills: pa.Table, segments: pa.Table) -> dict[str, set[str]]:
    """Account and metering points of each held bill; an unbilled account is its own."""
    points: dict[str, set[str]] = defaultdict(set)
    columns = (segments[name].to_pylist() for name in ("bill", "metering_point"))
    for bill, point in zip(*columns, strict=True):
        points[bill].add(point)
    accounts = _pairs(bills, "bill", "account")
    return {bill: {accounts.get(bill, bill), *points.get(bill, ())} for bill in held}


def _pairs(table: pa.Table, key: str, value: str) -> dict[str, Any]:
    return dict(zip(table[key].to_pylist(), table[value].to_pylist(), strict=True))


def inject(tables: Mapping[str, pa.Table], kind: str, segment: str) -> tuple[Tables, Row]:
    """Put one fault of `KINDS` into the audit's tables at `segment`; the tables and the truth.

    The bill is changed as the pipeline would have billed the fault: quantities, lines and totals
    move together. Raises `KeyError` for an unknown kind.
    """
    street = _Street(complete(tables), segment)
    KINDS[kind](street)
    truth = {"id": f"{kind}/{segment}", "kind": kind, "account": street.own["account"]}
    return street.tables, truth | {"metering_point": street.own["metering_point"]}


class _Street:
    """The tables, and the one segment that something happens to."""

    def __init__(self, tables: Tables, segment: str) -> None:
        self.tables = tables
        self.segment = segment
        (self.own,) = self.rows("segments", "segment", segment)

    def rows(self, table: str, column: str, value: str) -> list[Row]:
        found = self.tables[table]
        rows: list[Row] = found.filter(pc.equal(found[column], value)).to_pylist()
        return rows

    def change(
        self, table: str, column: str, value: str, each: Callable[[Row], Row | None]
    ) -> None:
        """Replace the rows where `column` is `value` by what `each` makes of them; None drops."""
        found = self.tables[table]
        same = pc.equal(found[column], value)
        made = [each(row) for row in found.filter(same).to_pylist()]
        new = t.table(found.schema, [row for row in made if row is not None])
        self.tables[table] = pa.concat_tables([found.filter(pc.invert(same)), new])

    def add(self, table: str, *rows: Row) -> None:
        found = self.tables[table]
        self.tables[table] = pa.concat_tables([found, t.table(found.schema, rows)])

    def bill_again(self, lines: Callable[[Row], Row | None]) -> None:
        """Change the energy and fixed lines, then tax, totals and bill as they follow."""
        before = self.own["total"]
        self.change("lines", "segment", self.segment, lines)
        left = [r for r in self.rows("lines", "segment", self.segment) if r["kind"] != "tax"]
        base = sum((row["amount"] for row in left), Decimal(0))
        self.change("lines", "segment", self.segment, lambda row: _taxed(row, base))
        now = sum(
            (row["amount"] for row in self.rows("lines", "segment", self.segment)), Decimal(0)
        )
        self.own = self.own | {"total": now}
        self.change("segments", "segment", self.segment, lambda row: row | {"total": now})
        self.change(
            "bills", "bill", self.own["bill"], lambda r: r | {"total": r["total"] + now - before}
        )

    def energy(self, factor: Fraction) -> None:
        """Bill `factor` times the import."""

        def scaled(value: int) -> int:
            return int(value * factor)

        self.own |= {"import_ukwh": scaled(self.own["import_ukwh"])}
        new = self.own["import_ukwh"]
        self.change("segments", "segment", self.segment, lambda r: r | {"import_ukwh": new})
        for table in ("determinants", "advances"):
            self.change(table, "segment", self.segment, lambda r: _scale(r, scaled))
        self.bill_again(lambda row: _priced(row, factor))

    def readings(self, each: Callable[[Row], Row | None]) -> None:
        self.change("register_readings", "segment", self.segment, each)

    def daily(self, each: Callable[[Row], Row | None]) -> None:
        self.change("daily", "metering_point", self.own["metering_point"], each)


def _scale(row: Row, scaled: Callable[[int], int]) -> Row:
    energy = str(row.get("name", "energy/import")).startswith("energy/import")
    if not energy or row.get("channel", "import") != "import" or row.get("kind") == "demand":
        return row
    return row | {"value": scaled(row["value"])}


def _priced(row: Row, factor: Fraction) -> Row:
    if row["kind"] not in ("energy", "tiered", "levy"):
        return row
    quantity = round_fraction(Fraction(row["quantity"]) * factor, Rounding(6, _CENT.mode))
    amount = round_fraction(Fraction(row["amount"]) * factor, _CENT)
    return row | {"quantity": quantity, "amount": amount}


def _taxed(row: Row, base: Decimal) -> Row:
    if row["kind"] != "tax":
        return row
    amount = round_fraction(Fraction(base) * Fraction(row["price"]) / 100, _CENT)
    return row | {"quantity": base, "amount": amount}


# ------------------------------------------------------------------ the corpus


def _multiplier(street: _Street) -> None:
    street.readings(lambda row: row | {"multiplier": row["multiplier"] * 10})
    street.energy(Fraction(10))


def _transposed(street: _Street) -> None:
    _misread(street, 900 * MICRO)


def _misread(street: _Street, more: int) -> None:
    rows = street.rows("register_readings", "segment", street.segment)
    closing = max((row["reading"] for row in rows), default=0)
    street.readings(
        lambda r: r | {"reading": r["reading"] + more} if r["reading"] == closing else r
    )
    used = street.own["import_ukwh"]
    street.energy(Fraction(used + more, used))


def _backward(street: _Street) -> None:
    """What metering and rating make of it: a finding, and no lines."""
    _without_lines(street, "metering.register.backward", "The dial went backward.")


def _exchange_gap(street: _Street) -> None:
    _without_lines(street, "metering.register.exchange", "A reading of the exchange is missing.")


def _without_lines(street: _Street, code: str, message: str) -> None:
    street.change("lines", "segment", street.segment, lambda row: None)
    for table, column, value in (
        ("segments", "segment", street.segment), ("bills", "bill", street.own["bill"]),
    ):  # fmt: skip
        street.change(table, column, value, lambda row: row | {"total": None})
    own = {name: street.own[name] for name in ("segment", "account", "metering_point")}
    street.add(
        "findings",
        t.finding(
            code, Severity.HOLD, message, remedy="Read the meter again.", must_hold=True, **own
        ),
    )


def _stuck(street: _Street) -> None:
    middle = street.own["from"] + timedelta(12)
    street.daily(lambda row: row | {"ukwh": 9_000_000} if row["day"] >= middle else row)


def _stopped(street: _Street) -> None:
    middle = street.own["from"] + timedelta(12)
    street.daily(lambda row: row | {"ukwh": 0} if row["day"] >= middle else row)
    street.energy(Fraction(12, 31))


def _spike(street: _Street) -> None:
    day = street.own["from"] + timedelta(9)
    more = 2_000 * MICRO
    street.daily(lambda r: r | {"ukwh": r["ukwh"] + more} if r["day"] == day else r)
    used = street.own["import_ukwh"]
    street.energy(Fraction(used + more, used))


def _swapped_channels(street: _Street) -> None:
    taken, given = street.own["import_ukwh"], street.own["export_ukwh"]
    street.energy(Fraction(given, taken))
    street.own |= {"import_ukwh": given, "export_ukwh": taken}
    street.change(
        "segments", "segment", street.segment,
        lambda row: row | {"import_ukwh": given, "export_ukwh": taken},
    )  # fmt: skip


def _billed_twice(street: _Street) -> None:
    own, other = street.own, f"{street.own['agreement']}-old"
    twin = f"{other}/{own['from']}/{own['to']}"
    account = f"{own['account']}-old"
    bill = f"{account}/{own['from']}/{own['to']}"
    new = {"segment": twin, "agreement": other, "account": account}
    for table in ("spans", "segments", "lines", "determinants", "advances"):
        rows = street.rows(table, "segment", street.segment)
        names = street.tables[table].schema.names
        street.add(table, *(row | {k: v for k, v in new.items() if k in names} for row in rows))
    street.change("segments", "segment", twin, lambda row: row | {"bill": bill})
    moved = {"bill": bill, "account": account}
    street.add("bills", *(r | moved for r in street.rows("bills", "bill", own["bill"])))
    people = street.rows("accounts", "account", own["account"])
    street.add("accounts", *(row | {"account": account} for row in people))
    terms = street.rows("agreements", "agreement", own["agreement"])
    street.add("agreements", *(r | {"agreement": other, "account": account} for r in terms))


def _wrong_tariff(street: _Street) -> None:
    """The tariff that is most common among customers of another kind."""
    kinds = _pairs(street.tables["accounts"], "account", "segment")
    mine = kinds[street.own["account"]]
    columns = (street.tables["spans"][name].to_pylist() for name in ("account", "tariff"))
    pairs = zip(*columns, strict=True)
    others = Counter(digest for account, digest in pairs if kinds[account] != mine)
    own = {row["tariff"] for row in street.rows("spans", "segment", street.segment)}
    digest = next(name for name, _ in others.most_common() if name not in own)
    street.change("spans", "segment", street.segment, lambda row: row | {"tariff": digest})
    street.bill_again(lambda row: _priced(row, Fraction(3, 4)))


def _clock(street: _Street) -> None:
    """The two largest buckets change places."""
    rows = street.rows("determinants", "segment", street.segment)
    parts = [r for r in rows if r["name"].startswith("energy/import/") and r["value"]]
    parts = [r for r in parts if not r["name"].endswith("/all")]
    parts = sorted(parts, key=lambda r: -r["value"])[:2]
    swap = {parts[0]["name"]: parts[1]["value"], parts[1]["name"]: parts[0]["value"]}
    street.change(
        "determinants", "segment", street.segment,
        lambda row: row | {"value": swap.get(row["name"], row["value"])},
    )  # fmt: skip


def _zero(street: _Street) -> None:
    street.daily(lambda row: row | {"ukwh": 0})
    street.energy(Fraction(0))


def _tax_missing(street: _Street) -> None:
    street.bill_again(lambda row: None if row["kind"] == "tax" else row)


def _line_twice(street: _Street) -> None:
    (first, *_) = street.rows("lines", "segment", street.segment)
    street.add("lines", first | {"line": 99})
    street.bill_again(lambda row: row)


def _demand_slip(street: _Street) -> None:
    demand = street.own["demand_ukw"] * 10
    street.change("segments", "segment", street.segment, lambda r: r | {"demand_ukw": demand})


def _contract_slip(street: _Street) -> None:
    street.change(
        "spans", "segment", street.segment,
        lambda row: row | {"contract_ukw": row["contract_ukw"] * 10},
    )  # fmt: skip


def _unbilled(street: _Street) -> None:
    for table in ("segments", "spans", "lines", "determinants", "advances", "register_readings"):
        street.change(table, "segment", street.segment, lambda row: None)
    street.change("bills", "bill", street.own["bill"], lambda row: None)


def _opening(street: _Street) -> None:
    street.change(
        "past_readings", "meter", _meter(street), lambda r: r | {"reading": r["reading"] + MICRO}
    )


def _meter(street: _Street) -> str:
    rows = street.rows("register_readings", "segment", street.segment)
    return str(rows[0]["meter"])


def _reactive_lost(street: _Street) -> None:
    street.change(
        "determinants", "segment", street.segment,
        lambda row: None if "/reactive_" in row["name"] else row,
    )  # fmt: skip


KINDS: Mapping[str, Callable[[_Street], None]] = {
    "multiplier": _multiplier,
    "transposed": _transposed,
    "backward": _backward,
    "stuck": _stuck,
    "spike": _spike,
    "swapped-channels": _swapped_channels,
    "exchange-gap": _exchange_gap,
    "billed-twice": _billed_twice,
    "wrong-tariff": _wrong_tariff,
    "clock": _clock,
    "stopped": _stopped,
    "zero": _zero,
    "tax-missing": _tax_missing,
    "line-twice": _line_twice,
    "demand-slip": _demand_slip,
    "contract-slip": _contract_slip,
    "unbilled": _unbilled,
    "opening": _opening,
    "reactive-lost": _reactive_lost,
}
"""Kind of fault -> what it does to the tables of a clean bill."""
