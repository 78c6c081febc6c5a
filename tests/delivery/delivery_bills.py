"""The example bills of `records/`: fictional, each with the customer's openings."""

import copy
import json
from functools import cache
from pathlib import Path

from delivery_pdf import pages

from gridtally.delivery import documents

FOLDER = Path(__file__).parent / "records"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def bill(name, *, language=None):
    """(record, openings) of an example, in its own language or another."""
    case = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if language:
        case["record"]["language"] = language
    return copy.deepcopy(case["record"]), case["openings"]


def texts(value):
    """All texts of a page, pictures apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "svg":
                yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


@cache
def paper(name, language=None):
    """The PDF of an example, drawn once."""
    return documents.render_pdf(*bill(name, language=language))


@cache
def sheets(name, language=None):
    """The text of its pages."""
    return pages(paper(name, language))


@cache
def screen(name, language=None):
    """Its web page, drawn once."""
    return documents.render_html(*bill(name, language=language))
