"""Step 10, the trail: check a bill's proof offline, with nothing but the file and a public key.

`docs/proof.md` describes the file and every check, so that anybody can write another verifier.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NoReturn

from gridtally.errors import InvalidDocument
from gridtally.proof import statements
from gridtally.proof.checkpoint import Checkpoint, read
from gridtally.proof.keys import PublicKey
from gridtally.proof.merkle import root_of_path
from gridtally.proof.record import commit, input_digest, record_leaf, tariff_name
from gridtally.proof.report import Report

__all__ = ["load", "verify"]

Json = dict[str, Any]
RateCase = Callable[[Json, Mapping[str, bytes]], Json]
FILE_BYTES_MAX = 64_000_000
KEYS = {"schema", "kind", "record", "cases", "tariffs", "inclusion", "checkpoint", "openings"}


def load(data: bytes) -> Json:
    """A proof file's JSON, read strictly. Raises `InvalidDocument`.

    No key twice, no number with a fraction or an exponent, no NaN, UTF-8, of bounded size.
    """

    def pairs(found: list[tuple[str, Any]]) -> Json:
        if len(dict(found)) != len(found):
            raise ValueError(f"a key comes twice: {[key for key, _ in found][:20]}")
        return dict(found)

    def refuse(text: str) -> NoReturn:
        raise ValueError(f"{text[:40]} is no whole number")

    try:
        if len(data) > FILE_BYTES_MAX:
            raise ValueError("it is too large")
        proof = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_float=refuse,
            parse_constant=refuse,
        )
        if not isinstance(proof, dict):
            raise ValueError("it is not a JSON object")
    except (ValueError, RecursionError) as err:
        raise InvalidDocument(
            f"This is no proof file: {err}.", remedy="Ask the supplier for the file again."
        ) from err
    return proof


def verify(
    proof: Json, key: str, *, rate_case: RateCase, published: Sequence[str] | None = None
) -> dict[str, Any]:
    """Check a bill's proof; `{"schema", "ok", "bill", "head", "failures"}`.

    `key` is the log's public key, `NAME+KEYID+BASE64` (`InvalidDocument` when it is none).
    `rate_case` is a rater with the interface of `docs/rating-case.md`. `published`: the heads
    (signed checkpoints) found where the log publishes them; when given, the proof's must be one,
    and none found is a failure; None: nobody looked.
    A failure is `{"path", "expected", "found"}`, `path` a JSON Pointer into the file.
    """
    public, report = PublicKey.parse(key), Report()
    head = None
    if _parts(proof, report):
        head = _head(proof, public, published, report)
        _inclusion(proof, head, report)
        _openings(proof, report)
        if _content(proof, report):
            _segments(proof, rate_case, report)
            statements.sums(proof["record"], report)
    return {
        "schema": 1,
        "ok": not report.failures,
        "bill": _name(proof),
        "head": head and {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "failures": report.failures,
    }


def _name(proof: Json) -> str | None:
    record = proof.get("record")
    name = record.get("bill") if isinstance(record, dict) else None
    return name if isinstance(name, str) else None


# ------------------------------------------------------------- what is there

SHAPE: dict[str, Any] = {
    "schema": int, "kind": str, "record": dict, "cases": list, "tariffs": dict,
    "inclusion": dict, "checkpoint": str,
}  # fmt: skip


def _parts(proof: Json, report: Report) -> bool:
    """Every part there, of its kind, nothing else; False when nothing more can be looked at."""
    for name in sorted(KEYS - proof.keys()):
        report.fail(f"/{name}", "present", "missing")
    for name in sorted(proof.keys() - KEYS):
        report.fail(report.join("", name), "nothing of that name", proof[name])
    for name, kind in SHAPE.items():
        if name in proof and type(proof[name]) is not kind:
            report.fail(f"/{name}", f"a JSON {kind.__name__}", proof[name])
    if report.failures:
        return False
    report.same("/schema", 1, proof["schema"])
    report.same("/kind", "bill", proof["kind"])
    report.same("/record/schema", 1, proof["record"].get("schema"))
    return True


def _content(proof: Json, report: Report) -> bool:
    """The record has what is checked below, and a case for each segment."""
    record, cases = proof["record"], proof["cases"]
    if not statements.shaped(record, report):
        return False
    if len(cases) != len(record["segments"]):
        report.fail("/cases", f"{len(record['segments'])} cases, one per segment", len(cases))
        return False
    wrong = [n for n, case in enumerate(cases) if type(case) is not dict]
    wrong += [n for n, case in enumerate(cases) if type(case) is dict and not _channels(case)]
    for number in wrong:
        report.fail(f"/cases/{number}", "a rating case", cases[number])
    return not wrong


def _channels(case: Json) -> bool:
    return type(case.get("channels")) is dict


def _head(
    proof: Json, key: PublicKey, published: Sequence[str] | None, report: Report
) -> Checkpoint | None:
    """The signed head: by this key, of this log, and among the published ones when given."""
    try:
        head = read(proof["checkpoint"], key)
    except ValueError as err:
        report.fail("/checkpoint", f"a head signed by {key.name} ({key.id.hex()})", str(err))
        return None
    if published is not None and not published:
        report.fail("/checkpoint", "among the published heads", "none published")
    elif published:
        others = []
        for note in published:
            try:
                others.append(read(note, key))
            except ValueError as err:
                report.fail("/checkpoint", "published heads signed by the log", str(err))
        for other in others:
            if other.size == head.size and other.root != head.root:
                expected = f"root {other.root.hex()}, as published for size {head.size}"
                report.fail("/checkpoint", expected, f"root {head.root.hex()}: the log has forked")
        if head.size not in {other.size for other in others}:
            report.fail("/checkpoint", "a published head", f"the head of size {head.size}")
    return head


def _inclusion(proof: Json, head: Checkpoint | None, report: Report) -> None:
    """The record's leaf and its path lead to the root of the head."""
    inclusion = proof["inclusion"]
    index, path = inclusion.get("index"), inclusion.get("path")
    if inclusion.keys() != {"index", "path"} or type(index) is not int or type(path) is not list:
        report.fail("/inclusion", "index and path", inclusion)
        return
    for number, node in enumerate(path):
        if type(node) is not str or not re.fullmatch("[0-9a-f]{64}", node):
            report.fail(f"/inclusion/path/{number}", "64 hex digits", node)
            return
    try:
        leaf = record_leaf(proof["record"])
    except ValueError as err:
        report.fail("/record", "canonical JSON", str(err))
        return
    if head is None:
        return
    try:
        root = root_of_path(leaf, index, head.size, [bytes.fromhex(node) for node in path])
    except ValueError as err:
        report.fail("/inclusion", f"a path for the head of size {head.size}", str(err))
        return
    if root != head.root:
        found = f"{root.hex()} from this record and /inclusion"
        report.fail("/record", f"the root {head.root.hex()} of the head", found)


# -------------------------------------------------------- what it comes from


def _segments(proof: Json, rate_case: RateCase, report: Report) -> None:
    """Each segment follows from its case and the tariffs, and these are the ones it names."""
    documents: dict[str, bytes] = {}
    for name, text in proof["tariffs"].items():
        try:
            documents[name] = text.encode("utf-8")
        except (AttributeError, UnicodeEncodeError):
            report.fail(report.join("/tariffs", name), "the text of a document", text)
            return
        report.same(report.join("/tariffs", name), tariff_name(documents[name]), name)
    used: set[str] = set()
    for number, (segment, case) in enumerate(
        zip(proof["record"]["segments"], proof["cases"], strict=True)
    ):
        try:
            digest = input_digest(case)
        except ValueError as err:
            report.fail(f"/cases/{number}", "a canonical rating case", str(err))
            continue
        report.same(f"/cases/{number}", segment["input_digest"], digest)
        used |= set(segment["tariff"]["digests"])
        _rated(number, segment, rate_case(case, documents), report)
        statements.from_case(number, segment, case, report)
    for name in sorted(used - documents.keys()):
        report.fail(report.join("/tariffs", name), "the document that a segment names", "missing")
    for name in sorted(documents.keys() - used):
        report.fail(report.join("/tariffs", name), "only documents that a segment names", "unused")


LINE_TEXTS = ("span", "component", "kind", "bucket", "unit")
LINE_NUMBERS = ("quantity", "price", "factor", "amount")


def _rated(number: int, segment: Json, answer: Json, report: Report) -> None:
    """Lines, total and carry out are what the rater makes of the case."""
    where = f"/record/segments/{number}"
    if answer["findings"]:
        reasons = "; ".join(finding["message"] for finding in answer["findings"])
        report.fail(f"/cases/{number}", "a case that can be rated", reasons)
        return
    lines, expected = segment["lines"], answer["lines"]
    report.same(f"{where}/lines", f"{len(expected)} lines", f"{len(lines)} lines")
    for n, (line, made) in enumerate(zip(lines, expected, strict=False)):
        for field in LINE_TEXTS:
            report.same(f"{where}/lines/{n}/{field}", made[field], line.get(field))
        for field in LINE_NUMBERS:
            report.equal(f"{where}/lines/{n}/{field}", Fraction(made[field]), line.get(field))
    report.equal(f"{where}/total", Fraction(answer["total"]), segment["total"])
    report.same(f"{where}/carry_out", answer["carry_out"], segment["carry_out"])


# ------------------------------------------------------------------ openings


def _openings(proof: Json, report: Report) -> None:
    """Name and address, when they are in the file, are those that the record commits to."""
    openings, personal = proof["openings"], proof["record"].get("personal")
    if openings is None or type(personal) is not dict:
        return
    if type(openings) is not dict or any(type(text) is not str for text in openings.values()):
        report.fail("/openings", "null, or texts by name", openings)
        return
    if not re.fullmatch("[0-9a-f]{64}", openings.get("key", "")):
        report.fail("/openings/key", "64 hex digits", openings.get("key"))
        return
    for field in sorted(openings.keys() - {"key"} | personal.keys()):
        path = report.join("/openings", field)
        if field not in openings or field not in personal:
            where = "in the record" if field in openings else "in the openings"
            report.fail(path, "a value and its commitment", f"missing {where}")
            continue
        try:
            found = commit(bytes.fromhex(openings["key"]), field, openings[field])
        except UnicodeEncodeError:
            found = "a text that UTF-8 cannot hold"
        if not hmac.compare_digest(str(personal[field]).encode(), found.encode()):
            report.fail(path, f"commitment {personal[field]}", found)
