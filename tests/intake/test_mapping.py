"""The mapping document: strict, every problem at once, and nothing in it can run or run away."""

import re
import time
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME

from gridtally.errors import InvalidDocument
from gridtally.intake.mapping import From, load
from gridtally.intake.stamps import compiled

SHIPPED = files("gridtally.intake") / "mappings"
EXAMPLE = (SHIPPED / "example.toml").read_text()
SMALL = {
    "head": 'gridtally_mapping = 1\nname = "x"\nkind = "intervals"',
    "file": "[file]",
    "columns": '[columns]\nmetering_point = "mp"\nstart = "t"',
    "time": '[time]\npattern = "YYYY-MM-DD hh:mm"',
    "interval": "[interval]\nlength = 900",
    "series": "[series]",
    "value": '[[value]]\ncolumn = "v"\nchannel = "import"\nunit = "kWh"',
}
DIALS = {
    **SMALL,
    "head": SMALL["head"].replace("intervals", "registers"),
    "columns": '[columns]\nmetering_point = "mp"\nmeter = "m"\ntime = "t"',
    "interval": "",
    "value": SMALL["value"] + '\nregister = "1.8.0"',
}


def written(base=SMALL, **parts):
    """A small mapping with some tables replaced."""
    return "\n".join((base | parts).values())


def refusal(text):
    with pytest.raises(InvalidDocument) as caught:
        load(text.encode() if isinstance(text, str) else text)
    assert caught.value.code == "intake.mapping.document"
    assert "formats mapping" in caught.value.remedy
    return caught.value.message


def test_the_smallest_mapping():
    """What is left out is plain CSV: commas, decimal point, a header, UTF-8."""
    mapping = load(written().encode())

    assert mapping.columns == {"metering_point": (From("mp"),), "start": (From("t"),)}
    assert (mapping.file.delimiter, mapping.file.decimal, mapping.file.encoding) == (
        ",", ".", "utf-8",
    )  # fmt: skip
    assert mapping.interval.gaps == "note"
    assert not mapping.linked


def test_dials_set_gaps_aside_unless_told():
    """The step of a dial over a gap is not the energy of one interval."""
    dial = '[series]\norder = "increasing"\nvalues = "cumulative"'

    assert load(written(series=dial).encode()).interval.gaps == "set_aside"
    told = written(series=dial, interval='[interval]\nlength = 900\ngaps = "note"')
    assert load(told.encode()).interval.gaps == "note"


def test_the_example_and_the_shipped_ones():
    """The commented example and every shipped mapping are read as they are."""
    names = [file.name for file in SHIPPED.iterdir() if file.name.endswith(".toml")]

    assert {"example.toml", "csv-frozen.toml"} <= set(names)
    for name in names:
        assert load((SHIPPED / name).read_bytes()).name


def test_the_page_shows_the_example():
    """docs/mapping.md has the example word for word."""
    page = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()

    assert f"```toml\n{EXAMPLE}```" in page


def test_the_example_has_every_key():
    """No key is unknown to somebody who reads the example."""
    from gridtally.intake import mapping

    keys = {key for known, _ in mapping._TABLES.values() for key in known}
    keys |= mapping._VALUE.keys() | mapping._DOCUMENT.keys()
    page = EXAMPLE + (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", page)] == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"file": '[file]\ndelimeter = ";"'}, "file.delimeter (did you mean delimiter?)"),
        ({"head": SMALL["head"] + '\nnmae = "x"'}, "nmae (did you mean name?)"),
        ({"value": SMALL["value"] + "\nscale = 0"}, "value[0].scale must be above zero"),
        ({"value": SMALL["value"] + '\nscale = "1e9"'}, "value[0].scale must be a plain decimal"),
        ({"file": '[file]\nencoding = "cp037"'}, "file.encoding must be one of"),
        ({"file": "[file]\nskip = true"}, "file.skip must be a whole number"),
        ({"file": '[file]\ntrailer = "{rows}"'}, "file.trailer must be a line such as"),
        ({"file": "file = 3"}, "file must be a table"),
        ({"series": "[series]\nrepeats = 1000000000"}, "series.repeats must be a whole number"),
        ({"interval": "[interval]\nlength = 59"}, "interval.length must be a whole number from 60"),
        ({"interval": "[interval]\nlength = 2678401"}, "interval.length must be a whole number"),
        ({"time": '[time]\npattern = "%Y-%m-%d"'}, "time.pattern has 'Y', which is no field"),
        ({"time": '[time]\npattern = "YYYY-MM-DD mm"'}, "has the minute but not the hour"),
        ({"time": '[time]\npattern = "hh:mm"'}, "time.pattern needs year, month and day"),
        ({"time": '[time]\nzone = "UTC"'}, "time.pattern is missing"),
        (
            {"time": '[time]\npattern = "YYYY-MM-DD"\nzone = "Europe/Lisboa"'},
            "time.zone must be an IANA zone",
        ),
        ({"columns": '[columns]\nstart = "t"'}, "columns.metering_point is missing"),
        ({"columns": '[columns]\nmetering_point = "mp"'}, "columns.start or columns.end"),
        (
            {"columns": '[columns]\nmetering_point = "mp"\nstart = { constant = "now" }'},
            "columns.start cannot be a constant",
        ),
        (
            {"columns": '[columns]\nmetering_point = { regex = "(a+)+" }\nstart = "t"'},
            "columns.metering_point must be a column",
        ),
        (
            {"columns": '[columns]\nmetering_point = "mp"\nstart = { optional = "t" }'},
            "columns.start cannot be optional",
        ),
        ({"interval": ""}, "interval.length is missing"),
        ({"value": ""}, "there must be 1 to 200 tables [[value]]"),
        ({"value": "[[value]]\nunit = \"kWh\""}, "value[0] must have a column, or first and count"),
        ({"value": '[[value]]\ncolumn = "v"'}, "value[0] needs channel"),
        (
            {"value": '[[value]]\ncolumn = "v"\nchannel = "import"\nunit = "kvarh"'},
            "the unit kvarh, which is not that of import",
        ),
        ({"value": SMALL["value"] + '\nregister = "1"'}, "register, which is for kind"),
        ({"file": "[file]\nheader = false"}, "columns have names, but file.header is false"),
        ({"file": '[file]\ndecimal = ","'}, "file.decimal and file.delimiter are the same mark"),
        ({"series": '[series]\nvalues = "cumulative"'}, "series.order is missing"),
        ({"series": '[series]\nreset = ["23:00", "01:00"]'}, "series.reset is for"),
        (
            {"series": '[series]\nvalues = "cumulative"\norder = "increasing"\nreset = "maybe"'},
            "series.reset must be",
        ),
        (
            {"series": '[series]\nvalues = "cumulative"\nreset = ["24:00", "1:00"]'},
            "series.reset has '24:00'",
        ),
        ({"series": '[series]\norder = "any"\n[words.unit]\nx = "kWh"'}, "words.unit has no"),
        (
            {"time": '[time]\npattern = "YYYY-MM-DD hh:mm"\nfold = "in_order"'},
            'time.fold = "in_order" needs series.order',
        ),
        (
            {"time": '[time]\npattern = "YYYY-MM-DD hhF:mm"\nfold = "marks"'},
            "belong together",
        ),
        ({"time": '[time]\npattern = "YYYY-MM-DD hh:mm"\nday = "ends"'}, "for dates without"),
        ({"time": '[time]\npattern = ["YYYY-MM-DD", "hh:mm"]'}, "must have as many parts"),
    ],
)  # fmt: skip
def test_what_is_refused(parts, said):
    """Unknown, out of range, missing, contradictory: each is said with its path."""
    assert said in refusal(written(**parts))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"columns": '[columns]\nmetering_point = "mp"\ntime = "t"'}, "columns.meter is missing"),
        ({"interval": "[interval]\nlength = 60"}, 'interval is for kind = "intervals"'),
        ({"value": SMALL["value"]}, "value[0] needs register"),
        ({"series": "[series]\nrepeats = 2"}, 'are for kind = "intervals"'),
        (
            {"value": SMALL["value"] + '\nregister = "1.6.0"\ndial = "demand"'},
            "the unit kwh, which is not that of its dial",
        ),
    ],
)
def test_what_is_refused_of_dials(parts, said):
    """Keys that belong to intervals do not stand beside dials, and what dials need is there."""
    load(written(DIALS).encode())

    assert said in refusal(written(DIALS, **parts))


def test_every_problem_at_once():
    """Three mistakes in three tables are told together."""
    said = refusal(written(file="[file]\nskpi = 1", time='[time]\nzome = "UTC"', series="[sries]"))

    assert all(key in said for key in ("skpi", "zome", "sries"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "byte 1 is not UTF-8"),
        (b"a = ", "this is not TOML"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"#" + b"x" * 300_000, "larger than 256 KiB"),
        (b"", "is missing"),
    ],
)
def test_what_is_no_document(data, said):
    """Bytes that are no document are refused in a sentence."""
    assert said in refusal(data)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("YYYY-MM-DD hh:mm hh", "has a field twice"),
        ("DMMYYYY", "cannot tell where D ends"),
        ("M7DD", "cannot tell where M ends"),
        ("(a+)+$", "which is no field"),
        ("YYYY-MM-DD o'clock", "which is no field"),
        ("--", "has no field"),
        ("Y" * 65, "1 to 64 characters"),
        ("", "1 to 64 characters"),
        (7, "must be a pattern"),
    ],
)
def test_patterns_that_are_none(pattern, said):
    """A pattern is fields and marks; there is no repetition, choice or search in it."""
    with pytest.raises(ValueError, match=re.escape(said)):
        compiled(pattern)


def test_a_pattern_cannot_run_away():
    """The longest pattern on a long hostile text takes no longer than any other."""
    from intake_cases import column

    from gridtally.intake.stamps import read_fields

    pattern = compiled("YYYY" + "'aaaaaaaaaaaa'" * 4)
    data, starts, ends = column(["2026" + "a" * 120_000 + "b"] * 10)
    before = time.process_time()
    found = read_fields(data, starts, ends, pattern, (b"", b""))

    assert not found.good.any()
    assert time.process_time() - before < 1


@ANY_TIME
@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=4))
def test_no_document_ends_in_a_defect(keys):
    """Whatever the keys, the answer is a refusal in words."""
    lines = [f"{_quoted(key)} = {_quoted(value)}" for key, value in keys.items()]
    for name in ("file", "columns", "time", "interval", "series", "words"):
        refusal("\n".join([SMALL["head"], f"[{name}]", *lines, "[[value]]", *lines]))


def _quoted(value):
    if isinstance(value, int):
        return str(max(-(2**62), min(value, 2**62)))
    return (
        '"'
        + "".join(f"\\U{ord(char):08x}" for char in value if not 0xD800 <= ord(char) < 0xE000)
        + '"'
    )
