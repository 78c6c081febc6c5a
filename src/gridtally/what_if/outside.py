"""What-if: what the other tariff asks of master data: terms, prices by time, events, eligibility.

The runs of the past were made for other tariffs, so this is taken from what is known today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.eligibility import ineligible
from gridtally.market import Market
from gridtally.metering.stated import Stated, stated
from gridtally.outside import market_of
from gridtally.rating.rate import Refused
from gridtally.rating.tariff import TariffVersion
from gridtally.store.snapshot import Snapshot, master
from gridtally.store.workspace import Workspace

__all__ = ["Outside", "outside_of"]

Ints = npt.NDArray[np.int64]
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Outside:
    """What is known outside of runs; nothing when the version asks for nothing."""

    workspace: Workspace
    version: TariffVersion
    tables: Mapping[str, pa.Table]
    stated: Stated

    def market(self, own: Mapping[str, pa.Table], *, bounds: tuple[int, int]) -> Market:
        """Prices and events of a time; what a run saw itself (`own`) comes first."""
        seen, today = (market_of(tables, bounds=bounds) for tables in (own, self.tables))
        return Market({**today.series, **seen.series}, {**today.events, **seen.events})

    def terms(self, spans: pa.Table) -> tuple[pa.Table, Ints]:
        """The spans with the terms that the version declares; those in which one changes."""
        place = spans.column_names.index("terms")
        names, count = self.version.terms, spans.num_rows
        if not names:
            return spans.set_column(place, "terms", pa.nulls(count, pa.string())), _NO_ROWS
        agreements = spans["agreement"].to_pylist()
        first, after = (_days(spans[name]) for name in ("from", "to"))
        days = zip(agreements, first.tolist(), after.tolist(), strict=True)
        texts, torn = [], []
        for row, (agreement, low, high) in enumerate(days):
            texts.append(self.stated.text(agreement, names, low))
            if self.stated.cuts(agreement, names, low, high):
                torn.append(row)
        return (
            spans.set_column(place, "terms", pa.array(texts, pa.string())),
            np.array(torn, np.int64),
        )

    def barred(self, spans: pa.Table, names: pa.Array) -> list[Refused]:
        """Segments (places in `names`) whose account or metering point may not have the tariff."""
        if not self.version.eligibility:
            return []
        found = ineligible(spans, {self.version.digest: self.version}, self.tables)
        refused = []
        for message in sorted(set(found["message"].to_pylist())):
            mine = found.filter(pc.equal(found["message"], message))
            at = pc.index_in(mine["segment"].combine_chunks(), names)
            remedy = "They would keep another tariff."
            rows = np.asarray(at).astype(np.int64)
            refused.append(Refused("rating.tariff.ineligible", message, remedy, rows))
        return refused


_NO_ROWS = np.zeros(0, np.int64)


def outside_of(snap: Snapshot, version: TariffVersion) -> Outside:
    """What is known in a snapshot, as far as the version asks for anything."""
    asks = version.terms or version.series or version.events or version.eligibility
    tables = master(snap) if asks else {}
    return Outside(snap.workspace, version, tables, stated(tables, names=version.terms))


def _days(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.int32()).combine_chunks()).astype(np.int64)
