"""Before step 6: reading a tariff document; every problem at once, each with its path."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from pydantic import BaseModel, ValidationError

from gridtally.rating.charges import SHAPES, Charge, Document
from gridtally.rating.document.bounds import bound_problems
from gridtally.rating.document.checks import coverage_problems, header_problems
from gridtally.rating.document.declared import EventList, Loss, Part, PriceSeries, Term
from gridtally.rating.document.models import Calendar, Declared, Header
from gridtally.rating.document.references import reference_problems
from gridtally.rating.document.refusals import complaint, refusals
from gridtally.rating.document.values import Problem, Strict, Toml, complaints_of, named

__all__ = ["read"]

_DECLARED: dict[str, type[Strict]] = {
    "calendars": Calendar, "terms": Term, "series": PriceSeries, "events": EventList,
    "parts": Part, "losses": Loss,
}  # fmt: skip
_BYTES_MAX = 1_000_000
_COMPONENTS_MAX = 500
_STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
_INTEGERS = re.compile(r"(?<![\w.-])[+-]?(?:0[xob]\w+|\d+(?:_\d+)+)(?![\w.-]*[ \t]*[=.])")


def read(data: bytes) -> tuple[Document | None, list[Problem]]:
    """The document, or None and everything that is wrong with it."""
    raw, problems = _toml(data)
    if raw is None:
        return None, problems
    apart = {*Declared.model_fields, "components"}
    header = _model(
        Header, {key: raw[key] for key in raw if key not in apart}, "", problems, names=Document
    )
    declared: dict[str, Any] = {
        name: _named(name, model, raw.get(name, {}), problems) for name, model in _DECLARED.items()
    }
    rules = declared["calendars"]
    charges = _charges(raw.get("components"), problems)
    problems += reference_problems(raw, declared, charges)
    problems += bound_problems(charges)
    problems += coverage_problems(rules)
    if header is not None:
        problems += header_problems(header, rules)
    if problems or header is None:
        return None, named(problems, _ids(raw))
    return Document.model_construct(
        **{name: getattr(header, name) for name in Header.model_fields},
        **declared,
        components=tuple(charges.values()),
    ), []


def _ids(raw: dict[str, Any]) -> list[object]:
    """What the components are called, as far as they can be read."""
    parts = raw.get("components")
    return [
        part.get("id") if isinstance(part, dict) else None
        for part in (parts if isinstance(parts, list) else ())
    ]


# ------------------------------------------------------------------- reading


def _toml(data: bytes) -> tuple[dict[str, Any] | None, list[Problem]]:
    def refuse(message: str, remedy: str) -> tuple[None, list[Problem]]:
        return None, [Problem("rating.document.syntax", "", message, remedy)]

    if len(data) > _BYTES_MAX:
        return refuse("The document is larger than 1 MB.", "A tariff version is one short page.")
    try:
        text = data.decode("utf-8-sig")
        raw = tomllib.loads(text, parse_float=Toml)
    except UnicodeDecodeError as err:
        return refuse(f"Byte {err.start + 1} is not UTF-8.", "Save the document as UTF-8.")
    except RecursionError:
        return refuse("The document is nested too deeply.", "Use the keys of docs/tariff.md.")
    except ValueError as err:
        return refuse(f"This is not TOML: {err}.", "See docs/tariff.md for a complete example.")
    remedy = "Write digits only, without underscores or a base."
    return raw, [
        Problem("rating.document.price", "", f"{odd} is not a plain number.", remedy)
        for odd in _odd_integers(_STRINGS.sub('""', text))[:20]
    ]


def _odd_integers(text: str) -> list[str]:
    """Integers that are not written in plain digits; keys and the headers of tables are none."""
    found, depth = [], 0
    for line in text.splitlines():
        if depth == 0 and line.lstrip().startswith("["):
            continue
        depth += line.count("[") - line.count("]")
        found += _INTEGERS.findall(line)
    return found


def _model(
    model: type[BaseModel],
    value: object,
    path: str,
    problems: list[Problem],
    *,
    names: type[BaseModel] | None = None,
) -> Any:
    """The validated part, or None; what is wrong is added to `problems`."""
    try:
        part = model.model_validate(value)
    except ValidationError as err:
        problems += refusals(err.errors(), path, names or model)
        return None
    if isinstance(part, Strict):
        said = [complaint(path, where, what) for where, what in complaints_of(part)]
        problems += said
        return None if said else part
    return part


def _named(name: str, model: type[Strict], raw: object, problems: list[Problem]) -> dict[str, Any]:
    """The tables `[name.KEY]` of a document."""
    if not isinstance(raw, dict):
        remedy = f"Write [{name}.NAME], and its keys below."
        problems.append(Problem("rating.document.value", name, "Must be a table.", remedy))
        return {}
    found = {}
    for key, value in raw.items():
        path = f"{name}.{key}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", key):
            remedy = "Write ASCII letters, digits, `.`, `_` and `-`, at most 64."
            message = "The name is not a plain word."
            problems.append(Problem("rating.document.value", path, message, remedy))
        part = _model(model, value, path, problems)
        if part is not None:
            found[key] = part
    return found


def _charges(raw: object, problems: list[Problem]) -> dict[int, Charge]:
    if not isinstance(raw, list) or not raw:
        message = "There are no `components`."
        remedy = "Add one: [[components]], and its keys below."
        problems.append(Problem("rating.document.missing", "components", message, remedy))
        return {}
    if len(raw) > _COMPONENTS_MAX:
        message = f"There are {len(raw):,} components; a document has at most {_COMPONENTS_MAX}."
        remedy = "A tariff of so many parts is several tariffs."
        problems.append(Problem("rating.document.value", "components", message, remedy))
        return {}
    found = {}
    for i, value in enumerate(raw):
        path = f"components[{i}]"
        if not isinstance(value, dict):
            remedy = "Write [[components]], and its keys below."
            problems.append(Problem("rating.document.value", path, "Must be a table.", remedy))
            continue
        shape = value.get("shape")
        if not isinstance(shape, str) or shape not in SHAPES:
            message = (
                "`shape` is missing." if shape is None else f"There is no shape {shape!r:.40}."
            )
            remedy = f"Shapes are {', '.join(SHAPES)}."
            problems.append(Problem("rating.document.value", f"{path}.shape", message, remedy))
            continue
        charge = _model(SHAPES[shape], value, path, problems)
        if charge is not None:
            found[i] = charge
    return found
