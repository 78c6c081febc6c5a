"""Step 1: the content of delivered bytes, so that the same content packed anew is the same."""

from __future__ import annotations

import io
import zipfile
import zlib

from gridtally.errors import RefusedFile

__all__ = ["CONTENT_MAX", "unpack"]

CONTENT_MAX = 1 << 30
"""Most bytes that a packed delivery may unfold to: a small bomb must not fill the machine."""
_CHUNK = 1 << 20


def unpack(data: bytes, *, name: str, content_max: int = CONTENT_MAX) -> bytes:
    """What a gzip file or a ZIP archive with one member holds; any other bytes as they are.

    Raises `RefusedFile` when the packing is damaged, unfolds to more than `content_max` bytes, or
    an archive holds more or less than one file.
    """
    try:
        if data[:2] == b"\x1f\x8b":
            return _gunzip(data, name=name, content_max=content_max)
        if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return _unzip(data, name=name, content_max=content_max)
    except (zlib.error, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as err:
        raise RefusedFile(
            f"The packed file is damaged: {err}.",
            file=name,
            code="intake.file.packing",
            remedy="Ask the sender to deliver it again.",
        ) from err
    return data


def _gunzip(data: bytes, *, name: str, content_max: int) -> bytes:
    """All members of a gzip file, one after the other."""
    parts, size = [], 0
    while data:
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(data, content_max - size + 1)
        size += len(part)
        _bound(size, name=name, content_max=content_max)
        if not member.eof:
            raise EOFError("it ends in the middle")
        parts.append(part)
        data = member.unused_data.lstrip(b"\x00")
    return b"".join(parts)


def _unzip(data: bytes, *, name: str, content_max: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) != 1:
            raise RefusedFile(
                f"The archive holds {len(members)} files.",
                file=name,
                code="intake.file.archive",
                remedy="Deliver one file per archive, or each file by itself.",
            )
        parts, size = [], 0
        with archive.open(members[0]) as member:
            while part := member.read(_CHUNK):
                size += len(part)
                _bound(size, name=name, content_max=content_max)
                parts.append(part)
    return b"".join(parts)


def _bound(size: int, *, name: str, content_max: int) -> None:
    if size > content_max:
        raise RefusedFile(
            f"The packed file unfolds to more than {content_max} bytes.",
            file=name,
            code="intake.file.size",
            remedy="Split it into smaller deliveries.",
        )
