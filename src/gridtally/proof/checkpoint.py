"""Step 10, the trail: signed heads, as C2SP tlog-checkpoint and signed-note write them.

example.com/bills                                   origin: the name of the log
2000                                                how many leaves
rL7x…=                                              base 64 of the root

— example.com/bills base64(key id || signature)     others may add lines of their own
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gridtally.proof.keys import LogKey, PublicKey, decode64
from gridtally.proof.merkle import HASH_BYTES

__all__ = ["Checkpoint", "open_note", "parse", "read", "sign", "sign_note"]

NOTE_BYTES_MAX, SIGNATURES_MAX = 100_000, 64
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head: the tree of the first `size` leaves of the log `origin` has this root."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, key: LogKey) -> str:
    """The signed head. The log's name and the key's are one."""
    assert checkpoint.origin == key.name
    assert len(checkpoint.root) == HASH_BYTES
    return sign_note(checkpoint.body(), key)


def read(note: str, key: PublicKey) -> Checkpoint:
    """The head that a note holds, when this key signed it and it is this log's.

    Raises `ValueError` with the reason.
    """
    checkpoint = parse(open_note(note, key))
    if checkpoint.origin != key.name:
        raise ValueError(f"the head is of the log {checkpoint.origin!r}, the key of {key.name!r}")
    return checkpoint


def parse(body: str) -> Checkpoint:
    """The three lines of a head; whoever signed it. Raises `ValueError`."""
    lines = body.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise ValueError("a head has three lines: origin, size, root")
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
        raise ValueError(f"{lines[1][:40]!r} is not the size of a tree")
    root = decode64(lines[2])
    if len(root) != HASH_BYTES:
        raise ValueError("the root has not 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign_note(text: str, key: LogKey) -> str:
    """A signed note: the text, an empty line, the signature."""
    assert text.endswith("\n")
    signature = base64.b64encode(key.public.id + key.sign(text.encode())).decode()
    return f"{text}\n— {key.name} {signature}\n"


def open_note(note: str, key: PublicKey) -> str:
    """The text of a note that this key signed; signatures of other keys are not looked at.

    Raises `ValueError` when the note is malformed, not signed by the key, or when a signature
    that names the key is not the key's.
    """
    text = _text_of(note)
    ours = [
        signature[4:]
        for name, signature in _signatures(note[len(text) + 1 :])
        if name == key.name and signature[:4] == key.id
    ]
    if not ours:
        names = sorted({name for name, _ in _signatures(note[len(text) + 1 :])})
        raise ValueError(f"no signature by {key.name} ({key.id.hex()}), only by {names}")
    if not all(key.signed(text.encode(), signature) for signature in ours):
        raise ValueError(f"the signature by {key.name} does not fit the text")
    return text


def _text_of(note: str) -> str:
    """What comes before the last empty line, its own last newline included."""
    if len(note.encode("utf-8", "surrogatepass")) > NOTE_BYTES_MAX:
        raise ValueError("the note is too long")
    if re.search("[\x00-\x09\x0b-\x1f\ud800-\udfff]", note):
        raise ValueError("the note has a control character")
    end = note.rfind("\n\n")
    if end < 1 or not note.endswith("\n") or end + 2 == len(note):
        raise ValueError("a note is a text, an empty line, and signatures")
    return note[: end + 1]


def _signatures(lines: str) -> Iterator[tuple[str, bytes]]:
    """Name and key id with signature of each line."""
    written = lines.split("\n")[:-1]
    if len(written) > SIGNATURES_MAX:
        raise ValueError("the note has too many signatures")
    for line in written:
        found = _SIGNATURE.fullmatch(line)
        if not found:
            raise ValueError("a signature line is malformed")
        signature = decode64(found[2])
        if len(signature) < 5:
            raise ValueError("a signature is too short")
        yield found[1], signature
