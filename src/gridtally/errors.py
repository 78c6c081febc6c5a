"""Shared by every room: what is raised when the operator or the environment is wrong.

Customer data that is wrong is never raised: it is a row of FINDINGS (see ``tables.py``).

    GridtallyError                 exit code 2, one sentence, what to do
    ├── UsageError                 the command or a setting cannot be meant
    ├── NotFound                   a named thing is not there
    ├── InvalidDocument            a tariff, rule, proof or settings document is refused
    ├── RefusedFile                a delivered file is refused whole; nothing of it is stored
    ├── UnsafeSettings             start-up refuses: a guard or a durability setting is missing
    ├── Conflict                   somebody else was first, or the state does not allow it
    └── Corrupt                    stored bytes do not match what was recorded about them
"""

from __future__ import annotations

__all__ = [
    "Conflict",
    "Corrupt",
    "GridtallyError",
    "InvalidDocument",
    "NotFound",
    "RefusedFile",
    "UnsafeSettings",
    "UsageError",
]


class GridtallyError(Exception):
    """Base of all: `message` says what is wrong, `remedy` what to do about it."""

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        file: str = "",
        line: int | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.file = file
        self.line = line
        if code:
            self.code = code

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else ""
        where = where or (f"{self.file}: " if self.file else "")
        tail = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.message}{tail}"


class UsageError(GridtallyError):
    """The command, an argument or a setting cannot be meant."""

    code = "usage"


class NotFound(GridtallyError):
    """A named thing is not there."""

    code = "not_found"


class InvalidDocument(GridtallyError):
    """A tariff, rule, proof or settings document is refused."""

    code = "document"


class RefusedFile(GridtallyError):
    """A delivered file is refused whole; nothing of it is stored as readings."""

    code = "file"


class UnsafeSettings(GridtallyError):
    """Start-up refuses: a guard or a durability setting is missing."""

    code = "unsafe"


class Conflict(GridtallyError):
    """Somebody else was first, or the state does not allow it."""

    code = "conflict"


class Corrupt(GridtallyError):
    """Stored bytes do not match what was recorded about them."""

    code = "corrupt"
