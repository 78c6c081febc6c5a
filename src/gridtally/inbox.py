"""Steps 1 and 2 for whatever is delivered: readings, master data, tariffs and payments alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from gridtally import deliveries, tariff_book
from gridtally.errors import (
    Conflict,
    GridtallyError,
    InvalidDocument,
    NotFound,
    RefusedFile,
    UsageError,
)
from gridtally.intake.archive import bytes_of
from gridtally.intake.decode import Decoded
from gridtally.intake.master import Counts, MasterData, table_name, take_in
from gridtally.intake.options import Options
from gridtally.payments import HEADER, book
from gridtally.rating import tariff as tariffs
from gridtally.store import files as disk
from gridtally.store import master as stored
from gridtally.store.master import Source, load, newest_master, put_master
from gridtally.store.snapshot import snapshot
from gridtally.store.snapshot import tariffs as stored_tariffs
from gridtally.store.workspace import Workspace
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["Answer", "receive", "tariff_text"]

Report = Callable[[str, int, int], None]
_LARGE = 16 << 20
"""A file of so many bytes shows its progress."""


@dataclass(slots=True)
class Answer:
    """What became of one delivered file."""

    file: str
    what: str
    rows: int = 0
    accepted: int = 0
    repeated: int = 0
    quarantined: int = 0
    superseding: int = 0
    """part of the accepted: they replace stored ones"""
    waiting: int = 0
    """part of the quarantined: stored, but unknown to master data"""
    disputed: int = 0
    """part of the quarantined: they contradict stored ones"""
    answer: str = "stored"
    refused: bool = False
    findings: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Master data: what became of the rows of each file, and how many are added, changed, gone."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Master data, without effects: each row that would change."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def cells(self) -> tuple[str, ...]:
        """For a table."""
        accepted = f"{self.accepted:,}" + (
            f" ({self.superseding:,} newer)" * bool(self.superseding)
        )
        aside = f"{self.quarantined:,}" + (f" ({self.waiting:,} waiting)" * bool(self.waiting))
        counts = (f"{self.rows:,}", accepted, f"{self.repeated:,}", aside)
        return (self.file, self.what, *counts, self.answer)


def receive(
    ws: Workspace,
    paths: Iterable[Path],
    *,
    sender: str,
    zone: str | None,
    correction: bool,
    as_of: int,
    actor: str,
    dry_run: bool,
    report: Report,
    master_mode: str = "whole",
    options: Options | None = None,
    reason: str = "",
    corrects: Sequence[int] = (),
    accept_steps: bool = False,
) -> list[Answer]:
    """Take in files and folders: tariffs first, then master data, readings, payments.

    Each file stands alone: a refused one is answered as such and the rest goes on.
    `master_mode`: a file of master data replaces its table (whole), or brings `changes` to it.
    `options`: how readings are decoded, in the workspace's zone if they name none; `reason`: of a
    correction; `corrects`: items of the quarantine that the one file of readings closes;
    `accept_steps`: a second person accepts prices that move by more than half.
    """
    deliveries.require_reason(reason, correction=correction)
    given = options or Options()
    how = replace(given, zone=given.zone or zone or ws.settings.zone)
    files, odd = _files(paths)
    found = _sorted(files)
    answers = [_refusal(path, "readings", _not_a_file(path)) for path in odd]
    total = len(odd) + sum(len(files) for files in found.values())
    if corrects and len(found["readings"]) != 1:
        raise UsageError(
            f"--corrects goes with one file of readings, these are {len(found['readings'])}.",
            remedy="Receive the corrected file alone.",
        )
    takers: dict[str, Callable[..., Answer]] = {
        "tariff": partial(_tariff, accept_steps=accept_steps),
        "master": partial(_master, sender=sender, mode=master_mode),
        "readings": partial(
            _readings,
            sender=sender,
            options=how,
            correction=correction,
            reason=reason,
            corrects=corrects,
            report=report,
        ),
        "payments": _payments,
    }
    for kind, files in found.items():
        for one in [files] if kind == "master" and files else files:
            try:
                answers.append(takers[kind](ws, one, as_of=as_of, actor=actor, dry_run=dry_run))
            except (RefusedFile, InvalidDocument, Conflict) as err:
                answers.append(_refusal(one, kind, err))
                if isinstance(one, list) and isinstance(err, RefusedFile) and not dry_run:
                    path = next(p for p in one if err.file in (p.name, str(p)))
                    data = path.read_bytes()
                    stored.set_aside(ws, data, err, name=path.name, sender=sender, as_of=as_of)
            report("receive", len(answers), total)
    return answers


def _files(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Files that are delivered, and what lies in a folder and is none: a link may lead anywhere."""
    found: list[Path] = []
    odd: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NotFound(f"There is no file {path}.", remedy="Check its name.")
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_symlink() or not (inner.is_file() or inner.is_dir()):
                    odd.append(inner)
                elif inner.is_file():
                    found.append(inner)
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"{path} is not a regular file.", remedy="Name a file or a folder.")
    return found, odd


def _not_a_file(path: Path) -> RefusedFile:
    what = "a link" if path.is_symlink() else "a pipe, socket or device"
    return RefusedFile(
        f"This is {what}, not a regular file; it is not followed.",
        file=path.name,
        code="intake.file.kind",
        remedy="Put the file itself into the folder, or name it in the command.",
    )


def _sorted(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Files by kind, in the order in which they are needed; notes for people are left out."""
    kinds: dict[str, list[Path]] = {"tariff": [], "master": [], "readings": [], "payments": []}
    for path in paths:
        if path.suffix == ".toml":
            kinds["tariff"].append(path)
        elif table_name(path.name):
            kinds["master"].append(path)
        elif path.suffix == ".md":
            continue
        elif _is_payments(path):
            kinds["payments"].append(path)
        else:
            kinds["readings"].append(path)
    return kinds


def _is_payments(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(200).strip() == HEADER


def _refusal(of: Path | Sequence[Path], kind: str, err: GridtallyError) -> Answer:
    name = of.name if isinstance(of, Path) else ", ".join(path.name for path in of)
    found = {
        "code": err.code,
        "severity": "hold",
        "file": err.file or name,
        "line": err.line,
        "message": err.message,
        "remedy": err.remedy,
    }
    return Answer(name, kind, answer="refused", refused=True, findings=[found])


# ---------------------------------------------------------------------- kinds


def _tariff(
    ws: Workspace, path: Path, *, accept_steps: bool, as_of: int, actor: str, dry_run: bool
) -> Answer:
    data = path.read_bytes()
    version = tariffs.load(data, name=path.name)
    stored = tariff_book.accept(
        ws, data, version, name=path.name, actor=actor, as_of=as_of,
        accept_steps=accept_steps, dry_run=dry_run,
    )  # fmt: skip
    answer = "would be stored" if dry_run else "stored" if stored else "known already"
    return Answer(path.name, f"tariff {version.id}", rows=1, accepted=int(stored), answer=answer)


def _master(
    ws: Workspace,
    paths: Sequence[Path],
    *,
    sender: str,
    mode: str,
    as_of: int,
    actor: str,
    dry_run: bool,
) -> Answer:
    """All files of master data together, against what is known; raw bytes are kept as delivered."""
    names = [path.name for path in paths]
    given = {
        path.name if names.count(path.name) == 1 else str(path): path.read_bytes() for path in paths
    }
    while True:
        before = newest_master()
        taken = take_in(
            given,
            known=load(ws, before, personal=True) if before else {},
            replace=mode == "whole",
            tariffs=frozenset(row.tariff for row in stored_tariffs(snapshot(ws))),
            as_of=as_of,
        )
        if dry_run:
            return _master_answer(taken, new=True, dry_run=True)
        sources = [_source(ws, given, count, sender, mode) for count in taken.counts]
        try:
            seq = put_master(
                ws, taken.tables, actor=actor, as_of=as_of, after=before, given=sources
            )
        except Conflict:
            continue  # another version came in between: compare with that one
        stored.corrected(names, actor=actor, as_of=as_of)
        answer = _master_answer(taken, new=seq != before, dry_run=False)
        if seq != before:
            answer.findings += _arrived(ws, actor=actor, as_of=as_of)
        return answer


def _source(
    ws: Workspace, given: Mapping[str, bytes], count: Counts, sender: str, mode: str
) -> Source:
    """The delivered bytes in `raw/`, and what became of their rows."""
    data = given[count.file]
    digest = disk.sha256(data)
    disk.write(ws.path / "raw" / digest[:2] / digest, data)
    return Source(
        digest, count.file, sender, mode,
        count.rows, count.accepted, count.duplicates, count.quarantined,
    )  # fmt: skip


def _arrived(ws: Workspace, *, actor: str, as_of: int) -> list[dict[str, Any]]:
    """What waited for these master data is closed, and that is said."""
    closed = deliveries.arrived(ws, actor=actor, as_of=as_of)
    if not closed:
        return []
    return [
        finding(
            "intake.master.arrived",
            Severity.NOTE,
            f"Items of the quarantine that waited for these master data, and are closed: {closed}.",
            remedy="Nothing to do: their readings were stored when they came, and count now.",
            count=closed,
        )
    ]


def _master_answer(taken: MasterData, *, new: bool, dry_run: bool) -> Answer:
    parts = [
        {name: getattr(count, name) for name in count.__slots__ if name != "changes"}
        | count.changes.counts()
        for count in taken.counts
    ]
    rows = [row for count in taken.counts for row in count.changes.rows()] if dry_run else []
    return Answer(
        ", ".join(count.file for count in taken.counts),
        "master data",
        rows=sum(count.rows for count in taken.counts),
        accepted=sum(count.accepted for count in taken.counts),
        repeated=sum(count.duplicates for count in taken.counts),
        quarantined=sum(count.quarantined for count in taken.counts),
        answer="would be stored" if dry_run else "stored" if new else "known already",
        findings=taken.findings.to_pylist(),
        parts=parts,
        changes=rows,
    )


def _readings(
    ws: Workspace,
    path: Path,
    *,
    sender: str,
    options: Options,
    correction: bool,
    reason: str,
    corrects: Sequence[int],
    report: Report,
    as_of: int,
    actor: str,
    dry_run: bool,
) -> Answer:
    decode = deliveries.decoder(ws, options)
    if path.stat().st_size >= _LARGE:
        decode = _reported(decode, path.name, report)
    if dry_run:
        return _decoded(path, decode(bytes_of(path), name=path.name, as_of=as_of))
    receipt = deliveries.take(
        ws, path, decode=decode, options=options, name=path.name, sender=sender,
        correction=correction, reason=reason, corrects=corrects, as_of=as_of, actor=actor,
    )  # fmt: skip
    if path.stat().st_size >= _LARGE:
        report(f"store {path.name}", 1, 1)
    late = receipt.duplicate and correction
    return Answer(
        path.name,
        receipt.format,
        refused=late,
        rows=receipt.rows,
        accepted=receipt.accepted,
        repeated=receipt.duplicates,
        quarantined=receipt.quarantined,
        superseding=receipt.superseding,
        waiting=receipt.waiting,
        disputed=receipt.disputed,
        answer="known already" if receipt.duplicate else "stored",
        findings=[deliveries.late(path.name)] * late + receipt.findings.to_pylist(),
    )


def _reported(decode: Callable[..., Decoded], name: str, report: Report) -> Callable[..., Decoded]:
    """`decode` of a large file, which says when it begins and ends."""

    def telling(*args: Any, **how: Any) -> Decoded:
        report(f"decode {name}", 0, 1)
        decoded = decode(*args, **how)
        report(f"decode {name}", 1, 1)
        report(f"store {name}", 0, 1)
        return decoded

    return telling


def _decoded(path: Path, decoded: Decoded) -> Answer:
    return Answer(
        path.name,
        decoded.format,
        rows=decoded.rows,
        accepted=decoded.accepted,
        repeated=decoded.duplicates,
        quarantined=decoded.quarantined,
        answer="would be stored",
        findings=decoded.findings.to_pylist(),
    )


def _payments(ws: Workspace, path: Path, *, as_of: int, actor: str, dry_run: bool) -> Answer:
    booked = book(ws, path.read_bytes(), file=path.name, as_of=as_of, actor=actor, dry_run=dry_run)
    answer = "would be booked" if dry_run else "booked"
    return Answer(path.name, "payments", answer=answer, **booked)


def tariff_text(title: object, language: str = "en") -> str:
    """A title that is a text, or one text per language."""
    return (
        str(title.get(language) or next(iter(title.values())))
        if isinstance(title, dict)
        else str(title)
    )
