"""The door that measures works at small sizes, and its peers come to the same results."""

import numpy as np
import pytest
from click.testing import CliRunner

from gridtally.bench.__main__ import main
from gridtally.bench.masks import Year, read, whole, write
from gridtally.bench.peers import stage_pysam, stage_sql
from gridtally.bench.rate import generate_mix, stage_rate, ten_tariffs


def test_steps_5_to_7_under_ten_tariffs(tmp_path):
    """All bills can be made; a fifth of them, or so, have two spans."""
    assert len({version.digest for version in ten_tariffs()}) == 10
    row = stage_rate(tmp_path, generate_mix(tmp_path, 60), 60)
    assert 60 < row["spans"] < 90
    assert row["lines"] > 300
    assert row["ratio"] > 0


def test_rows_of_readings_come_back_as_they_were_written(tmp_path):
    """A file has all that a row of readings is."""
    values = np.arange(6, dtype=np.int64).reshape(2, 3)
    year = Year("home", "UTC", whole(["a", "b"], "export", 7200, 3600, values))
    write(year, tmp_path / "x.npz")
    (found,) = read(tmp_path)
    assert (found.name, found.zone) == ("home", "UTC")
    of = found.dense
    assert (of.points, of.channel, of.start_utc, of.resolution_s) == (
        ("a", "b"),
        "export",
        7200,
        3600,
    )
    assert of.values.tolist() == values.tolist()


def test_a_folder_without_readings_is_said(tmp_path):
    """Whoever names one is told, and not shown the town in its place."""
    said = CliRunner().invoke(main, ["estimates", "--data", str(tmp_path)])
    assert said.exit_code == 2
    assert "There are no readings (*.npz) in" in said.output


def test_a_year_of_hours_to_the_cent():
    """Ours and the engine's, month by month: the stage itself compares."""
    pytest.importorskip("PySAM.Utilityrate5")
    row = stage_pysam(None, [], 3, sample=2)
    assert row["times_pysam"] > 0


def test_the_same_sums_as_sql():
    """Every query that is timed gives the sums of step 5."""
    row = stage_sql(None, [], 40)
    assert row["times_sql"] > 0
