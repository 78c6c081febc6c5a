"""Applies each planted mutation of tools/mutations.toml to a copy and expects its tests to go red.

    ./run mutants              all of them
    ./run mutants guard. …     those whose name begins so

Exit code 1 when one survives, when a text does not stand in its file exactly once, or when the
tests are red without any mutation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutation", "misfits", "read"]

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("src") / "gridtally"
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
_RED = 1
"""Exit code of pytest when tests ran and failed; any other one proves nothing."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One text of one file, what to put in its place, and the tests that must notice."""

    name: str
    what: str
    file: str
    text: str
    replacement: str
    tests: list[str]


def read() -> list[Mutation]:
    """All mutations, in the order of the file."""
    document = tomllib.loads((ROOT / "tools" / "mutations.toml").read_text())
    return [Mutation(**entry) for entry in document["mutation"]]


def misfits(mutations: list[Mutation]) -> list[str]:
    """What is wrong with the list itself, one sentence each."""
    said = []
    for mutation in mutations:
        count = (ROOT / SOURCE / mutation.file).read_text().count(mutation.text)
        if count != 1:
            said.append(f"{mutation.name}: its text stands {count} times in {mutation.file}")
        said += [
            f"{mutation.name}: there is no tests/{test}"
            for test in mutation.tests
            if not (ROOT / "tests" / test.split("::")[0]).exists()
        ]
    names = [mutation.name for mutation in mutations]
    return said + [
        f"{name}: named twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]


class Copy:
    """A copy of the tree in which mutations are tried, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "main"
        shutil.copytree(ROOT, self.tree, ignore=_LEFT_OUT)
        self.env = os.environ | {
            "PYTHONPATH": str(self.tree / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
            "GRIDTALLY_ORACLES": os.environ.get(
                "GRIDTALLY_ORACLES", str(ROOT.parent / "shared" / "oracles")
            ),
        }

    def test(self, tests: list[str]) -> tuple[int, str]:
        """Exit code of pytest, and the first test that failed."""
        done = subprocess.run(  # noqa: S603  the names come from our own list
            [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no",
             *(f"tests/{test}" for test in tests)],
            cwd=self.tree, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        red = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        first = red[0].split(" - ")[0].split(" ", 1)[1] if red else ""
        return done.returncode, first.removeprefix("tests/")

    def try_out(self, mutation: Mutation) -> tuple[int, str]:
        """`test` with the mutation in place; the file is put back afterwards."""
        path = self.tree / SOURCE / mutation.file
        whole = path.read_text()
        path.write_text(whole.replace(mutation.text, mutation.replacement))
        try:
            return self.test(mutation.tests)
        finally:
            path.write_text(whole)


def main() -> int:
    """Try all mutations, or those whose name begins with one of the arguments."""
    starts = tuple(sys.argv[1:]) or ("",)
    chosen = [mutation for mutation in read() if mutation.name.startswith(starts)]
    wrong = misfits(chosen) or ([] if chosen else [f"There is no mutation {' '.join(starts)}."])
    if wrong:
        print("\n".join(wrong))
        return 1
    with tempfile.TemporaryDirectory() as folder:
        return _run(Copy(Path(folder)), chosen)


def _run(copy: Copy, chosen: list[Mutation]) -> int:
    tests = sorted({test for mutation in chosen for test in mutation.tests})
    print(f"Without a mutation: {len(tests)} files of tests …", flush=True)
    code, first = copy.test(tests)
    if code:
        print(f"They are red as it is (exit code {code}): {first}")
        return 1
    survived = []
    for number, mutation in enumerate(chosen, 1):
        began = time.monotonic()
        code, first = copy.try_out(mutation)
        verdict = "red" if code == _RED else f"SURVIVED (exit code {code})"
        if code != _RED:
            survived.append(mutation.name)
        seconds = time.monotonic() - began
        print(
            f"{number:3}/{len(chosen)} {verdict:8} {seconds:5.1f} s  {mutation.name}: "
            f"{mutation.what}  [{first}]",
            flush=True,
        )
    print(f"{len(chosen) - len(survived)} of {len(chosen)} mutations went red.", end=" ")
    print(f"Survived: {', '.join(survived)}." if survived else "None survived.")
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main())
