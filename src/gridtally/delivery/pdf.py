"""Delivery: the page on paper: PDF/A and PDF/UA by typst, from our template and our fonts only.

One compiler serves a process: opening the fonts costs more than a bill.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Any

import typst

from gridtally.delivery.page import Page

__all__ = ["STANDARDS", "render"]

STANDARDS = ["a-3a", "ua-1"]
"""Archivable with room for attachments, and readable by a screen reader."""

_LONG, _PART = re.compile(r"\S{41,}"), re.compile(r"\S{20}")
_FOLDER = files(__package__)
_LOCK = Lock()
"""A compiler serves one thread at a time."""


@cache
def _fonts() -> Any:
    """Our four fonts, without those of the system and of typst."""
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(_FOLDER / "fonts")],
    )


@cache
def _compiler() -> Any:
    """Typst, ready to set the template."""
    return typst.Compiler(str(_FOLDER / "templates" / "bill.typ"), font_paths=_fonts())


def render(page: Page) -> bytes:
    """The PDF. The same page gives the same bytes on every machine, at every time.

    Its only date is the day of issue, which the template sets.
    """
    text = json.dumps(_breakable(asdict(page)), ensure_ascii=False)
    with _LOCK:
        data = _compiler().compile(format="pdf", sys_inputs={"page": text}, pdf_standards=STANDARDS)
    assert isinstance(data, bytes)
    return data


def _breakable(value: Any, key: str = "") -> Any:
    """Lets a word that is longer than a column break, with zero-width spaces; pictures apart."""
    if isinstance(value, str):
        return value if key == "svg" else _LONG.sub(_parted, value)
    if isinstance(value, dict):
        return {name: _breakable(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_breakable(item) for item in value]
    return value


def _parted(word: re.Match[str]) -> str:
    return _PART.sub("\\g<0>\u200b", word[0])
