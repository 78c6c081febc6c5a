"""Steps 1-2: what became of each row of a file: accepted, a duplicate, or quarantined.

Decode judges rows, the store judges readings. Where each accepted row is a reading, readings are
counted; else a block, or a reading of a dial, is a row; else rows are shared out among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow.compute as pc

from gridtally.intake.decode import Decoded
from gridtally.intake.known import Group

__all__ = ["Account", "Judged", "account", "by_block", "shared"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the store says of some readings, and of the blocks and dial readings they stand in."""

    repeated: int
    disputed: int
    superseding: int


@dataclass(frozen=True, slots=True)
class Account:
    """The rows of a file: `rows = accepted + duplicates + quarantined`.

    `superseding` are part of the accepted, `waiting` and `disputed` of the quarantined.
    """

    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    superseding: int
    waiting: int
    disputed: int


def by_block(decoded: Decoded) -> bool:
    """Whether a block is a row of the file, and not each of its readings."""
    return decoded.accepted != _readings(decoded)


def _readings(decoded: Decoded) -> int:
    slots = pc.sum(pc.list_value_length(decoded.blocks["values"])).as_py() or 0
    dials: int = decoded.registers.num_rows
    return int(slots) + dials


def account(
    decoded: Decoded, *, readings: Judged, rows: Judged, groups: Sequence[Group]
) -> tuple[Account, list[Group]]:
    """The row account after the store has judged, and the groups that wait, in rows.

    A repeated row is a duplicate whether or not it is known; a disputed one does not wait.
    """
    accepted, units = decoded.accepted, _readings(decoded)
    judged = readings
    if accepted != units:
        judged, units = rows, decoded.blocks.num_rows + decoded.registers.num_rows

    def in_rows(count: int) -> int:
        return -(-count * accepted // units) if units else 0

    disputed = min(in_rows(judged.disputed), accepted)
    repeated = min(in_rows(judged.repeated), accepted - disputed)
    waiting = min(in_rows(sum(g.rows for g in groups)), accepted - disputed - repeated)
    left = accepted - disputed - repeated - waiting
    parts = shared(waiting, [group.rows for group in groups])
    return Account(
        rows=decoded.rows,
        accepted=left,
        duplicates=decoded.duplicates + repeated,
        quarantined=decoded.quarantined + disputed + waiting,
        superseding=min(in_rows(judged.superseding), left),
        waiting=waiting,
        disputed=disputed,
    ), [replace(g, rows=n) for g, n in zip(groups, parts, strict=True) if n]


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """A number of rows in parts like `weights`, which sum exactly; none is empty if all can be."""
    least = 1 if total >= len(weights) else 0
    rest, whole = total - least * len(weights), sum(weights)
    parts, done = [], 0
    for weight in weights:
        before = rest * done // whole if whole else 0
        done += weight
        parts.append(least + (rest * done // whole if whole else 0) - before)
    return parts
