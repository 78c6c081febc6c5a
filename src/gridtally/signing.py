"""Steps 9 and 10: the keys of the log and of approvers, kept outside every workspace."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from pathlib import Path

from gridtally.errors import Conflict, GridtallyError
from gridtally.proof import keys
from gridtally.store import files
from gridtally.store.workspace import Workspace, keys_dir

__all__ = ["approver", "ensure_keys", "log_key_path", "signed", "verified"]


def log_key_path(ws: Workspace) -> Path:
    """The private key that signs heads of this workspace's log; outside the workspace."""
    return keys_dir() / f"{ws.settings.log.replace('/', '_')}.log.key"


def ensure_keys(ws: Workspace, *, fresh: bool = False) -> str:
    """Make the log's key when there is none; the public key's text.

    `fresh`: the workspace is new. Raises `Conflict` then when another's log has this name: two
    logs under one key would look like one that forked.
    """
    path = log_key_path(ws)
    if fresh and path.exists() and not (ws.path / "published" / "log.pub").exists():
        raise Conflict(
            f"There is a key of a log {ws.settings.log} already, at {path}.",
            remedy="Name this log otherwise in gridtally.toml, or point GRIDTALLY_KEYS at "
            "another folder.",
        )
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
    name = _key_name(actor)
    path = keys_dir() / f"{name.replace('/', '-')}.key"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        keys.write_key(keys.generate(name), path)
    return keys.read_key(path)


def _key_name(actor: str) -> str:
    """The name of a person's key, which no other person's key has, also where case is lost."""
    actor = unicodedata.normalize("NFC", actor)
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in actor.lower())[:40]
    if name != actor:
        name += f"-{hashlib.sha256(actor.encode()).hexdigest()[:8]}"
    return f"approver/{name}"


def signed(text: bytes, key: keys.LogKey) -> str:
    """The signature of a release: the public key, and the signature in base 64."""
    return f"{key.public} {base64.b64encode(key.sign(text)).decode()}"


def verified(text: bytes, signature: str, actor: str) -> bool:
    """Whether `actor` signed it, with the key of that name in the folder of keys."""
    public, _, seal = signature.partition(" ")
    try:
        key = keys.PublicKey.parse(public)
        known = (keys_dir() / f"{key.name.replace('/', '-')}.key.pub").read_text().strip()
        mine = key.name == _key_name(actor) and known == public
        return mine and key.signed(text, base64.b64decode(seal, validate=True))
    except (OSError, ValueError, GridtallyError):
        return False
