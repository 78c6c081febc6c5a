"""The store: the leaf of a bill binds an approval to what was approved.

    gridtally bill 1
    <canonical row of BILLS without state and leaf>
    <SHA-256 of the segment's lines> TAB <canonical row of SEGMENTS>     (one per segment, sorted)
    <SHA-256 of the findings that name the bill or one of its segments>

The leaf is the SHA-256 of that text; a digest is over canonical rows (`digest.py`).
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.store.digest import Canonical, canonical

__all__ = ["bill_leaves", "of_bills"]

_NONE = hashlib.sha256().hexdigest()
_TEXT = pa.large_string()


def bill_leaves(
    bills: pa.Table, *, segments: pa.Table, lines: pa.Table | Canonical, findings: pa.Table
) -> dict[str, str]:
    """The hex leaf of each bill, by name.

    `lines` may be given as its canonical text when that was made already.
    """
    spoken = canonical(bills.drop_columns(["state", "leaf"]))
    by_segment = _digests(lines if isinstance(lines, Canonical) else canonical(lines))
    of_segments = _segment_texts(segments, by_segment, bills=spoken.first)
    by_bill = _digests(canonical(of_bills(findings, segments)))
    texts = pc.binary_join_element_wise(
        pa.scalar("gridtally bill 1\n", _TEXT),
        spoken.rows,
        of_segments,
        _look_up(spoken.first, by_bill),
        pa.scalar("\n", _TEXT),
        pa.scalar("", _TEXT),
    )
    _, offsets, data = texts.buffers()
    starts, text = np.frombuffer(offsets, np.int64).tolist(), memoryview(data)
    names = spoken.first.to_pylist()
    return {
        name: hashlib.sha256(text[starts[i] : starts[i + 1]]).hexdigest()
        for i, name in enumerate(names)
    }


def _digests(text: Canonical) -> tuple[pa.Array, pa.Array]:
    """The texts of the first column, and SHA-256 over the rows of each."""
    names, starts = text.groups()
    edges = starts.tolist()
    digests = [
        hashlib.sha256(text.text[edges[i] : edges[i + 1]]).hexdigest() for i in range(len(names))
    ]
    return names, pa.array(digests, _TEXT)


def _look_up(names: pa.Array, digests: tuple[pa.Array, pa.Array]) -> pa.Array:
    known, values = digests
    return pc.fill_null(values.take(pc.index_in(names, known)), _NONE)


def _segment_texts(
    segments: pa.Table, lines: tuple[pa.Array, pa.Array], *, bills: pa.Array
) -> pa.Array:
    """For each bill the digests and rows of its segments, in order of their names."""
    spoken = canonical(segments)
    texts = pc.binary_join_element_wise(
        _look_up(spoken.first, lines), spoken.rows, pa.scalar("\t", _TEXT)
    )
    own = pc.index_in(spoken.first, segments["segment"].combine_chunks().cast(_TEXT))
    bill = segments["bill"].combine_chunks().cast(_TEXT).take(own)
    place = pc.index_in(bill, bills)
    assert place.null_count == 0, "a segment without its bill"
    at = place.to_numpy()
    counts = np.bincount(at, minlength=len(bills))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int64())
    ordered = texts.take(pa.array(np.argsort(at, kind="stable")))
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets, ordered), pa.scalar("", _TEXT))


def of_bills(findings: pa.Table, segments: pa.Table) -> pa.Table:
    """Findings that belong to a bill, which stands in a new first column."""
    place = pc.index_in(findings["segment"].combine_chunks(), segments["segment"].combine_chunks())
    of_segment = segments["bill"].combine_chunks().take(place)
    named = findings["bill"].combine_chunks()
    bill = pc.coalesce(pc.if_else(pc.equal(named, ""), None, named), of_segment)
    found = findings.add_column(0, "of_bill", bill)
    return found.filter(pc.is_valid(bill))
