"""Before step 6: buckets of a calendar that have a price and no hour, rules that cover nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gridtally.rating.calendars import Calendar as Resolved
from gridtally.rating.charges import Document
from gridtally.rating.document.checks import resolve
from gridtally.rating.document.models import Calendar
from gridtally.rating.document.values import Problem
from gridtally.rating.lint.grid import Grid
from gridtally.rating.lint.notes import note

__all__ = ["never_met"]


def never_met(
    document: Document, calendars: Mapping[str, Resolved], grid: Grid
) -> Iterator[Problem]:
    """Rules without an hour in any year, and buckets that no hour of the version is in.

    A version of less than a year is asked for all of its year: that its calendar has summers, too,
    is no mistake of one for January. Buckets that an event calls are not known beforehand.
    """
    days = (document.valid_to or grid.last) - document.valid_from
    walked = grid if days.days >= 365 else Grid(document, year=True)
    for name, calendar in document.calendars.items():
        dead = dict(_dead_rules(name, calendar))
        for k, bucket in dead.items():
            message = f"This rule of the bucket {bucket!r} covers no hour of any year."
            remedy = "No day is in its `months` and its `season` both: correct one of them."
            yield note(f"calendars.{name}.rules[{k}]", message, remedy)
        called = {rule.bucket for rule in calendar.rules if rule.event}
        met = np.unique(walked.labels(calendars[name], ()))
        for at, bucket in enumerate(calendars[name].buckets):
            if at in met or bucket in called or bucket in dead.values():
                continue
            message = f"No hour from {walked.first} to {walked.last} is in the bucket {bucket!r}."
            remedy = "Correct the rules of the calendar, or take the bucket and its prices away."
            yield note(f"calendars.{name}.rules[{_first(calendar, bucket)}]", message, remedy)


def _dead_rules(name: str, calendar: Calendar) -> Iterator[tuple[int, str]]:
    """(place, bucket) of each rule that covers no minute of a year of all its days."""
    for k, rule in enumerate(calendar.rules):
        if rule.bucket and not rule.event:
            alone = calendar.model_copy(update={"rules": (rule,)})
            if (resolve(name, alone)[0].table < 0).all():
                yield k, rule.bucket


def _first(calendar: Calendar, bucket: str) -> int:
    """The first rule that names a bucket."""
    named = [rule.bucket or rule.otherwise for rule in calendar.rules]
    return named.index(bucket)
