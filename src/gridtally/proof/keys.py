"""Step 10, the trail: Ed25519 keys of the log, as the C2SP signed note writes them.

    public   NAME+KEYID+base64(0x01 || 32 bytes)                anybody may have it
    private  PRIVATE+KEY+NAME+KEYID+base64(0x01 || 32 bytes)    a file that only its owner reads

KEYID is the first four bytes, in hex, of SHA-256(NAME || 0x0A || 0x01 || public key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gridtally.errors import Conflict, InvalidDocument, NotFound, UnsafeSettings

__all__ = ["LogKey", "PublicKey", "decode64", "generate", "read_key", "write_key"]

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_NAME = re.compile(r"[^\s+]{1,200}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The log's public key: what `verify` needs beside the proof."""

    name: str
    """The name of the log, which is the origin line of its heads."""
    raw: bytes

    @property
    def id(self) -> bytes:
        """The key's short name [4 bytes]."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        text = base64.b64encode(_ED25519 + self.raw).decode()
        return f"{self.name}+{self.id.hex()}+{text}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """The key that a text spells. Raises `InvalidDocument`."""
        name, raw = _parse(text.strip(), "public")
        key = cls(name, raw)
        if str(key) != text.strip():
            raise _refused("public", "its short name does not belong to it")
        return key

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature [64 bytes] over the message is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class LogKey:
    """The log's private key. Its text never appears in a repr, a log or a message."""

    name: str
    seed: bytes

    @property
    def public(self) -> PublicKey:
        """The key for everybody."""
        return PublicKey(self.name, self._key().public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The signature [64 bytes], the same for the same message (RFC 8032)."""
        return self._key().sign(message)

    def text(self) -> str:
        """The line that a key file holds."""
        seed = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{seed}"

    @classmethod
    def parse(cls, text: str) -> LogKey:
        """The key that a text spells. Raises `InvalidDocument`, without quoting it."""
        text = text.strip()
        if not text.startswith(_PRIVATE):
            raise _refused("private", f"it does not begin with {_PRIVATE}")
        name, seed = _parse(text.removeprefix(_PRIVATE), "private")
        key = cls(name, seed)
        if key.text() != text:
            raise _refused("private", "its short name does not belong to it")
        return key

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def generate(name: str) -> LogKey:
    """A new key for the log of that name (its origin, such as `example.com/bills`)."""
    if not _NAME.fullmatch(name):
        raise InvalidDocument(
            f"{name[:64]!r} cannot name a log.",
            remedy="Use letters, digits and marks without spaces and without +.",
        )
    return LogKey(name, Ed25519PrivateKey.generate().private_bytes_raw())


def write_key(key: LogKey, path: Path) -> Path:
    """Write the private key to `path`, readable by its owner alone, and the public one beside it.

    Returns the public key's path, `path` with `.pub` added. An existing key is never replaced:
    raises `Conflict`.
    """
    public = path.with_name(path.name + ".pub")
    for file, text, mode in ((path, key.text(), 0o600), (public, str(key.public), 0o644)):
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        except FileExistsError as err:
            raise Conflict(
                f"There is a key at {file} already.",
                remedy="Keep it: heads signed with it can only be verified with it.",
            ) from err
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), mode)
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
    return public


def read_key(path: Path) -> LogKey:
    """Read a private key. Raises `NotFound`, `InvalidDocument`, or `UnsafeSettings` when others
    than its owner could read or write the file."""
    try:
        with path.open(encoding="utf-8") as file:
            others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            text = file.read(10_000)
    except FileNotFoundError as err:
        raise NotFound(
            f"There is no key at {path}.", remedy="Point GRIDTALLY_KEYS at the folder of keys."
        ) from err
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidDocument(f"The key at {path} cannot be read.", remedy=str(err)) from err
    if others:
        raise UnsafeSettings(
            f"Others than its owner may open the key at {path}.", remedy=f"chmod 600 {path}"
        )
    return LogKey.parse(text)


def decode64(text: str) -> bytes:
    """Standard base 64, in its only spelling. Raises `ValueError`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise ValueError("not base 64") from err
    if base64.b64encode(data).decode() != text:
        raise ValueError("base 64 that is not in its canonical spelling")
    return data


def _parse(text: str, kind: str) -> tuple[str, bytes]:
    """Name and 32 bytes of `NAME+KEYID+base64`."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise _refused(kind, "it is not NAME+KEYID+BASE64")
    try:
        data = decode64(parts[2])
    except ValueError as err:
        raise _refused(kind, str(err)) from err
    if data[:1] != _ED25519 or len(data) != 33:
        raise _refused(kind, "it is not an Ed25519 key")
    return parts[0], data[1:]


def _refused(kind: str, reason: str) -> InvalidDocument:
    return InvalidDocument(
        f"This is no {kind} key of a log: {reason}.",
        remedy="A public key is one line, as in the file that ends in .pub.",
    )
