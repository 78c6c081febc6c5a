"""Steps 1-2: what a delivery of master data changes: rows added, changed, gone; by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.master.columns import groups
from gridtally.intake.master.files import FILES

__all__ = ["Changes", "changes", "key_groups", "merged", "sorted_by_key"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows by number: `added` of the new table, `changed` as (old, new), `gone` of the old."""

    name: str
    before: pa.Table
    after: pa.Table
    added: Ints
    changed: tuple[Ints, Ints]
    gone: Ints

    def __bool__(self) -> bool:
        return bool(len(self.added) + len(self.changed[1]) + len(self.gone))

    def counts(self) -> dict[str, int]:
        """How many rows were added, changed, gone."""
        return {
            "added": len(self.added),
            "changed": len(self.changed[1]),
            "gone": len(self.gone),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each change as `table, what, key, before, after`; of what is personal only the name."""
        spec = FILES[self.name]
        for what, old, new in (
            ("added", None, self.after.take(pa.array(self.added))),
            ("changed", self.before.take(pa.array(self.changed[0])),
             self.after.take(pa.array(self.changed[1]))),
            ("gone", self.before.take(pa.array(self.gone)), None),
        ):  # fmt: skip
            size = len(new) if new is not None else len(old or [])
            for row in range(size):
                one = old.slice(row, 1).to_pylist()[0] if old is not None else {}
                two = new.slice(row, 1).to_pylist()[0] if new is not None else {}
                differ = [n for n in spec.schema.names if one.get(n) != two.get(n)]
                yield {
                    "table": self.name,
                    "what": what,
                    "key": {name: _plain((two or one)[name]) for name in spec.key},
                    "before": _shown(one, differ, spec.personal),
                    "after": _shown(two, differ, spec.personal),
                }


def _shown(row: Mapping[str, Any], names: list[str], personal: frozenset[str]) -> dict[str, Any]:
    return {
        name: "(personal)" if name in personal else _plain(row[name])
        for name in names
        if name in row and row[name] not in (None, "")
    }


def _plain(value: object) -> object:
    """A cell as JSON has it: dates as text."""
    return str(value) if isinstance(value, date) else value


def key_groups(name: str, *tables: pa.Table) -> Ints:
    """Rows of all tables, one after the other, that have one key share a number."""
    keys = pa.concat_tables([table.select(FILES[name].key) for table in tables])
    return groups(*(keys[column] for column in FILES[name].key))


def merged(name: str, before: pa.Table, given: pa.Table) -> tuple[pa.Table, Ints]:
    """The rows before without those that are given anew, then the given ones.

    Also gives the row of `given` that each row is; -1 for those that stay.
    """
    key = key_groups(name, before, given)
    stays = ~np.isin(key[: len(before)], key[len(before) :])
    table = pa.concat_tables([before.filter(pa.array(stays)), given])
    return table, np.concatenate([np.full(int(stays.sum()), -1), np.arange(len(given))])


def sorted_by_key(name: str, table: pa.Table) -> Ints:
    """The order in which a table is stored: that of its key, so that files may be shuffled."""
    order = [(column, "ascending") for column in FILES[name].key]
    return np.asarray(pc.sort_indices(table, sort_keys=order).to_numpy()).astype(np.int64)


def changes(name: str, before: pa.Table, after: pa.Table) -> Changes:
    """What is different between two states of a table."""
    none = np.empty(0, np.int64)
    if not len(before):
        return Changes(name, before, after, np.arange(len(after)), (none, none), none)
    key = key_groups(name, before, after)
    old, new = key[: len(before)], key[len(before) :]
    order = np.argsort(old, kind="stable")
    at = np.searchsorted(old[order], new)
    place = order[np.minimum(at, len(old) - 1)]
    known = old[place] == new
    rows = np.flatnonzero(known)
    differ = _differ(before.take(pa.array(place[rows])), after.take(pa.array(rows)))
    return Changes(
        name, before, after,
        added=np.flatnonzero(~known),
        changed=(place[rows][differ], rows[differ]),
        gone=np.flatnonzero(~np.isin(old, new)),
    )  # fmt: skip


def _differ(one: pa.Table, two: pa.Table) -> npt.NDArray[np.bool_]:
    """Rows that differ in some column; what is null and what is empty are the same."""
    found = np.zeros(len(one), bool)
    for name in two.column_names:
        left, right = one[name], two[name]
        if pa.types.is_string(left.type):
            left, right = pc.fill_null(left, ""), pc.fill_null(right, "")
        same = pc.fill_null(pc.equal(left, right), False)
        both_null = pc.and_(pc.is_null(left), pc.is_null(right))
        found |= ~pc.or_(same, both_null).to_numpy().astype(bool)
    return found
