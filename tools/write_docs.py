"""Writes the generated pages: docs/tables.md, docs/findings.md, docs/cli.md, and
docs/tariff.schema.json. `--check` only looks.

Everything is taken from the source: schemas, rules, calls that make findings, click's help.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pyarrow as pa
from finding_codes import Code, collect

from gridtally import errors, tables
from gridtally.cli import VERBS, cli
from gridtally.rating.document.schema import document_schema
from gridtally.review import inputs
from gridtally.review.catalogue import catalogue
from gridtally.review.library import shipped_rules
from gridtally.review.rulefile import Rule

ROOT = Path(__file__).resolve().parents[1]
MADE = "<!-- Made by ./run docs from the source. Do not edit. -->\n"

# ------------------------------------------------------------------- tables

_TYPES = {
    "string": "text",
    "int64": "whole number",
    "int32": "whole number, 32 bits",
    "int8": "whole number, 8 bits",
    "date32[day]": "date",
    "timestamp[s, tz=UTC]": "instant, UTC seconds",
    "decimal128(38, 8)": "decimal, 8 places",
    "list<item: int64>": "list of whole numbers",
    "bool": "true or false",
    "dictionary<values=string, indices=int32, ordered=0>": "text",
}
_UNIT = re.compile(r"\s*\[([^]]+)\]")
_PLAIN = {
    "from": "first local day",
    "to": "local day after the last",
    "account": "account number",
    "agreement": "identifier of the agreement",
    "metering_point": "identifier of the metering point",
    "segment": "agreement/from/to",
    "span": "0, 1, … within the segment",
    "bill": "account/from/to",
    "currency": "ISO 4217",
    "title": "title of the tariff document",
    "valid_from": "first local day on which it is in force",
    "total": "amount, as the tariff rounds it",
    "import_ukwh": "energy delivered",
    "export_ukwh": "energy received",
    "estimated_ukwh": "part of the import that was estimated",
    "demand_ukw": "largest billed demand; null when none",
    "contract_ukw": "contracted demand; null when none",
    "value": "the quantity",
    "capacity_ukva": "connected capacity; null when none",
}
"""Sentences of columns that mean the same everywhere, for schemas that leave them out."""


_FILES = ("readings", "master", "opening", "results")
"""The files of `src/gridtally/tables/`, in the order of the flow."""


def write_tables() -> str:
    """Every schema: its columns with type, unit and sentence."""
    shared = {n: getattr(tables, n) for n in dir(tables) if _is_schema(getattr(tables, n))}
    own = {n: getattr(inputs, n) for n in inputs.__all__ if _is_schema(getattr(inputs, n))}
    page = [
        "# Tables\n",
        MADE,
        "What the ten steps pass on, as Arrow schemas.",
        "Energy is a whole number of 10^-6 kWh, so that nothing between a reading and a cent is a "
        "binary float; periods are half-open.\n",
        "## Shared by all steps\n",
        "From `src/gridtally/tables/`, in the order of the flow.\n",
    ]
    files = (ROOT / f"src/gridtally/tables/{name}.py" for name in _FILES)
    order = "".join(file.read_text() for file in files)
    for name in sorted(shared, key=lambda name: order.index(f"\n{name} = schema(")):
        page += _schema(name, shared[name])
    page += [
        "## Only for the audit\n",
        "From `src/gridtally/review/inputs.py`.",
        "A rule reads these besides the shared ones: "
        + ", ".join(f"`{name}`" for name in inputs.INPUTS)
        + ".",
        "Personal columns never reach it.\n",
    ]
    for name, schema in own.items():
        page += _schema(name, schema)
    return "\n".join(page).rstrip() + "\n"


def _is_schema(value: object) -> bool:
    return isinstance(value, pa.Schema)


def _schema(name: str, schema: pa.Schema) -> list[str]:
    assert schema.metadata is not None
    rows = [_column(field) for field in schema]
    return [
        f"### {name}\n",
        f"{schema.metadata[b'doc'].decode()}\n",
        *_grid(("column", "type", "unit", "meaning"), rows),
    ]


def _column(field: pa.Field) -> tuple[str, ...]:
    doc = field.metadata[b"doc"].decode()
    unit = " or ".join(_UNIT.findall(doc))
    said = _UNIT.sub("", doc).strip().lstrip(";").strip()
    if not said or said == "null when none":
        said = _PLAIN[field.name]
    return f"`{field.name}`", _TYPES[str(field.type)], unit, said


# ----------------------------------------------------------------- findings

_ROOMS = {
    "intake": "Steps 1 and 2: receive and decode",
    "metering": "Steps 3 to 5: validate, estimate, determine",
    "rating": "Steps 6 and 7: rate and assemble",
    "review": "Steps 8 and 9: audit and release",
    "subledger": "Step 10: issue",
    "delivery": "Bill documents",
}
OWN: dict[str, tuple[str, str]] = {
    "metering.interval.missing": (
        "missing: {count} of {width} intervals, {gaps} gaps, the longest of {length} from {when} "
        "on.",
        "Ask for the missing readings; until they arrive they are estimated.",
    ),
    "intake.reading.billed": (
        "Readings of {metering_point} changed in the period of the issued bill {number}. The bill "
        "stays as it is.",
        "Look at the difference with `gridtally rebills show`, and propose a cancellation and a "
        "rebill if it matters.",
    ),
    "metering.register.unknown": (
        "Readings of a meter that is not known there, or a dial whose {names} nobody says.",
        "Correct the meter's number, or add meter and registers to the master data; nothing is "
        "assumed.",
    ),
    "metering.register.differs": (
        "readings and master data say different things about {names}.",
        "Find out which is right, and correct the other.",
    ),
    "metering.demand.window": (
        "Demand is billed over {window} minutes, but the readings are for {length} minutes each.",
        "Deliver finer readings, or correct the hours of the tariff.",
    ),
    "metering.channels.lengths": (
        "The channels that are billed together have readings of different lengths.",
        "Deliver finer readings, or correct the tariff.",
    ),
    "rating.series.missing": (
        "The prices {series}, which {component} bills, are not known for all of the time.",
        "Deliver the missing prices; a missing price is never read as zero.",
    ),
    "rating.series.finer": (
        "The prices {series} change inside a reading.",
        "Deliver readings that are as fine as the prices.",
    ),
    "rating.series.registers": (
        "The prices {series} change within the period that the dials measure.",
        "Bill from intervals, or read the dials whenever the price changes.",
    ),
    "rating.case.malformed": ("The rating case is not one as docs/rating-case.md says.", ""),
    "rating.session.invalid": (
        "A key of a charging session is missing or unknown, or its value is not of its kind.",
        "docs/charging.md lists the keys.",
    ),
    "rating.importer.unsupported": (
        "This rate cannot be expressed as a tariff document: every reason is listed.",
        "Write the tariff by hand, see docs/tariff.md.",
    ),
    "rating.tariff.billed": (
        "Days of this version were billed with another version of the tariff.",
        "Make a plan of what would change (`gridtally rebills plan --tariff FILE`), let two people "
        "approve it, and receive the same file again.",
    ),
    "rating.tariff.currency": (
        "Versions of one tariff share their currency.",
        "Correct it, or give the new tariff an id of its own and change the agreements.",
    ),
    "rating.tariff.zone": (
        "Versions of one tariff share their zone.",
        "Correct it, or give the new tariff an id of its own and change the agreements.",
    ),
    "rating.tariff.overlap": (
        "Another version of the tariff is in force on days of this one.",
        "Let this version begin after the other ends, or give it an id of its own.",
    ),
    "rating.tariff.step": (
        "Prices move by more than 50 percent against the version before.",
        "Check for cents taken for euros. If it is meant, a second person delivers the same file "
        "with --accept-steps.",
    ),
    "rating.document.bound": (
        "A minimum or a cap contradicts the lines that it counts.",
        "Check both amounts, or leave the standing charge out of `of`.",
    ),
    "rating.calendar.finer": (
        "The hours of {calendar} change inside the {minutes} minutes from {when} on, which are "
        "billed as one. Or a local midnight lies inside a reading.",
        "Deliver finer readings, or correct the hours of the tariff.",
    ),
    "rating.what_if.determinant": (
        "{names} cannot be had from what was stored: {reason}.",
        "Ask with --from-readings, which determines it anew from the stored readings.",
    ),
    "rating.what_if.dials": (
        "{name} holds in some months only, and dials cannot be cut.",
        "Compare accounts whose dials are read at the turn of the month.",
    ),
    "rating.what_if.opening": (
        "The bill was taken over from another system: there are no determinants of it.",
        "Compare later months, or bill that past again with `gridtally run --backfill`.",
    ),
    "rating.what_if.carry": (
        "The bill before this one is not known under the new tariff, and this one goes on from its "
        "tiers, ratchet or bank.",
        "See why the earlier bills of these accounts could not be rated.",
    ),
    "rating.what_if.gone": (
        "The run of this bill has nothing stored about it.",
        "`gridtally check` says what is damaged.",
    ),
    "rating.document.circle": (
        "Components are computed from each other.",
        "Let one of them leave the other out of `of`.",
    ),
    "rating.document.holidays": (
        "A calendar uses `holiday`, and the dates of a year that the version reaches are not "
        "listed.",
        "Add [holidays] with source, years and dates.",
    ),
    "rating.document.hours": (
        "An hour of a calendar is covered by no rule, or by two.",
        "A rule `otherwise` covers what is left.",
    ),
    "rating.document.missing": ("A key that must be there is missing.", "Add it."),
    "rating.document.note": (
        "Odd, but not refused: a price of zero, a month without a price for energy, a part "
        "without effect, an open end.",
        "",
    ),
    "rating.document.percent": ("A percentage is no number or out of its range.", ""),
    "rating.document.price": (
        "A price is missing, no plain decimal, below zero where none can be, or too long.",
        "A price of zero is written as 0; a missing one is never read as zero.",
    ),
    "rating.document.reference": (
        "A calendar, bucket or component that is named is not there, or is named twice.",
        "The message lists what is there.",
    ),
    "rating.document.rounding": (
        "A rounding is missing, or is none of the places and modes.",
        "Say how amounts are rounded: the mode is never assumed.",
    ),
    "rating.document.syntax": (
        "Not UTF-8, not TOML, larger than 1 MB, or nested too deeply.",
        "docs/tariff.md has a complete example.",
    ),
    "rating.document.tiers": ("Tiers do not rise, or the last one has an end.", ""),
    "rating.document.unknown_key": (
        "There is no such key; the nearest known one is named.",
        "Correct the key: nothing unknown is passed over.",
    ),
    "rating.document.validity": (
        "The version ends before it begins.",
        "`valid_to` is the day after the last; leave it out for an open end.",
    ),
    "rating.document.value": ("A value is of the wrong kind or outside its range.", ""),
    "rating.document.zone": ("The zone is no IANA time zone.", ""),
}
"""Sentences for codes that say many things, or put what they say together from pieces."""
_BUILT = """\
## How a code is built

`room.subject.problem`, all in lower case: the room of the code base that found it, what it is \
about, and what is wrong with it.
`metering.register.backward` was found by `src/gridtally/metering`, is about a dial, which went \
backward.
A code never changes its meaning; a new problem gets a new code.

A finding is a row of [FINDINGS](tables.md#findings): code, severity, whom it is about, a \
message, a remedy, the figures behind it as `evidence`, and the money at risk where it can be \
told.
Holes in a message stand for names and figures, `{…}` for those put together from several.

| severity | what it does |
|---|---|
| hold | the bill waits for a decision; one marked *must* waits until its cause is put right, a \
decision alone does not release it |
| warn | the bill is ranked by money at risk and held as far as the review budget reaches; \
before a bill is there (steps 1 to 7) it is told with the reading |
| note | recorded with the run, and never in the way of a bill |
"""


def write_findings() -> str:
    """Every code of the code base with severity, message and remedy."""
    codes = collect()
    lost = sorted(OWN.keys() - codes.keys())
    assert not lost, f"tools/write_docs.py explains codes that are gone: {lost}"
    page = ["# Findings\n", MADE]
    page += ["Every code that this version can give, by room.\n", _BUILT]
    rules = {rule.id: rule for rule in shipped_rules()}
    for room, title in _ROOMS.items():
        mine = {n: c for n, c in codes.items() if n.startswith(f"{room}.") and c.kind == "finding"}
        plain = {n: c for n, c in mine.items() if n not in rules}
        page += [f"## `{room}`: {title}\n", *_codes(plain)]
        if room == "review":
            page += _rules(rules.values())
    page += [
        "## Tariff documents\n",
        "`gridtally tariff lint` lists all problems of a document at once, each with its path; a "
        "document with a problem of severity hold is refused by every verb.\n",
        *_codes(_kind(codes, "document")),
        "## Files that are refused whole\n",
        "Nothing of them is stored as readings; the bytes go to quarantine, and the code stands "
        "in `gridtally receive --json`.\n",
        *_codes(_kind(codes, "refusal")),
        "## Errors with a code of their own\n",
        "An operator's or an environment's, not a customer's: exit code 2.\n",
        *_codes(_kind(codes, "error")),
        "Beside these, the kinds at the top of `src/gridtally/errors.py`: "
        + ", ".join(f"`{getattr(errors, name).code}`" for name in errors.__all__)
        + ".\n",
        "## The second rater's reasons\n",
        "Why it gives no lines for a segment (`docs/rating-case.md`).",
        "Only those that the first rater calls otherwise, or finds before it rates; the others "
        "are above.\n",
        *_codes(_kind(codes, "second")),
    ]
    return "\n".join(page).rstrip() + "\n"


def _kind(codes: dict[str, Code], kind: str) -> dict[str, Code]:
    return {name: code for name, code in codes.items() if code.kind == kind}


def _codes(codes: dict[str, Code]) -> list[str]:
    rows = [
        (f"`{name}`", _severity(name, code), *_says(name, code)) for name, code in codes.items()
    ]
    if not any(row[1] for row in rows):
        short = [(row[0], row[2], row[3]) for row in rows]
        if not any(row[2] for row in short):
            return _grid(("code", "says"), [row[:2] for row in short])
        return _grid(("code", "says", "remedy"), short)
    return _grid(("code", "severity", "says", "remedy"), rows)


def _severity(name: str, code: Code) -> str:
    if code.kind not in ("finding", "document"):
        return ""
    found = code.severities or {"hold"}
    must = " (must)" if code.must_hold else ""
    return ", ".join(w + must * (w == "hold") for w in ("hold", "warn", "note") if w in found)


def _says(name: str, code: Code) -> tuple[str, str]:
    if name in OWN:
        return OWN[name]
    assert code.says, f"{name} ({code.places}): what it says is not found; add it to OWN"
    messages = dict.fromkeys(message for message, _ in code.says)
    remedies = dict.fromkeys(remedy for _, remedy in code.says if remedy)
    return "<br>".join(messages), "<br>".join(remedies)


def _rules(rules: Iterable[Rule]) -> list[str]:
    return [
        "### Audit rules\n",
        "One file each in `src/gridtally/review/rules/`; [rules.md](rules.md) has their grammar.",
        "A parameter is set for one run with `gridtally run --set CODE.NAME=VALUE`.\n",
        catalogue(rules).replace("## `", "#### `"),
    ]


# --------------------------------------------------------------- commands

_EXITS = """\
## Exit codes

| code | meaning |
|---|---|
| 0 | done, or yes; held bills are 0 |
| 1 | the answer is no: refused, invalid, differs, not verified, an invariant broken |
| 2 | could not: usage or environment; one sentence on stderr says what to do |
| 3 | bills are held, and `run --fail-on-held` asked |
| 130 | stopped with Ctrl-C |

Data goes to stdout, talk to stderr.
"""


def write_cli() -> str:
    """Every verb with its arguments and options, as click has them."""
    page = ["# Commands\n", MADE, "`gridtally VERB`, or `./run cli VERB` in a checkout.\n"]
    page += _grid(
        ("verb", ""), [(f"[`{name}`](#{name})", line) for name, (_, line) in VERBS.items()]
    )
    page.append(_EXITS)
    page.append("## Verbs\n")
    context = click.Context(cli, info_name="gridtally")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        page += _verb(command, click.Context(command, info_name=name, parent=context), "###")
    return "\n".join(page).rstrip() + "\n"


def _verb(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    """The pieces of one verb's section, and of the verbs below it."""
    words = context.command_path.removeprefix("gridtally ")
    yield f"{level} {words}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```\ngridtally {words} {usage}\n```\n"
    yield re.sub(r"[ \t]*\n[ \t]*", "\n", (command.help or "").strip()) + "\n"
    options = [o for o in command.params if isinstance(o, click.Option)]
    rows = [r for o in options if (r := o.get_help_record(context)) is not None]
    if rows:
        yield from _grid(("option", ""), [(f"`{left}`", right) for left, right in rows])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _verb(below, click.Context(below, info_name=name, parent=context), "####")


# ------------------------------------------------------------------ writing


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [_row(head), "|" + "---|" * len(head), *(_row(row) for row in rows)]
    return [*lines, ""]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(' '.join(c.split()).replace('|', chr(92) + '|') for c in cells)} |"


def write_schema() -> str:
    """The JSON Schema of tariff documents."""
    return json.dumps(document_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


PAGES = {
    "tables.md": write_tables,
    "findings.md": write_findings,
    "cli.md": write_cli,
    "tariff.schema.json": write_schema,
}


def main() -> int:
    """Write the pages, or with `--check` say which are not current."""
    stale = []
    for name, write in PAGES.items():
        path, text = ROOT / "docs" / name, write()
        if not path.exists() or path.read_text() != text:
            stale.append(f"docs/{name}")
            if "--check" not in sys.argv[1:]:
                path.write_text(text)
    print(f"{'Not current' if '--check' in sys.argv else 'Written'}: {', '.join(stale) or 'none'}.")
    return int("--check" in sys.argv and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
