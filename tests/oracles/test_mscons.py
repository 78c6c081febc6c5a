"""MSCONS interchanges of others, against a second, plain reading of their segments."""

import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gridtally.errors import RefusedFile
from gridtally.intake.decode import decode, summary

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
FOLDER = ROOT / "mscons"
AS_OF = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no MSCONS oracles in {FOLDER}")


def files():
    found = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []
    kept = [path for path in found if path.read_bytes().lstrip()[:3] in (b"UNA", b"UNB")]
    return [pytest.param(path, id=path.name) for path in kept]


def plain(path):
    """Decimal mark and segments, by plain splitting; released characters are left as they are."""
    text = path.read_text("latin-1")
    mark = text[5] if text.startswith("UNA") else "."
    return mark, [segment.strip() for segment in re.split(r"(?<!\?)'", text)]


def quantities(path):
    """Every QTY's number."""
    mark, segments = plain(path)
    numbers = (s.split(":")[1] for s in segments if s.startswith("QTY+"))
    return [Decimal(number.replace(mark, ".")) for number in numbers]


@pytest.mark.parametrize("path", files())
def test_every_quantity(path):
    """Each QTY is a row with its fate, and the stated sum is the plain sum of all of them."""
    found = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    channels = summary(found)["channels"]
    expected = quantities(path)

    assert found.format == "mscons"
    assert found.rows == len(expected)
    assert found.rows == found.accepted + found.duplicates + found.quarantined
    assert sum(channel["n"] for channel in channels) == len(expected)
    assert sum(Decimal(channel["sum"]) for channel in channels) == sum(expected)


@pytest.mark.parametrize("path", files())
def test_what_is_kept(path):
    """The kept intervals are all but those set aside, and their sum with those is the whole."""
    found = decode(path.read_bytes(), name=path.name, as_of=AS_OF)
    values = [value for block in found.blocks["values"].to_pylist() for value in block]
    kept = sum(value for value in values if value is not None)
    _, segments = plain(path)
    body = [segment for segment in segments if segment and not segment.startswith("UNA")]
    aside = sum(
        Decimal(body[line - 1].split(":")[1].replace(",", "."))
        for line in found.aside["line"].to_pylist()
    )

    assert len(values) == found.accepted
    assert Decimal(kept) / 10**6 + aside == sum(quantities(path))


@pytest.mark.parametrize("path", files())
def test_the_count_is_honoured(path):
    """A trailer that counts one segment more or less refuses the file, as does a lost one."""
    text = path.read_text("latin-1")
    [count] = set(re.findall(r"UNT\+(\d+)\+", text))
    for damaged in (
        text.replace(f"UNT+{count}+", f"UNT+{int(count) + 1}+"),
        text.replace(f"UNT+{count}+", f"UNT+{int(count) - 1}+"),
        text[: text.index("UNT+")],
        text[: text.index("UNZ+")],
        text.replace("QTY+", "QTX+", 1).replace("DTM+164", "'DTM+164", 1),
    ):
        with pytest.raises(RefusedFile):
            decode(damaged.encode("latin-1"), name=path.name, as_of=AS_OF)
