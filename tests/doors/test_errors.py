"""What cannot be done is said in one calm sentence with a remedy, and exit code 2."""

import pytest

from conftest import FIRST_BILL

TARIFF, READINGS = FIRST_BILL / "home-tou.toml", FIRST_BILL / "october.csv"
WRONG = [
    (("decode", "nothing.csv"), "nothing.csv cannot be read: No such file or directory."),
    (("decode", "."), "is not a regular file."),
    (("decode", READINGS, "--zone", "Mars/Base"), "There is no time zone named 'Mars/Base'."),
    (("decode", READINGS, "--format", "x"), "There is no format named 'x'. Use one of:"),
    (("decode", READINGS, "--round-finer", "x"), "There is no rounding mode 'x'. Use one of:"),
    (("rate", TARIFF, READINGS, "--from", "x"), "--from: 'x' is not a date. Write it as"),
    (("rate", TARIFF, READINGS, "--from", "2026-10-05", "--to", "2026-10-01"), "is empty."),
    (("rate", TARIFF, "nothing.csv"), "nothing.csv cannot be read"),
    (("tariff", "lint", "nothing.toml"), "nothing.toml cannot be read"),
    (("tariff", "shwo", TARIFF), "Did you mean 'show'?"),
    (("verify", READINGS, "--key", "nothing"), "nothing cannot be read"),
    (("verify", READINGS, "--key", TARIFF), "This is no proof file"),
    (("verify", READINGS), "Missing option '--key'"),
    (("receive",), "Missing argument 'PATHS...'"),
]
IN_A_WORKSPACE = [
    (("receive", "nothing"), "There is no file nothing. Check its name."),
    (("run", "2026-13"), "'2026-13-01' is not a date. Write it as"),
    (("run", "2026-10-01:"), "'' is not a date."),
    (("run", "2026-10-01:2026-09-01"), "is empty."),
    (("run", "1989-12"), "the year 1989 is not one that can be billed. Years from 1990 to 2059"),
    (("run", "2060-01"), "the year 2060 is not one that can be billed."),
    (("run", "2026-10-01:9999-12-31"), "the year 9999 is not one that can be billed."),
    (("run", "9999-12"), "the year 9999 is not one that can be billed."),
    (("run", "2026-10", "--threads", "0"), "0 is not in the range x>=1"),
    (("run", "2026-10", "--only", "nope"), "There is no step 'nope' in a run. validate, estimate,"),
    (("run", "2026-10", "--set", "x"), "--set x: there is no value. Write RULE.NAME=NUMBER."),
    (("run", "2026-10", "--set", "x.y=1"), "There is no audit parameter 'x.y'."),
    (("run", "2026-10", "--account", "NOBODY"), "There is no account NOBODY."),
    (("worklist", "NOPE"), "There is no run NOPE. `gridtally status` lists the runs."),
    (("worklist", "../.."), "There is no run ../.."),
    (("release", "NOPE"), "There is no run NOPE."),
    (("release", "2026-10", "--hold"), "No bill is named."),
    (("issue", "NOPE"), "There is no release NOPE."),
    (("issue", "NOPE", "--documents", "x"), "Say none, all, or a number."),
    (("explain", "NOPE"), "There is no bill 'NOPE'."),
    (("bill", "NOPE"), "No bill NOPE is issued."),
    (("check", "--only", "nope"), "There is no invariant 'nope'. Known are "),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=lambda v: "-".join(map(str, v))[-40:])
def test_what_cannot_be_done(door, tmp_path, monkeypatch, words, sentence):
    """Files that are not there, arguments that nobody can mean."""
    monkeypatch.chdir(tmp_path)
    assert sentence in door(*words).calm


@pytest.mark.parametrize(
    ("words", "sentence"), IN_A_WORKSPACE, ids=lambda v: "-".join(map(str, v))[-40:]
)
def test_what_cannot_be_done_in_a_workspace(door, received, words, sentence):
    """The same of verbs that need one."""
    assert sentence in door(*words, "-w", received).calm


@pytest.mark.parametrize(
    "verb", ["status", "check", "run 2026-10", "receive .", "worklist 2026-10", "explain B"]
)
def test_no_workspace(door, tmp_path, monkeypatch, verb):
    """Nothing above either: how to make one."""
    monkeypatch.chdir(tmp_path)
    text = door(*verb.split()).calm
    assert "There is no workspace in" in text
    assert "`gridtally init`" in text


def test_init_twice_and_with_wrong_settings(door, tmp_path):
    """What is there stays; wrong settings leave nothing behind."""
    for words in (("--zone", "Nope"), ("--currency", "Euro"), ("--buckets", "0")):
        assert "gridtally.toml" in door("init", tmp_path / "ws", *words).calm
        assert not (tmp_path / "ws").exists()
    assert door("init", tmp_path / "ws").code == 0
    assert "is a workspace already" in door("init", tmp_path / "ws").calm
    assert "is not empty" in door("init", tmp_path).calm


def test_a_folder_where_a_file_stands(door, issued, tmp_path):
    """The system's own refusal is passed on in words."""
    (tmp_path / "file").write_text("")
    number = next(iter(issued[1]["issued"].values()))
    text = door("bill", number, "-o", tmp_path / "file", "-w", issued[0]).calm
    assert text.startswith("gridtally: The system refuses")


def test_names_that_look_like_markup(door, tmp_path):
    """A file's name is never read as colours."""
    path = tmp_path / "[bold]x.csv"
    path.write_bytes(READINGS.read_bytes())
    said = door("decode", path, "--zone", "Europe/Lisbon")
    assert said.code == 0
    assert "[bold]x.csv: csv-wide" in said.err


def test_no_name_for_the_user(door, received, monkeypatch):
    """A container without a list of users: name yourself."""
    monkeypatch.setattr("getpass.getuser", lambda: {}["uid"])
    assert "Give one with --as NAME." in door("run", "2026-10", "-w", received).calm


@pytest.mark.parametrize("name", ["", "  ", "an\na", "a\x1b[1mna", "\u202eana", "a" * 101])
def test_not_a_name(door, received, name):
    """Who acts has a name that can be read."""
    text = door("run", "2026-10", "-w", received, "--as", name).calm
    assert "is not a person's name." in text
    assert text.count("\n") == 1


def test_what_nobody_foresaw(door, monkeypatch):
    """A defect is one calm sentence too; the traceback is there for who asks."""
    monkeypatch.setattr("gridtally.cli.formats.print_json", lambda _: "".index("x"))
    monkeypatch.delenv("GRIDTALLY_DEBUG", raising=False)
    text = door("formats", "--json").calm
    assert text.count("\n") == 1
    assert "(ValueError)" in text
    assert "please report" in text
    monkeypatch.setenv("GRIDTALLY_DEBUG", "1")
    with pytest.raises(ValueError, match="substring"):
        door("formats", "--json")


def test_findings_from_strangers(capsys):
    """Whatever a file says, its findings stay on their line and colourless."""
    from gridtally.cli.common import clean, show_findings

    said = "[red]x[/red] :smile: \x1b[31m\n\u2067z"
    row = {"severity": "hold", "file": said, "line": 1, "code": "a.b.c"}
    show_findings([row | {"message": said, "remedy": said}])
    text = capsys.readouterr().err
    assert text.count("[red]x[/red] :smile: \ufffd[31m\ufffd\ufffdz") == 1  # the file's name
    assert text.count("[red]x[/red] :smile: \ufffd[31m \ufffdz") == 2
    assert text.count("\n") == 1
    assert clean("a\nb\tc", lines=True) == "a\nb\ufffdc"
