"""Beside step 4: class profiles of a workspace, learned from its readings when somebody asks.

Each is a file named by its digest in `class_profiles/`, and stays; `current` there names the one
that new runs use and write into their `run.json`. Without one there is no class profile.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import NotFound
from gridtally.metering.blocks import dense, grids
from gridtally.metering.estimate_class import ClassProfiles, Learner
from gridtally.periods import Period, zone
from gridtally.store import files, readings, snapshot
from gridtally.store.snapshot import Snapshot
from gridtally.store.workspace import Workspace

__all__ = ["class_profiles", "current", "drop", "keep", "learn"]

_FOLDER = "class_profiles"


def current(ws: Workspace) -> str | None:
    """The digest of the class profiles that new runs use; None when there are none."""
    path = ws.path / _FOLDER / "current"
    return path.read_text().strip() if path.is_file() else None


def class_profiles(ws: Workspace, digest: str | None) -> ClassProfiles | None:
    """The class profiles of that digest; None of None. Raises `Corrupt` when they differ."""
    if digest is None:
        return None
    name = digest.removeprefix("sha256:")
    return ClassProfiles.parse(files.read_checked(ws.path / _FOLDER / f"{name}.json", name))


def keep(ws: Workspace, profiles: ClassProfiles) -> str:
    """Store class profiles and make them the current ones; give their digest."""
    digest = profiles.digest
    name = digest.removeprefix("sha256:")
    files.write(ws.path / _FOLDER / f"{name}.json", profiles.to_bytes())
    files.write(ws.path / _FOLDER / "current", f"{digest}\n".encode())
    return digest


def drop(ws: Workspace) -> None:
    """Let new runs use none; those that were learned stay for the runs that used them."""
    (ws.path / _FOLDER / "current").unlink(missing_ok=True)


def learn(ws: Workspace, period: Period, *, actor: str) -> ClassProfiles:
    """Learn from all actual readings of a period, as published now. Writes nothing.

    Raises `NotFound` when there is none.
    """
    snap, learner = snapshot.snapshot(ws), Learner()
    places = _places(snap, period)
    for number in range(ws.settings.buckets):
        for name, month in _parts(places, period):
            low, high = zone(name).bounds(month)
            _add(ws, snap, learner, number, (low, high), name, places)
    days = {"from": str(period.start), "to": str(period.end)}
    profiles = learner.learned(days | {"loads": str(snap.load_seq), "actor": actor})
    if not profiles.tables:
        raise NotFound(
            f"There are no interval readings of customers from {period.start} to {period.end}.",
            remedy="Receive readings and master data first, or give other days.",
        )
    return profiles


def _places(snap: Snapshot, period: Period) -> dict[str, tuple[str, str]]:
    """metering point -> zone and segment of the customer whom it last had in the period."""
    master = snapshot.master(snap)
    if not {"agreements", "accounts", "metering_points"} <= master.keys():
        return {}
    rows = master["agreements"].select(["metering_point", "account", "from"]).to_pylist()
    pairs = (master["accounts"][key].to_pylist() for key in ("account", "segment"))
    segment = dict(zip(*pairs, strict=True))
    pairs = (master["metering_points"][key].to_pylist() for key in ("metering_point", "zone"))
    zones = dict(zip(*pairs, strict=True))
    rows = [row for row in rows if row["from"] < period.end and row["metering_point"] in zones]
    return {
        row["metering_point"]: (zones[row["metering_point"]], segment.get(row["account"]) or "")
        for row in sorted(rows, key=lambda row: (row["from"], row["account"]))
    }


def _parts(places: dict[str, tuple[str, str]], period: Period) -> Iterator[tuple[str, Period]]:
    """Each zone and month of the period."""
    for name in sorted({name for name, _ in places.values()}):
        day = period.start
        while day < period.end:
            after = min(Period.month(day.year, day.month).end, period.end)
            yield name, Period(day, after)
            day = after


def _add(
    ws: Workspace, snap: Snapshot, learner: Learner, number: int, bounds: tuple[int, int],
    name: str, places: dict[str, tuple[str, str]],
) -> None:  # fmt: skip
    """The readings of a bucket, a zone and a month."""
    low, high = bounds
    found = snapshot.entries(snap, buckets=[number], start_utc=low, end_utc=high)
    blocks = readings.read(
        ws.path, found, kind="blocks", columns=readings.BLOCK_COLUMNS, start_utc=low, end_utc=high
    )
    mine = pa.array([point for point, place in places.items() if place[0] == name], pa.string())
    blocks = blocks.filter(pc.is_in(blocks["metering_point"], mine))
    for channel, step, points in grids(blocks):
        start, end = low - low % step, high - high % step
        if start >= end:
            continue
        grid, _ = dense(
            blocks, points=points, channel=channel, start_utc=start, end_utc=end,
            resolution_s=step,
        )  # fmt: skip
        learner.add(grid, zone=name, segments=[places[point][1] for point in points])
