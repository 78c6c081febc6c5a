"""Steps 9 and 10: the keys of the log and of approvers, kept outside every workspace."""

from __future__ import annotations

import base64
from pathlib import Path

from gridtally.errors import GridtallyError
from gridtally.proof import keys
from gridtally.store import files
from gridtally.store.workspace import Workspace, keys_dir

__all__ = ["approver", "ensure_keys", "log_key_path", "signed", "verified"]


def log_key_path(ws: Workspace) -> Path:
    """The private key that signs heads of this workspace's log; outside the workspace."""
    return keys_dir() / f"{ws.settings.log.replace('/', '_')}.log.key"


def ensure_keys(ws: Workspace) -> str:
    """Make the log's key when there is none; the public key's text."""
    path = log_key_path(ws)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        keys.write_key(keys.generate(ws.settings.log), path)
    public = str(keys.read_key(path).public)
    copy = ws.path / "published" / "log.pub"
    if not copy.exists():
        files.write(copy, f"{public}\n".encode())
    return public


def approver(actor: str) -> keys.LogKey:
    """The key with which a person signs releases; made at their first."""
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in actor)
    path = keys_dir() / f"approver-{name}.key"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        keys.write_key(keys.generate(f"approver/{name}"), path)
    return keys.read_key(path)


def signed(text: bytes, key: keys.LogKey) -> str:
    """The signature of a release: the public key, and the signature in base 64."""
    return f"{key.public} {base64.b64encode(key.sign(text)).decode()}"


def verified(text: bytes, signature: str) -> bool:
    """Whether an approver whose key is in the folder of keys signed it."""
    public, _, seal = signature.partition(" ")
    try:
        key = keys.PublicKey.parse(public)
        known = (keys_dir() / f"{key.name.replace('/', '-')}.key.pub").read_text().strip()
        return known == public and key.signed(text, base64.b64decode(seal, validate=True))
    except (OSError, ValueError, GridtallyError):
        return False
