"""Step 10, the trail: put together the file that proves one bill, `docs/proof.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gridtally.errors import Corrupt
from gridtally.proof.record import input_digest, tariff_name

__all__ = ["build", "dump"]

Json = dict[str, Any]


def build(
    record: Json,
    *,
    cases: Sequence[Json],
    tariffs: Mapping[str, bytes],
    index: int,
    path: Sequence[bytes],
    checkpoint: str,
    openings: Mapping[str, str] | None = None,
) -> Json:
    """The proof of a bill, as JSON values.

    `cases` in the order of the record's segments; `tariffs` by their name, those that the
    segments name are taken; `index` and `path` of the record's leaf in the tree of the signed
    `checkpoint`; `openings` is `{"key": hex, "name": …, "address": …}`, or None for a proof that
    may be shown to others. Raises `Corrupt` when the parts do not belong together.
    """
    segments = record["segments"]
    wrong = [
        segment["segment"]
        for segment, case in zip(segments, cases, strict=True)
        if input_digest(case) != segment["input_digest"]
    ]
    names = sorted({name for segment in segments for name in segment["tariff"]["digests"]})
    wrong += [name for name in names if tariff_name(tariffs.get(name, b"")) != name]
    if wrong:
        raise Corrupt(
            f"The bill {record['bill']} was not made from what is stored now: {wrong[0]}.",
            remedy="Run gridtally check; restore the readings and tariffs of its run.",
        )
    return {
        "schema": 1,
        "kind": "bill",
        "record": record,
        "cases": list(cases),
        "tariffs": {name: tariffs[name].decode("utf-8") for name in names},
        "inclusion": {"index": index, "path": [node.hex() for node in path]},
        "checkpoint": checkpoint,
        "openings": dict(openings) if openings is not None else None,
    }


def dump(proof: Json) -> bytes:
    """The file's bytes: one line for each part, the same for the same proof."""
    parts = (f"{json.dumps(name)}: {_text(proof[name])}" for name in proof)
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8")


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)
