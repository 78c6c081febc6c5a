"""Before step 6: whether a tariff document is for homes, as far as it says so."""

from __future__ import annotations

import re
from typing import Literal

from gridtally.rating.charges import Document

__all__ = ["Audience", "audience"]

Audience = Literal["homes", "others", "not said"]
_HOMES = re.compile(r"\b(home|house|household|residential|domestic|dwelling)s?\b|居民")
_OTHERS = re.compile(
    r"\b(business|commercial|industr\w*|factory|shop|works|office|farm|agricultur\w*|bulk|"
    r"medium.voltage|high.voltage|\d+ ?kv)s?\b|工商|工业|农业"
)


def audience(document: Document) -> Audience:
    """As voltage levels, segments, id and title say; it decides on nothing but notes."""
    may = document.eligibility
    if may and may.voltage_levels and "low" not in may.voltage_levels:
        return "others"
    title = document.title
    texts = [title] if isinstance(title, str) else list((title or {}).values())
    text = " ".join([document.tariff, *texts, *((may and may.segments) or ())])
    text = re.sub(r"[-_.]", " ", text.casefold())
    homes, others = bool(_HOMES.search(text)), bool(_OTHERS.search(text))
    if homes == others:
        return "not said"
    return "homes" if homes else "others"
