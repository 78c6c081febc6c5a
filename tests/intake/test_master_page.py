"""The page about master data: its files fit together; it names every table, column and check."""

import re
from pathlib import Path

from gridtally.intake.master import read_master
from gridtally.intake.master.files import FILES
from gridtally.intake.master.words import HELD, NOTED, WARNED

PAGE = (Path(__file__).parents[2] / "docs" / "master-data.md").read_text()
EXAMPLES = dict(re.findall(r"^`([a-z_]+)\.csv`: .*?\n```csv\n(.*?)```", PAGE, re.M | re.S))


def test_the_example():
    """A file of each kind, and nothing wrong with them together."""
    tables, findings = read_master({name: text.encode() for name, text in EXAMPLES.items()})

    assert findings.to_pylist() == []
    assert tables.keys() == FILES.keys()
    assert all(table.num_rows for table in tables.values())


def test_every_column_has_a_place():
    """Each column stands in its file's example; those that must be there are bold."""
    for name, spec in FILES.items():
        said = re.search(rf"^`{name}\.csv`: (.*?)\n```csv", PAGE, re.M | re.S)[1]
        head = EXAMPLES[name].split("\n")[0].split(",")
        assert head == [column.name for column in spec.columns]
        for column in spec.columns:
            assert (f"**{column.name}**" in said) == column.required, column.name
            assert column.name in said


def test_every_check_is_on_the_page():
    """Each code of a check is named, in full or by its last part."""
    cells = {
        "intake.master.value", "intake.master.contradiction", "intake.master.reference",
    }  # fmt: skip
    for code in (HELD.keys() | WARNED.keys() | NOTED.keys()) - cells:
        assert f"`{code}`" in PAGE or f"`.{code.rpartition('.')[2]}`" in PAGE, code
