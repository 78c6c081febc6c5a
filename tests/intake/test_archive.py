"""Packed deliveries: opened with limits, refused when they are not what an honest sender packs."""

import gzip
import io
import mmap
import struct
import time
import warnings
import zipfile
import zlib

import pyarrow as pa
import pytest
from intake_cases import AS_OF, counts, csv_long, decoded, nem12

from gridtally.errors import RefusedFile
from gridtally.intake import archive
from gridtally.intake.decode import decode


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


def zstd(data):
    return pa.Codec("zstd").compress(data, asbytes=True)


def test_zstandard():
    """Zstandard is opened as gzip is: one frame or several, the same readings."""
    text = csv_long().encode()

    assert decoded(zstd(text)).blocks.equals(decoded(text).blocks)
    assert counts(decoded(zstd(text[:100]) + zstd(text[100:]))) == (24, 0, 0)


def test_zstandard_is_opened_with_the_same_limits():
    """Bombs, cut files, rubbish behind, archives inside, frames that want gigabytes of memory."""
    refused(zstd(bytes(300 << 20)), "intake.archive.large", "200 times")
    refused(zstd(csv_long().encode())[:-4], "intake.archive.broken")
    refused(zstd(b"x") + b"more", "intake.archive.broken")
    refused(zstd(zstd(b"x")), "intake.archive.unsafe", "inside")
    refused(b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", "intake.archive.broken", "memory")


def test_a_gzip_file_of_countless_parts_is_refused_soon():
    """Two hundred thousand empty parts would be copied once for each; they are not."""
    began = time.process_time()
    refused(gzip.compress(b"") * 200_000, "intake.archive.broken", "parts")

    assert time.process_time() - began < 2


def test_rubbish_behind_a_gzip_file():
    """Zeros that fill up a block are passed over, anything else is not."""
    data = gzip.compress(csv_long().encode())

    assert counts(decoded(data + bytes(100_000))) == (24, 0, 0)
    refused(data + b"more", "intake.archive.broken")


def directory(*entries):
    """A ZIP whose list names the same stored member for each (name, offset, size)."""
    body = b"PK\x03\x04" + struct.pack("<5H3I2H", 20, 0, 0, 0, 0, zlib.crc32(b"x"), 1, 1, 1, 0)
    body += b"ax"
    listed = b"".join(
        b"PK\x01\x02"
        + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, zlib.crc32(b"x"), 1, 1, 1, 0, 0, 0, 0, 0, 0)
        + name
        for name in entries
    )
    end = struct.pack(
        "<4s4H2IH", b"PK\x05\x06", 0, 0, *[len(entries)] * 2, len(listed), len(body), 0
    )
    return body + listed + end


def test_members_that_share_bytes():
    """Overlapping members multiply: one packed byte is unpacked for each name."""
    assert archive.members(directory(b"a"), name="file") == [("a", b"x")]
    refused(directory(b"a", b"b"), "intake.archive.unsafe", "shares bytes")


def test_a_zip_behind_another_file():
    """Bytes before the first member are a file of their own, which other programs would read."""
    both = packed(("a", "hidden")) + packed(("b", "x"))
    refused(both, "intake.archive.unsafe", "belong to no member")


def test_a_size_that_is_not_there():
    """A member that states more than comes out is not believed."""
    data = bytearray(packed(("a", b"x" * 1000)))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 5000)
    refused(bytes(data), "intake.archive.unsafe", "size that it states")


@pytest.mark.parametrize("kind", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_ways_of_packing(kind):
    """Only deflate: the others may ask for gigabytes of memory."""
    refused(packed(("a", "x"), kind=kind), "intake.archive.unsafe", "deflate")


@pytest.mark.parametrize("name", ["a\u202egpj.csv", "a\x1b[2J", "n" * 300])
def test_names_that_cannot_be_seen(name):
    """A name that shows as another one, or is longer than any file system has."""
    refused(packed((name, "x")), "intake.archive.unsafe", "too long or cannot be seen")


def test_names_that_look_the_same():
    """One folder cannot hold both on every system: composed and decomposed, wide and narrow."""
    refused(packed(("caf\u00e9", "x"), ("cafe\u0301", "y")), "intake.archive.unsafe", "twice")
    refused(packed(("a.csv", "x"), ("\uff21.csv", "y")), "intake.archive.unsafe", "twice")


def test_devices():
    """Pipes, sockets and devices refuse the archive as links do."""
    pipe = zipfile.ZipInfo("a")
    pipe.external_attr = 0o010644 << 16
    refused(packed((pipe, "")), "intake.archive.unsafe", "device")


def test_too_many_members(monkeypatch):
    """Ten thousand are enough."""
    monkeypatch.setattr(archive, "MEMBERS_MAX", 3)
    refused(packed(*((f"{n}", "x") for n in range(4))), "intake.archive.unsafe", "3 members")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "office document"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"SQLite format 3\x00", "a database"),
        (b"MZ\x90\x00\x03", "a program"),
        (b"7z\xbc\xaf\x27\x1c\x00", "7-Zip"),
        (b"-----BEGIN PGP MESSAGE-----\n", "encrypted"),
        (b"BZh9\x17\x72\x45\x38", "bzip2"),
    ],
)
def test_m62_what_it_is_is_said_whatever_its_name(data, what):
    """A file that is no table is named for what it is, alone and in an archive."""
    for delivered, file in ((data, "file"), (packed(("a.csv", data), ("b", "x")), "file!a.csv")):
        with pytest.raises(RefusedFile) as caught:
            decoded(delivered)
        assert (caught.value.code, caught.value.file) == ("intake.file.format", file)
        assert what in caught.value.message


def test_a_table_that_begins_with_such_letters():
    """`MZ` is a program only where what follows is no text."""
    assert archive.members(b"MZ-1,import\n", name="file") == [("file", b"MZ-1,import\n")]


def test_m58_a_large_file_is_mapped(tmp_path, monkeypatch):
    """It gives the same readings, plain and packed; one that is too large is not read at all."""
    monkeypatch.setattr(archive, "SMALL", 100)
    plain = csv_long().encode()
    for name, data in (
        ("a.csv", plain),
        ("a.gz", gzip.compress(plain)),
        ("a.zip", packed(("a.csv", plain))),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        mapped = archive.bytes_of(path)
        assert isinstance(mapped, mmap.mmap)
        assert decoded(plain).blocks.equals(decode(mapped, name=name, as_of=AS_OF).blocks)
    with path.open("wb") as file:
        file.truncate((2 << 30) + 1)
    with pytest.raises(RefusedFile) as caught:
        archive.bytes_of(path)
    assert caught.value.code == "intake.file.large"


@pytest.mark.parametrize("make", [nem12, csv_long])
def test_other_formats_are_mapped_too(make, tmp_path, monkeypatch):
    """Whatever the format, a mapped file is read as one in memory."""
    monkeypatch.setattr(archive, "SMALL", 100)
    path = tmp_path / "file"
    path.write_text("\ufeff" + make(value="x"))
    found = decode(archive.bytes_of(path), name="file", as_of=AS_OF)

    assert counts(found)[2] == 1
