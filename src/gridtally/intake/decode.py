"""Step 2: a delivered file becomes readings and findings. Content decides, not the name.

The format is found from the first bytes; gzip and ZIP are opened with limits. A file is refused
whole (`RefusedFile`, nothing of it is read), or each of its rows is accepted, a duplicate, or
quarantined with a finding: `rows = accepted + duplicates + quarantined`, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from gridtally.errors import UsageError
from gridtally.intake import archive
from gridtally.intake.formats import FORMATS, Format, sniff
from gridtally.intake.formats.common import Delivery, Read, Stands
from gridtally.intake.report import Report, shown
from gridtally.intake.runs import Total
from gridtally.intake.text import checked, digest
from gridtally.intake.units import unit_of
from gridtally.intake.words import refuse
from gridtally.money import MICRO, Rounding, number
from gridtally.periods import iso_utc
from gridtally.periods import zone as zone_of
from gridtally.tables import ASIDE, BLOCKS, REGISTER_READINGS, REMARKS, findings_table

__all__ = ["Decoded", "decode", "summary"]

_HEAD = 1 << 17


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a file holds: BLOCKS, REGISTER_READINGS, REMARKS, FINDINGS, ASIDE; and its rows.

    `rows = accepted + duplicates + quarantined`; a row that supersedes another is accepted.
    `totals`: per metering point and channel how many interval values, and their sum.
    """

    format: str
    blocks: pa.Table
    registers: pa.Table
    remarks: pa.Table
    findings: pa.Table
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    totals: Sequence[Total]
    aside: pa.Table = field(default_factory=ASIDE.empty_table)


def decode(
    data: archive.Buffer,
    *,
    name: str,
    as_of: int,
    format: str | None = None,
    zone: str | None = None,
    round_finer: Rounding | None = None,
    mapping: bytes | None = None,
    stands: Stands | None = None,
) -> Decoded:
    """Decode a delivered file, plain or packed.

    `as_of` [s]: readings more than 5 minutes later lie in the future. `format`: a name of
    `formats.FORMATS`; None: found from the content. `zone`: of instants without offset.
    `round_finer`: how values finer than 10^-6 kWh are rounded; None: they are quarantined.
    `mapping`: a mapping file, which says how to read a utility's own CSV; `stands`: what other
    deliveries said of the rows just before and after (`formats/mapped_stands.py`).
    Raises `RefusedFile` with code, file, line and remedy; `UsageError` for a wrong argument.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(
            f"There is no format named {shown(format)}.",
            remedy=f"Use one of: {', '.join(FORMATS)}.",
        )
    if mapping is not None and format not in (None, "csv-mapped"):
        raise UsageError(
            f"A mapping file is for format csv-mapped, not {format}.",
            remedy="Leave --format or --mapping away.",
        )
    if round_finer is not None and not 0 <= round_finer.places <= 6:
        raise UsageError(
            f"Readings cannot be rounded to {round_finer.places} decimals.",
            remedy="Use 0 to 6 decimals of a kWh.",
        )
    members = archive.members(data, name=name)
    content = members[0][1] if len(members) == 1 else data
    source = digest(content)
    here = zone_of(zone) if zone is not None else None
    parts = []
    for member, body in members:
        file = name if len(members) == 1 else f"{name}!{member}"
        report = Report(file)
        delivery = Delivery(file, source, as_of, here, round_finer, report, mapping, stands)
        forced = "csv-mapped" if mapping is not None else format
        parts.append((*_one(body, delivery, forced), report))
    return _whole(parts, name=name)


def _one(data: archive.Buffer, delivery: Delivery, forced: str | None) -> tuple[str, Read]:
    """One file of a known or found format."""
    found: Format | None
    found = FORMATS[forced] if forced is not None else sniff(data[:_HEAD])
    if found is not None and found.binary:
        return found.name, found.read(np.frombuffer(data, np.uint8), delivery)
    text = checked(data, file=delivery.file)
    if found is None:
        found = sniff(text[:_HEAD].tobytes())
    if found is None:
        first = text[:80].tobytes().decode("utf-8", "replace").split("\n")[0]
        raise refuse(
            "intake.file.format", file=delivery.file, line=1,
            text=f"; its first line is {shown(first.strip())}",
        )  # fmt: skip
    return found.name, found.read(text, delivery)


def _whole(parts: Sequence[tuple[str, Read, Report]], *, name: str) -> Decoded:
    """The members of a delivery as one."""
    if len(parts) > 1:
        _refuse_overlaps([(report.file, read) for _, read, report in parts], name=name)
        _refuse_other_stands([read.registers for _, read, _ in parts], name=name)
    rows = sum(read.rows for _, read, _ in parts)
    duplicates = sum(report.duplicates for _, _, report in parts)
    quarantined = sum(report.quarantined for _, _, report in parts)
    findings = [row for _, _, report in parts for row in report.findings()]
    asides = [report.aside() for _, _, report in parts]
    aside = asides[0] if len(asides) == 1 else pa.concat_tables(asides).unify_dictionaries()
    assert aside.num_rows == quarantined, "a row that is set aside is not listed"
    accepted = rows - duplicates - quarantined
    assert accepted >= 0, "a row is counted twice"
    return Decoded(
        format="+".join(sorted({found for found, _, _ in parts})),
        blocks=_table(BLOCKS, [read.blocks for _, read, _ in parts]),
        registers=_table(REGISTER_READINGS, [read.registers for _, read, _ in parts]),
        remarks=_table(REMARKS, [read.remarks for _, read, _ in parts]),
        findings=findings_table(findings),
        rows=rows,
        accepted=accepted,
        duplicates=duplicates,
        quarantined=quarantined,
        totals=_added(total for _, read, _ in parts for total in read.totals),
        aside=aside.combine_chunks(),
    )


def _table(schema: pa.Schema, tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables([table.cast(schema) for table in tables]).combine_chunks()


def _added(parts: Iterable[Total]) -> list[Total]:
    """Totals of the same metering point and channel as one."""
    found: dict[tuple[str, str], Total] = {}
    for part in parts:
        key = part.metering_point, part.channel
        old = found.get(key)
        found[key] = part if old is None else Total(
            *key, old.n + part.n, old.sum + part.sum,
            min(_known(old.first_utc, part.first_utc), default=None),
            max(_known(old.last_utc, part.last_utc), default=None),
        )  # fmt: skip
    return list(found.values())


def _known(*instants: int | None) -> list[int]:
    return [instant for instant in instants if instant is not None]


def _refuse_overlaps(parts: Sequence[tuple[str, Read]], *, name: str) -> None:
    """Refuse an archive of which two members deliver the same channel, time and version."""
    blocks = pa.concat_tables([read.blocks for _, read in parts])
    if not blocks.num_rows:
        return
    member = np.repeat(np.arange(len(parts)), [read.blocks.num_rows for _, read in parts])
    codes = [
        blocks[column].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        for column in ("metering_point", "channel")
    ]
    start = blocks["start_utc"].cast(pa.int64()).to_numpy()
    length = pa.compute.list_value_length(blocks["values"]).to_numpy().astype(np.int64)
    end = start + blocks["resolution_s"].to_numpy() * length
    version = blocks["version"].to_numpy()
    order = np.lexsort((start, version, *codes))
    same = np.ones(len(order) - 1, bool)
    for column in (*codes, version):
        same &= column[order[1:]] == column[order[:-1]]
    same &= (start[order[1:]] < end[order[:-1]]) & (member[order[1:]] != member[order[:-1]])
    hit = np.flatnonzero(same)
    if hit.size:
        row = int(order[hit[0] + 1])
        what = blocks.slice(row, 1).to_pylist()[0]
        raise refuse(
            "intake.archive.overlap", file=name,
            text=f"{what['channel']} of {shown(what['metering_point'])} "
            f"from {iso_utc(int(start[row]))}",
        )  # fmt: skip


def _refuse_other_stands(parts: Sequence[pa.Table], *, name: str) -> None:
    """Refuse an archive of which two members say different readings of a dial at an instant."""
    same = ["metering_point", "meter", "register", "time_utc", "version", "quality"]
    grouped = _table(REGISTER_READINGS, parts).group_by(same, use_threads=False)
    found = grouped.aggregate([("reading", "min"), ("reading", "max")])
    other = found.filter(pa.compute.not_equal(found["reading_min"], found["reading_max"]))
    if other.num_rows:
        what = other.slice(0, 1).to_pylist()[0]
        raise refuse(
            "intake.archive.overlap", file=name,
            text=f"register {shown(what['register'])} of {shown(what['metering_point'])} "
            f"at {iso_utc(int(what['time_utc'].timestamp()))}",
        )  # fmt: skip


def summary(decoded: Decoded) -> dict[str, Any]:
    """The JSON of `gridtally decode --json`: what each channel holds, and the findings.

    `n` counts interval values (for registers: advances between two readings), `sum` adds them up
    in `unit`, `first` is the first instant, `last` the first instant after the last; null where
    the file has no time for the channel.
    """
    channels = [
        {
            "metering_point": total.metering_point,
            "channel": total.channel,
            "unit": unit_of(total.channel),
            "n": total.n,
            "sum": _text(total.sum),
            "first": None if total.first_utc is None else iso_utc(total.first_utc),
            "last": None if total.last_utc is None else iso_utc(total.last_utc),
        }
        for total in decoded.totals
    ]
    shown_columns = ("code", "severity", "file", "line", "message", "remedy")
    return {
        "schema": 1,
        "channels": channels,
        "findings": decoded.findings.select(shown_columns).to_pylist(),
    }


def _text(micro: int) -> str:
    """Millionths as decimal text."""
    whole, part = divmod(abs(micro), MICRO)
    sign = "-" if micro < 0 else ""
    return sign + (f"{whole}.{part:06d}".rstrip("0") if part else number(whole))
