"""Between steps 4 and 6: the rating case of a segment, everything that decides its bill.

The second rater reads it, the bill's proof contains it, `input_digest` is taken over it
(`docs/rating-case.md`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.metering.blocks import Dense
from gridtally.metering.case_digests import TO_LETTERS, canonical, digests, within
from gridtally.periods import iso_utc
from gridtally.terms import LegalSource

__all__ = ["Cases", "canonical", "input_digest"]

Row = Mapping[str, Any]


def input_digest(case: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over a rating case, each channel's values standing as their own digest."""
    channels = {
        name: {key: channel[key] for key in ("start", "resolution_s")}
        | {"digest": channel.get("digest") or _digest_of_lists(channel)}
        for name, channel in case["channels"].items()
    }
    return hashlib.sha256(canonical({**case, "channels": channels})).hexdigest()


def _digest_of_lists(channel: Mapping[str, Any]) -> str:
    values = b"".join(v.to_bytes(8, "little", signed=True) for v in channel["values"])
    return hashlib.sha256(values + channel["quality"].encode()).hexdigest()


class Declares(Protocol):
    """A tariff version, as far as a case needs it."""

    @property
    def series(self) -> Mapping[str, object]:
        """The series that it declares."""

    @property
    def events(self) -> Mapping[str, object]:
        """The events that it declares."""


class Cases:
    """The rating cases of the segments of one bucket, made from its tables on demand.

    `dense` holds the final readings (validated and estimated) by channel, several grids when
    metering points differ in resolution; `used` the register readings that bound the stretches;
    `carry` what predecessors hand on; `market` the prices and events that `tariffs`, by digest,
    declare.
    """

    def __init__(
        self,
        spans: pa.Table,
        *,
        dense: Iterable[Dense],
        used: pa.Table,
        carry: pa.Table,
        market: Market = NO_MARKET,
        tariffs: Mapping[str, Declares] | None = None,
    ) -> None:
        self._table = spans
        self._used = _grouped(used, "segment")
        self._carry = _grouped(carry, "agreement")
        self._grids = list(dense)
        self._market, self._tariffs = market, tariffs or {}
        self._cut: dict[tuple[frozenset[str | None], int, int], dict[str, Any]] = {}

    @cached_property
    def _spans(self) -> dict[str, list[dict[str, Any]]]:
        return _grouped(self._table, "segment")

    @cached_property
    def _rows(self) -> list[dict[str, int]]:
        return [{point: i for i, point in enumerate(grid.points)} for grid in self._grids]

    def __iter__(self) -> Iterator[str]:
        return iter(_names(self._table))

    def digest(self, segment: str) -> str:
        """The segment's `input_digest`."""
        return input_digest(self._case(segment, full=False))

    def digests(self) -> dict[str, str]:
        """The `input_digest` of every segment.

        Those of interval-billed segments are worked out together. (2026-11-23: 10 times as fast
        as one by one; 2026-11-30: twice as fast again.)
        """
        register = _from_registers(self._table)
        found = {name: self.digest(name) for name in _names(self._table.filter(register))}
        measured = self._table.filter(pc.invert(register))
        return found | digests(measured, self._grids, carry=self._carry_text, outside=self._outside)

    def _outside(
        self, tariffs: Iterable[str | None], start_utc: int, end_utc: int
    ) -> dict[str, Any]:
        """Series and events that some tariffs declare, as far as they are known."""
        key = frozenset(tariffs), start_utc, end_utc
        if key not in self._cut:
            versions = [self._tariffs[name] for name in key[0] if name and name in self._tariffs]
            self._cut[key] = {} if not versions or start_utc >= end_utc else self._market.case(
                start_utc,
                end_utc,
                series={name for version in versions for name in version.series},
                events={name for version in versions for name in version.events},
            )  # fmt: skip
        return self._cut[key]

    def _carry_text(self, agreement: str) -> str:
        if agreement not in self._carry:
            return "[]"
        return canonical(self._carry_of(agreement)).decode()

    def _carry_of(self, agreement: str) -> list[dict[str, Any]]:
        rows = sorted(self._carry.get(agreement, ()), key=lambda r: (r["key"], r["at"]))
        return [{"key": r["key"], "at": str(r["at"]), "value": r["value"]} for r in rows]

    def case(self, segment: str) -> dict[str, Any]:
        """The whole case, readings in it."""
        return self._case(segment, full=True)

    def _case(self, segment: str, *, full: bool) -> dict[str, Any]:
        spans = self._spans[segment]
        first, last = spans[0], spans[-1]
        register = first["legal_source"] == "register"
        bounds = (first["start_utc"], last["end_utc"])
        return (
            {
                "schema": 1,
                "agreement": first["agreement"],
                "metering_point": first["metering_point"],
                "zone": first["zone"],
                "legal_source": first["legal_source"],
                "from": str(first["from"]),
                "to": str(last["to"]),
                "spans": [_span(span) for span in spans],
                "channels": {}
                if register
                else self._channels(first["metering_point"], bounds, full=full),
                "registers": _registers(self._used.get(segment, [])) if register else [],
                "carry_in": self._carry_of(first["agreement"]),
            }
            | _looking_back(first)
            | self._outside([span["tariff"] for span in spans], *(at or 0 for at in bounds))
        )

    def _channels(
        self, point: str, bounds: tuple[int, int], *, full: bool
    ) -> dict[str, dict[str, Any]]:
        found = {}
        for grid, rows in zip(self._grids, self._rows, strict=True):
            row = rows.get(point)
            if row is None:
                continue
            low, high = within(grid, *bounds)
            values, codes = grid.values[row, low:high], grid.quality[row, low:high]
            if not codes.any():
                continue
            quality = codes.tobytes().translate(TO_LETTERS)
            channel: dict[str, Any] = {
                "start": iso_utc(grid.start_utc + low * grid.resolution_s),
                "resolution_s": grid.resolution_s,
            }
            if full:
                channel |= {"values": values.tolist(), "quality": quality.decode()}
            else:
                body = values.astype("<i8", copy=False).tobytes() + quality
                channel["digest"] = hashlib.sha256(body).hexdigest()
            found[grid.channel] = channel
        return found


def _looking_back(row: Row) -> dict[str, str]:
    day = row["look_back_from"]
    return {} if day is None else {"look_back_from": str(day)}


def _span(row: Row) -> dict[str, Any]:
    dates = {"from": str(row["from"]), "to": str(row["to"])}
    terms = {} if row["terms"] is None else {"terms": json.loads(row["terms"])}
    keys = ("tariff", "contract_ukw", "capacity_ukva")
    return dates | {key: row[key] for key in keys} | terms


_DIAL = ("meter", "register", "channel", "bucket", "kind", "digits", "multiplier")


def _registers(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Dials in order of meter and register, each with its readings in order of time."""
    dials: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda r: (r["meter"], r["register"], r["time_utc"])):
        at = row["time_utc"]
        dials.setdefault(tuple(row[key] for key in _DIAL), []).append(
            {
                "time": at if isinstance(at, str) else at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "reading": row["reading"],
                "quality": row["quality"],
                "reason": row["reason"],
            }
        )
    return [
        dict(zip(_DIAL, dial, strict=True)) | {"readings": readings}
        for dial, readings in dials.items()
    ]


def _from_registers(spans: pa.Table) -> pa.Array:
    """Rows of segments that begin as billed from registers."""
    segment = np.asarray(spans["segment"].combine_chunks().dictionary_encode().indices)
    _, first = np.unique(segment, return_index=True)
    registers = np.asarray(pc.equal(spans["legal_source"], LegalSource.REGISTER))
    return pa.array(registers[first][segment])


def _names(spans: pa.Table) -> list[str]:
    """The segments, in order of appearance."""
    names: list[str] = pc.unique(spans["segment"]).to_pylist()
    return names


def _grouped(table: pa.Table, key: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        groups.setdefault(row[key], []).append(row)
    return groups
