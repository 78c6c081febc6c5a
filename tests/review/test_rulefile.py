"""Rule files: what is read, and what is refused with its line and the reason."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from review_street import PERIOD, street

from gridtally.errors import GridtallyError, InvalidDocument
from gridtally.review.audit import audit
from gridtally.review.catalogue import catalogue
from gridtally.review.exact import require_exact
from gridtally.review.library import shipped_rules
from gridtally.review.rulefile import parse_rule
from gridtally.review.sandbox import sandbox

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
EXAMPLE = re.search(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
SELECT = EXAMPLE[EXAMPLE.index("SELECT") :]


def with_select(sql):
    return parse_rule(EXAMPLE.replace(SELECT, sql), name="x.sql")


def test_the_example_of_the_page_runs():
    """What docs/rules.md shows is a whole rule that finds what it says."""
    rule = parse_rule(EXAMPLE, name="example.sql")
    assert rule.id == "review.energy.tripled"
    assert [p.name for p in rule.parameters] == ["above", "floor"]
    assert rule.causes == ("a move within the last 45 days or in the period", "an electric car")
    tables, _ = street(homes=4)
    findings, (stats,) = audit(
        tables, period=PERIOD, currency="EUR", rules=[rule],
        parameters={"review.energy.tripled.above": 1100, "review.energy.tripled.floor": 0},
    )  # fmt: skip
    assert stats.findings > 0
    assert "at the rate of the last bill it would have been" in findings["message"][0].as_py()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("-- title:", "-- titel:", "line 2: unknown key 'titel', meant 'title'?"),
        ("-- title: Three", "-- stage: rate\n-- title: Three", "the key 'stage' is given twice"),
        ("-- remedy: Compare the closing reading with a photo or a re-read before releasing.\n",
         "", "the key 'remedy' is missing"),
        ("review.energy.tripled", "energy tripled", "an id is room.subject.problem"),
        ("-- stage: determine", "-- stage: think", "stage is one of receive, decode"),
        ("-- severity: warn", "-- severity: warn\n-- must_hold: yes",
         "only severity hold can be must_hold"),
        ("3000 times:", "3000 fold:", "unknown unit 'fold'"),
        ("3000 times:", "3e3 times:", "is not a plain decimal number"),
        ("above = 3000", "above 3000", "a parameter is written `name = value unit: meaning`"),
        ("{used};", "{usage};", "the message names {usage}, which is no evidence"),
        ("{used};", "{used:>9};", "braces in a message hold one column name"),
        ("-- cause: an electric car", "-- an electric car", "a header line is `-- key: value`"),
        ("$above", "3000", "the parameter 'above' is declared and never used"),
        ("$above", "$beyond", "$beyond is not declared as a parameter"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused(old, new, said):
    """Every problem with its line, and what was probably meant."""
    assert old in EXAMPLE
    with pytest.raises(InvalidDocument, match=re.escape(said)) as caught:
        parse_rule(EXAMPLE.replace(old, new, 1), name="x.sql")
    assert caught.value.file == "x.sql"
    assert caught.value.line
    assert caught.value.remedy


def test_all_problems_come_at_once():
    """An author fixes a file in one go."""
    text = EXAMPLE.replace("-- title:", "-- titel:").replace("-- grain: bill", "-- grain: town")
    with pytest.raises(InvalidDocument) as caught:
        parse_rule(text, name="x.sql")
    for said in ("'titel'", "'title' is missing", "grain is one of bill, base"):
        assert said in caught.value.message


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT used / 2 FROM usage", "`/` gives a binary float"),
        ("SELECT avg(import_ukwh) FROM usage", "the function `avg` is not among the repeatable"),
        ("SELECT import_ukwh.avg() FROM usage", "the function `avg`"),
        ('SELECT "avg"(import_ukwh) FROM usage', "the function `avg`"),
        ("SELECT random() FROM usage", "the function `random`"),
        ("SELECT now() FROM usage", "the function `now`"),
        ("SELECT current_date FROM usage", "`current_date` is not repeatable"),
        ("SELECT CAST(days AS double) FROM usage", "`double` is not repeatable or not exact"),
        ("SELECT days * 1e3 FROM usage", "1e3 is a binary float"),
        ("SELECT days ^ 2 FROM usage", "a power gives a binary float"),
        ("SELECT days FROM usage LIMIT 5", "`limit` is not repeatable"),
        ("SELECT first(days) FROM usage", "the function `first`"),
        ("SELECT string_agg(bill, ',') FROM usage", "`string_agg` needs an ORDER BY"),
        ("SELECT * FROM read_csv('/etc/passwd')", "the function `read_csv`"),
        ("SELECT 1; SELECT 2", "a rule is exactly one SELECT"),
        ("DELETE FROM usage", "a rule is exactly one SELECT"),
        ("COPY usage TO '/tmp/x.csv'", "a rule is exactly one SELECT"),
        ("SELECT FROM WHERE", "not SQL that DuckDB reads"),
    ],
)
def test_what_could_differ_between_two_runs_is_refused(sql, said):
    """Floats, clock, chance, order of rows, and everything that is not a SELECT."""
    with pytest.raises(InvalidDocument, match=re.escape(said)):
        with_select(sql)


def test_comments_and_texts_are_not_code():
    """A slash in a remark or a text is not a division."""
    rule = with_select(SELECT + "  -- kWh / day\n  AND u.bill <> 'a/b' /* avg() */")
    assert "kWh / day" in rule.sql


def test_a_float_that_the_words_do_not_show_is_refused():
    """`//` of a DECIMAL is a binary float in DuckDB; only the plan says so."""
    hidden = SELECT.replace("u.import_ukwh AS used", "CAST(s.total // 2 AS BIGINT) AS used")
    hidden = hidden.replace("FROM usage u", "FROM usage u JOIN segments s ON s.bill = u.bill")
    with pytest.raises(InvalidDocument, match="computes with binary floats"):
        require_exact([with_select(hidden)])


def test_an_unknown_column_is_refused_before_it_runs():
    """A typing error is found when the rule is read, not on the night of the run."""
    with pytest.raises(InvalidDocument, match="does not run"):
        require_exact([with_select(SELECT.replace("p.last_day_ukwh", "p.last_week_ukwh"))])


def test_columns_and_header_must_agree():
    """A column that the header does not know is refused, and one that it promised, too."""
    tables, _ = street(homes=2)
    for old, new, said in (
        ("AS used,", "AS spent,", "'used' is missing; the column 'spent' is not declared"),
        ("AS last,", "AS last, 1 AS extra,", "the column 'extra' is not declared"),
        ("u.segment, u.bill, u.account, u.metering_point, ", "", "it names no bill"),
    ):
        rule = with_select(SELECT.replace(old, new).replace("-- whom the finding is about", ""))
        with pytest.raises(InvalidDocument, match=said):
            audit(tables, period=PERIOD, currency="EUR", rules=[rule])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM secret_of_the_program",
        "COPY (SELECT 1) TO '/tmp/gridtally-escape.csv'",
        "ATTACH '/tmp/gridtally-escape.db'",
        "INSTALL httpfs",
        "SET threads = 8",
    ],
)
def test_the_room_is_closed(sql):
    """Even unlinted SQL reaches no file, network, extension, setting or Python variable."""
    secret_of_the_program = [1]
    with sandbox({}) as room, pytest.raises(GridtallyError):
        room.select(sql, {}, name="escape")
    assert secret_of_the_program


def test_a_rule_that_does_not_end_is_stopped():
    """Time is bounded; the message says what to do."""
    sql = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range = 7"
    with sandbox({}, seconds=1) as room, pytest.raises(GridtallyError, match="longer than 1 s"):
        room.select(sql, {}, name="endless")


def test_a_rule_that_eats_memory_is_stopped():
    """Memory is bounded, and nothing is written to disk instead."""
    sql = "SELECT list(range) FROM range(50000000)"
    with sandbox({}, memory_mib=64) as room, pytest.raises(GridtallyError, match="more memory"):
        room.select(sql, {}, name="hungry")


def test_the_shipped_rules_are_whole():
    """Ids are unique and are codes of this room; every rule says why it earns its place."""
    rules = shipped_rules()
    assert len({rule.id for rule in rules}) == len(rules) >= 25
    for rule in rules:
        assert rule.id.startswith("review.")
        assert rule.why, rule.id
        assert rule.message.endswith("."), rule.id
        assert rule.remedy.endswith("."), rule.id
        assert all(isinstance(p.value, int | Decimal) for p in rule.parameters)


def test_the_catalogue_names_every_rule_and_parameter():
    """The generated page says of each rule what it finds, leaves out, and can be tuned by."""
    rules = shipped_rules()
    page = catalogue(rules)
    for rule in rules:
        assert f"## `{rule.id}`" in page
        assert all(f"`{rule.id}.{p.name}` = " in page for p in rule.parameters)
    assert "`review.energy.history.above` = 1.25: how far above the usual range" in page
    assert page == catalogue(reversed(rules))
