"""Before step 5: which segments a run covers, and the spans that they are cut into.

A segment is one agreement and the part of the run's period for which it is in force.
It is cut into spans where the tariff version or a term changes and where a yearly window resets
(`docs/tariff.md`, *Segments, spans, factors*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.stated import Stated
from gridtally.periods import Period, zone
from gridtally.tables import SPANS, finding, findings_table
from gridtally.terms import Severity

__all__ = ["Version", "scope"]

Days = npt.NDArray[np.int64]
_FAR = (date(9999, 1, 1) - date(1970, 1, 1)).days


@dataclass(frozen=True, slots=True)
class Version:
    """When a tariff version is in force: local days, half-open; `resets` as (month, day)."""

    tariff: str
    digest: str
    valid_from: date
    valid_to: date | None
    resets: frozenset[tuple[int, int]] = frozenset()
    terms: frozenset[str] = frozenset()
    """Names of the further terms that it declares."""
    looks_back: bool = False
    """Whether a demand of earlier months may decide a charge of it."""


def scope(
    agreements: pa.Table,
    metering_points: pa.Table,
    *,
    period: Period,
    versions: Sequence[Version],
    stated: Stated | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Return (SPANS, FINDINGS) of all agreements in force somewhere in `period`.

    `stated` gives the further terms of the agreements; None: none are stated.

    A part without a tariff version in force is a span whose tariff is null, and a must-hold
    finding; so are terms of one agreement that overlap, or that leave days out.
    """
    start, end = _day(period.start), _day(period.end)
    rows = agreements.append_column("row", pa.array(np.arange(agreements.num_rows)))
    first = np.maximum(_days(rows["from"], fill=0), start)
    after = np.minimum(_days(rows["to"], fill=_FAR), end)
    inside = first < after
    rows, first, after = rows.filter(pa.array(inside)), first[inside], after[inside]
    take, first, after, digests = _by_version(rows["tariff"].to_pylist(), first, after, versions)
    take, first, after, digests = _by_reset(take, first, after, digests, versions, period)
    names = rows["agreement"].to_pylist()
    terms = {version.digest: version.terms for version in versions if version.terms}
    take, first, after, digests, texts = _by_terms(
        take, first, after, digests, names=names, terms=terms, stated=stated or Stated()
    )
    spans = _spans(rows.take(pa.array(take)), first, after, digests, texts, metering_points)
    looking = {version.digest for version in versions if version.looks_back}
    return _looking_back(spans, looking, agreements), _findings(spans)


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _days(column: pa.ChunkedArray, *, fill: int) -> Days:
    filled = pc.fill_null(column.cast(pa.int32()).cast(pa.int64()), fill)
    return np.asarray(filled.to_numpy())


def _by_version(
    names: list[str], first: Days, after: Days, versions: Sequence[Version]
) -> tuple[Days, Days, Days, list[str | None]]:
    """Cut each row where its tariff's versions change; a part that none covers gets None."""
    parts: list[tuple[Days, Days, Days, str | None]] = []
    codes = np.array(names, dtype=object)
    for name in sorted(set(names)):
        rows = np.flatnonzero(codes == name)
        low, high = first[rows], after[rows]
        at = low.copy()
        mine = sorted((v for v in versions if v.tariff == name), key=lambda v: v.valid_from)
        for version, following in zip(mine, [*mine[1:], None], strict=True):
            begins = _day(version.valid_from)
            ends = _day(version.valid_to) if version.valid_to else _FAR
            if following and not version.valid_to:  # open: until the next begins
                ends = _day(following.valid_from)
            for cut_from, cut_to, digest in (
                (at, np.minimum(high, begins), None),
                (np.maximum(low, begins), np.minimum(high, ends), version.digest),
            ):
                keep = cut_from < cut_to
                parts.append((rows[keep], cut_from[keep], cut_to[keep], digest))
            at = np.maximum(at, min(ends, _FAR))
        keep = at < high
        parts.append((rows[keep], at[keep], high[keep], None))
    if not parts:
        return np.empty(0, np.int64), first, after, []
    digests = [digest for rows, _, _, digest in parts for _ in range(len(rows))]
    take, low, high = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return take, low, high, digests


def _by_reset(
    take: Days,
    first: Days,
    after: Days,
    digests: list[str | None],
    versions: Sequence[Version],
    period: Period,
) -> tuple[Days, Days, Days, list[str | None]]:
    """Cut spans where a yearly tier window of their tariff begins anew."""
    resets = {version.digest: version.resets for version in versions}
    for year in range(period.start.year, period.end.year + 1):
        for month, day in sorted(set().union(*resets.values()) if resets else ()):
            cut = _day(date(year, month, day))
            applies = np.array([(month, day) in resets.get(d or "", ()) for d in digests], bool)
            hit = np.flatnonzero(applies & (first < cut) & (cut < after))
            take = np.concatenate([take, take[hit]])
            digests = digests + [digests[i] for i in hit]
            first = np.concatenate([first, np.full(len(hit), cut)])
            after = np.concatenate([after, after[hit]])
            after[hit] = cut
    return take, first, after, digests


def _by_terms(
    take: Days,
    first: Days,
    after: Days,
    digests: list[str | None],
    *,
    names: list[str],
    terms: Mapping[str, frozenset[str]],
    stated: Stated,
) -> tuple[Days, Days, Days, list[str | None], list[str | None]]:
    """Cut spans where a term that their version declares changes; the terms of each."""
    texts: list[str | None] = [None] * len(take)
    more: list[tuple[int, int, int, str | None, str | None]] = []
    for i, digest in enumerate(digests):
        declared = terms.get(digest or "")
        if not declared:
            continue
        name, end = names[int(take[i])], int(after[i])
        cuts = stated.cuts(name, declared, int(first[i]), end)
        texts[i] = stated.text(name, declared, int(first[i]))
        if cuts:
            after[i] = cuts[0]
        for low, high in pairwise([*cuts, end]):
            more.append((int(take[i]), low, high, digest, stated.text(name, declared, low)))
    if not more:
        return take, first, after, digests, texts
    columns = list(zip(*more, strict=True))
    take, first, after = (
        np.concatenate([old, np.array(new, np.int64)])
        for old, new in zip((take, first, after), columns[:3], strict=True)
    )
    return take, first, after, [*digests, *columns[3]], [*texts, *columns[4]]


def _spans(
    rows: pa.Table,
    first: Days,
    after: Days,
    digests: list[str | None],
    texts: list[str | None],
    metering_points: pa.Table,
) -> pa.Table:
    """The SPANS table, sorted by agreement and day."""
    order = np.lexsort((first, _codes(rows["agreement"])))
    rows, first, after = rows.take(pa.array(order)), first[order], after[order]
    digests, texts = [digests[i] for i in order], [texts[i] for i in order]
    codes = _codes(rows["agreement"])
    begins = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else codes
    sizes = np.diff(np.r_[begins, len(codes)])
    number = np.arange(len(codes)) - np.repeat(begins, sizes)
    lows = np.repeat(np.minimum.reduceat(first, begins), sizes) if len(codes) else first
    highs = np.repeat(np.maximum.reduceat(after, begins), sizes) if len(codes) else after
    zones = dict(
        zip(
            metering_points["metering_point"].to_pylist(),
            metering_points["zone"].to_pylist(),
            strict=True,
        )
    )
    names = [zones.get(point) for point in rows["metering_point"].to_pylist()]
    columns = {
        "segment": pc.binary_join_element_wise(
            rows["agreement"], _dates(lows).cast(pa.string()), _dates(highs).cast(pa.string()), "/"
        ),
        "span": pa.array(number, pa.int32()),
        "zone": pa.array(names, pa.string()),
        "from": _dates(first),
        "to": _dates(after),
        "start_utc": _instants(first, names),
        "end_utc": _instants(after, names),
        "tariff": pa.array(digests, pa.string()),
        "terms": pa.array(texts, pa.string()),
        "look_back_from": pa.nulls(len(first), pa.date32()),
    }
    return pa.Table.from_arrays(
        [
            columns.get(name, rows[name] if name in rows.column_names else None)
            for name in SPANS.names
        ],
        schema=SPANS,
    )


def _looking_back(spans: pa.Table, versions: set[str], agreements: pa.Table) -> pa.Table:
    """Segments with such a version say on which day their agreement began."""
    some = pc.is_in(spans["tariff"], pa.array(sorted(versions), pa.string()))
    mine = pc.is_in(spans["segment"], spans.filter(some)["segment"].combine_chunks())
    if not pc.any(mine).as_py():
        return spans
    began = agreements.group_by("agreement", use_threads=False).aggregate([("from", "min")])
    at = pc.index_in(spans["agreement"], began["agreement"].combine_chunks())
    days = pc.if_else(
        mine, began["from_min"].take(at.combine_chunks()), pa.scalar(None, pa.date32())
    )
    name = "look_back_from"
    return spans.set_column(SPANS.get_field_index(name), SPANS.field(name), days)


def _codes(column: pa.ChunkedArray) -> Days:
    """A number per text, in order of the texts."""
    if len(column) == 0:
        return np.empty(0, np.int64)
    encoded = column.combine_chunks().dictionary_encode()
    rank = np.empty(len(encoded.dictionary), np.int64)
    rank[np.asarray(pc.sort_indices(encoded.dictionary))] = np.arange(len(rank))
    codes: Days = rank[np.asarray(encoded.indices)]
    return codes


def _dates(days: Days) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32())


def _instants(days: Days, zones: list[str | None]) -> pa.Array:
    """First instants of local days [s]; null where the zone is not known."""
    known: dict[tuple[int, str], int] = {}
    epoch = date(1970, 1, 1).toordinal()
    for day, name in set(zip(days.tolist(), zones, strict=True)):
        if name is not None:
            known[day, name] = zone(name).midnight(date.fromordinal(epoch + day))
    values = [known.get((d, z)) if z else None for d, z in zip(days.tolist(), zones, strict=True)]
    return pa.array(values, pa.int64())


def _findings(spans: pa.Table) -> pa.Table:
    found = [_no_tariff(row) for row in spans.filter(pc.is_null(spans["tariff"])).to_pylist()]
    found += [_no_zone(row) for row in spans.filter(pc.is_null(spans["zone"])).to_pylist()]
    if len(spans) > 1:
        same = np.asarray(pc.equal(spans["segment"][1:], spans["segment"][:-1]))
        step = _days(spans["from"], fill=0)[1:] - _days(spans["to"], fill=0)[:-1]
        found += [_torn(spans.slice(i, 2).to_pylist()) for i in np.flatnonzero(same & (step != 0))]
    return findings_table(found)


def _where(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("segment", "account", "metering_point", "start_utc", "end_utc")
    return {key: row[key] for key in keys}


def _no_tariff(row: Mapping[str, Any]) -> dict[str, Any]:
    return finding(
        "rating.tariff.none",
        Severity.HOLD,
        f"No version of the tariff of agreement {row['agreement']} is in force "
        f"from {row['from']} to {row['to']}.",
        remedy="Add the tariff version for these days, or correct the agreement's tariff.",
        must_hold=True,
        **_where(row),
    )


def _no_zone(row: Mapping[str, Any]) -> dict[str, Any]:
    return finding(
        "metering.point.unknown",
        Severity.HOLD,
        f"Agreement {row['agreement']} supplies metering point {row['metering_point']}, "
        "which is not in the master data.",
        remedy="Add the metering point with its time zone, or correct the agreement.",
        must_hold=True,
        **_where(row),
    )


def _torn(pair: list[dict[str, Any]]) -> dict[str, Any]:
    before, after = pair
    what = "overlap" if after["from"] < before["to"] else "leave days out"
    return finding(
        "metering.agreement.torn",
        Severity.HOLD,
        f"The terms of agreement {before['agreement']} {what} between {before['to']} "
        f"and {after['from']}.",
        remedy="Correct the dates of its terms so that each day has exactly one.",
        must_hold=True,
        evidence={"ends": before["to"], "begins": after["from"]},
        **_where(after),
    )
