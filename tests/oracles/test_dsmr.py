"""P1 telegrams of real meters: every CRC verifies, a flipped byte is refused, each dial is read."""

import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gridtally.errors import RefusedFile
from gridtally.intake.decode import decode

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
FOLDER = ROOT / "dsmr"
AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
DIAL = re.compile(rb"^1-0:([1-4]\.8\.\d+)\(([\d.]+)\*k?(?:Wh|varh)\)", re.M)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no DSMR oracles in {FOLDER}")


def files(*, checked=None):
    found = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []
    texts = [(path, path.read_bytes()) for path in found if path.read_bytes()[:1] == b"/"]
    return [
        pytest.param(path, id=path.name)
        for path, text in texts
        if checked is None or checked == bool(re.search(rb"^![0-9A-F]", text, re.M))
    ]


@pytest.mark.parametrize("path", files())
def test_every_dial(path):
    """Each dial of the telegram is read as it stands, or set aside because it has no time."""
    text = path.read_bytes()
    found = decode(text, name=path.name, as_of=AS_OF)
    expected = sorted(
        (code.decode(), Decimal(value.decode())) for code, value in DIAL.findall(text)
    )
    got = sorted(
        (row["register"], Decimal(row["reading"]) / 10**6)
        for row in found.registers.to_pylist()
        if row["kind"] == "cumulative"
    )

    assert found.format == "dsmr"
    assert found.rows == found.accepted + found.duplicates + found.quarantined
    assert got == (expected if b":1.0.0(" in text else [])
    assert got or found.quarantined == len(expected)


@pytest.mark.parametrize("path", files())
def test_line_ends(path):
    """With LF instead of CRLF the file says the same."""
    text = path.read_bytes()
    found = decode(text, name=path.name, as_of=AS_OF)
    again = decode(text.replace(b"\r\n", b"\n"), name=path.name, as_of=AS_OF)

    assert again.registers.drop("source").equals(found.registers.drop("source"))
    assert again.remarks.drop("source").equals(found.remarks.drop("source"))


@pytest.mark.parametrize("path", files(checked=True))
def test_a_flipped_byte(path):
    """Wherever a byte is changed, the file is refused."""
    text = path.read_bytes()
    for at in range(0, len(text), 3):
        with pytest.raises(RefusedFile):
            decode(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :], name=path.name, as_of=AS_OF)
