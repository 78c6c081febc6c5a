"""The offline verifier: a whole proof verifies; whatever is changed is found, and named."""

import base64
import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proof_cases import (
    KEY,
    ORIGIN,
    OTHER,
    TARIFF,
    TOU,
    head_of,
    interval_case,
    proof,
    record,
    register_case,
    tariff_name,
)

from gridtally.errors import Corrupt, InvalidDocument
from gridtally.proof.build import build, dump
from gridtally.proof.checkpoint import Checkpoint, sign
from gridtally.proof.keys import LogKey
from gridtally.proof.merkle import Tree, leaf_hash
from gridtally.proof.record import input_digest, record_leaf
from gridtally.proof.verify import load, verify
from gridtally.rating.reference import rate_case

GOOD = proof()
PUBLIC = str(KEY.public)


def check(given_proof, key=PUBLIC, **more):
    return verify(given_proof, key, rate_case=rate_case, **more)


def paths(answer):
    return [failure["path"] for failure in answer["failures"]]


# ------------------------------------------------------------------ a whole


def test_a_whole_proof():
    """Everything fits: the answer names the bill and the head, and no failure."""
    answer = check(GOOD)
    assert answer["failures"] == []
    assert answer["ok"] is True
    assert answer["schema"] == 1
    assert answer["bill"] == "AC-1/2026-10-01/2026-11-01"
    assert answer["head"]["origin"] == ORIGIN
    assert answer["head"]["size"] == 7
    assert len(answer["head"]["root"]) == 64


def test_the_file_reads_back():
    """What is written is read as the same values; the same proof gives the same bytes."""
    assert load(dump(GOOD)) == GOOD
    assert dump(load(dump(GOOD))) == dump(GOOD)


def test_without_openings():
    """A proof without name and address proves the same bill."""
    assert check(GOOD | {"openings": None})["ok"]


@pytest.mark.parametrize(("others", "index"), [(0, 0), (1, 0), (1, 1), (12, 5), (12, 12)])
def test_any_place_in_any_tree(others, index):
    """The first, the only, the last leaf: the path is as long as it must be."""
    assert check(proof(others=others, index=index))["ok"]


# ------------------------------------------------- every value of the file


def leaves(value, pointer=()):
    """Every value that is no object and no list, by its place."""
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*pointer, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from leaves(inner, (*pointer, n))
    else:
        yield pointer, value


def containers(value, pointer=()):
    """Every object and list, by its place."""
    if isinstance(value, dict | list):
        yield pointer, value
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from containers(value[key], (*pointer, key))


def at(value, pointer):
    for step in pointer:
        value = value[step]
    return value


def changed(pointer, new):
    """A copy of the good proof with one value replaced."""
    copied = copy.deepcopy(GOOD)
    at(copied, pointer[:-1])[pointer[-1]] = new
    return copied


def expected_at(pointer):
    """Where a change must be named: its part of the file, and its case or document."""
    part = pointer[0]
    if part == "cases" and len(pointer) > 1:
        return (f"/cases/{pointer[1]}",)
    if part == "tariffs" and len(pointer) > 1:
        return (f"/tariffs/{pointer[1]}",)
    if part == "inclusion":  # a wrong path leads the record to a wrong root
        return ("/inclusion", "/record")
    return (f"/{part}",)


def assert_found(tampered, pointer):
    answer = check(tampered)
    assert answer["ok"] is False, pointer
    places = expected_at(pointer)
    assert any(path.startswith(places) for path in paths(answer)), (pointer, answer["failures"])


LEAVES = list(leaves(GOOD))


def test_every_value_counts():
    """Each of the file's values, changed a little, is found, and named in the right place."""
    for pointer, value in LEAVES:
        if isinstance(value, bool):
            others = [not value, int(value), None]
        elif "values" in pointer:
            others = [value + 1]
        elif isinstance(value, int):
            others = [value + 1, -value - 1, str(value), value == 1]
        elif isinstance(value, str):
            others = [value + " ", value[:-1], 0]
        else:
            others = [0, "", False]
        for other in others:
            if other != value or type(other) is not type(value):
                assert_found(changed(pointer, other), pointer)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    st.sampled_from(LEAVES),
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just([]) | st.just({}),
)
def test_any_value_for_any_other(place, new):
    """Whatever value stands wherever another one stood: found."""
    pointer, value = place
    if new != value or type(new) is not type(value):
        assert_found(changed(pointer, new), pointer)


def test_every_key_counts():
    """A key that is missing, one that is added, one more element, one less, two exchanged."""
    for pointer, container in list(containers(GOOD)):
        tampered = copy.deepcopy(GOOD)
        target = at(tampered, pointer)
        if isinstance(container, dict):
            for key in list(container):
                value = target.pop(key)
                assert_found(tampered, (*pointer, key))
                target[key] = value
            target["surplus"] = 1
            assert_found(tampered, (*pointer, "surplus"))
            continue
        target.append(copy.deepcopy(target[-1]) if target else 0)
        assert_found(tampered, pointer)
        target.pop()
        for n in (0, len(target) - 1) if target else ():
            value = target.pop(n)
            assert_found(tampered, pointer)
            target.insert(n, value)
        if len(target) > 1 and target[0] != target[-1]:
            target[0], target[-1] = target[-1], target[0]
            assert_found(tampered, pointer)


TEXT = dump(GOOD)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 7))
def test_one_flipped_bit(position, bit):
    """E02: any bit of the file flipped is refused or found, unless JSON says that both spellings
    are the same value."""
    flipped = bytearray(TEXT)
    flipped[position] ^= 1 << bit
    try:
        read = load(bytes(flipped))
    except InvalidDocument:
        return
    if read == GOOD and json.dumps(read) == json.dumps(GOOD):
        return  # a space for a line feed between two values
    assert not check(read)["ok"]


# ------------------------------------------------------ named in bad inputs


def test_a_proof_of_another_bill_mixed_in():
    """E03: a case of another bill, a tariff that no segment names."""
    other = copy.deepcopy(GOOD)
    other["cases"].reverse()
    assert {"/cases/0", "/cases/1"} <= set(paths(check(other)))
    other = copy.deepcopy(GOOD)
    other["tariffs"][tariff_name(b"x")] = "x"
    assert paths(check(other)) == [f"/tariffs/{tariff_name(b'x')}"]


def test_an_unpublished_head():
    """E04: a head signed by the log but not among the published ones, when these are known."""
    _, published = head_of([leaf_hash(b"%d" % n) for n in range(9)])
    answer = check(GOOD, published=[published])
    assert paths(answer) == ["/checkpoint"]
    assert answer["failures"][0]["expected"] == "a published head"
    assert check(GOOD, published=[published, GOOD["checkpoint"]])["ok"]


def test_no_published_head():
    """Looked where the log publishes and found none: that is no yes."""
    answer = check(GOOD, published=[])
    assert answer["failures"] == [
        {"path": "/checkpoint", "expected": "among the published heads", "found": "none published"}
    ]
    assert check(GOOD, published=None)["ok"]


def test_a_fork():
    """E06: two heads of one size with other roots: the log showed two histories."""
    _, published = head_of([leaf_hash(b"%d" % n) for n in range(7)])
    answer = check(GOOD, published=[published])
    assert paths(answer) == ["/checkpoint"]
    assert "forked" in answer["failures"][0]["found"]
    assert answer["head"]["root"] in answer["failures"][0]["found"]


def test_an_unsigned_list_of_published_heads():
    """A published head that the log did not sign is no published head."""
    _, forged = head_of([leaf_hash(b"%d" % n) for n in range(7)], OTHER)
    assert set(paths(check(GOOD, published=[forged]))) == {"/checkpoint"}


def test_an_unknown_key():
    """E05: signed by a key that is not the log's."""
    answer = check(proof(key=OTHER))
    assert paths(answer) == ["/checkpoint"]
    assert answer["head"] is None


def test_another_logs_name():
    """E07: the name of the log changed, in the head, in the signature, or signed so."""
    for old in (f"{ORIGIN}\n", f"— {ORIGIN} "):
        renamed = GOOD["checkpoint"].replace(old, old.replace("2026", "2027"), 1)
        assert paths(check(GOOD | {"checkpoint": renamed})) == ["/checkpoint"]
    elsewhere = proof(key=LogKey("elsewhere.example", KEY.seed))
    assert paths(check(elsewhere)) == ["/checkpoint"]


def test_missing_middle_nodes():
    """E08: every node of the path is needed, none may be added."""
    path = GOOD["inclusion"]["path"]
    assert len(path) == 3
    for n in range(3):
        short = {"index": 2, "path": path[:n] + path[n + 1 :]}
        assert paths(check(GOOD | {"inclusion": short})) == ["/inclusion"]
        long = {"index": 2, "path": [*path[:n], path[0], *path[n:]]}
        assert paths(check(GOOD | {"inclusion": long})) == ["/inclusion"]
    for index in (-1, 0, 1, 3, 6, 7, 2**70):
        assert not check(GOOD | {"inclusion": {"index": index, "path": path}})["ok"]


def test_a_value_edited_and_every_hash_kept():
    """E09: a cheaper total; the leaf is computed anew, so no stored hash can hide it."""
    edited = copy.deepcopy(GOOD)
    edited["record"]["total"] = "1"
    found = check(edited)
    assert set(paths(found)) == {"/record", "/record/total"}
    total = next(f for f in found["failures"] if f["path"] == "/record/total")
    assert (total["expected"], total["found"]) == ("36.95", "1")


# ----------------------------------------- signed, and nevertheless not right


def resigned(change, cases=None, tariffs=(TARIFF, TOU)):
    """A proof whose record was changed before it was hashed and signed by the log itself."""
    made, cases = record(), cases or [interval_case(), register_case()]
    change(made)
    for part, case in zip(made["segments"], cases, strict=True):
        part["input_digest"] = input_digest(case)
    tree = Tree([record_leaf(made)])
    return build(
        made,
        cases=cases,
        tariffs={tariff_name(t.encode()): t.encode() for t in tariffs},
        index=0,
        path=[],
        checkpoint=sign(Checkpoint(ORIGIN, 1, tree.root()), KEY),
    )


def test_resigned_without_a_change():
    """The tests below begin with a good one."""
    assert check(resigned(lambda made: None))["ok"]


@pytest.mark.parametrize(
    ("pointer", "new"),
    [
        ("segments/0/lines/1/quantity", "17"),
        ("segments/0/lines/1/price", "0.26"),
        ("segments/0/lines/1/amount", "4.51"),
        ("segments/1/lines/0/factor", "17/31"),
        ("segments/1/lines/1/bucket", "tier-2"),
        ("segments/1/lines/1/component", "power"),
        ("segments/1/lines/1/kind", "energy"),
        ("segments/1/lines/1/unit", "MWh"),
        ("segments/1/lines/4/span", 0),
        ("segments/1/lines/4/from", "2026-10-18"),
        ("segments/1/lines/4/to", "2026-11-02"),
        ("segments/0/total", "6.67"),
        ("segments/0/agreement", "AG-9"),
        ("segments/0/metering_point", "MP-9"),
        ("segments/0/zone", "Europe/Madrid"),
        ("segments/0/legal_source", "register"),
        ("segments/0/from", "2026-10-24"),
        ("segments/0/to", "2026-10-27"),
        ("segments/0/carry_in/0/value", 1),
        ("segments/1/carry_out/0/value", 1),
        ("segments/1/carry_out/0/at", "2027-01-01"),
        ("segments/0/energy/import", "32.4"),
        ("segments/0/energy/export", "1"),
        ("segments/0/energy/estimated", "0"),
        ("segments/1/readings/0/opening", "99991"),
        ("segments/1/readings/0/closing", "120"),
        ("segments/1/readings/0/opening_date", "2026-09-30"),
        ("segments/1/readings/0/closing_quality", "E"),
        ("segments/1/readings/0/meter", "M-3"),
        ("segments/1/readings/0/advance", "130"),
        ("segments/1/readings/0/multiplier", "2"),
        ("segments/1/readings/0/unit", "kvarh"),
        ("total", "36.96"),
        ("tax/0/amount", "2"),
        ("tax/0/base", "34"),
        ("tax/0/percent", "5"),
        ("balance/due", "35.44"),
        ("balance/previous", "11"),
    ],
)
def test_a_signed_record_that_does_not_follow(pointer, new):
    """The log signed a record whose value does not follow from its case: named exactly."""
    steps = [int(step) if step.isdigit() else step for step in pointer.split("/")]

    def change(made):
        target = at(made, steps[:-1])
        assert target[steps[-1]] != new
        target[steps[-1]] = new

    found = paths(check(resigned(change)))
    where = f"/record/{pointer}"
    where = "/record/balance/due" if "balance/previous" in pointer else where
    where = (
        where.split("carry")[0] + "carry_" + pointer.split("carry_")[1][:3].rstrip("/")
        if ("carry_" in pointer)
        else where
    )
    assert where in found
    assert "/record" not in found  # the signature itself holds


def test_lines_too_many_and_too_few():
    """A line that the tariff does not give, one that it gives and the record does not."""
    for change in (
        lambda made: made["segments"][0]["lines"].pop(),
        lambda made: made["segments"][0]["lines"].append(made["segments"][0]["lines"][0]),
    ):
        assert "/record/segments/0/lines" in paths(check(resigned(change)))


def test_a_case_that_cannot_be_rated():
    """A held segment was never to be billed: the reason is shown."""
    held = interval_case()
    held["channels"]["import"]["quality"] = "N" + "A" * 24
    answer = check(resigned(lambda made: None, cases=[held, register_case()]))
    failure = next(f for f in answer["failures"] if f["path"] == "/cases/0")
    assert failure["expected"] == "a case that can be rated"


def test_another_tariff_than_the_case_says():
    """The record names the versions of its case, in the order of the spans."""

    def change(made):
        made["segments"][1]["tariff"]["digests"] = made["segments"][0]["tariff"]["digests"]

    found = paths(check(resigned(change)))
    assert "/record/segments/1/tariff/digests" in found


def test_openings_of_somebody_else():
    """Another name, another key, a field that the record does not commit to, one left out."""
    good = GOOD["openings"]
    for change, path in (
        ({"name": "Eva"}, "/openings/name"),
        ({"key": "00" * 32}, "/openings/address"),
        ({"key": "short"}, "/openings/key"),
        ({"email": "a@b"}, "/openings/email"),
        ({"name": "\ud800"}, "/openings/name"),
    ):
        assert path in paths(check(GOOD | {"openings": good | change}))
    less = {key: good[key] for key in ("key", "name")}
    assert paths(check(GOOD | {"openings": less})) == ["/openings/address"]


# ----------------------------------------------------------- hostile files


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e400}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b"\xff\xfe{}",
        b"{}x",
        b'\xef\xbb\xbf{"a":1}',
    ],
)
def test_files_that_are_none(data):
    """Not strict JSON of one object: refused whole, with a reason."""
    with pytest.raises(InvalidDocument, match="no proof file"):
        load(data)


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", [None, 0, "", [], {}, [[]], {"a": {}}, True, [0], "x" * 100])
def test_parts_of_a_wrong_kind(name, value):
    """Anything in place of a part: an answer, never a crash."""
    if (name, value) != ("openings", None) and (name, value) != ("schema", True):
        assert not check(GOOD | {name: value})["ok"]
    assert not check({name: value})["ok"]


def test_a_key_that_is_none():
    """The public key must be one; that is the operator's matter, not the proof's."""
    with pytest.raises(InvalidDocument):
        check(GOOD, key="bills.example")
    with pytest.raises(InvalidDocument):
        check(GOOD, key=KEY.text())


def test_a_file_cannot_flood_the_answer():
    """Failures are counted to a bound and cut to a length."""
    flooded = copy.deepcopy(GOOD)
    flooded["tariffs"] = {f"{n}": "x" * 5000 for n in range(5000)}
    answer = check(flooded)
    assert len(answer["failures"]) <= 1000
    assert all(len(f["found"]) < 400 for f in answer["failures"])


def test_a_proof_of_what_is_stored_differently():
    """Building refuses parts that do not belong together."""
    made, base = record(), {tariff_name(t.encode()): t.encode() for t in (TARIFF, TOU)}
    parts = {"index": 0, "path": [], "checkpoint": ""}
    cases = [interval_case(), register_case()]
    assert build(made, cases=cases, tariffs=base, **parts)["cases"] == cases
    with pytest.raises(Corrupt, match="AG-1"):
        build(made, cases=[register_case(), interval_case()], tariffs=base, **parts)
    with pytest.raises(Corrupt, match="sha256"):
        build(made, cases=cases, tariffs={}, **parts)


def test_an_empty_log_holds_nothing():
    """A head of size 0 includes no leaf."""
    empty = sign(Checkpoint(ORIGIN, 0, Tree().root()), KEY)
    answer = check(GOOD | {"checkpoint": empty, "inclusion": {"index": 0, "path": []}})
    assert paths(answer) == ["/inclusion"]
    assert base64.b64encode(Tree().root()).decode() in empty
