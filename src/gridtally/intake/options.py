"""Step 2: what a file is decoded with, beside its bytes. It is kept with the file.

So its readings can be made again from raw bytes, whatever the defaults are by then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from gridtally.intake.archive import Buffer
from gridtally.intake.decode import Decoded, decode
from gridtally.intake.formats.common import Stands
from gridtally.money import Rounding
from gridtally.terms import RoundingMode

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """Arguments of `decode`: format, zone, how finer values are rounded, bytes of a mapping."""

    format: str | None = None
    zone: str | None = None
    round_finer: Rounding | None = None
    mapping: bytes | None = None

    def decode(
        self, data: Buffer, *, name: str, as_of: int, stands: Stands | None = None
    ) -> Decoded:
        """Decode a file with these options."""
        return decode(
            data, name=name, as_of=as_of, format=self.format, zone=self.zone,
            round_finer=self.round_finer, mapping=self.mapping, stands=stands,
        )  # fmt: skip

    @property
    def text(self) -> str:
        """All but the mapping as JSON; what is not given is left out."""
        rounding = self.round_finer
        given = {
            "format": self.format,
            "zone": self.zone,
            "round": f"{rounding.places} {rounding.mode}" if rounding else None,
        }
        return json.dumps({name: value for name, value in given.items() if value}, sort_keys=True)

    @classmethod
    def of(cls, text: str, mapping: bytes | None) -> Options:
        """The options that `text` was made of."""
        given = json.loads(text)
        places, _, mode = given.get("round", "").partition(" ")
        rounding = Rounding(int(places), RoundingMode(mode)) if mode else None
        return cls(given.get("format"), given.get("zone"), rounding, mapping)
