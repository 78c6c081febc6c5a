"""T01 to T26 of the bad inputs: what is wrong with a tariff document, alone or in a workspace."""

import hashlib
import json
import shutil

import pytest
from bad_tariffs import ANSWERS
from bad_world import FLAT
from test_bad_files import bare, billed, home, run  # noqa: F401  fixtures

from gridtally.rating.lint import lint


@pytest.mark.parametrize(
    ("case"), [pytest.param(c, id=f"{name} {c.what}") for name, cs in ANSWERS.items() for c in cs]
)
def test_a_document_is_refused_with_place_reason_and_remedy(case):
    """Every problem names its code, the hour, tier or line that is wrong, and what to do."""
    found = lint(case.text.encode())
    assert tuple((p.code, p.path, p.message, p.remedy) for p in found) == case.said
    assert {str(p.severity) for p in found} == {"hold"}


# ------------------------------------------------------------ in a workspace


def receive(ws, tmp_path, text, *words, name="flat.toml"):
    """The answer to a tariff document that somebody delivers."""
    (tmp_path / name).write_text(text)
    (step,) = run([["receive", tmp_path / name, "-w", ws, "--json", *words]])
    (answer,) = json.loads(step["out"])
    return answer


def refusal(answer):
    """Code, message and remedy of a refusal."""
    assert answer["refused"]
    (found,) = answer["findings"]
    return found["code"], found["message"], found["remedy"]


@pytest.fixture
def mine(request, tmp_path):
    """A workspace of one's own: `bare` or `billed`."""

    def copied(name):
        shutil.copytree(request.getfixturevalue(name), tmp_path / "ws")
        return tmp_path / "ws"

    return copied


NEXT = FLAT.replace("2025-01-01", "2027-01-01")
DIGEST = hashlib.sha256(FLAT.encode()).hexdigest()[:12]


def test_t05_two_versions_at_one_instant(mine, tmp_path):
    """T05: days that have a version already are named, and the version that has them."""
    assert refusal(receive(mine("bare"), tmp_path, NEXT)) == (
        "rating.tariff.overlap",
        f"valid_from: from 2027-01-01 to further notice the version sha256:{DIGEST} of flat "
        "(from 2025-01-01) is in force already.",
        "Let this version begin after the other ends, or give it an id of its own: days that have "
        "two prices are never billed.",
    )


def test_t06_a_change_over_billed_days(mine, tmp_path):
    """T06: prices of billed days are not changed in place; how many bills there are is said."""
    late = FLAT.replace("2025-01-01", "2026-09-15")
    code, message, remedy = refusal(receive(mine("billed"), tmp_path, late))
    assert code == "rating.tariff.billed"
    assert message.endswith("is in force already. 13 bills were made for these days.")
    assert remedy.endswith("and rebill what it changes.")
