"""The examples in the pages about workspace and run folder are true."""

import hashlib
import re
from pathlib import Path

from synthetic import sealed

from gridtally.store.digest import canonical
from gridtally.store.settings import Settings, parse
from gridtally.store.workspace import FOLDERS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_example_of_the_run_folder_is_a_real_run(ws):
    """Name, digest and root in the page are those of the run with the two lines shown."""
    page = (DOCS / "run-folder.md").read_text()
    run = sealed(ws, 1)
    lines = canonical(run.read("lines"))
    (shown,) = re.findall(r"```\n(AG-.*?)```", page, flags=re.S)

    assert bytes(lines.text).decode() == shown
    assert hashlib.sha256((lines.header + shown).encode()).hexdigest() in page
    for text in (run.id, run.done["run_json"], run.done["run_root"]):
        assert text in page


def test_the_example_of_the_settings_is_complete():
    """The page's settings parse, and differ from the defaults only where they say so."""
    page = (DOCS / "workspace.md").read_text()
    (text,) = re.findall(r"```toml\n(.*?)```", page, flags=re.S)

    found = parse(text)
    assert found.log.startswith("gridtally.local/town-"), "init gives each log a name of its own"
    assert found == Settings(zone="Europe/Lisbon", log=found.log)


def test_every_folder_is_explained():
    """The page names each folder of a workspace."""
    page = (DOCS / "workspace.md").read_text()

    assert [name for name in FOLDERS if f"{name}/" not in page] == []
