"""Before step 5: prices and events from delivered tables, as tariffs refer to them.

Where two prices of a series meet, and where there is none, the price is not known; where two
statements that a list of events is complete meet, they are one. What is known of a time depends on
what is said of it alone, whatever other times are looked at together with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import RefusedFile
from gridtally.intake.master import read_master
from gridtally.market import Events, Market, Series
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import MARKET_EVENTS, PRICE_SERIES, finding, findings_table
from gridtally.terms import Severity

__all__ = ["concerned", "delivered", "market_of", "require_units", "strange_units"]

Row = Mapping[str, Any]


def concerned(
    tables: Mapping[str, pa.Table], versions: Iterable[TariffVersion], *, bounds: tuple[int, int]
) -> dict[str, pa.Table]:
    """The rows of PRICE_SERIES and MARKET_EVENTS that tariff versions refer to within `bounds`."""
    versions = list(versions)
    named = {
        "price_series": ("series", {name for version in versions for name in version.series}),
        "market_events": ("event", {name for version in versions for name in version.events}),
    }
    found = {}
    for name, (column, names) in named.items():
        if name in tables:
            rows = _meeting(tables[name], bounds)
            wanted = pa.array(sorted(names), pa.string())
            found[name] = rows.filter(pc.is_in(rows[column], wanted))
    return found


def market_of(tables: Mapping[str, pa.Table], *, bounds: tuple[int, int]) -> Market:
    """Prices and events of PRICE_SERIES and MARKET_EVENTS that concern `bounds`, half-open [s]."""
    prices = _meeting(tables.get("price_series", PRICE_SERIES.empty_table()), bounds)
    calls = _within(tables.get("market_events", MARKET_EVENTS.empty_table()), bounds)
    series = {name: _series(rows) for name, rows in _grouped(prices, "series")}
    events = {name: _events(rows) for name, rows in _grouped(calls, "event")}
    return Market(series, {name: found for name, found in events.items() if found})


def delivered(name: str, data: bytes, *, file: str) -> dict[str, pa.Table]:
    """PRICE_SERIES or MARKET_EVENTS, whichever `name` says, of a file, without a workspace.

    Raises `RefusedFile` with the first thing that is wrong with it.
    """
    try:
        tables, findings = read_master({f"{name}.csv": data})
    except RefusedFile as err:
        err.file = file
        raise
    for row in findings.filter(pc.equal(findings["severity"], Severity.HOLD)).to_pylist():
        raise RefusedFile(
            row["message"], file=file, code=row["code"], line=row["line"], remedy=row["remedy"]
        )
    return tables


def require_units(version: TariffVersion, tables: Mapping[str, pa.Table]) -> None:
    """Refuse prices in another currency or unit than the tariff reads them in."""
    for name, wanted, given in _units(version, tables):
        if given - {wanted}:
            raise RefusedFile(
                f"The tariff reads the prices {name} in {wanted}; they are given in "
                f"{', '.join(sorted(given))}.",
                code="rating.series.unit",
                remedy="Give them in that unit, or correct `per` in the tariff.",
            )


def _units(
    version: TariffVersion, tables: Mapping[str, pa.Table]
) -> Iterator[tuple[str, str, set[str]]]:
    """(series, unit that the tariff reads it in, units that it is given in)."""
    prices = tables.get("price_series", PRICE_SERIES.empty_table())
    units: dict[str, set[str]] = {}
    for row in prices.group_by(["series", "unit"], use_threads=False).aggregate([]).to_pylist():
        units.setdefault(row["series"], set()).add(row["unit"])
    for name, declared in version.series.items():
        yield name, f"{version.currency}/{declared.per}", units.get(name, set())


def strange_units(
    spans: pa.Table, *, tariffs: Mapping[str, TariffVersion], tables: Mapping[str, pa.Table]
) -> pa.Table:
    """FINDINGS of spans whose tariff refers to a series that is in another currency or unit."""
    found = []
    for digest, version in tariffs.items():
        for name, wanted, given in _units(version, tables):
            if given - {wanted}:
                mine = spans.filter(pc.equal(spans["tariff"], digest)).to_pylist()
                found += [_unit(row, name, wanted, given) for row in mine]
    return findings_table(found)


def _unit(row: Row, name: str, wanted: str, given: Iterable[str]) -> dict[str, Any]:
    where = ("segment", "account", "metering_point", "start_utc", "end_utc")
    return finding(
        "rating.series.unit",
        Severity.HOLD,
        f"The tariff reads the prices {name} in {wanted}; they were delivered in "
        f"{', '.join(sorted(given))}.",
        remedy="Deliver them in that unit, or correct `per` in a new version of the tariff.",
        must_hold=True,
        **{key: row[key] for key in where},
    )


def _within(table: pa.Table, bounds: tuple[int, int]) -> pa.Table:
    before = pc.less(table["start_utc"], bounds[1])
    inside = pc.and_(before, pc.greater(table["end_utc"], bounds[0]))
    return table.filter(inside).sort_by([("start_utc", "ascending"), ("end_utc", "ascending")])


def _meeting(table: pa.Table, bounds: tuple[int, int]) -> pa.Table:
    """The rows within bounds, and all that meet one of them: two that meet make a price unknown."""
    rows = _within(table, bounds)
    if not rows.num_rows:
        return rows
    low, high = pc.min(rows["start_utc"]).as_py(), pc.max(rows["end_utc"]).as_py()
    return _within(table, (min(low, bounds[0]), max(high, bounds[1])))


def _grouped(table: pa.Table, key: str) -> Iterator[tuple[str, list[Row]]]:
    for name in sorted(set(table[key].to_pylist())):
        yield name, table.filter(pc.equal(table[key], name)).to_pylist()


def _series(rows: Iterable[Row]) -> Series:
    """Steps of rows in order of their start."""
    starts: list[int] = []
    values: list[Decimal | None] = []
    end: int | None = None

    def step(at: int, value: Decimal | None) -> None:
        if starts and starts[-1] == at:
            values[-1] = value
        elif not (value is None and values and values[-1] is None):
            starts.append(at)
            values.append(value)

    for row in rows:
        start, after = row["start_utc"], row["end_utc"]
        if end is not None and start < end:  # two prices: neither is known until both have ended
            step(start, None)
            end = max(end, after)
            continue
        if end is not None and start > end:
            step(end, None)
        step(start, row["price"])
        end = after
    assert end is not None, "a group of rows is never empty"
    return Series(tuple(starts), tuple(values), end)


def _events(rows: Iterable[Row]) -> Events | None:
    """The stretches for which the list is complete, and its events; None: for none."""
    complete: list[tuple[int, int]] = []
    times: list[tuple[int, int]] = []
    for row in rows:
        start, end = row["start_utc"], row["end_utc"]
        if row["kind"] == "event":
            times.append((start, end))
        elif complete and start <= complete[-1][1]:
            complete[-1] = (complete[-1][0], max(complete[-1][1], end))
        else:
            complete.append((start, end))
    if not complete:
        return None
    (first, *more) = complete
    return Events(*first, tuple(times), tuple(more))
