"""Every verb explains itself; a wrong word gets the nearest right one."""

import pytest

from gridtally.cli import VERBS


@pytest.mark.parametrize("verb", [*VERBS, "tariff lint", "tariff show"])
def test_every_verb_has_help(door, verb):
    """Help goes to stdout, with the options, and is a yes."""
    said = door(*verb.split(), "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Usage:")
    assert "--help" in said.out


def test_alone_it_lists_its_verbs(door):
    """Without a verb: all of them, each with a line."""
    for words in ((), ("--help",), ("-h",)):
        said = door(*words)
        text = said.out + said.err
        assert all(f"  {verb} " in text for verb in VERBS)


def test_version(door):
    """One line."""
    said = door("--version")
    assert said.code == 0
    assert said.out.startswith("gridtally, version ")


@pytest.mark.parametrize(
    ("wrong", "right"), [("recieve", "receive"), ("work-list", "worklist"), ("isue", "issue")]
)
def test_an_unknown_verb_gets_the_nearest(door, wrong, right):
    """A typing error is answered with what was meant."""
    assert f"Did you mean '{right}'?" in door(wrong).calm


def test_an_unknown_verb_like_none(door):
    """No suggestion where nothing is near."""
    text = door("zzz").calm
    assert "There is no verb 'zzz'." in text
    assert "mean" not in text
