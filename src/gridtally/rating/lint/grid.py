"""Before step 6: the instants of up to ten years of a tariff version, as bills meet them.

Local time with its clock changes, holidays, months, standard time; what is called later (events)
is not known.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from gridtally.periods import zone as zone_of
from gridtally.rating.calendars import Calendar, labels
from gridtally.rating.charges import Document
from gridtally.rating.document.checks import hours_told

__all__ = ["Grid"]

_LATEST = date(2049, 1, 1)
"""Ten years from here are known to the table of zones."""
_YEARS = 10


class Grid:
    """The quarter-hours (or minutes, where a calendar needs them) of up to ten years."""

    def __init__(self, document: Document, *, year: bool = False) -> None:
        """`year`: a version of less than a year is walked with all of the year it begins in."""
        first = min(document.valid_from, _LATEST)
        last = date(first.year + _YEARS, first.month, min(first.day, 28))
        last = min(document.valid_to or last, last)
        if year and last < first.replace(year=first.year + 1, day=min(first.day, 28)):
            first, last = date(first.year, 1, 1), max(date(first.year + 1, 1, 1), last)
        self.first, self.last = first, max(first, last)
        self.zone = document.zone
        self.start = zone_of(self.zone).midnight(self.first)
        self.end = zone_of(self.zone).midnight(self.last)
        edges = {
            at
            for calendar in document.calendars.values()
            for rule in calendar.rules
            for text in rule.hours
            for at in rule.minutes(text)
        }
        fine = self.start % 900 or self.end % 900 or any(at % 15 for at in edges)
        self.step = 60 if fine else 900
        local = zone_of(self.zone).to_local(np.arange(self.start, self.end, self.step))
        day = local // 86_400
        self.month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        self.weekday = (day + 3) % 7
        self.slot = local % 86_400 // self.step
        self._local = local

    def labels(self, calendar: Calendar | None, months: tuple[int, ...]) -> npt.NDArray[np.int16]:
        """The bucket of each slot; below zero where there is none."""
        return labels(calendar, self.zone, self.start, self.end, self.step, months=months)

    def local(self, at: int) -> str:
        """The local time of a slot."""
        moment = datetime(1970, 1, 1) + timedelta(seconds=int(self._local[at]))  # noqa: DTZ001
        return moment.strftime("%Y-%m-%d %H:%M")

    def told(self, where: npt.NDArray[np.bool_]) -> list[str]:
        """Months, days and hours of some slots, in words."""
        table = np.zeros((12, 8, 1440 * 60 // self.step), bool)
        table[self.month[where], self.weekday[where], self.slot[where]] = True
        return hours_told(np.repeat(table, self.step // 60, axis=2))
