"""Delivery: the bill as a customer gets it, PDF and web page, drawn from the bill record alone.

Start here. `view` turns the record (docs/bill-record.md) and the openings, the customer's name and
address, into a page of ready words; `pdf` and `html` place them. No clock, no network, no database:
the same record gives the same document, byte for byte, on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from importlib.resources import files
from typing import Any

import pyarrow as pa

from gridtally.delivery import html, pdf
from gridtally.delivery.fonts import font_digest
from gridtally.delivery.view import page, short_code
from gridtally.tables import findings_table

__all__ = ["font_digest", "problems", "render_html", "render_pdf", "short_code", "template_digest"]

_TYPESET_BY = ("typst", "segno")


def render_html(record: Mapping[str, Any], openings: Mapping[str, Any]) -> str:
    """The bill as one self-contained web page: no script, no resource from elsewhere.

    `openings`: `name` and `address` (lines separated by a line feed) of the customer.
    """
    return html.render(page(record, openings)[0])


def render_pdf(record: Mapping[str, Any], openings: Mapping[str, Any]) -> bytes:
    """The bill on A4, as PDF/A-3a and PDF/UA-1, dated with the day of issue."""
    return pdf.render(page(record, openings)[0])


def problems(record: Mapping[str, Any], openings: Mapping[str, Any]) -> pa.Table:
    """FINDINGS about texts that the documents cannot show as they are: empty for most bills.

    `delivery.letter.missing`: a letter that our fonts lack; `delivery.text.shortened`: a text that
    is too long.
    """
    return findings_table(page(record, openings)[1])


@cache
def template_digest() -> str:
    """`sha256:` over all that decides how a record looks, the fonts apart (`font_digest`).

    Our code, words and templates, and the versions of the parts that typeset them.
    """
    folder, digest = files(__package__), hashlib.sha256()
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    names += sorted(f"templates/{entry.name}" for entry in (folder / "templates").iterdir())
    for name in names:
        if name.endswith((".py", ".toml", ".typ", ".css")):
            digest.update(f"{name}\n".encode())
            digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    for part in _TYPESET_BY:
        digest.update(f"{part} {metadata.version(part)}\n".encode())
    return f"sha256:{digest.hexdigest()}"
