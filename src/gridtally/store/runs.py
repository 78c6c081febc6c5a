"""Steps 3-8 leave a run folder: tables, what they were made from, and a seal over all of it.

    runs/<id>/run.json              what was asked: period, scope, snapshot, tariffs, parameters
    runs/<id>/<table>/<part>.parquet
    runs/<id>/DONE                  rows and digest of every table, and the run root; written last

A run is built beside its place and moved there when it is sealed, so a folder is whole or absent.
The id follows from run.json: asking again for the same run finds it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gridtally.control.faults import fault
from gridtally.errors import Corrupt, NotFound
from gridtally.store import files
from gridtally.store.digest import canonical, merkle_root
from gridtally.store.leaves import bill_leaves
from gridtally.store.workspace import Workspace

__all__ = ["RunFolder", "create_run", "open_run", "past_folder", "verify_run"]

_NAME = re.compile(r"[a-z_]+(/[a-z_]+)?")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder, being built (`home` is where it will go) or sealed (`home` is None).

    Knows paths only: a worker process can be handed `RunFolder(path)` and write its parts.
    """

    path: Path
    home: Path | None = None

    @property
    def id(self) -> str:
        """The name of the run."""
        return (self.home or self.path).name

    @property
    def sealed(self) -> bool:
        """Whether the run is whole and cannot change any more."""
        return self.home is None

    @property
    def info(self) -> dict[str, Any]:
        """What is in run.json."""
        return _json(self.path / "run.json")

    @property
    def done(self) -> dict[str, Any]:
        """What is in DONE: tables with rows and digest, number of bills, run root."""
        return _json(self.path / "DONE")

    def write(self, name: str, table: pa.Table, *, part: str = "all") -> None:
        """Write a part of a table such as `lines` or `master/accounts`; the same part replaces."""
        assert not self.sealed, "a sealed run does not change"
        assert _NAME.fullmatch(name), f"not a table name: {name}"
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{part}.parquet").write_bytes(files.table_bytes(table))

    def names(self) -> list[str]:
        """The tables of the run."""
        found = {p.parent.relative_to(self.path).as_posix() for p in self.path.rglob("*.parquet")}
        return sorted(found)

    def read(
        self, name: str, *, columns: list[str] | None = None, texts: Sequence[str] = ()
    ) -> pa.Table:
        """A table of the run, its parts in order of their names. Raises `NotFound`, `Corrupt`.

        `texts`: columns to leave as dictionaries, where few texts stand in many rows.
        """
        parts = sorted((self.path / name).glob("*.parquet"))
        if not parts:
            raise NotFound(f"The run {self.id} has no table {name}.", remedy="Run it again.")
        try:
            tables = [
                pq.read_table(
                    path, columns=columns, use_threads=False, partitioning=None,
                    read_dictionary=list(texts),
                )
                for path in parts
            ]  # fmt: skip
        except (OSError, pa.ArrowException) as err:
            raise Corrupt(
                f"The table {name} of the run {self.id} cannot be read: {err}.",
                remedy="Restore the run folder from a backup.",
            ) from err
        return pa.concat_tables(tables)

    def seal(self) -> RunFolder:
        """Compute leaves, digests and root, write DONE, move the folder to its place.

        When another process sealed the same run first, its folder is taken and must say the same.
        """
        if self.sealed:
            return self
        assert self.home is not None
        done, _ = _summary(self, fill=True)
        files.write(self.path / "DONE", _pretty(done))
        _sync(self.path)
        fault("run.sealed")
        try:
            self.path.rename(self.home)
        except OSError as err:
            if not (self.home / "DONE").is_file():
                raise Corrupt(
                    f"The run {self.id} cannot be put in its place: {err}.",
                    remedy="Look at what stands in that folder, move it away, and run again.",
                ) from err
            shutil.rmtree(self.path)
            _require_same(RunFolder(self.home), done)
        files.sync_dir(self.home.parent)
        fault("run.moved")
        return RunFolder(self.home)


def create_run(ws: Workspace, info: Mapping[str, Any]) -> RunFolder:
    """A new run folder for what `info` asks; the sealed one when the same was asked before.

    `info` holds everything that decides the content (and neither actor nor clock), with the
    local dates `period: {from, to}`.
    """
    text = _pretty(info)
    name = f"{info['period']['from']}-{files.sha256(text)[:16]}"
    home = ws.path / "runs" / name
    if (home / "DONE").is_file():
        return RunFolder(home)
    if home.exists():  # somebody took away its seal: it is as good as half-written
        shutil.rmtree(home)
    _clear_leftovers(home)
    work = home.with_name(f".{name}.{os.getpid()}")
    work.mkdir(parents=True)
    files.write(work / "run.json", text)
    return RunFolder(work, home)


def past_folder(ws: Workspace, run: str) -> RunFolder:
    """What a row of the history came from: a run, or an opening, which has the same tables."""
    return RunFolder(ws.path / run if run.startswith("opening/") else ws.path / "runs" / run)


def open_run(ws: Workspace, run_id: str) -> RunFolder:
    """A sealed run. Raises `NotFound`."""
    home = ws.path / "runs" / run_id
    if not re.fullmatch(r"[\w-]+", run_id) or not (home / "DONE").is_file():
        raise NotFound(
            f"There is no sealed run {run_id}.", remedy="`gridtally status` lists the runs."
        )
    return RunFolder(home)


def verify_run(run: RunFolder) -> list[str]:
    """Hash everything again; a sentence for each thing that is not as it was sealed."""
    done = run.done
    try:
        found, leaves = _summary(run)
    except (Corrupt, NotFound) as err:
        return [err.message]
    problems = [
        f"table {name} differs: {_say(done['tables'].get(name))} was sealed, "
        f"{_say(found['tables'].get(name))} is there"
        for name in sorted(done["tables"].keys() | found["tables"].keys())
        if done["tables"].get(name) != found["tables"].get(name)
    ]
    if done["run_json"] != found["run_json"]:
        problems.append("run.json differs")
    written = dict(zip(*(run.read("bills")[n].to_pylist() for n in ("bill", "leaf")), strict=True))
    odd = sorted(bill for bill in leaves if leaves[bill] != written.get(bill))
    if odd:
        problems.append(f"{len(odd)} bills differ from their leaf, such as {odd[0]}")
    if done["run_root"] != found["run_root"]:
        problems.append("the run root differs")
    return problems


def _say(table: Mapping[str, Any] | None) -> str:
    return f"{table['rows']} rows with digest {table['digest'][:12]}" if table else "nothing"


def _fill_leaves(run: RunFolder, leaves: Mapping[str, str]) -> None:
    """Write the bills again, in one part, with their leaves."""
    bills = run.read("bills")
    column = pa.array([leaves[bill] for bill in bills["bill"].to_pylist()], pa.string())
    place = bills.schema.get_field_index("leaf")
    for path in (run.path / "bills").glob("*.parquet"):
        path.unlink()
    run.write("bills", bills.set_column(place, bills.schema.field("leaf"), column))


def _summary(run: RunFolder, *, fill: bool = False) -> tuple[dict[str, Any], dict[str, str]]:
    """What DONE says, computed from the files, and the leaf of each bill (`fill`: written too)."""
    lines = canonical(run.read("lines"))
    leaves = bill_leaves(
        run.read("bills"),
        segments=run.read("segments"),
        lines=lines,
        findings=run.read("findings"),
    )
    if fill:
        _fill_leaves(run, leaves)
    tables = {}
    for name in run.names():
        spoken = lines if name == "lines" else canonical(run.read(name))
        tables[name] = {"rows": len(spoken.first), "digest": spoken.digest}
    done = {
        "schema": 1,
        "run": run.id,
        "run_json": files.sha256(_bytes(run.path / "run.json")),
        "tables": tables,
        "bills": len(leaves),
        "run_root": merkle_root(bytes.fromhex(leaves[bill]) for bill in sorted(leaves)),
    }
    return done, leaves


def _require_same(sealed: RunFolder, done: Mapping[str, Any]) -> None:
    if sealed.done != done:
        raise Corrupt(
            f"The run {sealed.id} was made twice at once, with different results.",
            remedy="This must not happen: keep both machines' details and report it.",
        )


def _sync(folder: Path) -> None:
    """Make every file of a folder durable, then the names."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    for path in (*(p for p in folder.rglob("*") if p.is_dir()), folder):
        files.sync_dir(path)


def _clear_leftovers(home: Path) -> None:
    """Remove what processes that are gone left of this run."""
    for path in home.parent.glob(f".{home.name}.*"):
        if path.name.rpartition(".")[2] == str(os.getpid()) or not _alive(path):
            shutil.rmtree(path, ignore_errors=True)


def _alive(path: Path) -> bool:
    try:
        os.kill(int(path.name.rpartition(".")[2]), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _pretty(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1)
    return f"{text}\n".encode()


def _json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(_bytes(path))
    except ValueError as err:
        raise _unreadable(path, err) from err
    return value


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise _unreadable(path, err) from err


def _unreadable(path: Path, err: Exception) -> Corrupt:
    return Corrupt(f"{path} cannot be read: {err}.", remedy="Restore the run folder from a backup.")
