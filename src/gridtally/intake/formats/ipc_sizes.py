"""Step 2: what an Arrow message says of its size, before anything of it is unpacked.

A compressed buffer states its unpacked size in its first eight bytes, and memory for it would be
taken at once. So the message's metadata (FlatBuffers, Arrow columnar format 1.4) are read here
first, with bounds: only how many rows there are, and where the buffers lie.
"""

from __future__ import annotations

import struct

import pyarrow as pa

__all__ = ["unpacked_size"]

_DICTIONARY, _RECORDS = 2, 3
_BUFFERS_MAX = 10_000


def unpacked_size(message: pa.Message) -> tuple[int, int]:
    """Rows and unpacked bytes of a record or dictionary batch; (0, 0) for other messages.

    Raises `ValueError` when the metadata are no such thing.
    """
    raw, body = message.metadata.to_pybytes(), message.body
    try:
        root = _Table(raw, struct.unpack_from("<I", raw)[0])
        kind = root.number(1, "<B")
        if kind not in (_DICTIONARY, _RECORDS):
            return 0, 0
        batch = root.table(2)
        batch = batch.table(1) if kind == _DICTIONARY else batch
        rows = batch.number(0, "<q")
        start, count = batch.vector(2)
        if rows < 0 or count > _BUFFERS_MAX:
            raise ValueError("it has impossible sizes")
        packed = batch.place(3) > 0
        data = memoryview(body if body is not None else b"") if packed else None
        total = 0
        for at in range(start, start + 16 * count, 16):
            offset, length = struct.unpack_from("<qq", raw, at)
            size = length
            if data is not None and length:
                [size] = struct.unpack_from("<q", data, offset)
                size = length - 8 if size == -1 else size
            if size < 0 or offset < 0:
                raise ValueError("it has impossible sizes")
            total += size
    except struct.error as err:
        raise ValueError("its metadata are damaged") from err
    return rows, total


class _Table:
    """A table of a FlatBuffer: its fields are found through the vtable before it."""

    def __init__(self, raw: bytes, at: int) -> None:
        self.raw, self.at = raw, at
        self.vtable = at - struct.unpack_from("<i", raw, at)[0]
        if at < 0 or self.vtable < 0:
            raise ValueError("its metadata are damaged")
        [self.size] = struct.unpack_from("<H", raw, self.vtable)

    def place(self, field: int) -> int:
        """Where a field stands, 0 when it is not there."""
        slot = 4 + 2 * field
        if slot + 2 > self.size:
            return 0
        [offset] = struct.unpack_from("<H", self.raw, self.vtable + slot)
        return self.at + int(offset) if offset else 0

    def number(self, field: int, code: str) -> int:
        """A number, 0 when it is not there."""
        place = self.place(field)
        return int(struct.unpack_from(code, self.raw, place)[0]) if place else 0

    def _follow(self, field: int) -> int:
        place = self.place(field)
        if not place:
            raise ValueError("its metadata are damaged")
        return place + int(struct.unpack_from("<I", self.raw, place)[0])

    def table(self, field: int) -> _Table:
        """Another table."""
        return _Table(self.raw, self._follow(field))

    def vector(self, field: int) -> tuple[int, int]:
        """Where a vector's first element stands, and how many it has."""
        place = self._follow(field)
        return place + 4, int(struct.unpack_from("<I", self.raw, place)[0])
