"""Before step 6: tariffs that come with Gridtally, one dated version per file.

An open set: a file `COUNTRY/NAME-VALID_FROM.toml` is one more of them. What each was checked
against and what is open is on `docs/shipped-tariffs.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from gridtally.errors import NotFound
from gridtally.rating.tariff import TariffVersion, load

__all__ = ["IN_PART", "UNVERIFIED", "Shipped", "badge", "find", "mark", "shipped"]

UNVERIFIED = "Unverified: no published worked example was found to check this document against."
"""Stands among the assumptions of a version without `verified_by`, and so on every bill."""
IN_PART = "Checked in part: "
"""So begins the assumption that says which part of a version its `verified_by` covers."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One shipped version."""

    name: str
    """The tariff's id and the first day, as in `cn-zhejiang-home-2024-01-01`."""
    country: str
    """ISO 3166, two small letters."""
    data: bytes
    version: TariffVersion


@cache
def shipped() -> tuple[Shipped, ...]:
    """Every version, by country, id and day."""
    found = [
        _read(country.name, entry.name.removesuffix(".toml"), entry.read_bytes())
        for country in files(__name__).iterdir()
        if country.is_dir()
        for entry in country.iterdir()
        if entry.name.endswith(".toml")
    ]
    key = lambda one: (one.country, one.version.id, one.version.valid_from)  # noqa: E731
    return tuple(sorted(found, key=key))


def find(name: str) -> Shipped:
    """The version of this name, or the newest of this id. Raises `NotFound`."""
    alike = [one for one in shipped() if name in (one.name, one.version.id)]
    if not alike:
        known = {word for one in shipped() for word in (one.name, one.version.id)}
        near = get_close_matches(name, sorted(known), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise NotFound(
            f"No tariff {name!r} comes with Gridtally.{hint}",
            remedy="`gridtally tariff list` shows those that do.",
        )
    return alike[-1]


def mark(assumptions: Iterable[str]) -> str | None:
    """What a version says of itself: `unverified`, `checked in part: what`, or None."""
    for words in assumptions:
        if words == UNVERIFIED:
            return "unverified"
        if words.startswith(IN_PART):
            return words[0].lower() + words[1:].removesuffix(".")
    return None


def badge(assumptions: Iterable[str]) -> str | None:
    """The mark without its details, to stand beside a title."""
    said = mark(assumptions)
    return said and said.partition(":")[0]


def _read(country: str, stem: str, data: bytes) -> Shipped:
    return Shipped(f"{country}-{stem}", country, data, load(data, name=f"{country}/{stem}.toml"))
