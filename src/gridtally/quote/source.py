"""Before step 5, without a workspace: the tariff that is given, our document or a URDB rate."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from gridtally.errors import InvalidDocument, UsageError
from gridtally.periods import zone as zone_of
from gridtally.rating.importers.rate import pick
from gridtally.rating.importers.urdb import to_text
from gridtally.rating.tariff import TariffVersion, load

__all__ = ["Source"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Our tariff document, or a URDB rate."""

    name: str
    zone: str
    document: TariffVersion | None = None
    rate: Row | None = None
    assumptions: tuple[str, ...] = ()
    texts: dict[str, bytes] = field(default_factory=dict)
    """Documents by digest, for the second rater."""

    @classmethod
    def read(cls, data: bytes, *, name: str, zone: str | None, key: str | None) -> Source:
        """A document by its first letter; of several URDB rates `key` names one."""
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
            document = load(data, name=name)
            return cls(
                name, zone or document.zone, document=document, texts={document.digest: data}
            )
        if zone is not None:
            zone_of(zone)
            return cls(name, zone, rate=pick(data, name=name, key=key))
        stated = "Neither the rate nor the command names a time zone: its hours are in UTC."
        return cls(name, "UTC", rate=pick(data, name=name, key=key), assumptions=(stated,))

    def version(
        self, channels: frozenset[str], resolution_s: int, *, registers: bool = False
    ) -> TariffVersion:
        """The tariff for metering points with these channels."""
        if self.document is not None:
            return self.document
        assert self.rate is not None
        try:
            text = to_text(
                self.rate, zone=self.zone, channels=channels, resolution_s=resolution_s,
                registers=registers,
            )  # fmt: skip
        except InvalidDocument as err:
            err.file = self.name
            raise
        made = load(text.encode(), name=self.name)
        self.texts[made.digest] = text.encode()
        return made

    def require_declared(self, terms: Set[str]) -> None:
        """Refuse a term that the tariff does not declare: it would change nothing unseen."""
        declared = sorted(self.document.terms) if self.document else []
        for name in sorted(terms - set(declared)):
            raise UsageError(
                f"The tariff declares no term {name!r}.",
                remedy=f"It declares {', '.join(declared) or 'none'}.",
            )
