"""Step 6: determinants x prices = lines, exactly, all spans of a cohort at once.

The spans of a segment are rated in order, because carry flows from one to the next. A segment
that lacks any quantity or price gets no lines, and a finding that holds it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.money import Rounding
from gridtally.periods import Period
from gridtally.rating.carry import State
from gridtally.rating.cohort import Cohort
from gridtally.rating.facts import Hold, known_column, look_back_of, terms_of
from gridtally.rating.lines import Batch, Totals, lines_table
from gridtally.rating.shapes import charge_lines
from gridtally.rating.shapes.tiered import window_start
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import finding, findings_table
from gridtally.terms import RoundingMode, Severity

__all__ = ["Rated", "Refused", "Sheet", "rate"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_NO_TOTAL = (Rounding(8, RoundingMode.DOWN), "")


@dataclass(frozen=True, slots=True)
class Rated:
    """What step 6 gives: LINES, the CARRY that segments hand on, FINDINGS."""

    lines: pa.Table
    carry: pa.Table
    findings: pa.Table


@dataclass(frozen=True, slots=True)
class Refused:
    """Segments that get no lines, and why."""

    code: str
    message: str
    remedy: str
    segments: Ints


def rate(
    spans: pa.Table,
    determinants: pa.Table,
    *,
    tariffs: Mapping[str, TariffVersion],
    carry_in: pa.Table,
    incomplete: pa.Table | None = None,
    market: Market = NO_MARKET,
) -> Rated:
    """Rate SPANS with their DETERMINANTS under tariff versions by digest.

    `carry_in` is what the predecessors of the agreements hand on. An agreement has at most one
    segment here: of two, the later needs the carry of the earlier. `incomplete` are the findings
    of step 5: what it had to hold gets no lines, even if no component asks for what is missing.
    """
    spans = spans.sort_by([("segment", "ascending"), ("span", "ascending")]).combine_chunks()
    sheet = Sheet(spans, determinants, tariffs, carry_in, market)
    batches = [sheet.rate(*cohort) for cohort in sheet.cohorts()]
    good = sheet.good
    said: set[tuple[str, str]] = set()
    if incomplete is not None:
        held = incomplete.filter(incomplete["must_hold"])
        first = spans["segment"].take(pa.array(sheet.starts))
        good &= ~np.asarray(pc.is_in(first, held["segment"].combine_chunks()))
        said = set(zip(*(held[name].to_pylist() for name in ("segment", "channel")), strict=True))
    lines = lines_table(spans, sheet.segment_of, batches, totals=sheet.totals(), good=good)
    first = spans.take(pa.array(sheet.starts))
    ends = spans["to"].take(pa.array(sheet.ends - 1))
    names = {"segment": first["segment"], "agreement": first["agreement"], "to": ends}
    carry = sheet.carry.table(names, good)
    return Rated(lines, carry, findings_table(sheet.findings(said)))


class Sheet:
    """All spans, sorted by segment and number, with what is known about each."""

    def __init__(
        self,
        spans: pa.Table,
        determinants: pa.Table | Mapping[str, tuple[Ints, Ints]],
        tariffs: Mapping[str, TariffVersion],
        carry_in: pa.Table | State,
        market: Market,
    ) -> None:
        self.spans, self.tariffs, self.market = spans, tariffs, market
        names = spans["segment"].combine_chunks()
        head = np.asarray(pc.not_equal(names[1:], names[:-1]))
        self.starts = np.flatnonzero(np.r_[[True] * (len(names) > 0), head]).astype(np.int64)
        self.ends = np.r_[self.starts, spans.num_rows][1:].astype(np.int64)
        self.segment_of = np.repeat(np.arange(len(self.starts)), self.ends - self.starts)
        if isinstance(carry_in, State):
            self.carry = carry_in
        else:
            agreements = spans["agreement"].take(pa.array(self.starts)).combine_chunks()
            assert len(agreements) == len(agreements.unique()), "two segments of one agreement"
            self.carry = State(carry_in, agreements=agreements)
        if isinstance(determinants, Mapping):
            self._determinants = determinants
        else:
            segments = names.take(pa.array(self.starts))
            self._determinants = _turned(determinants, spans, segments)
        self._contract = known_column(spans, "contract_ukw")
        self._capacity = known_column(spans, "capacity_ukva")
        self._terms, self._look_back = terms_of(spans), look_back_of(spans)
        tariff = spans["tariff"].combine_chunks().dictionary_encode()
        self._digests: list[str | None] = [*tariff.dictionary.to_pylist(), None]
        self._tariff = np.asarray(pc.fill_null(tariff.indices, len(self._digests) - 1))
        self._holds: list[tuple[Ints, Hold]] = []
        self._carried_twice()
        self._mixed_currency()

    def cohorts(self) -> Iterator[tuple[TariffVersion, tuple[Period, ...], Ints, Ints]]:
        """(version, periods, rows, period of each): the first spans of all segments, then the next.

        Spans whose tariff cannot be used for them are held, and in none.
        """
        if self.spans.num_rows == 0:
            return
        columns = [self.spans[name].combine_chunks() for name in ("tariff", "from", "to", "zone")]
        codes = [np.asarray(pc.fill_null(c.dictionary_encode().indices, -1)) for c in columns]
        found, first = _distinct(np.vstack(codes))
        kinds: dict[Kind, int] = {}
        kind, periods = np.full(len(first), -1), []
        for i, row in enumerate(first.tolist()):
            digest, begins, ends, zone = (column[row].as_py() for column in columns)
            version, period = self.tariffs.get(digest or ""), Period(begins, ends)
            periods.append(period)
            if hold := _unusable(version, digest, period, zone):
                rows = np.flatnonzero(found == i)
                self._holds.append((rows, Hold(hold[0], np.ones(len(rows), bool), *hold[1:])))
            elif version:
                kind[i] = kinds.setdefault(_kind(version, period), len(kinds))
        wave = np.arange(self.spans.num_rows) - self.starts[self.segment_of]
        order = np.lexsort((kind[found], wave))
        order = order[kind[found[order]] >= 0]
        groups = np.vstack([wave[order], kind[found[order]]])
        cuts = np.flatnonzero((groups[:, 1:] != groups[:, :-1]).any(axis=0)) + 1
        versions = [kind.version for kind in kinds]
        for rows in np.split(order.astype(np.int64), cuts) if len(order) else ():
            own, which = np.unique(found[rows], return_inverse=True)
            mine = tuple(periods[i] for i in own.tolist())
            yield versions[int(kind[own[0]])], mine, rows, which.astype(np.int64)

    def rate(
        self, version: TariffVersion, periods: tuple[Period, ...], rows: Ints, period: Ints
    ) -> Batch:
        """The lines of one cohort."""

        def stated(name: str) -> tuple[Ints, Mask]:
            values, known = self._terms(name)
            return values[rows], known[rows]

        cohort = Cohort(
            version=version,
            zone=version.zone,
            declared=version.terms,
            stated=stated,
            look_back_from=self._look_back[rows],
            market=self.market,
            periods=periods,
            period=period,
            segments=self.segment_of[rows],
            determinant=lambda name: _look_up(self._determinants.get(name), rows),
            contract=(self._contract[0][rows], self._contract[1][rows]),
            capacity=(self._capacity[0][rows], self._capacity[1][rows]),
            carry=self.carry,
        )
        for position in version.order:
            charge_lines(version.components[position], cohort)
        self._holds += [(rows, found) for found in cohort.holds]
        return Batch(rows, tuple(charge.id for charge in version.components), cohort.blocks)

    @property
    def good(self) -> Mask:
        """Segments without a hold."""
        good = np.ones(len(self.starts), bool)
        for rows, hold in self._holds:
            good[self.segment_of[rows[hold.where]]] = False
        return good

    def totals(self) -> Totals:
        """How each segment's total is rounded: as the version of its last span says."""
        points: dict[tuple[Rounding, str], int] = {}
        of = np.zeros(len(self._digests), np.int64)
        for number, digest in enumerate(self._digests):
            version = self.tariffs.get(digest or "")
            point = (version.total, version.currency) if version else _NO_TOTAL
            of[number] = points.setdefault(point, len(points))
        return Totals(list(points), of[self._tariff[self.ends - 1]], self.ends - 1)

    def refused(self) -> list[Refused]:
        """Every reason with the segments that it holds, each once."""
        found: dict[tuple[str, str, str], list[Ints]] = {}
        for rows, hold in self._holds:
            key = hold.code, hold.message, hold.remedy
            found.setdefault(key, []).append(self.segment_of[rows[hold.where]])
        return [Refused(*key, np.unique(np.concatenate(parts))) for key, parts in found.items()]

    def findings(self, said: Collection[tuple[str, str]] = ()) -> list[dict[str, object]]:
        """One finding per segment and reason, at its first span.

        `said`: (segment, channel) that step 5 holds, an empty channel for several: that a quantity
        is missing is no news there.
        """
        found: dict[tuple[int, str, str], tuple[int, Hold]] = {}
        for rows, hold in self._holds:
            for row in rows[hold.where].tolist():
                key = (int(self.segment_of[row]), hold.code, hold.message)
                if key not in found or row < found[key][0]:
                    found[key] = row, hold
        names = self.spans["segment"].take(pa.array(self.starts)).to_pylist() if said else []
        return [
            self._finding(*found[key])
            for key in sorted(found)
            if not _known(names[key[0]] if said else "", found[key][1].channels, said)
        ]

    def _finding(self, row: int, hold: Hold) -> dict[str, object]:
        span = self.spans.slice(row, 1).to_pylist()[0]
        where = ("segment", "account", "metering_point", "start_utc", "end_utc")
        return finding(
            hold.code,
            Severity.HOLD,
            hold.message,
            remedy=hold.remedy,
            must_hold=True,
            **{key: span[key] for key in where},
        )

    def _carried_twice(self) -> None:
        doubled = np.flatnonzero(self.carry.doubled)
        if len(doubled):
            message = "The predecessor hands on two values of one carry."
            remedy = "Keep the one of the last issued segment."
            everywhere = np.ones(len(doubled), bool)
            hold = Hold("rating.carry.twice", everywhere, message, remedy)
            self._holds.append((self.starts[doubled], hold))

    def _mixed_currency(self) -> None:
        names = {digest: version.currency for digest, version in self.tariffs.items()}
        if len(set(names.values())) < 2:
            return
        codes = {name: i for i, name in enumerate(sorted(set(names.values())))}
        of = np.array([codes.get(names.get(d or "", ""), -1) for d in self._digests], np.int64)
        each = of[self._tariff]
        low = np.minimum.reduceat(np.where(each < 0, len(codes), each), self.starts)
        mixed = np.flatnonzero(low < np.maximum.reduceat(each, self.starts))  # of those known
        if len(mixed):
            message = "The tariff versions of this period are in different currencies."
            remedy = "Bill the periods apart, or correct the tariff of the agreement."
            hold = Hold("rating.currency.mixed", np.ones(len(mixed), bool), message, remedy)
            self._holds.append((self.starts[mixed], hold))


def _known(segment: str, channels: Sequence[str], said: Collection[tuple[str, str]]) -> bool:
    """Whether step 5 found something wrong with the readings that a hold is about."""
    return bool(channels) and any((segment, name) in said for name in ("", *channels))


class Kind(NamedTuple):
    """What the spans of a cohort have in common."""

    version: TariffVersion
    first: tuple[int, int]
    """Year and month of the first day."""
    last: tuple[int, int]
    """Year and month of the last day."""
    windows: tuple[date, ...]
    """Where the yearly windows began."""


def _kind(version: TariffVersion, period: Period) -> Kind:
    last = date.fromordinal(period.end.toordinal() - 1)
    return Kind(
        version,
        (period.start.year, period.start.month),
        (last.year, last.month),
        tuple(window_start(period.start, [reset]) for reset in sorted(version.resets)),
    )


def _distinct(codes: Ints) -> tuple[Ints, Ints]:
    """Columns of small integers, shape (keys, rows): which distinct one each row is, and the
    first row of each distinct one."""
    whole = np.zeros(codes.shape[1], np.int64)
    for code in codes:
        whole = np.unique(whole * (int(code.max()) + 2) + code + 1, return_inverse=True)[1]
    _, first = np.unique(whole, return_index=True)
    return whole, first


def _unusable(
    version: TariffVersion | None, digest: str | None, period: Period, zone: str | None
) -> tuple[str, str, str] | None:
    """Why a version cannot price a span (code, message, remedy), or None."""

    def hold(code: str, message: str, remedy: str) -> tuple[str, str, str]:
        return code, message, remedy

    if version is None:
        what = f"The tariff version {digest[:19]}… is not there" if digest else "There is no tariff"
        return hold(
            "rating.price.missing",
            f"{what} for {period.start} to {period.end}.",
            "Add the tariff version; a missing price is never read as zero.",
        )
    if zone != version.zone:
        return hold(
            "rating.zone.differs",
            f"The tariff {version.id} counts hours in {version.zone}, "
            f"the metering point in {zone}.",
            "Give the agreement a tariff of its own zone, or correct the metering point.",
        )
    after = version.valid_to is not None and period.end > version.valid_to
    if period.start < version.valid_from or after:
        return hold(
            "rating.price.missing",
            f"The tariff {version.id} is valid from {version.valid_from} to "
            f"{version.valid_to or 'further notice'}, "
            f"not for all of {period.start} to {period.end}.",
            "Add the version for the missing days.",
        )
    last = date.fromordinal(period.end.toordinal() - 1)
    if years := version.unlisted(period):
        year = min(years)
        return hold(
            "rating.holidays.missing",
            f"The tariff {version.id} prices holidays apart, and does not list those of {year}.",
            "Add the holidays of that year in a new version of the tariff.",
        )
    for reset in sorted(version.resets):
        if window_start(last, [reset]) > period.start:
            return hold(
                "rating.window.reset",
                f"A year of {version.id} closes within {period.start} to {last}.",
                "Cut the span on the day on which it closes.",
            )
    return None


def _turned(
    determinants: pa.Table, spans: pa.Table, segments: pa.Array
) -> dict[str, tuple[Ints, Ints]]:
    """By name: rows of `spans`, sorted, and the values there."""
    if determinants.num_rows == 0 or spans.num_rows == 0:
        return {}
    width = int(pc.max(spans["span"]).as_py()) + 1
    lookup = np.full(len(segments) * width, -1, np.int64)
    lookup[_place(spans, segments, width)] = np.arange(spans.num_rows)
    at = _place(determinants, segments, width)
    inside = (at >= 0) & (np.asarray(determinants["span"]) < width)
    rows = np.where(inside, lookup[np.where(inside, at, 0)], -1)
    names = determinants["name"].combine_chunks().dictionary_encode()
    codes, values = np.asarray(names.indices), np.asarray(determinants["value"])
    order = np.lexsort((rows, codes))
    order = order[rows[order] >= 0]
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else []
    return {names.dictionary[int(codes[p[0]])].as_py(): (rows[p], values[p]) for p in parts}


def _place(table: pa.Table, segments: pa.Array, width: int) -> Ints:
    at = np.asarray(pc.fill_null(pc.index_in(table["segment"], segments), -1)).astype(np.int64)
    return np.where(at < 0, -1, at * width + np.asarray(table["span"]))


def _look_up(found: tuple[Ints, Ints] | None, rows: Ints) -> tuple[Ints, Mask]:
    """Values at `rows`, and where there is one."""
    if found is None:
        return np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
    at = np.minimum(np.searchsorted(found[0], rows), len(found[0]) - 1)
    known = found[0][at] == rows
    return np.where(known, found[1][at], 0), known
