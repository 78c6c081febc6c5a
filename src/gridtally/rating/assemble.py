"""Step 7: lines become bill segments, and the segments of an account become its bill.

The leaf of a bill is left empty: it commits to findings of later steps too, and the run adds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.rating.calendars import runs
from gridtally.rating.exact import Column, decimals, integers, total
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import AMOUNT, BILLS, SEGMENTS, finding, findings_table
from gridtally.terms import BillState, Severity

__all__ = ["assemble", "to_bills", "to_segments"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def assemble(
    spans: pa.Table,
    lines: pa.Table,
    determinants: pa.Table,
    *,
    tariffs: Mapping[str, TariffVersion],
    findings: pa.Table,
    input_digests: Mapping[str, str] | None = None,
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return (SEGMENTS, BILLS, FINDINGS), sorted by segment and by bill: both halves at once."""
    made = to_segments(
        spans, lines, determinants, tariffs=tariffs, findings=findings, input_digests=input_digests
    )
    return to_bills(made)


def to_segments(
    spans: pa.Table,
    lines: pa.Table,
    determinants: pa.Table,
    *,
    tariffs: Mapping[str, TariffVersion],
    findings: pa.Table,
    input_digests: Mapping[str, str] | None = None,
) -> pa.Table:
    """SEGMENTS of any part of the base, sorted by name, without their bill.

    `lines` are those of step 6, rounding lines included. A segment without lines that one of
    `findings` must hold has no total (null, never zero).
    """
    if not spans.num_rows:
        return SEGMENTS.empty_table()
    spans = spans.sort_by([("segment", "ascending"), ("span", "ascending")]).combine_chunks()
    names = spans["segment"].combine_chunks().dictionary_encode()
    starts = runs(np.asarray(names.indices))
    ends = np.r_[starts[1:], spans.num_rows].astype(np.int64)
    first, last = spans.take(pa.array(starts)), spans.take(pa.array(ends - 1))
    segments = first["segment"].combine_chunks()
    amounts, billed = _per_segment(lines, "amount", segments)
    missing = ~billed & _held(findings, segments)
    energy = {name: _energy(determinants, name, segments) for name in ("import", "export")}
    digests = input_digests or {}
    columns: dict[str, object] = {
        "bill": pa.repeat(pa.scalar("", pa.string()), len(segments)),
        "to": last["to"],
        "tariffs": _tariffs(spans, starts, ends),
        "currency": _currencies(last["tariff"], tariffs),
        "import_ukwh": pa.array(energy["import"][0], mask=~energy["import"][2]),
        "export_ukwh": pa.array(energy["export"][0]),
        "estimated_ukwh": pa.array(energy["import"][1]),
        "demand_ukw": _demand(determinants, segments),
        "total": _masked(amounts, missing),
        "input_digest": _texts([digests.get(name, "") for name in segments.to_pylist()])
        if digests
        else pa.repeat(pa.scalar("", pa.string()), len(segments)),
    }
    return pa.Table.from_arrays(
        [columns.get(name, first[name] if name in first.column_names else None)
         for name in SEGMENTS.names],
        schema=SEGMENTS,
    )  # fmt: skip


def to_bills(segments: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return (SEGMENTS with their bill, BILLS, FINDINGS) of the whole base, sorted.

    A bill spans its account's segments, from the first day to the last. It has no total when one
    of them has none.
    """
    if not segments.num_rows:
        return segments, BILLS.empty_table(), findings_table([])
    segments = segments.sort_by("segment").combine_chunks()
    named = _bills_of(segments["account"], segments["from"], segments["to"])
    place = SEGMENTS.get_field_index("bill")
    segments = segments.set_column(place, SEGMENTS.field("bill"), named)
    missing = np.asarray(pc.is_null(segments["total"]))
    amounts = integers(pc.fill_null(segments["total"], Decimal(0)))
    return segments, *_bills(segments, amounts, missing)


def _bills(segments: pa.Table, amounts: Column, missing: Mask) -> tuple[pa.Table, pa.Table]:
    codes = segments["bill"].combine_chunks().dictionary_encode()
    rank = np.empty(len(codes.dictionary), np.int64)
    rank[np.asarray(pc.sort_indices(codes.dictionary))] = np.arange(len(rank))
    bill = rank[np.asarray(codes.indices)]
    order = np.argsort(bill, kind="stable")
    starts = runs(bill[order])
    head = segments.take(pa.array(order[starts]))
    if not len(starts):
        return BILLS.empty_table(), findings_table([])
    lows, highs = (
        f.reduceat(np.asarray(segments[name].cast(pa.int32()))[order], starts)
        for f, name in ((np.minimum, "from"), (np.maximum, "to"))
    )
    currencies = segments["currency"].combine_chunks().dictionary_encode()
    currency = np.asarray(pc.fill_null(currencies.indices, -1))[order]
    known = np.where(currency < 0, len(currencies.dictionary), currency)
    highest = np.maximum.reduceat(currency, starts)
    mixed = np.minimum.reduceat(known, starts) < highest  # one that is not known is no other
    unknown = np.logical_or.reduceat(missing[order], starts) | mixed
    columns = [
        head["bill"],
        head["account"],
        pa.array(lows, pa.int32()).cast(pa.date32()),
        pa.array(highs, pa.int32()).cast(pa.date32()),
        currencies.dictionary.take(pa.array(highest, mask=mixed | (highest < 0))),
        pa.array(np.diff(np.r_[starts, len(order)]), pa.int32()),
        _masked(total(amounts[order], starts), unknown),
        pa.array([str(BillState.DRAFT)] * len(starts)),
        pa.array([""] * len(starts)),
    ]
    found = [_mixed(row) for row in head.filter(pa.array(mixed)).to_pylist()]
    return pa.Table.from_arrays(columns, schema=BILLS), findings_table(found)


def _mixed(row: Mapping[str, object]) -> dict[str, object]:
    return finding(
        "rating.currency.bill",
        Severity.HOLD,
        f"The segments of bill {row['bill']} are in different currencies.",
        remedy="Give the account's agreements tariffs of one currency, or bill them apart.",
        must_hold=True,
        bill=row["bill"],
        account=row["account"],
    )


def _at(column: pa.ChunkedArray, segments: pa.Array) -> Ints:
    """Row of `segments` for each name; -1: none."""
    return np.asarray(pc.fill_null(pc.index_in(column, segments), -1)).astype(np.int64)


def _sums(at: Ints, values: Column, count: int) -> tuple[Column, Mask]:
    """Sums of values by row, and which rows have any."""
    if len(at) and (at[0] < 0 or (at[1:] < at[:-1]).any()):
        order = np.argsort(at, kind="stable")
        order = order[at[order] >= 0]
        at, values = at[order], values[order]
    starts = runs(at)
    sums = total(values, starts)
    result = np.zeros(count, sums.dtype)
    result[at[starts]] = sums
    have = np.zeros(count, bool)
    have[at[starts]] = True
    return result, have


def _per_segment(table: pa.Table, name: str, segments: pa.Array) -> tuple[Column, Mask]:
    return _sums(_at(table["segment"], segments), integers(table[name]), len(segments))


def _held(findings: pa.Table, segments: pa.Array) -> Mask:
    held = np.zeros(len(segments), bool)
    at = _at(findings.filter(findings["must_hold"])["segment"], segments)
    held[at[at >= 0]] = True
    return held


def _energy(determinants: pa.Table, channel: str, segments: pa.Array) -> tuple[Ints, Ints, Mask]:
    """Energy of a channel, its estimated part, and where it is known."""
    name = pa.scalar(f"energy/{channel}/all/all", pa.string())
    mine = determinants.filter(pc.equal(determinants["name"], name))
    at = _at(mine["segment"], segments)
    values, known = _sums(at, np.asarray(mine["value"]), len(segments))
    estimated, _ = _sums(at, np.asarray(mine["estimated"]), len(segments))
    return values.astype(np.int64), estimated.astype(np.int64), known


def _demand(determinants: pa.Table, segments: pa.Array) -> pa.Array:
    mine = determinants.filter(pc.equal(determinants["unit"], pa.scalar("kW", pa.string())))
    at = _at(mine["segment"], segments)
    largest = np.full(len(segments), -1, np.int64)
    np.maximum.at(largest, at[at >= 0], np.asarray(mine["value"])[at >= 0])
    return pa.array(largest, mask=largest < 0)


def _masked(amounts: Column, missing: Mask) -> pa.Array:
    exact = decimals(amounts, AMOUNT)
    return pc.if_else(pa.array(missing), pa.scalar(None, AMOUNT), exact)


def _bills_of(
    accounts: pa.ChunkedArray, begins: pa.ChunkedArray, ends: pa.ChunkedArray
) -> pa.Array:
    """account/from/to, over all segments of the account."""
    grouped = pa.table({"account": accounts, "from": begins, "to": ends}).group_by(
        "account", use_threads=False
    )
    bounds = grouped.aggregate([("from", "min"), ("to", "max")])
    dates = (bounds[name].cast(pa.string()) for name in ("from_min", "to_max"))
    names = pc.binary_join_element_wise(bounds["account"], *dates, "/")
    return names.combine_chunks().take(pc.index_in(accounts, bounds["account"].combine_chunks()))


def _tariffs(spans: pa.Table, starts: Ints, ends: Ints) -> pa.Array:
    several = np.flatnonzero(ends - starts > 1)
    first = pc.fill_null(spans["tariff"].take(pa.array(starts)), "").combine_chunks()
    if not len(several):
        return first
    digests, texts = spans["tariff"].to_pylist(), first.to_pylist()
    for i in several.tolist():
        mine = [digest for digest in digests[starts[i] : ends[i]] if digest]
        texts[i] = " ".join(dict.fromkeys(mine))
    return _texts(texts)


def _texts(texts: list[str]) -> pa.Array:
    """A column of text. Arrow need not guess its type, which is slow."""
    return pa.array(texts, pa.string())


def _currencies(digests: pa.ChunkedArray, tariffs: Mapping[str, TariffVersion]) -> pa.Array:
    names = pa.array(list(tariffs), pa.string())
    known = pa.array([version.currency for version in tariffs.values()], pa.string())
    return known.take(pc.index_in(digests, names).combine_chunks())
