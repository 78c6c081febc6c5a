"""The control database: named places where a test may kill the process.

`GRIDTALLY_FAULT=issue.commit:2` kills it the second time it comes by `issue.commit`.
"""

from __future__ import annotations

import os
import signal

__all__ = ["fault"]

_passed: dict[str, int] = {}


def fault(name: str) -> None:
    """Die here, as in a power cut, when the environment asks for it. Else do nothing."""
    wanted = os.environ.get("GRIDTALLY_FAULT")
    if not wanted:
        return
    place, _, times = wanted.partition(":")
    _passed[name] = _passed.get(name, 0) + 1
    if place == name and _passed[name] == int(times or 1):
        os.kill(os.getpid(), signal.SIGKILL)
