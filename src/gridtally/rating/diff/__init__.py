"""Beside step 6: two versions of a tariff in words; what changed, each change once, none lost.

Everything that a document can say is walked, known or not; hours are compared minute by minute
of the resolved calendars, so that a rule written in another way is told from another hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gridtally.errors import InvalidDocument
from gridtally.rating.calendars import Calendar as Resolved
from gridtally.rating.charges import Component, Document
from gridtally.rating.diff.changes import Change, Walk, dates, prices_of
from gridtally.rating.diff.hours import Renamed, calendar_changes, hours_told, same_hours
from gridtally.rating.diff.names import as_called_now, component_pairs, step_told
from gridtally.rating.document.checks import resolve
from gridtally.rating.document.reader import read
from gridtally.rating.shipped import badge
from gridtally.rating.wording import fact_text, facts, name_of, plain, stated, value_text

__all__ = ["Change", "diff", "diff_documents", "relation"]

Tables = tuple[Mapping[str, Resolved], Mapping[str, Resolved]]
_DECLARED = {"terms": "term", "series": "series", "events": "event", "parts": "part",
             "losses": "loss"}  # fmt: skip
_HEADER = ("calendars", "components", "holidays", *_DECLARED)


def diff(old: bytes, new: bytes, *, names: tuple[str, str]) -> dict[str, Any]:
    """What changed from one document to the other, as data.

    `equal` is whether the documents say the same, whatever their layout and comments.
    Raises `InvalidDocument` when one of the two is refused.
    """
    before, after = _document(old, names[0]), _document(new, names[1])
    changes = diff_documents(before, after)
    heads = [
        {"file": name, "tariff": document.tariff, "title": name_of(document.title, document.tariff),
         "currency": document.currency, "valid_from": document.valid_from.isoformat(),
         "valid_to": document.valid_to.isoformat() if document.valid_to else None,
         "verified_by": document.verified_by, "badge": badge(document.assumptions)}
        for name, document in zip(names, (before, after), strict=True)
    ]  # fmt: skip
    return {
        "schema": 1,
        "equal": not changes,
        "same_bytes": old == new,
        "old": heads[0],
        "new": heads[1],
        "relation": relation(before, after),
        "suspicious": sum(change.suspicious for change in changes),
        "changes": [change.as_json() for change in changes],
    }


def _document(data: bytes, name: str) -> Document:
    document, problems = read(data)
    if document is None:
        raise InvalidDocument(
            f"The tariff is refused: {problems[0]}", file=name, code=problems[0].code,
            remedy=f"`gridtally tariff lint {name}` names every problem.",
        )  # fmt: skip
    return document


def relation(old: Document, new: Document) -> dict[str, str]:
    """How the two validities lie to each other: follows, gap, overlap, same or before."""
    if (old.valid_from, old.valid_to) == (new.valid_from, new.valid_to):
        return {"kind": "same", "text": "Both versions are in force on the same days."}
    if new.valid_from <= old.valid_from:
        early = "on the same day as" if new.valid_from == old.valid_from else "before"
        kind, text = "overlap", f"The new version begins {early} the old one: check the order."
        if new.valid_to and new.valid_to <= old.valid_from:
            kind, text = "before", "The new version ends before the old one begins."
        return {"kind": kind, "text": text}
    start = new.valid_from.isoformat()
    if old.valid_to is None:
        text = f"The old version is open: it is in force until the new one begins on {start}."
        return {"kind": "follows", "text": text}
    days = (new.valid_from - old.valid_to).days
    end = old.valid_to.isoformat()
    if days == 0:
        return {"kind": "follows", "text": f"The new version begins on {start}, as the old ends."}
    count = f"{abs(days)} day" + ("s" if abs(days) != 1 else "")
    if days > 0:
        text = f"Gap: no version is in force from {end} to {start} ({count})."
        return {"kind": "gap", "text": text}
    return {"kind": "overlap", "text": f"Overlap: both are in force from {start} on ({count})."}


def diff_documents(old: Document, new: Document) -> list[Change]:
    """Every change from one document to the other; none if and only if they are equal."""
    before, after = plain(old), plain(new)
    head = Walk("tariff", currencies=(old.currency, new.currency))
    keys = [key for key in {**before, **after} if key not in _HEADER]
    for key in keys:
        head.compare((key,), before.get(key), after.get(key))
    found = [*head.found, *_holidays(before.get("holidays"), after.get("holidays"))]
    for key, word in _DECLARED.items():
        for name in {**before[key], **after[key]}:
            found += _declared(f"{word} {name}", before[key].get(name), after[key].get(name))
    tables = (_resolved(old), _resolved(new))
    renamed, changes = _calendars(old, new, tables)
    return found + changes + _components(old, new, renamed, tables)


def _declared(group: str, old: Any, new: Any) -> list[Change]:
    """A term, series, event, part or loss."""
    if old is None:
        said = value_text(new)
        return [Change(group, "", "added", None, said, text=f"New: {said}")]
    if new is None:
        said = value_text(old)
        return [Change(group, "", "removed", said, None, text=f"No longer there: {said}")]
    walk = Walk(group)
    walk.compare((), old, new)
    return walk.found


def _holidays(old: Any, new: Any) -> Iterator[Change]:
    walk = Walk("holidays")
    if old is None or new is None:
        walk.compare(("holidays",), old, new)
    else:
        for key in {**old, **new}:
            if key in ("years", "dates"):
                walk.found += dates("holidays", key, old.get(key) or [], new.get(key) or [])
            else:
                walk.compare((key,), old.get(key), new.get(key))
    yield from walk.found


# ------------------------------------------------------------------- calendars


def _calendars(
    old: Document, new: Document, tables: Tables
) -> tuple[dict[str, Renamed], list[Change]]:
    """How calendars and their buckets are called now, by the new name; what changed in them."""
    pairs = _calendar_pairs(*tables)
    renamed: dict[str, Renamed] = {}
    found: list[Change] = []
    for name, calendar in tables[1].items():
        was = pairs.get(name)
        if was is None:
            said = hours_told(calendar)
            text = f"New calendar: {said}"
            found.append(Change(f"calendar {name}", "", "added", None, said, text=text))
            continue
        if was != name:
            text = f"The calendar {was} is called {name} now."
            found.append(Change(f"calendar {name}", "name", "renamed", was, name, text=text))
        parts = plain(old.calendars[was]), plain(new.calendars[name])
        if parts[0] == parts[1]:
            renamed[name] = Renamed(was, {})
            continue
        buckets, changes = calendar_changes(f"calendar {name}", tables[0][was], calendar)
        more = Walk(f"calendar {name}")
        more.rules(*parts, hours_differ=bool(changes))
        found += [*changes, *more.found]
        renamed[name] = Renamed(was, buckets)
    for name in tables[0]:
        if name not in pairs.values():
            said = hours_told(tables[0][name])
            text = f"No longer there: {said}"
            found.append(Change(f"calendar {name}", "", "removed", said, None, text=text))
    return renamed, found


def _resolved(document: Document) -> dict[str, Resolved]:
    holidays = document.holidays.dates if document.holidays else ()
    return {name: resolve(name, part, holidays)[0] for name, part in document.calendars.items()}


def _calendar_pairs(old: Mapping[str, Resolved], new: Mapping[str, Resolved]) -> dict[str, str]:
    """The old name by the new one: the same name, or else the same hours under another."""
    pairs = {name: name for name in new if name in old}
    free = [name for name in old if name not in pairs]
    for name in new:
        twin = next((was for was in free if same_hours(old[was], new[name])), None)
        if name not in pairs and twin is not None:
            pairs[name] = twin
            free.remove(twin)
    return pairs


# ------------------------------------------------------------------ components


def _components(
    old: Document, new: Document, renamed: Mapping[str, Renamed], tables: Tables
) -> list[Change]:
    before = {part.id: plain(part) for part in old.components}
    after = {part.id: plain(part) for part in new.components}
    pairs = component_pairs(before, after, renamed)
    ids = {was: name for name, was in pairs.items()}
    left = [part for name, part in before.items() if _leaves(part, after.get(ids.get(name, "")))]
    found: list[Change] = []
    for part in new.components:
        group = f"component {part.id}"
        was = pairs.get(part.id)
        if was is None:
            same_money = old.currency == new.currency
            found.append(_added(part, left if same_money else [], new.currency))
            continue
        walk = Walk(
            group,
            component=after[part.id],
            currencies=(old.currency, new.currency),
            prices=prices_of(before[was]),
        )
        if was != part.id:
            text = f"{was} is called {part.id} now."
            walk.found.append(Change(group, "id", "renamed", was, part.id, text=text))
        called = as_called_now(before[was], after[part.id], ids, renamed)
        walk.compare((), called, after[part.id])
        found += walk.found + _other_calendar(group, called, after[part.id], renamed, tables)
    for part in old.components:
        if part.id not in ids:
            said, group = _told(part, old.currency), f"component {part.id}"
            found.append(Change(group, "", "removed", said, None, text=f"No longer there: {said}"))
    return found + _order([ids[name] for name in before if name in ids], list(after))


def _leaves(old: Mapping[str, Any], new: Mapping[str, Any] | None) -> bool:
    """Whether a component is gone, or rests in months in which it charged before."""
    if new is None:
        return True
    every = list(range(1, 13))
    return bool(set(old["months"] or every) - set(new["months"] or every))


def _added(part: Component, left: list[dict[str, Any]], currency: str) -> Change:
    said, step = _told(part, currency), step_told(plain(part), left, currency)
    text = f"New: {said}" + (f"; {step}" if step else "")
    return Change(f"component {part.id}", "", "added", None, said, suspicious=bool(step), text=text)


def _order(was: list[str], names: list[str]) -> list[Change]:
    now = [name for name in names if name in was]
    if was == now:
        return []
    text = f"The order of the lines changes: {', '.join(was)} → {', '.join(now)}"
    return [Change("tariff", "components", "moved", ", ".join(was), ", ".join(now), text=text)]


def _other_calendar(
    group: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    renamed: Mapping[str, Renamed],
    tables: Tables,
) -> list[Change]:
    """A component that another calendar prices: the hours that change with that."""
    was, now = str(old.get("calendar")), str(new.get("calendar"))
    if was == now or was not in tables[0] or now not in tables[1]:
        return []
    return calendar_changes(group, tables[0][was], tables[1][now])[1]


def _told(part: Component, currency: str) -> str:
    said = "; ".join(fact_text(*fact) for fact in facts(stated(part), currency))
    return said.removeprefix("id ")
