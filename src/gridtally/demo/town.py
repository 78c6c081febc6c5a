"""Before step 1: build Port Lumen, a town of input files exactly as a utility would deliver them.

plan.make -> faults.choose -> events.happen       who, where, what goes wrong, what happens
loads.model -> deliver, dials.Recorder            energy, month by month, as both kinds of file
faults.garble -> master, truth.json, story.md
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from gridtally.demo.almanac import EPILOGUE, MONTHS, ZONE, Weather, documents, grid
from gridtally.demo.deliver import Counts, corrections_file, deliver
from gridtally.demo.dials import Reading, Recorder
from gridtally.demo.draw import Ints
from gridtally.demo.events import happen
from gridtally.demo.faults import Faults
from gridtally.demo.loads import STEPS, model
from gridtally.demo.payments import bank_file
from gridtally.demo.plan import DIALS, Plan, Point, day_of, make
from gridtally.demo.story import tell, truth
from gridtally.periods import zone

__all__ = ["AS_OF", "SEED", "Progress", "Town", "build"]

SEED = 20261103
AS_OF = "2026-11-03"
Progress = Callable[[int, int, str], None]
"""(steps done, steps in all, what is being done)."""
_REGISTER_HEADER = b"metering_point,meter,register,time,reading,unit,quality,reason\n"
_PRICES = {"home": (480, 172), "pv": (610, 164), "shop": (1500, 181), "factory": (6200, 153)}
"""Rough standing charge [cent] and price [cent / 10 kWh]: the last bill of the old system."""


@dataclass(frozen=True, slots=True)
class Town:
    """What was built, in numbers."""

    folder: Path
    seed: int
    accounts: int
    metering_points: int
    billed_from_registers: int
    """Accounts."""
    changed_in_october: int
    """Accounts with a move, an exchange, a price or a term that changes within the month."""
    with_several_points: int
    faults: int
    oddities: int
    intervals: int
    gaps: int
    days: int
    corrected_days: int
    readings: int
    """Readings of dials."""
    files: int
    bytes: int


def build(
    out: Path, *, seed: int = SEED, accounts: int = 2000, progress: Progress | None = None
) -> Town:
    """Write the town's files below `out`: the same bytes for the same seed and size, everywhere."""
    tell_progress = progress or (lambda done, total, what: None)
    steps = len(MONTHS) + 2
    tell_progress(0, steps, "drawing the plan")
    plan = make(seed, accounts)
    faults = Faults.choose(plan)
    happen(plan)
    writer = _Writer(out)
    recorder, counts, energy = Recorder(plan), Counts(), np.zeros(len(plan.points), np.int64)
    weather = Weather(seed)
    models = {name: model(name, plan.of(name), seed, weather) for name in STEPS}
    for month, period in enumerate([*MONTHS, EPILOGUE]):
        tell_progress(month + 1, steps, f"readings of {period.start:%B %Y}")
        counts.corrections.clear()
        for name, step in STEPS.items():
            points, of = plan.of(name), grid(period, step)
            load = models[name](of)
            recorder.record(month, of, points, load)
            if month < len(MONTHS):
                for file, body in deliver(name, month, points, load, faults, counts):
                    writer.write(f"readings/{file}", body)
            if month == len(MONTHS) - 2:
                _add(energy, plan, points, load.imported)
        if month < len(MONTHS):
            writer.write(
                f"readings/corrections-{period.start:%Y-%m}.csv",
                corrections_file(counts.corrections),
            )
    tell_progress(steps, steps, "dials and master data")
    readings = recorder.finish()
    faults.garble(readings)
    _write_registers(writer, readings)
    _write_master(writer, plan)
    for file, document in documents().items():
        writer.write(f"tariffs/{file}", document)
    writer.write("payments.csv", bank_file(_last_bills(plan, energy), seed=seed))
    writer.write("truth.json", truth(plan))
    writer.write("story.md", tell(plan).encode())
    return _summary(plan, writer, counts, len(readings))


class _Writer:
    """Writes files below a folder and counts them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.bytes = folder, 0, 0

    def write(self, name: str, body: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        self.files += 1
        self.bytes += len(body)

    def table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        self.write(name, text.getvalue().encode())


def _write_registers(writer: _Writer, readings: Sequence[Reading]) -> None:
    """One file per month in which the dials were read."""
    files: dict[str, list[str]] = defaultdict(list)
    there = zone(ZONE)
    for reading in readings:
        files[f"{there.date(reading.utc):%Y-%m}"].append(reading.line())
    for month, lines in sorted(files.items()):
        body = _REGISTER_HEADER + "".join(lines).encode()
        writer.write(f"readings/registers-{month}.csv", body)


def _write_master(writer: _Writer, plan: Plan) -> None:
    columns = ("account", "segment", "language", "name", "address", "email")
    rows = [[account[name] for name in columns] for account in plan.accounts]
    writer.table("master/accounts.csv", columns, rows)
    writer.table(
        "master/metering_points.csv",
        ("metering_point", "zone", "region", "fuse_kw", "features"),
        [(p.id, ZONE, p.region, p.fuse_kw, " ".join(sorted(p.features))) for p in plan.points],
    )
    writer.table("master/meters.csv", ("meter", "metering_point", "from", "to"), _meters(plan))
    writer.table(
        "master/registers.csv",
        ("meter", "register", "channel", "bucket", "kind", "digits", "multiplier"),
        [
            (m.serial, d.register, d.channel, d.bucket, d.kind, p.digits, m.stated)
            for p in plan.points
            for m in p.meters
            for d in DIALS[p.kind.dials]
        ],
    )
    writer.table(
        "master/agreements.csv",
        ("agreement", "account", "metering_point", "from", "to", "tariff", "legal_source",
         "contract_kw", "capacity_kva"),
        [
            (a.id, a.account, a.point.id, day_of(a.first), _day(a.after), a.tariff,
             a.point.kind.legal, a.contract_kw, a.capacity_kva)
            for a in sorted(plan.agreements, key=lambda a: (a.id, a.first))
        ],
    )  # fmt: skip


def _day(number: int | None) -> object:
    return "" if number is None else day_of(number)


def _meters(plan: Plan) -> list[tuple[object, ...]]:
    """The old meter stands there on the day of its exchange, and so does the new one."""
    return [
        (
            meter.serial,
            point.id,
            day_of(-400) if meter.first is None else day_of(meter.first),
            "" if meter.last is None else day_of(meter.last + 1),
        )
        for point in plan.points
        for meter in point.meters
    ]


def _add(energy: Ints, plan: Plan, points: Sequence[Point], imported: Ints) -> None:
    index = {point.id: n for n, point in enumerate(plan.points)}
    energy[[index[point.id] for point in points]] += imported.sum(axis=1)


def _last_bills(plan: Plan, energy: Ints) -> dict[str, Decimal]:
    """Roughly what the September bills of the old system said, by account [EUR]."""
    index = {point.id: n for n, point in enumerate(plan.points)}
    bills: dict[str, Decimal] = defaultdict(Decimal)
    for row in plan.agreements:
        if row.first < 335 and (row.after is None or row.after >= 365):
            standing, price = _PRICES[row.point.kind.load]
            wh = int(energy[index[row.point.id]])
            cents = (standing + wh * price // 10_000) * 123 // 100
            bills[row.account] += Decimal(cents).scaleb(-2)
    return bills


def _summary(plan: Plan, writer: _Writer, counts: Counts, readings: int) -> Town:
    return Town(
        folder=writer.folder,
        seed=plan.seed,
        accounts=len(plan.accounts),
        metering_points=len(plan.points),
        billed_from_registers=len(
            {row.account for row in plan.agreements if row.point.kind.legal == "register"}
        ),
        changed_in_october=len(plan.changed()),
        with_several_points=plan.several(),
        faults=len(plan.faults),
        oddities=len(plan.oddities),
        intervals=counts.intervals,
        gaps=counts.gaps,
        days=counts.days,
        corrected_days=counts.corrected,
        readings=readings,
        files=writer.files,
        bytes=writer.bytes,
    )
