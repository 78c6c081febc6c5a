"""convert: readings of one format as a file of another; what has no place there is said."""

import pyarrow.parquet as pq
import pytest

from conftest import FIRST_BILL

READINGS = FIRST_BILL / "october.csv"
LISBON = ("--zone", "Europe/Lisbon")
NEM12 = "\r\n".join(
    [
        "100,NEM12,202601100000,A,B",
        "200,P,E1,1,E1,N1,M1,kWh,30,20260201",
        "300,20260105," + "1.5," * 48 + "V,,,20260110000000,",
        "400,1,20,A,,",
        "400,21,48,S14,76,",
        "500,O,S1,20260105120000,12.5",
        "900",
        "",
    ]
)


@pytest.fixture
def nem12(tmp_path):
    """A NEM12 file."""
    path = tmp_path / "readings.csv"
    path.write_bytes(NEM12.encode())
    return path


def test_back_and_forth(door, nem12, tmp_path):
    """What is written is what was read, byte for byte where the order is the same."""
    out = tmp_path / "out.csv"
    said = door("convert", nem12, "--to", "nem12", "--out", out)

    assert (said.code, said.out) == (0, "")
    assert "Wrote" in said.err
    assert out.read_bytes() == NEM12.encode()


def test_to_standard_output(door):
    """Without --out the file goes to stdout and the talk to stderr."""
    said = door("convert", READINGS, *LISBON, "--to", "csv-long")

    assert said.code == 0
    assert said.out.startswith("metering_point,channel,start,value,unit,quality,version,resolution")
    assert said.out.endswith("#rows=745\n")


def test_what_is_left_out_is_said(door, nem12, tmp_path):
    """A format that has no place for remarks says which and how many."""
    said = door("convert", nem12, "--to", "csv-long", "--out", tmp_path / "o", "--json")

    assert said.code == 0
    [finding] = said.json["findings"]
    assert finding["code"] == "intake.convert.left"
    assert "remarks of nem12" in finding["message"]
    assert finding["remedy"]


def test_parquet_keeps_everything(door, nem12, tmp_path):
    """A folder with a file for each kind of what was decoded."""
    said = door("convert", nem12, "--to", "parquet", "--out", tmp_path / "folder", "--json")

    assert said.code == 0
    assert said.json["findings"] == []
    tables = {path.stem: pq.read_table(path) for path in (tmp_path / "folder").iterdir()}
    assert tables.keys() == {"blocks", "remarks"}
    assert tables["blocks"].num_rows == 1
    assert "nem12.b2b" in tables["remarks"]["key"].to_pylist()


def test_dry_run_writes_nothing(door, nem12, tmp_path):
    """--dry-run says the same and writes nothing."""
    said = door("convert", nem12, "--to", "nem12", "--out", tmp_path / "o", "--dry-run")

    assert said.code == 0
    assert "Would write" in said.err
    assert not (tmp_path / "o").exists()


def test_nothing_to_write(door, nem12, tmp_path):
    """A format that has no place for any of it: the answer is no, and no file."""
    said = door("convert", nem12, "--to", "nem13", "--out", tmp_path / "o")

    assert said.code == 1
    assert "Wrote nothing" in said.err
    assert not (tmp_path / "o").exists()


def test_a_refused_file(door, tmp_path):
    """A file that is refused is not converted; the reason is said, in JSON too."""
    path = tmp_path / "cut.csv"
    path.write_text(NEM12.replace("900\r\n", ""))

    assert "intake.file.truncated" in door("convert", path, "--to", "csv-long").err
    said = door("convert", path, "--to", "csv-long", "--json", "--dry-run")
    assert said.code == 1
    assert said.json["findings"][0]["code"] == "intake.file.truncated"


def test_words_that_cannot_be_meant(door, nem12, tmp_path):
    """An unknown format, a place that is taken, and no place at all."""
    assert "is no format that can be written" in door("convert", nem12, "--to", "xlsx").calm
    assert "is there already" in door("convert", nem12, "--to", "nem12", "--out", nem12).calm
    assert "is there already" in door("convert", nem12, "--to", "parquet", "--out", tmp_path).calm
    assert "--out" in door("convert", nem12, "--to", "parquet").calm
    assert nem12.read_bytes() == NEM12.encode()
