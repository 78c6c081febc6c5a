"""The town's files, read back with nothing but the standard library."""

import csv
from collections import defaultdict

import pytest

from gridtally.demo.town import build


class Files:
    """A built town: its summary, and a reader of its files."""

    def __init__(self, folder, **size):
        self.town = build(folder, **size)
        self.folder = folder
        names = ("accounts", "metering_points", "meters", "registers", "agreements")
        self.master = {name: self.rows(folder / "master" / f"{name}.csv") for name in names}

    def rows(self, path):
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def dials(self):
        """Readings by (metering point, meter, register), in order of time."""
        found = defaultdict(list)
        for path in sorted((self.folder / "readings").glob("registers-*.csv")):
            for row in self.rows(path):
                found[row["metering_point"], row["meter"], row["register"]].append(row)
        return found


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A town of 60 accounts."""
    return Files(tmp_path_factory.mktemp("town"), accounts=60)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """The town of the demo: 2,000 accounts."""
    return Files(tmp_path_factory.mktemp("town-2000"))
