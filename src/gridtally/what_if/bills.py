"""What-if: which bill segments of the past are to be compared, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import NotFound
from gridtally.money import minor_digits
from gridtally.periods import Period
from gridtally.rating.exact import integers
from gridtally.rating.tariff import TariffVersion
from gridtally.store import history
from gridtally.store.runs import open_run, past_folder
from gridtally.store.snapshot import snapshot
from gridtally.store.workspace import Workspace
from gridtally.what_if.stored import named

__all__ = ["COLUMNS", "Bills", "bills_of"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
COLUMNS = [
    "agreement", "account", "customer_segment", "metering_point", "from", "to", "tariff",
    "currency", "import_ukwh", "total", "run",
]  # fmt: skip
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Bills:
    """Bill segments, a row each, in the order of accounts and days."""

    agreements: pa.Array
    accounts: pa.Array
    """Sorted."""
    kinds: pa.Array
    """Customer segments, sorted."""
    regions: pa.Array
    """Sorted."""
    runs: Sequence[str]
    agreement: Ints
    account: Ints
    kind: Ints
    region: Ints
    """Of each account: that of the metering point of its first bill."""
    run: Ints
    begin: Ints
    """First local day [days since 1970]."""
    end: Ints
    """Local day after the last."""
    month: Ints
    """Year x 12 + month - 1 of the first day."""
    energy: Ints
    """Import [10^-6 kWh]."""
    total: Ints
    """As billed [smallest unit of the currency]."""
    tariffs: Sequence[str]
    """Ids of the tariffs that they were billed under."""
    unfinished: int
    """Bills in the range that have no amount, and are left out."""
    crossing: int
    """Bills that lie in the range in part only, and are left out."""

    def __len__(self) -> int:
        return len(self.run)

    @property
    def first(self) -> date:
        """The first day of all."""
        return date.fromordinal(_EPOCH + int(self.begin.min()))

    @property
    def last(self) -> date:
        """The day after the last of all."""
        return date.fromordinal(_EPOCH + int(self.end.max()))

    def by_run(self) -> list[tuple[str, Ints]]:
        """Runs with their rows, in the order of their days: what is carried flows that way."""
        order = np.argsort(self.run, kind="stable")
        cuts = np.flatnonzero(np.diff(self.run[order])) + 1
        parts = np.split(order, cuts) if len(order) else []
        named_ = [(self.runs[int(self.run[rows[0]])], rows) for rows in parts]
        return sorted(named_, key=lambda item: (int(self.begin[item[1]].min()), item[0]))


def bills_of(
    ws: Workspace,
    version: TariffVersion,
    *,
    tariffs: Sequence[str],
    segments: Sequence[str],
    period: Period | None,
    runs: Sequence[str],
    documents: Mapping[str, TariffVersion],
) -> Bills:
    """The bills in question (see `compare.Question`), of the currency of `version`."""
    past = _of_runs(ws, runs, documents) if runs else _issued(ws)
    past = past.filter(pc.equal(past["currency"], version.currency))
    if tariffs:
        _known(tariffs, past)
        past = past.filter(_one_of(past["tariff"], tariffs))
    elif pc.any(pc.equal(past["tariff"], version.id)).as_py():
        past = past.filter(pc.equal(past["tariff"], version.id))
    if segments:
        past = past.filter(_one_of(past["customer_segment"], segments))
    past, crossing = _within(past, period)
    finished = past.filter(pc.is_valid(past["total"]))
    return _bills(ws, _last(finished), past.num_rows - finished.num_rows, crossing)


def _issued(ws: Workspace) -> pa.Table:
    return history.read_history(snapshot(ws), columns=COLUMNS)


def _of_runs(
    ws: Workspace, runs: Sequence[str], documents: Mapping[str, TariffVersion]
) -> pa.Table:
    """The segments of sealed runs, as rows of the history that they would become."""
    ids = {digest: version.id for digest, version in documents.items()}
    tables = []
    for name in runs:
        run = open_run(ws, name)
        rows = history.history_rows(
            run.read("segments"), accounts=run.read("master/accounts"),
            findings=run.read("findings"), tariff_ids=ids, run=run.id,
        )  # fmt: skip
        tables.append(rows.select(COLUMNS))
    return pa.concat_tables(tables)


def _known(tariffs: Sequence[str], past: pa.Table) -> None:
    have = set(named(past["tariff"]).dictionary.to_pylist())
    for name in tariffs:
        if name not in have:
            raise NotFound(
                f"No bill in the currency of this document was made under a tariff {name[:64]!r}.",
                remedy=f"There are: {', '.join(sorted(have - {''})) or 'none'}.",
            )


def _one_of(column: pa.ChunkedArray, texts: Sequence[str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(texts, pa.string()))


def _within(past: pa.Table, period: Period | None) -> tuple[pa.Table, int]:
    """Bills wholly in the period, and how many touch it but are not."""
    if not past.num_rows:
        return past, 0
    if period is None:
        end = pc.max(past["to"]).as_py()
        last = end if end.day == 1 else date(end.year + end.month // 12, end.month % 12 + 1, 1)
        period = Period(last.replace(year=last.year - 1), last)
    low, high = pa.scalar(period.start), pa.scalar(period.end)
    touching = pc.and_(pc.less(past["from"], high), pc.greater(past["to"], low))
    inside = pc.and_(pc.greater_equal(past["from"], low), pc.less_equal(past["to"], high))
    return past.filter(inside), int(pc.sum(touching).as_py() or 0) - int(
        pc.sum(inside).as_py() or 0
    )


def _last(past: pa.Table) -> pa.Table:
    """One row per agreement and first day: the one that was entered last."""
    if not past.num_rows:
        return past
    agreement = np.asarray(named(past["agreement"]).indices).astype(np.int64)
    day = _days(past["from"])
    key = agreement * 2**20 + day
    order = np.argsort(key, kind="stable")
    last = np.r_[key[order][1:] != key[order][:-1], True]
    return past if last.all() else past.take(pa.array(np.sort(order[last])))


def _days(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.int32()).combine_chunks()).astype(np.int64)


def _bills(ws: Workspace, past: pa.Table, unfinished: int, crossing: int) -> Bills:
    digits = {minor_digits(name) for name in named(past["currency"]).dictionary.to_pylist()}
    step = 10 ** (8 - (digits.pop() if digits else 2))
    accounts, account = _coded(past["account"])
    begin = _days(past["from"])
    order = np.lexsort((begin, account))
    agreements, agreement = _coded(past["agreement"])
    kinds, kind = _coded(past["customer_segment"])
    runs, run = _coded(past["run"])
    month = begin.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    first = order[np.searchsorted(account[order], np.arange(len(accounts)))]
    regions, region = _regions(ws, past["metering_point"].take(pa.array(first)), runs.to_pylist())
    amounts = integers(past["total"])
    whole = amounts // step
    assert (whole * step == amounts).all(), "a billed total finer than the currency's smallest unit"
    return Bills(
        agreements=agreements, accounts=accounts, kinds=kinds, regions=regions,
        runs=runs.to_pylist(), agreement=agreement[order], account=account[order],
        kind=kind[order], region=region, run=run[order], begin=begin[order],
        end=_days(past["to"])[order], month=month[order],
        energy=np.asarray(pc.fill_null(past["import_ukwh"], 0).combine_chunks())[order],
        total=whole.astype(np.int64)[order],
        tariffs=sorted(set(named(past["tariff"]).dictionary.to_pylist())), unfinished=unfinished,
        crossing=crossing,
    )  # fmt: skip


def _coded(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """The distinct texts of a column, sorted, and the number of each row's."""
    whole = named(column)
    used = np.flatnonzero(np.bincount(np.asarray(whole.indices), minlength=len(whole.dictionary)))
    texts = whole.dictionary.take(pa.array(used))
    order = np.asarray(pc.sort_indices(texts)).astype(np.int64)
    place = np.zeros(len(whole.dictionary), np.int64)
    place[used[order]] = np.arange(len(order))
    return texts.take(pa.array(order)), place[np.asarray(whole.indices)]


def _regions(ws: Workspace, points: pa.ChunkedArray, runs: Sequence[str]) -> tuple[pa.Array, Ints]:
    """The region of each metering point, as the newest of the runs knew it."""
    texts = pa.array([""] * len(points), pa.string())
    made = [run for run in runs if not run.startswith("opening/")]
    if made:
        table = past_folder(ws, max(made)).read("master/metering_points")
        mine = points.cast(pa.string()).combine_chunks()
        at = pc.index_in(mine, table["metering_point"].combine_chunks())
        texts = pc.fill_null(table["region"].combine_chunks().take(at), "")
    return _coded(pa.chunked_array([texts]))
