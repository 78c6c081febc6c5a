"""Step 2: rules of the MDFF that a file may break without its values being in doubt: they are said.

Rules: AEMO, Meter Data File Format Specification NEM12 & NEM13, v2, sections 3.3.5, 4.3 and 4.4.
What puts values in doubt refuses the file or sets the day aside, see nem12.py and nem12_spans.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.nem12_spans import Spans
from gridtally.intake.text import Names

__all__ = ["Rules", "broken_rules"]

Ints = npt.NDArray[np.int64]

_NO_REASON = "a substituted value (S, F) has a reason code"
_NO_METHOD = "a substituted or estimated value (S, F, E) has a method number"
_NO_TEXT = "reason code 0 has a description"
_LENGTHS = "intervals are 5, 15 or 30 minutes long"
_EVENTS = "reason codes 61, 79 and 89 of actual values stand in 400 records"
_WHOLE = "400 records cover the whole day"
_V = "a 300 record of quality V has no reason of its own"
_USUAL = (288, 96, 48)
Rules = dict[str, tuple[int, int]]
"""Rule -> on which line it is broken first, and by how many records."""


def broken_rules(spans: Spans, slots: Ints, line: Ints, names: Names) -> Rules:
    """The rules that days break; `slots`, `line` of shape (days,), `names`: the texts."""
    found: Rules = {}
    method, reason, text = spans.said
    texts, width = names.texts, len(names.texts)
    kind, at = np.unique((method * width + reason) * width + text, return_inverse=True)
    broken = [_of_span(*(texts[code] for code in _parts(one, width))) for one in kind.tolist()]
    for rule in (_NO_REASON, _NO_METHOD, _NO_TEXT):
        hit = np.array([rule in rules for rules in broken], dtype=bool)[at.reshape(-1)]
        _say(found, rule, line[spans.day[hit]])
    actual, events, variable = ([names.number(text) for text in texts] for texts in _NAMED)
    flag, why, _ = spans.heads
    _say(found, _EVENTS, line[~spans.varied & np.isin(flag, actual) & np.isin(why, events)])
    _say(found, _V, line[np.isin(flag, variable) & (why != names.number(""))])
    _say(found, _WHOLE, line[spans.partial])
    _say(found, _LENGTHS, line[~np.isin(slots, _USUAL)])
    return found


_NAMED = (("A", "a"), ("61", "79", "89"), ("V", "v"))


def _parts(one: int, width: int) -> tuple[int, int, int]:
    rest, text = divmod(one, width)
    method, reason = divmod(rest, width)
    return method, reason, text


def _of_span(method: str, reason: str, text: str) -> set[str]:
    """The rules that one method, reason code and description break."""
    flag = method[:1].upper()
    rules = set()
    if flag in "SF" and not reason:
        rules.add(_NO_REASON)
    if flag in "SFE" and len(method) == 1:
        rules.add(_NO_METHOD)
    if reason == "0" and not text:
        rules.add(_NO_TEXT)
    return rules


def _say(found: Rules, rule: str, lines: Ints) -> None:
    if lines.size:
        found[rule] = (int(lines.min()), len(lines))
