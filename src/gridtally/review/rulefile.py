"""Step 8, rules as data: read one SQL file, refuse what is unclear or not repeatable.

The grammar, with one complete commented example, is `docs/rules.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

import duckdb

from gridtally.errors import InvalidDocument
from gridtally.money import parse_decimal
from gridtally.review.words import UNITS
from gridtally.terms import STEPS, Severity

__all__ = ["RESERVED", "SUBJECTS", "Fact", "Parameter", "Rule", "parse_fact", "parse_rule"]

SUBJECTS = (
    "metering_point", "channel", "account", "segment", "bill", "start_utc", "end_utc", "count",
)  # fmt: skip
"""Columns of a rule's SELECT that say whom the row is about; named as in FINDINGS."""

RESERVED = ("period_from", "period_to")
"""Parameters that the engine gives to every rule: the run's first day, and the day after it."""

_KEYS = {
    "id", "title", "stage", "severity", "must_hold", "grain", "parameter", "evidence", "cause",
    "money_at_risk", "direction", "message", "remedy", "why",
}  # fmt: skip
_REQUIRED = _KEYS - {"must_hold", "parameter", "cause", "why"}
_LISTS = {"parameter", "evidence", "cause"}
_FACT_KEYS, _FACT_REQUIRED = {"id", "title", "needs"}, {"id", "title"}
_HEADER = re.compile(r"--(?: (?P<text>.*))?\Z")
_ENTRY = re.compile(r"(?P<key>[a-z_]+):(?: (?P<value>.*))?\Z")
_ID = re.compile(r"[a-z_]+\.[a-z_]+\.[a-z_]+\Z")
_NAME = re.compile(r"[a-z][a-z_0-9]*\Z")
_PARAMETER = re.compile(r"(?P<name>[a-z_0-9]+) = (?P<value>\S+) (?P<unit>[a-z]+): (?P<doc>.+)\Z")
_EVIDENCE = re.compile(r"(?P<name>[a-z_0-9]+) (?P<unit>[a-z]+): (?P<doc>.+)\Z")
_HOLE = re.compile(r"\{([a-z_0-9]*)\}")

_TOKEN = re.compile(
    r"(?P<skip>--[^\n]*|/\*.*?\*/|'(?:[^']|'')*')"
    r"|(?P<quoted>\"(?:[^\"]|\"\")*\")(?P<qcall>\s*\()?"
    r"|(?P<number>\d[\d_]*(?:\.\d+)?(?P<exponent>[eE][-+]?\d+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z_0-9]*)(?P<call>\s*\()?"
    r"|(?P<slash>/+)|(?P<power>\^|\*\*)",
    re.DOTALL,
)
_KEYWORDS = {
    "all", "and", "any", "as", "between", "by", "case", "distinct", "else", "exists", "filter",
    "from", "having", "in", "is", "join", "not", "on", "or", "over", "partition", "qualify",
    "select", "then", "union", "using", "values", "when", "where", "with", "group", "within",
}  # fmt: skip
_FUNCTIONS = {
    "abs", "bit_xor", "bool_and", "bool_or", "cast", "coalesce", "concat", "contains", "count",
    "date_diff", "day", "dense_rank", "greatest", "hash", "if", "ifnull", "isodow", "lag", "lead",
    "least", "length", "list_contains", "lower", "make_date", "max", "min", "month", "nullif",
    "quantile_disc", "rank", "regexp_extract", "regexp_matches", "replace", "row_number", "sign",
    "split_part", "starts_with", "string_agg", "string_split", "strpos", "substr", "sum", "trim",
    "upper", "year", "decimal", "epoch_us", "try_cast",
}  # fmt: skip
_REFUSED_WORDS = {
    "double", "float", "float4", "float8", "real", "current_date", "current_time",
    "current_timestamp", "localtime", "localtimestamp", "limit", "sample", "tablesample", "offset",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a rule's author left to be tuned."""

    name: str
    value: int | Decimal
    unit: str
    doc: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule file: whose rows are findings with the code `id`."""

    id: str
    title: str
    stage: str
    severity: Severity
    must_hold: bool
    grain: str
    parameters: tuple[Parameter, ...]
    evidence: tuple[Parameter, ...]
    causes: tuple[str, ...]
    money_at_risk: str
    direction: str
    message: str
    remedy: str
    why: str
    sql: str
    uses: frozenset[str]
    """Names of the parameters in the SELECT."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A derived table that rules share; computed once, before them."""

    id: str
    title: str
    needs: tuple[str, ...]
    sql: str
    uses: frozenset[str]


class _Problems:
    """All that is wrong with one file, so that an author sees it at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[tuple[int, str]] = []

    def add(self, line: int, text: str) -> None:
        self.found.append((line, text))

    def stop(self) -> None:
        if self.found:
            text = "; ".join(f"line {line}: {text}" for line, text in sorted(self.found))
            raise InvalidDocument(
                f"This rule file cannot be used: {text}.",
                remedy="docs/rules.md describes the header and has a complete example.",
                file=self.name,
                line=min(self.found)[0],
                code="review.rule.invalid",
            )


def parse_rule(text: str, *, name: str) -> Rule:
    """Read a rule file. Raises `InvalidDocument` that lists every problem with its line."""
    problems = _Problems(name)
    header, sql, first = _header(text, problems, keys=_KEYS, required=_REQUIRED)
    parameters = tuple(_declared(header, "parameter", _PARAMETER, problems))
    evidence = tuple(_declared(header, "evidence", _EVIDENCE, problems))
    one = {key: rows[0][1] for key, rows in header.items()}
    line = {key: rows[0][0] for key, rows in header.items()}
    _choose(one, line, "stage", STEPS, problems)
    _choose(one, line, "severity", tuple(str(s) for s in Severity), problems)
    _choose(one, line, "grain", ("bill", "base"), problems)
    _choose(one, line, "direction", ("over", "under", "row", "none"), problems)
    _choose(one, line, "must_hold", ("yes", "no"), problems)
    if "id" in one and not _ID.match(one["id"]):
        problems.add(line["id"], "an id is room.subject.problem in lower case")
    names = [p.name for p in evidence]
    for hole in _HOLE.findall(one.get("message", "")):
        if hole not in (*names, "account", "metering_point", "channel"):
            problems.add(line["message"], f"the message names {{{hole}}}, which is no evidence")
    if set("{}") & set(_HOLE.sub("", one.get("message", ""))):
        problems.add(line["message"], "braces in a message hold one column name and nothing else")
    must = one.get("must_hold", "no") == "yes"
    if must and one.get("severity") != Severity.HOLD:
        problems.add(line["must_hold"], "only severity hold can be must_hold")
    uses = _select(sql, first, problems)
    _same(uses, {p.name for p in parameters}, first, problems)
    problems.stop()
    return Rule(
        id=one["id"], title=one["title"], stage=one["stage"], severity=Severity(one["severity"]),
        must_hold=must, grain=one["grain"], parameters=parameters, evidence=evidence,
        causes=tuple(value for _, value in header.get("cause", [])),
        money_at_risk=one["money_at_risk"], direction=one["direction"], message=one["message"],
        remedy=one["remedy"], why=one.get("why", ""), sql=sql, uses=uses,
    )  # fmt: skip


def parse_fact(text: str, *, name: str) -> Fact:
    """Read a file of `review/facts`. Raises `InvalidDocument`."""
    problems = _Problems(name)
    header, sql, first = _header(text, problems, keys=_FACT_KEYS, required=_FACT_REQUIRED)
    uses = _select(sql, first, problems)
    _same(uses, set(), first, problems)
    problems.stop()
    needs = tuple(header["needs"][0][1].split()) if "needs" in header else ()
    return Fact(header["id"][0][1], header["title"][0][1], needs, sql, uses)


def _header(
    text: str, problems: _Problems, *, keys: set[str], required: set[str]
) -> tuple[dict[str, list[tuple[int, str]]], str, int]:
    """The comment block at the top as key -> [(line, value)], the SELECT, and its first line."""
    lines = text.split("\n")
    header: dict[str, list[tuple[int, str]]] = {}
    key, number = "", 0
    for number, line in enumerate(lines, 1):
        match = _HEADER.match(line)
        if match is None:
            break
        body = match["text"] or ""
        entry = _ENTRY.match(body)
        if body.startswith("  ") and key:
            at, value = header[key][-1]
            header[key][-1] = (at, f"{value} {body.strip()}".strip())
        elif entry is None:
            problems.add(number, "a header line is `-- key: value`, or goes on after three spaces")
        else:
            key = entry["key"]
            if key not in keys:
                near = get_close_matches(key, sorted(keys), 1)
                problems.add(
                    number, f"unknown key {key!r}" + (f", meant {near[0]!r}?" if near else "")
                )
            elif key in header and key not in _LISTS:
                problems.add(number, f"the key {key!r} is given twice")
            header.setdefault(key, []).append((number, (entry["value"] or "").strip()))
    for missing in sorted(required - header.keys()):
        problems.add(1, f"the key {missing!r} is missing")
    for rows in header.values():
        for at, value in rows:
            if not value:
                problems.add(at, "the value is empty")
    return header, "\n".join(lines[number - 1 :]).strip().rstrip(";"), number


def _declared(
    header: Mapping[str, list[tuple[int, str]]],
    key: str,
    shape: re.Pattern[str],
    problems: _Problems,
) -> list[Parameter]:
    found: dict[str, Parameter] = {}
    for line, text in header.get(key, []):
        match = shape.match(text)
        if match is None:
            form = "name = value unit: meaning" if key == "parameter" else "column unit: meaning"
            problems.add(line, f"a {key} is written `{form}`")
            continue
        part = match.groupdict()
        if part["unit"] not in UNITS:
            problems.add(line, f"unknown unit {part['unit']!r}; known: {' '.join(UNITS)}")
        if part["name"] in found or part["name"] in RESERVED or part["name"] in SUBJECTS:
            problems.add(line, f"the name {part['name']!r} is taken")
        value = _number(part.get("value", "0"), line, problems)
        found[part["name"]] = Parameter(part["name"], value, part["unit"], part["doc"])
    return list(found.values())


def _number(text: str, line: int, problems: _Problems) -> int | Decimal:
    try:
        value = parse_decimal(text)
    except ValueError as err:
        problems.add(line, str(err))
        return 0
    return value if "." in text else int(value)


def _choose(
    one: Mapping[str, str],
    line: Mapping[str, int],
    key: str,
    allowed: tuple[str, ...],
    problems: _Problems,
) -> None:
    if key in one and one[key] not in allowed:
        problems.add(line[key], f"{key} is one of {', '.join(allowed)}; not {one[key]!r}")


def _same(uses: frozenset[str], declared: set[str], line: int, problems: _Problems) -> None:
    for name in sorted(uses - declared - set(RESERVED)):
        problems.add(line, f"${name} is not declared as a parameter")
    for name in sorted(declared - uses):
        problems.add(line, f"the parameter {name!r} is declared and never used")


def _select(sql: str, first: int, problems: _Problems) -> frozenset[str]:
    """Lint one SELECT; the parameters that it names."""
    for at, text in repeatable(sql):
        problems.add(first + at - 1, text)
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as err:
        problems.add(first, f"not SQL that DuckDB reads: {str(err).splitlines()[0]}")
        return frozenset()
    kinds = [statement.type for statement in statements]
    if kinds != [duckdb.StatementType.SELECT]:
        problems.add(first, "a rule is exactly one SELECT")
        return frozenset()
    return frozenset(statements[0].named_parameters)


def repeatable(sql: str) -> list[tuple[int, str]]:
    """What in a SELECT could differ between two runs, as (line, reason).

    Binary floats (`/`, `avg`, `1e3`, `double`): their sums depend on the order of rows.
    The clock and chance; `limit` and `first`, which depend on the order of rows; and every
    function that is not known to be free of all that.
    """
    found: list[tuple[int, str]] = []
    for match in _TOKEN.finditer(sql):
        line = sql.count("\n", 0, match.start()) + 1
        word = (match["word"] or (match["quoted"] or "").strip('"')).lower()
        if match["slash"] and match["slash"] != "//":
            found.append((line, "`/` gives a binary float: use `//` on integers"))
        elif match["power"]:
            found.append((line, "a power gives a binary float: multiply integers"))
        elif match["exponent"]:
            found.append((line, f"{match['number']} is a binary float: write it out"))
        elif match["word"] and word in _REFUSED_WORDS:
            found.append((line, f"`{word}` is not repeatable or not exact"))
        elif (match["call"] or match["qcall"]) and word not in _FUNCTIONS | _KEYWORDS:
            near = get_close_matches(word, sorted(_FUNCTIONS), 1)
            hint = f"; near: {near[0]}" if near else ""
            found.append((line, f"the function `{word}` is not among the repeatable ones{hint}"))
        elif match["call"] and word == "string_agg" and not _ordered(sql, match.end()):
            found.append((line, "`string_agg` needs an ORDER BY inside"))
    return found


def _ordered(sql: str, start: int) -> bool:
    """Whether the parentheses that open before `start` hold an ORDER BY."""
    depth, at = 1, start
    while depth and at < len(sql):
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        at += 1
    return "order by" in sql[start:at].lower()
