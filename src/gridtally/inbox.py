"""Steps 1 and 2 for whatever is delivered: readings, master data, tariffs and payments alike."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gridtally.errors import (
    Conflict,
    GridtallyError,
    InvalidDocument,
    NotFound,
    RefusedFile,
    UsageError,
)
from gridtally.intake import receive as room
from gridtally.intake.decode import Decoded, decode
from gridtally.intake.master import TABLES, read_master
from gridtally.money import parse_decimal, to_minor
from gridtally.rating import tariff as tariffs
from gridtally.store.master import newest_master, put_master, put_tariff
from gridtally.store.snapshot import master, snapshot
from gridtally.store.workspace import Workspace
from gridtally.subledger.post import Move, pay
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["Answer", "receive", "tariff_text"]

Report = Callable[[str, int, int], None]
_PAYMENTS = ("account", "date", "amount", "reference")


@dataclass(slots=True)
class Answer:
    """What became of one delivered file."""

    file: str
    what: str
    rows: int = 0
    accepted: int = 0
    repeated: int = 0
    quarantined: int = 0
    answer: str = "stored"
    refused: bool = False
    findings: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def cells(self) -> tuple[str, ...]:
        """For a table."""
        counts = (self.rows, self.accepted, self.repeated, self.quarantined)
        return (self.file, self.what, *(f"{n:,}" for n in counts), self.answer)


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
) -> list[Answer]:
    """Take in files and folders: tariffs first, then master data, readings, payments.

    Each file stands alone: a refused one is answered as such and the rest goes on.
    """
    files, odd = _files(paths)
    found = _sorted(files)
    answers = [_refusal(path, "readings", _not_a_file(path)) for path in odd]
    total = len(odd) + sum(len(files) for files in found.values())
    takers: dict[str, Callable[..., Answer]] = {
        "tariff": _tariff,
        "master": _master,
        "readings": partial(_readings, sender=sender, zone=zone, correction=correction),
        "payments": _payments,
    }
    for kind, files in found.items():
        for one in [files] if kind == "master" and files else files:
            try:
                answers.append(takers[kind](ws, one, as_of=as_of, actor=actor, dry_run=dry_run))
            except (RefusedFile, InvalidDocument, Conflict) as err:
                answers.append(_refusal(one, kind, err))
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
        elif path.stem in TABLES and path.suffix == ".csv":
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
        return file.readline(200).strip() == ",".join(_PAYMENTS).encode()


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


def _tariff(ws: Workspace, path: Path, *, as_of: int, actor: str, dry_run: bool) -> Answer:
    data = path.read_bytes()
    version = tariffs.load(data, name=path.name)
    stored = not dry_run and put_tariff(
        ws,
        data,
        tariff=version.id,
        digest=version.digest,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        actor=actor,
        as_of=as_of,
    )
    answer = "would be stored" if dry_run else "stored" if stored else "known already"
    return Answer(path.name, f"tariff {version.id}", rows=1, accepted=int(stored), answer=answer)


def _master(
    ws: Workspace, paths: Sequence[Path], *, as_of: int, actor: str, dry_run: bool
) -> Answer:
    tables, findings = read_master({path.stem: path.read_bytes() for path in paths})
    rows = findings.to_pylist()
    count = sum(table.num_rows for table in tables.values())
    kept = ("intake.master.overlap",)  # a person decides; the rows are kept
    wrong = [r for r in rows if r["severity"] == "hold" and r["code"] not in kept]
    before = newest_master()
    new = not dry_run and put_master(ws, tables, actor=actor, as_of=as_of) != before
    return Answer(
        ", ".join(path.name for path in paths),
        "master data",
        rows=count + len(wrong),
        accepted=count if new or dry_run else 0,
        repeated=0 if new or dry_run else count,
        quarantined=len(wrong),
        answer="would be stored" if dry_run else "stored" if new else "known already",
        findings=rows,
    )


def _readings(
    ws: Workspace,
    path: Path,
    *,
    sender: str,
    zone: str | None,
    correction: bool,
    as_of: int,
    actor: str,
    dry_run: bool,
) -> Answer:
    decoder = partial(decode, zone=zone or ws.settings.zone)
    if dry_run:
        return _decoded(path, decoder(path.read_bytes(), name=path.name, as_of=as_of))
    receipt = room.receive(
        ws,
        path,
        name=path.name,
        sender=sender,
        as_of=as_of,
        actor=actor,
        decode=decoder,
        correction=correction,
    )
    return Answer(
        path.name,
        receipt.format,
        rows=receipt.rows,
        accepted=receipt.accepted,
        repeated=receipt.duplicates,
        quarantined=receipt.quarantined,
        answer="known already" if receipt.duplicate else "stored",
        findings=receipt.findings.to_pylist(),
    )


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
    """A list of payments: `account,date,amount,reference`; the same row again changes nothing."""
    moves = []
    for line, text in enumerate(path.read_bytes().splitlines()[1:], start=2):
        try:
            moves.append(_move(text.decode(), ws.settings.currency))
        except (ValueError, csv.Error) as err:
            raise RefusedFile(
                f"This row is no payment: {err}.",
                file=path.name,
                line=line,
                code="subledger.payment.row",
                remedy="Each row is account,date,amount,reference, such as A-1,2026-10-05,42.50,x.",
            ) from err
    known = _accounts(ws)
    stray = [line for line, move in enumerate(moves, start=2) if move.account not in known]
    good = [move for move in moves if move.account in known]
    new = 0 if dry_run else pay(good, currency=ws.settings.currency, actor=actor, as_of=as_of)
    return Answer(
        path.name,
        "payments",
        rows=len(moves),
        accepted=len(good) if dry_run else new,
        repeated=0 if dry_run else len(good) - new,
        quarantined=len(stray),
        answer="would be booked" if dry_run else "booked",
        findings=[_stray(path.name, line, moves[line - 2].account) for line in stray],
    )


def _accounts(ws: Workspace) -> set[str]:
    if not newest_master():
        return set()
    return set(master(snapshot(ws))["accounts"]["account"].to_pylist())


def _stray(file: str, line: int, account: str) -> dict[str, Any]:
    """Money is never booked to an account that nobody has (P10)."""
    return finding(
        "subledger.payment.account",
        Severity.WARN,
        f"There is no account {account[:40]!r}; this payment is not booked.",
        remedy="Find out whose it is and deliver the row again with that account.",
        file=file,
        line=line,
    )


def _move(text: str, currency: str) -> Move:
    """One row of a list of payments. Raises `ValueError` or `csv.Error` that says what is wrong."""
    cells = next(csv.reader([text], strict=True), [])
    if len(cells) != len(_PAYMENTS):
        raise ValueError(f"it has {len(cells)} cells, not {len(_PAYMENTS)}")
    account, day, amount, reference = cells
    if not account:
        raise ValueError("it names no account")
    return Move(
        key=hashlib.sha256("\0".join(cells).encode()).hexdigest()[:32],
        account=account,
        amount=to_minor(parse_decimal(amount), currency),
        posted=datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date(),
        memo=reference,
    )


def tariff_text(title: object, language: str = "en") -> str:
    """A title that is a text, or one text per language."""
    return (
        str(title.get(language) or next(iter(title.values())))
        if isinstance(title, dict)
        else str(title)
    )
