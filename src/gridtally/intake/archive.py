"""Steps 1-2: gzip files and ZIP archives are opened with limits: counted output, one level.

What comes out is counted while it comes; sizes that the archive states are not believed.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Protocol

from gridtally.intake.words import refuse

__all__ = ["MEMBERS_MAX", "RATIO_MAX", "UNPACKED_MAX", "is_packed", "members"]

UNPACKED_MAX = 1 << 30
"""Most bytes that come out of one delivery."""
RATIO_MAX = 200
"""Most bytes out per byte in; text of readings packs 5 to 50 times."""
MEMBERS_MAX = 10_000
"""Most files in one archive."""
_CHUNK = 1 << 20
_FREE = 1 << 16
"""Output up to this is never a bomb, whatever its ratio."""
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def is_packed(data: bytes) -> bool:
    """Whether the bytes are a gzip file or a ZIP archive."""
    return data[:2] == _GZIP or data[:4] in _ZIP


def members(data: bytes, *, name: str) -> list[tuple[str, bytes]]:
    """The files in `data`, each with its name; plain bytes are one file of that name.

    Raises `RefusedFile`: damaged, a bomb, a name that leaves the archive, a link, a password,
    two members of one name, an archive inside, or no member at all.
    """
    try:
        if data[:2] == _GZIP:
            found = [(name.removesuffix(".gz"), _gunzip(data, name=name))]
        elif data[:4] in _ZIP:
            found = _unzip(data, name=name)
        else:
            if len(data) > UNPACKED_MAX:
                raise refuse("intake.file.large", file=name, expected=UNPACKED_MAX >> 20)
            return [(name, data)]
    except (zlib.error, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as err:
        raise refuse("intake.archive.broken", file=name, text=str(err)) from err
    for member, content in found:
        if is_packed(content):
            raise _unsafe(name, f"'{member}' is an archive inside the archive")
    return found


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
    """A gzip file of one or more members as a stream of bounded reads."""

    def __init__(self, data: bytes) -> None:
        self.rest, self.member = data, zlib.decompressobj(wbits=31)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end. Raises `EOFError` when the file is cut."""
        while True:
            if self.member.eof:
                self.rest = self.member.unused_data.lstrip(b"\x00")
                if not self.rest:
                    return b""
                self.member = zlib.decompressobj(wbits=31)
            chunk = self.member.decompress(self.rest, size)
            self.rest = self.member.unconsumed_tail
            if chunk:
                return chunk
            if not self.member.eof and not self.rest:
                raise EOFError("it ends in the middle")


def _gunzip(data: bytes, *, name: str) -> bytes:
    return b"".join(_counted(_Gunzip(data), len(data), 0, name=name))


def _unzip(data: bytes, *, name: str) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        _check(infos, name=name)
        found: list[tuple[str, bytes]] = []
        size = 0
        for info in infos:
            stream: IO[bytes]
            with archive.open(info) as stream:
                content = b"".join(_counted(stream, info.compress_size, size, name=name))
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
        kind = stat.S_IFMT(info.external_attr >> 16)
        if member.startswith("/") or ".." in member.split("/") or ":" in member or "\0" in member:
            raise _unsafe(name, f"the name '{member[:80]}' leads out of the archive")
        if kind not in (0, stat.S_IFREG):
            raise _unsafe(name, f"'{member[:80]}' is a link or a device")
        if info.flag_bits & 0x1:
            raise _unsafe(name, f"'{member[:80]}' is encrypted")
        if member.casefold() in seen:
            raise _unsafe(name, f"the name '{member[:80]}' is there twice")
        if member == "[Content_Types].xml":
            raise refuse(
                "intake.file.format", file=name,
                text=": it is an office document; save the sheet as CSV UTF-8",
            )  # fmt: skip
        seen.add(member.casefold())


def _unsafe(name: str, text: str) -> Exception:
    return refuse("intake.archive.unsafe", file=name, text=text)
