"""Plain CSV is read by Arrow's parser, everything else strictly: nobody can tell the difference."""

import numpy as np
import pytest
from hypothesis import given
from intake_cases import decoded
from test_identity import ROWS, SETTINGS, long

from gridtally.errors import RefusedFile
from gridtally.intake import slots
from gridtally.intake.formats import sheet
from gridtally.intake.plain import plain_piece


def piece(text, *, width=3, long=(2,)):
    return plain_piece(np.frombuffer(text, np.uint8), 7, width=width, long=long, last=True)


@pytest.mark.parametrize(
    "text",
    [
        b'a,b,"c"\n', b"a,b\n", b"a,b,c\n\nd,e,f\n", b"\n", b"a,b,c,d\n", b"a,b,c\nd,e\n",
        b"a,b,c\n,,,\n", b"",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_strict_reader(text):
    """Quotation marks, ragged rows and blank lines are never interpreted here."""
    assert piece(text) is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"NA,NULL,1\n,#N/A,\nnan,b,c", [["NA", "NULL", "1"], ["", "#N/A", ""], ["nan", "b", "c"]]),
        (b" a, b,c \r\n1,2,3\r\n", [[" a", " b", "c "], ["1", "2", "3"]]),
        ("é,β,電\n".encode(), [["é", "β", "電"]]),
    ],
)
def test_cells_are_the_text_between_the_commas(text, rows):
    """No word means nothing, no blank is cut, no letter is changed; lines count on."""
    found = piece(text)
    assert [[found.text(row, at) for at in range(3)] for row in range(found.rows)] == rows
    assert found.line.tolist() == list(range(7, 7 + len(rows)))


def said(data, **how):
    """Everything that a decoded file says; a refusal in its place."""
    try:
        found = decoded(data, **how)
    except RefusedFile as err:
        return err.code, err.line, err.message
    return (
        found.blocks.sort_by([("line", "ascending"), ("start_utc", "ascending")]).to_pylist(),
        found.rows, found.accepted, found.duplicates, found.quarantined, found.totals,
        sorted(map(str, found.findings.to_pylist())), found.aside.to_pylist(),
    )  # fmt: skip


@SETTINGS
@given(rows=ROWS)
def test_both_readers_say_the_same(rows):
    """Whatever a file holds: the quick way, the strict way, and both in tiny pieces."""
    data = long(rows).encode()
    quick = said(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "plain_piece", lambda *_, **__: None)
        assert said(data) == quick
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "_QUICK", 40)
        assert said(data) == quick


def test_channels_are_settled_in_blocks_of_whole_channels():
    """The size of a block changes nothing: readings of many channels, in any order of the rows."""
    rows = [
        f"P{point},{channel},2026-01-05T{hour:02d}:00Z,{point}.{hour},kWh,A,"
        for hour in range(24) for point in range(5) for channel in ("import", "export")
    ]  # fmt: skip
    data = long(rows).encode()
    whole = said(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "_BLOCK", 7)
        assert said(data) == whole
    assert whole[2] == len(rows)
