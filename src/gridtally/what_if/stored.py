"""What-if: what one sealed run stored about the bill segments in question, as it was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.rating.calendars import runs
from gridtally.store.runs import RunFolder
from gridtally.tables import ADVANCES, CARRY

__all__ = ["Stored", "named", "read_stored", "segments_of"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_TEXTS = {"spans": ("tariff", "zone", "legal_source"), "determinants": ("name",),
          "lines": ("component", "kind")}  # fmt: skip
_MARKET = ("price_series", "market_events")
_COLUMNS = {"determinants": ["segment", "span", "name", "value"],
            "lines": ["segment", "span", "component", "kind", "amount"]}  # fmt: skip


@dataclass
class Stored:
    """Tables of a run; spans are those of the segments in question, a segment's together."""

    spans: pa.Table
    determinants: pa.Table
    advances: pa.Table
    lines: pa.Table | None = None
    carry_in: pa.Table = field(default_factory=CARRY.empty_table)
    market: Mapping[str, pa.Table] = field(default_factory=dict)
    """Prices and events that the run saw."""
    bill: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Row among all bills, per segment."""
    _found: tuple[pa.Array, Ints] | None = None

    def __post_init__(self) -> None:
        self.segment = segments_of(self.spans)
        self.starts = runs(self.segment)
        self.names = self.spans["segment"].take(pa.array(self.starts)).combine_chunks()

    @property
    def bounds(self) -> tuple[int, int]:
        """First instant of all spans, and the first after them. [s]"""
        low, high = pc.min(self.spans["start_utc"]).as_py(), pc.max(self.spans["end_utc"]).as_py()
        return low or 0, high or 0

    def places(self, table: pa.Table) -> Ints:
        """The row of `spans` that (segment, span) of each row names; -1: none.

        Rows of a segment stand together, so that one text per segment is looked up; the tables of
        a run mostly have their segments in the same order, and then the first look-up serves all.
        """
        if table.num_rows == 0 or len(self.names) == 0:
            return np.full(table.num_rows, -1)
        heads = np.flatnonzero(_heads(table["segment"]))
        mine = table["segment"].combine_chunks().take(pa.array(heads))
        known = self._found
        if known is None or len(known[0]) != len(mine) or not mine.equals(known[0]):
            at = np.asarray(pc.fill_null(pc.index_in(mine, self.names), -1)).astype(np.int64)
            self._found = known = mine, at
        at = np.repeat(known[1], np.diff(np.r_[heads, table.num_rows]))
        row = self.starts[at] + np.asarray(table["span"].combine_chunks())
        return np.where(at < 0, -1, row)


def read_stored(
    folder: RunFolder, agreements: pa.Array, bills: Ints, *, components: Collection[str]
) -> Stored:
    """The tables of a run. `bills`: the bill of each of `agreements`, -1 where it has none here.

    Of what was carried in, only what these components go on from.
    """
    spans = _read(folder, "spans")
    code = pc.fill_null(pc.index_in(spans["agreement"].combine_chunks(), agreements), -1)
    at = np.asarray(code).astype(np.int64)
    bill = np.where(at < 0, -1, bills[at])
    if (bill < 0).any():
        spans, bill = spans.filter(pa.array(bill >= 0)), bill[bill >= 0]
    if "terms" not in spans.column_names:  # a run of an older version
        spans = spans.append_column("terms", pa.nulls(spans.num_rows, pa.string()))
    # A what-if begins with its bills: it asks for no demand before them.
    spans = spans.select([name for name in spans.column_names if name != "look_back_from"])
    spans = spans.append_column("look_back_from", pa.nulls(spans.num_rows, pa.date32()))
    spans = spans.combine_chunks()
    stored = Stored(
        spans,
        _read(folder, "determinants"),
        _read(folder, "advances") if _there(folder, "advances") else ADVANCES.empty_table(),
        _read(folder, "lines"),
        _carry_in(folder, components),
    )
    seen = [name for name in _MARKET if _there(folder, f"master/{name}")]
    stored.market = {name: folder.read(f"master/{name}") for name in seen}
    stored.bill = bill[stored.starts]
    return stored


def _read(folder: RunFolder, name: str) -> pa.Table:
    return folder.read(name, columns=_COLUMNS.get(name), texts=_TEXTS.get(name, ()))


def _there(folder: RunFolder, name: str) -> bool:
    return (folder.path / name).is_dir()


def _carry_in(folder: RunFolder, components: Collection[str]) -> pa.Table:
    table = folder.read("carry_in") if _there(folder, "carry_in") else CARRY.empty_table()
    keys = [key for key in table["key"].unique().to_pylist() if key.split("/")[1] in components]
    return table.filter(pc.is_in(table["key"], pa.array(keys, pa.string())))


# -------------------------------------------------------------------- names


def named(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column as one dictionary array, however it was read."""
    if not pa.types.is_dictionary(column.type):
        column = column.combine_chunks()
        whole = column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)
        return whole.dictionary_encode()
    if column.num_chunks == 0:
        return pa.array([], pa.string()).dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    return whole if isinstance(whole, pa.Array) else whole.chunk(0)


def segments_of(spans: pa.Table) -> Ints:
    """0, 1, … for the segments of spans; the spans of a segment stand together."""
    if spans.num_rows == 0:
        return np.zeros(0, np.int64)
    return np.cumsum(_heads(spans["segment"])) - 1


def _heads(column: pa.ChunkedArray) -> Mask:
    text = column.combine_chunks()
    return np.asarray(np.r_[True, np.asarray(pc.not_equal(text[1:], text[:-1]))])
