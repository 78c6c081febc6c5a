"""Before step 5: which version of a tariff stands on which days.

A version without an end lasts until the next begins. One that an approved plan put in place of
others (`instead`) stands on its days whatever stood there before, and of two such the later stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Protocol, TypeVar

__all__ = ["Dated", "ends", "standing"]


class Dated(Protocol):
    """A version and its local days, half-open; `seq` is the order in which they were stored."""

    @property
    def tariff(self) -> str: ...  # noqa: D102

    @property
    def digest(self) -> str: ...  # noqa: D102

    @property
    def valid_from(self) -> date: ...  # noqa: D102

    @property
    def valid_to(self) -> date | None: ...  # noqa: D102

    @property
    def seq(self) -> int: ...  # noqa: D102

    @property
    def instead(self) -> bool: ...  # noqa: D102


T = TypeVar("T", bound=Dated)


def ends(version: Dated, others: Iterable[Dated]) -> date:
    """The first day after a version; `date.max` without one.

    What stands in place of others for a while ends nothing: after it goes on what was there.
    """
    if version.valid_to is not None:
        return version.valid_to
    begins = (
        other.valid_from
        for other in others
        if other.tariff == version.tariff and not (other.instead and other.valid_to)
    )
    return min((day for day in begins if day > version.valid_from), default=date.max)


def standing(versions: Sequence[T]) -> list[tuple[T, date, date]]:
    """Each version with its stretches of days, half-open, by tariff and day: no day has two.

    What stands to further notice ends with `date.max`.
    """
    names = sorted({version.tariff for version in versions})
    return [
        part
        for name in names
        for part in _of_one([version for version in versions if version.tariff == name])
    ]


def _of_one(versions: Sequence[T]) -> list[tuple[T, date, date]]:
    found: list[tuple[T, date, date]] = []
    for best, first, after in _days(versions):
        if found and found[-1][0].digest == best.digest and found[-1][2] == first:
            found[-1] = (best, found[-1][1], after)
        else:
            found.append((best, first, after))
    return found


def _days(versions: Sequence[T]) -> Iterator[tuple[T, date, date]]:
    """Between any two days on which something begins or ends, the version that stands there."""
    lasting = [(version, version.valid_from, ends(version, versions)) for version in versions]
    for first, after in pairwise(sorted({day for _, *both in lasting for day in both})):
        there = [version for version, start, end in lasting if start <= first < end]
        if there:
            yield max(there, key=lambda version: (version.instead, version.seq)), first, after
