"""Steps 1-2: gzip, Zstandard and ZIP are opened with limits: counted output, one level.

What comes out is counted while it comes; sizes that the archive states are not believed. Only what
every program reads in the same way is read: members that lie one after the other, stored or
deflated, under names that are plain and differ.
"""

from __future__ import annotations

import mmap
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa

from gridtally.intake.words import refuse

__all__ = [
    "MEMBERS_MAX", "RATIO_MAX", "SMALL", "UNPACKED_MAX", "Buffer", "bytes_of", "is_packed",
    "members",
]  # fmt: skip

UNPACKED_MAX = 1 << 30
"""Most bytes that come out of one delivery."""
RATIO_MAX = 200
"""Most bytes out per byte in; text of readings packs 5 to 50 times."""
MEMBERS_MAX = 10_000
"""Most files in one archive, and most parts of one gzip file."""
SMALL = 64 << 20
"""Files up to this [bytes] are read into memory, larger ones are mapped."""
_CHUNK = 1 << 20
_FREE = 1 << 16
"""Output up to this is never a bomb, whatever its ratio."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCAL_HEADER = 30
_NAME_MAX = 255
_OFFICE = "an office document; save the sheet as CSV UTF-8"
_OTHER = {
    b"\xd0\xcf\x11\xe0": "an old or encrypted office document; save the sheet as CSV UTF-8",
    b"%PDF": "a PDF",
    b"{\\rtf": "a text document (RTF)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"SQLite format 3": "a database",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive; only gzip, Zstandard and ZIP are opened",
    b"Rar!\x1a\x07": "a RAR archive; only gzip, Zstandard and ZIP are opened",
    b"BZh": "a bzip2 file; only gzip, Zstandard and ZIP are opened",
    b"\xfd7zXZ\x00": "an xz file; only gzip, Zstandard and ZIP are opened",
    b"-----BEGIN PGP": "encrypted",
    b"\x84\x8c": "encrypted", b"\x85\x01": "encrypted", b"\x85\x02": "encrypted",
    b"Salted__": "encrypted",
}  # fmt: skip
"""First bytes of what is sometimes delivered under the name of a table, whatever its ending."""

Buffer = bytes | mmap.mmap
"""Delivered bytes; a large file is mapped, so that memory follows what is looked at."""


def bytes_of(path: Path) -> Buffer:
    """The bytes of a file; a large one is mapped. Raises `RefusedFile` for one that is too large,
    before any of it is read, and `OSError`.
    """
    size = path.stat().st_size
    if size > UNPACKED_MAX:
        raise refuse("intake.file.large", file=path.name, expected=UNPACKED_MAX >> 20)
    if size <= SMALL:
        return path.read_bytes()
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def is_packed(data: Buffer) -> bool:
    """Whether the bytes are a gzip or Zstandard file or a ZIP archive."""
    return data[:2] == _GZIP or data[:4] == _ZSTD or data[:4] in _ZIP


def members(data: Buffer, *, name: str) -> list[tuple[str, Buffer]]:
    """The files in `data`, each with its name; plain bytes are one file of that name.

    Raises `RefusedFile`: damaged, a bomb, a name that leaves the archive, a link, a password,
    two members of one name, an archive inside, no member at all, or no kind of table.
    """
    if not is_packed(data):
        if len(data) > UNPACKED_MAX:
            raise refuse("intake.file.large", file=name, expected=UNPACKED_MAX >> 20)
        _refuse_others(data, name=name)
        return [(name, data)]
    found: list[tuple[str, Buffer]] = []
    try:
        found += _opened(data, name=name)
    except (zlib.error, zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as err:
        raise refuse("intake.archive.broken", file=name, text=_said(err)) from err
    for member, content in found:
        if is_packed(content):
            raise _unsafe(name, f"'{member}' is an archive inside the archive")
        _refuse_others(content, name=name if len(found) == 1 else f"{name}!{member}")
    return found


def _said(err: Exception) -> str:
    return str(err).splitlines()[0].rstrip(".")[:120] if str(err) else type(err).__name__


def _refuse_others(data: Buffer, *, name: str) -> None:
    """Name what it is when it is no table at all: a wrong ending is the most common mistake."""
    text = all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in data[:64])
    for magic, what in _OTHER.items():
        if data[: len(magic)] == magic and (len(magic) > 3 or not text):
            raise refuse("intake.file.format", file=name, text=f": it is {what}")


def _opened(data: Buffer, *, name: str) -> list[tuple[str, bytes]]:
    if data[:4] in _ZIP:
        return _unzip(data, name=name)
    stream: _Reads
    if data[:2] == _GZIP:
        inner, stream = name.removesuffix(".gz"), _Gunzip(data)
    else:
        inner = name.removesuffix(".zst")
        stream = pa.CompressedInputStream(pa.BufferReader(pa.py_buffer(data)), "zstd")
    return [(inner, b"".join(_counted(stream, len(data), 0, name=name)))]


class _Reads(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _counted(stream: _Reads, packed: int, so_far: int, *, name: str) -> Iterator[bytes]:
    """The stream in chunks; refuses as soon as it is too much, in all or for its packed size."""
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if so_far + size > UNPACKED_MAX:
            raise refuse("intake.archive.large", file=name, expected=f"{UNPACKED_MAX >> 20} MiB")
        if size > max(_FREE, RATIO_MAX * packed):
            raise refuse(
                "intake.archive.large", file=name, expected=f"{RATIO_MAX} times its packed size"
            )
        yield chunk


class _Gunzip:
    """A gzip file of one or more parts as a stream of bounded reads, fed in bounded pieces.

    Fed whole, a file of many tiny parts would be copied once for each of them.
    """

    def __init__(self, data: Buffer) -> None:
        self.data, self.at, self.parts = data, 0, 1
        self.rest = b""
        self.part = zlib.decompressobj(wbits=31)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end. Raises `EOFError` when the file is cut."""
        while True:
            if self.part.eof and not self._next():
                return b""
            if not self.rest and not self._feed():
                raise EOFError("it ends in the middle")
            chunk = self.part.decompress(self.rest, size)
            self.rest = self.part.unused_data if self.part.eof else self.part.unconsumed_tail
            if chunk:
                return chunk

    def _feed(self) -> bool:
        """Take the next piece of the file; False at its end."""
        self.rest = self.data[self.at : self.at + _FREE]
        self.at += len(self.rest)
        return bool(self.rest)

    def _next(self) -> bool:
        """Go on to the next part, over zeros that fill up the last one; False at the end."""
        self.rest = self.rest.lstrip(b"\x00")
        while not self.rest:
            if not self._feed():
                return False
            self.rest = self.rest.lstrip(b"\x00")
        self.parts += 1
        if self.parts > MEMBERS_MAX:
            raise ValueError(f"it has more than {MEMBERS_MAX} parts")
        self.part = zlib.decompressobj(wbits=31)
        return True


def _unzip(data: Buffer, *, name: str) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(pa.BufferReader(pa.py_buffer(data))) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        _check(infos, name=name)
        _check_places(archive, len(data), name=name)
        found: list[tuple[str, bytes]] = []
        size = 0
        for info in infos:
            stream: IO[bytes]
            with archive.open(info) as stream:
                content = b"".join(_counted(stream, info.compress_size, size, name=name))
            if len(content) != info.file_size:
                raise _unsafe(name, f"'{info.filename[:80]}' has not the size that it states")
            size += len(content)
            found.append((info.filename, content))
    return found


def _check(infos: list[zipfile.ZipInfo], *, name: str) -> None:
    """Refuse names and kinds of members that no honest delivery has."""
    if not infos:
        raise refuse("intake.file.empty", file=name, line=1)
    if len(infos) > MEMBERS_MAX:
        raise _unsafe(name, f"it has more than {MEMBERS_MAX} members")
    seen: set[str] = set()
    for info in infos:
        # zipfile cuts names at NUL and turns backslashes round only where the system does.
        member = info.orig_filename.replace("\\", "/")
        said = member[:80].encode("unicode_escape").decode() if not member.isprintable() else member
        kind = stat.S_IFMT(info.external_attr >> 16)
        if member.startswith("/") or ".." in member.split("/") or ":" in member or "\0" in member:
            raise _unsafe(name, f"the name '{said[:80]}' leads out of the archive")
        if not member.isprintable() or len(member.encode()) > _NAME_MAX:
            raise _unsafe(name, f"the name '{said[:80]}' is too long or cannot be seen")
        if kind not in (0, stat.S_IFREG):
            raise _unsafe(name, f"'{said[:80]}' is a link or a device")
        if info.flag_bits & 0x1:
            raise _unsafe(name, f"'{said[:80]}' is encrypted")
        if info.compress_type not in _METHODS:
            raise _unsafe(name, f"'{said[:80]}' is packed in another way than deflate")
        if member in ("[Content_Types].xml", "META-INF/manifest.xml"):
            raise refuse("intake.file.format", file=name, text=f": it is {_OFFICE}")
        plain = unicodedata.normalize("NFKC", member).casefold()
        if plain in seen:
            raise _unsafe(name, f"the name '{said[:80]}' is there twice")
        seen.add(plain)


def _check_places(archive: zipfile.ZipFile, size: int, *, name: str) -> None:
    """Members lie one after the other from the first byte on: none shares bytes with another.

    Overlapping members unpack the same bytes many times; bytes before the first are another file.
    """
    end = 0
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise _unsafe(name, f"'{info.filename[:80]}' shares bytes with another member")
        if end == 0 and info.header_offset > 0:
            raise _unsafe(name, "it begins with bytes that belong to no member")
        end = info.header_offset + _LOCAL_HEADER + len(info.orig_filename) + info.compress_size
    if end > min(size, archive.start_dir):
        raise _unsafe(name, "a member shares bytes with the list of members")


def _unsafe(name: str, text: str) -> Exception:
    return refuse("intake.archive.unsafe", file=name, text=text)
