"""Packed deliveries: opened with limits, refused when they are not what an honest sender packs."""

import gzip
import io
import struct
import warnings
import zipfile

import pytest
from intake_cases import counts, csv_long, decoded, nem12

from gridtally.errors import RefusedFile
from gridtally.intake import archive


def packed(*members, kind=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", kind) as file:
        warnings.simplefilter("ignore")
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def refused(data, code, words=""):
    with pytest.raises(RefusedFile) as caught:
        archive.members(data, name="file")
    assert caught.value.code == code
    assert words in caught.value.message


def test_members_are_decoded_as_one_delivery():
    """Members of several formats count together; findings name the member."""
    other = csv_long(value="x").replace("P,", "Q,")
    found = decoded(packed(("a/nem.csv", nem12()), ("b.csv", other)))

    assert found.format == "csv-long+nem12"
    assert counts(found) == (26, 0, 1)
    warned = {row["file"] for row in found.findings.to_pylist() if row["severity"] == "warn"}
    assert warned == {"file!b.csv"}


def test_a_single_member_is_the_file():
    """One file packed is that file: the same readings with the same source."""
    assert decoded(packed(("x.dat", csv_long()))).blocks.equals(decoded(csv_long()).blocks)


def test_a_bad_member_refuses_the_delivery():
    """One refused member refuses all: nothing of the others is read."""
    with pytest.raises(RefusedFile) as caught:
        decoded(packed(("a.csv", csv_long()), ("b.csv", "hello,world\n")))

    assert caught.value.file == "file!b.csv"


def test_gzip_of_several_members():
    """A gzip file of several parts is their text one after the other."""
    half = len(csv_long()) // 2
    parts = [csv_long()[:half], csv_long()[half:]]
    data = b"".join(gzip.compress(part.encode()) for part in parts)

    assert counts(decoded(data)) == (24, 0, 0)


def test_bombs(monkeypatch):
    """Output is counted while it comes: by ratio and by size, for gzip and ZIP."""
    zeros = bytes(20 << 20)
    refused(gzip.compress(zeros), "intake.archive.large", "200 times")
    refused(packed(("a", zeros)), "intake.archive.large", "200 times")
    monkeypatch.setattr(archive, "RATIO_MAX", 10**9)
    monkeypatch.setattr(archive, "UNPACKED_MAX", 10 << 20)
    refused(gzip.compress(zeros), "intake.archive.large", "10 MiB")
    refused(packed(("a", zeros[: 6 << 20]), ("b", zeros[: 6 << 20])), "intake.archive.large", "10")


def test_stated_sizes_are_not_believed():
    """An entry that states a size of ten bytes does not get more out than it may."""
    data = bytearray(packed(("a", bytes(5 << 20))))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    with pytest.raises(RefusedFile):
        archive.members(bytes(data), name="file")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/a", "C:\\a", "..\\a"])
def test_names_that_lead_out(name):
    """A member that would be written elsewhere refuses the archive."""
    refused(packed((name, "x")), "intake.archive.unsafe", "leads out")


def test_links():
    """A symbolic link refuses the archive."""
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    refused(packed((link, "/etc/passwd")), "intake.archive.unsafe", "link")


def test_names_twice():
    """Two members of one name, also in other letter case, refuse the archive."""
    refused(packed(("a.csv", "x"), ("A.csv", "y")), "intake.archive.unsafe", "twice")


def test_an_archive_inside():
    """Archives are opened one level deep."""
    refused(packed(("a.zip", packed(("b", "x")))), "intake.archive.unsafe", "inside")
    refused(gzip.compress(gzip.compress(b"x")), "intake.archive.unsafe", "inside")


def test_encrypted():
    """A member with a password refuses the archive."""
    data = bytearray(packed(("a", "x")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    refused(bytes(data), "intake.archive.unsafe", "encrypted")


def test_office_documents():
    """A spreadsheet that calls itself CSV is named for what it is."""
    refused(packed(("[Content_Types].xml", "<x/>")), "intake.file.format", "office document")


@pytest.mark.parametrize("cut", [5, 40, -3])
def test_damaged(cut):
    """A cut archive is refused as broken."""
    refused(gzip.compress(csv_long().encode())[:cut], "intake.archive.broken")
    refused(packed(("a", csv_long()))[: abs(cut) + 4], "intake.archive.broken")


def test_empty_archive():
    """An archive without a file is an empty delivery."""
    refused(packed(), "intake.file.empty")
