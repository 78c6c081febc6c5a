"""Promise I-01: what was not accepted is listed, explained, corrected, received again, counted."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import AS_OF, workspace

from gridtally import control, deliveries, tables
from gridtally import quarantine as room
from gridtally.control import guards
from gridtally.errors import Conflict, NotFound, RefusedFile, UsageError
from gridtally.intake.options import Options
from gridtally.store import quarantine as store
from gridtally.store import snapshot
from gridtally.store.check import check
from gridtally.store.master import put_master
from gridtally.store.workspace import Workspace

UTC = Options(zone="UTC")
HEAD = "metering_point,channel,start,value,unit\n"
WHO = {"actor": "ina", "as_of": AS_OF}
POINTS = ("MP-1", "MP-2")


def hours(point="MP-1", *, day="2026-01-05", **bad):
    """A day of hourly rows; `bad` replaces a value, such as h7="x"."""
    return "".join(
        f"{point},import,{day}T{hour:02d}:00:00Z,{bad.get(f'h{hour}', '1.5')},kWh\n"
        for hour in range(24)
    )


def take(ws, text, *, name="a.csv", options=UTC, **more):
    return deliveries.take(
        ws, text.encode(), name=name, sender="dso", options=options, **WHO, **more
    )


def master(ws, points=POINTS, meters=()):
    put_master(
        ws,
        {
            "metering_points": tables.table(
                tables.METERING_POINTS, [{"metering_point": one, "zone": "UTC"} for one in points]
            ),
            "meters": tables.table(tables.METERS, meters),
            "registers": tables.empty(tables.REGISTERS),
        },
        **WHO,
    )


@pytest.fixture
def known(ws):
    """A workspace that knows its metering points."""
    master(ws)
    return ws


def counts(receipt):
    assert receipt.rows == receipt.accepted + receipt.duplicates + receipt.quarantined
    listed = sum(one.rows for one in store.items(source=receipt.source))
    assert listed == receipt.quarantined, "a quarantined row is not listed"
    return receipt.accepted, receipt.duplicates, receipt.quarantined


def stored(ws, point="MP-1"):
    """How many values of a point win nothing or something: all that is stored."""
    found = snapshot.read_blocks(snapshot.snapshot(ws), points=[point])
    return sum(value is not None for row in found["values"].to_pylist() for value in row)


def opened(**how):
    return store.items(is_open=True, **how)


# --------------------------------------------------------------------- rows


def test_each_row_set_aside_is_listed(known):
    """Grouped by reason, metering point and channel, with the lines of all."""
    text = HEAD + hours(h3="x", h7="y") + hours("MP-2", h1="x") + "MP-1,imp,x,1,kWh\n"
    assert counts(take(known, text)) == (45, 0, 4)
    rows = [(one.code, one.metering_point, store.ranges(one.lines)) for one in opened()]

    assert sorted(rows) == [
        ("intake.channel.unknown", "MP-1", "50"),
        ("intake.value.number", "MP-1", "5, 9"),
        ("intake.value.number", "MP-2", "27"),
    ]


def test_a_million_bad_rows_are_one_item(known):
    """One row in the database, a few bytes of lines, and nothing of their text."""
    text = HEAD + hours() + "MP-1,import,2026-01-06T00:00:00Z,x,kWh\n" * 200_000
    receipt = take(known, text)
    (item,) = opened()
    (row,) = control.models.QuarantineItem.objects.all()

    assert (item.rows, receipt.quarantined) == (200_000, 200_000)
    assert len(row.lines) < 2000
    assert np.array_equal(item.lines, np.arange(26, 200_026))


def test_more_than_a_thousand_places_are_one_item(known):
    """A file in which every point has a bad row does not fill the list."""
    rows = "".join(f"X{n},import,2026-01-05T00:00:00Z,x,kWh\n" for n in range(1001))
    take(known, HEAD + hours() + rows)
    (item,) = opened()

    assert (item.rows, item.metering_point) == (1001, "")


LINES = st.lists(st.integers(0, 1 << 40), max_size=50)


@given(LINES)
@settings(deadline=None)
def test_lines_are_packed_without_loss(lines):
    """Whatever lines: they come back, sorted."""
    packed = store.pack_lines(np.array(lines, dtype=np.int64))

    assert store.unpack_lines(packed).tolist() == sorted(lines)


def test_lines_in_words():
    """Ranges, and no more of them than a person reads."""
    assert store.ranges(np.array([2, 3, 4, 9, 11, 12])) == "2-4, 9, 11-12"
    assert store.ranges(np.arange(0, 100, 2)).count(",") == 20
    assert store.ranges(np.zeros(0, np.int64)) == ""


def test_show_says_what_why_and_which_rows(known):
    """The first rows as they were delivered, cut out of the kept bytes."""
    take(known, HEAD + hours(h3="=1+1", h7="y"))
    made = room.show(known, opened()[0].id, rows=1)

    assert made["message"].startswith("'=1+1' is not a plain decimal number")
    assert made["texts"] == [{"line": 5, "text": "MP-1,import,2026-01-05T03:00:00Z,=1+1,kWh"}]
    assert made["remedy"]
    assert made["closed"] is None


def test_members_of_an_archive_have_items_of_their_own(known):
    """Each is shown and exported in its own format."""
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", HEAD + hours(h3="x"))
        nem = "100,NEM12,202601060000,S,R\n200,MP-2,E1,1,E1,N1,M,kWh,60,\n"
        archive.writestr("b.csv", f"{nem}300,20260105{',x' * 24},A,,,20260106000000,\n900\n")
    deliveries.take(known, out.getvalue(), name="both.zip", sender="dso", options=UTC, **WHO)
    first, second = opened()

    assert (first.file, second.file) == ("both.zip!a.csv", "both.zip!b.csv")
    assert room.show(known, first.id, rows=1)["texts"][0]["line"] == 5
    assert room.export(known, [first], marked=False)[0].count(b"\n") == 2
    assert room.export(known, [second], marked=True)[0].startswith(b"100,NEM12")


def test_a_correction_closes_its_item(known):
    """Exported, corrected, received: the item names the new file; what is still bad is new."""
    take(known, HEAD + hours(h3="x", h7="y"))
    (item,) = opened()
    data, name = room.export(known, [item], marked=True)
    assert data.decode().splitlines()[0].startswith("quarantine_reason,resolution_min,")
    fixed = data.decode().replace(",x,", ",2,").replace(",y,", ",z,")
    receipt = take(known, fixed, name=name, corrects=[item.id])

    assert counts(receipt) == (1, 0, 1)
    closed = store.item(item.id)
    assert (closed.step.action, closed.step.source) == ("corrected", receipt.source)
    (new,) = opened()
    assert (new.source, new.rows) == (receipt.source, 1)
    assert stored(known) == 23
    with pytest.raises(Conflict, match="closed already"):
        take(known, fixed.replace(",z,", ",3,"), corrects=[item.id])


def test_nothing_is_stored_when_the_item_is_closed_already(known):
    """The refusal comes before the readings: a second correction needs a look."""
    take(known, HEAD + hours(h3="x"))
    (item,) = opened()
    room.discard([item.id], why="no such hour", **WHO)
    with pytest.raises(Conflict):
        take(known, HEAD + hours(day="2026-01-06"), name="b", corrects=[item.id])

    assert stored(known) == 23
    assert all(checked.ok for checked in check(known))


def test_the_same_correction_again_changes_nothing(known):
    """A repeated command is answered as before."""
    take(known, HEAD + hours(h3="x"))
    (item,) = opened()
    for again in (False, True):
        receipt = take(known, HEAD + hours(day="2026-01-06"), name="b", corrects=[item.id])
        assert receipt.duplicate is again

    assert store.item(item.id).step.source == receipt.source


def test_discarding_needs_a_reason_and_stays_in_the_trail(known):
    """Who, when, why; and it cannot be undone."""
    take(known, HEAD + hours(h3="x"))
    (item,) = opened()
    with pytest.raises(UsageError):
        room.discard([item.id], why=" ", **WHO)
    room.discard([item.id], why="test rows", **WHO)
    step = store.item(item.id).step

    assert (step.action, step.actor, step.at, step.why) == ("discarded", "ina", AS_OF, "test rows")
    assert opened() == []
    with pytest.raises(Conflict):
        room.discard([item.id], why="again", **WHO)
    with pytest.raises(NotFound):
        store.item(999)


# -------------------------------------------------------------------- retry


def with_zone(zone):
    return lambda options: replace(options, zone=zone)


def with_rounding(options):
    from gridtally.money import Rounding
    from gridtally.terms import RoundingMode

    return replace(options, round_finer=Rounding(6, RoundingMode("half_up")))


def test_a_retry_accepts_what_a_new_option_allows(known):
    """The same bytes, another rounding: the rows are counted once, and the rest stays."""
    first = take(known, HEAD + hours(h3="1.1234567", h4="x"))
    (done,) = deliveries.retry(known, opened(), change=with_rounding, **WHO)

    assert (done.rows, done.accepted, done.changed) == (2, 1, True)
    assert stored(known) == 23
    (left,) = opened()
    assert (left.code, left.rows, left.lines.tolist()) == ("intake.value.number", 1, [6])
    row = control.models.SourceFile.objects.get(retry_of_id=first.source)
    assert (row.rows, row.accepted, row.duplicates, row.quarantined) == (2, 1, 0, 1)
    assert all(checked.ok for checked in check(known))


def test_readings_of_a_retry_are_made_again_from_raw_bytes(known):
    """What a retry accepted is a load like any other: a rebuild gives the same."""
    from gridtally.cli.store import _decoder
    from gridtally.store import rebuild

    take(known, HEAD + hours(h3="1.1234567", h4="x"))
    deliveries.retry(known, opened(), change=with_rounding, **WHO)
    take(known, HEAD + hours(h5="9"), name="b.csv")
    conflicts = opened(kind="conflict")
    deliveries.retry(
        known, conflicts, change=lambda o: o, correction=True, reason="read again", **WHO
    )

    assert rebuild.verify(known, decode=_decoder()).differs == []


def test_a_retry_that_changes_nothing_leaves_no_trace(known):
    """Without another option or another software it is what it was."""
    take(known, HEAD + hours(h3="x"))
    (done,) = deliveries.retry(known, opened(), change=lambda options: options, **WHO)

    assert not done.changed
    assert control.models.SourceFile.objects.count() == 1
    assert len(opened()) == 1


def test_a_retry_never_reads_accepted_rows_anew(known):
    """Another zone would move what is stored: refused, nothing is changed."""
    local = HEAD + hours().replace("Z,", ",") + "MP-1,import,2026-01-06T00:00:00Z,x,kWh\n"
    local += "MP-1,import,2026-03-29T01:00:00,1.5,kWh\n"
    take(known, local, options=Options(zone="Europe/Lisbon"))
    assert len(opened()) == 2
    with pytest.raises(Conflict, match="read in another way"):
        deliveries.retry(known, opened(), change=with_zone("Asia/Shanghai"), **WHO)

    assert control.models.SourceFile.objects.count() == 1
    assert len(opened()) == 2


def test_a_retry_does_not_bring_back_what_was_discarded(known):
    """It was decided by a person."""
    take(known, HEAD + hours(h3="1.1234567", h4="x"))
    item = next(one for one in opened() if one.code == "intake.value.finer")
    room.discard([item.id], why="a test", **WHO)
    with pytest.raises(Conflict, match="is closed"):
        deliveries.retry(known, opened(), change=with_rounding, **WHO)


def test_a_refused_file_is_retried_from_its_kept_bytes(known):
    """With the zone that was missing it is accepted, and its item closes."""
    with pytest.raises(RefusedFile):
        take(known, HEAD + hours().replace("Z,", ","), options=Options())
    (item,) = opened()
    assert (item.kind, item.code) == ("file", "intake.time.zone")
    (same,) = deliveries.retry(known, [item], change=lambda options: options, **WHO)
    assert same.refused
    (done,) = deliveries.retry(known, [item], change=with_zone("UTC"), **WHO)

    assert (done.accepted, done.changed) == (24, True)
    assert store.item(item.id).step.action == "received_again"
    assert opened() == []


def test_a_refused_file_that_is_delivered_again_and_accepted(known):
    """Its item closes by itself."""
    text = HEAD + hours().replace("Z,", ",")
    for _ in range(2):
        with pytest.raises(RefusedFile):
            take(known, text, options=Options())
    (item,) = opened()
    receipt = take(known, text)

    assert store.item(item.id).step.source == receipt.source
    assert opened() == []


def test_a_refused_file_is_shown_and_exported_whole(known):
    """The line that is to blame, the whole message, the bytes as they came."""
    text = HEAD + hours() + 'MP-1,import,"x,1,kWh\n'
    with pytest.raises(RefusedFile):
        take(known, text)
    (item,) = opened()
    made = room.show(known, item.id, rows=5)

    assert made["texts"] == [{"line": 26, "text": 'MP-1,import,"x,1,kWh'}]
    assert room.export(known, [item], marked=True) == (text.encode(), "a.csv")


# ------------------------------------------------------------------ waiting


def test_m28_rows_of_an_unknown_point_wait_and_are_stored(known):
    """Quarantined in the account, stored all the same, closed by master data."""
    receipt = take(known, HEAD + hours("MP-3") + hours())
    assert counts(receipt) == (24, 0, 24)
    assert receipt.waiting == 24
    (item,) = opened()
    assert (item.kind, item.code, item.metering_point) == (
        "waiting", "intake.point.unknown", "MP-3",
    )  # fmt: skip
    assert stored(known, "MP-3") == 24
    assert deliveries.arrived(known, **WHO) == 0
    master(known, (*POINTS, "MP-3"))
    assert deliveries.arrived(known, **WHO) == 1

    assert store.item(item.id).step.action == "arrived"
    assert opened() == []


def test_m28_before_any_master_data_everything_waits_as_one_item(ws):
    """When some arrive, it closes; what they do not know waits under its own name."""
    receipt = take(ws, HEAD + hours() + hours("MP-9"))
    assert counts(receipt) == (0, 0, 48)
    (item,) = opened()
    assert item.code == "intake.master.none"
    master(ws)
    deliveries.arrived(ws, **WHO)

    (left,) = opened()
    assert (left.code, left.metering_point, left.rows) == ("intake.point.unknown", "MP-9", 24)
    assert store.item(item.id).step.action == "arrived"


def test_m29_another_reason_takes_its_place(known):
    """A point that becomes known, but without a meter then, waits for that."""
    take(known, HEAD + hours("MP-3"))
    meters = [{"meter": "M", "metering_point": "MP-3", "from": date(2026, 6, 1)}]
    master(known, (*POINTS, "MP-3"), meters)
    deliveries.arrived(known, **WHO)
    (item,) = opened()

    assert (item.code, item.rows) == ("intake.meter.absent", 24)


def test_rows_of_a_waiting_item_can_be_exported(known):
    """All of the point, to be sent back with its right name."""
    take(known, HEAD + hours("MP-3") + hours())
    (item,) = opened()
    data, _ = room.export(known, [item], marked=False)

    assert data.decode() == HEAD + hours("MP-3")


# ---------------------------------------------------------------- conflicts


def test_m48_conflicts_are_items_with_both_values(known):
    """Left out, counted, and both values can be seen."""
    take(known, HEAD + hours())
    receipt = take(known, HEAD + hours(h3="2", h9="2.25"), name="b.csv")
    assert counts(receipt) == (0, 22, 2)
    assert receipt.disputed == 2
    (item,) = opened()
    made = room.show(known, item.id, rows=5)

    assert (item.kind, item.rows) == ("conflict", 2)
    assert [(row["at"], row["stored"], row["delivered"]) for row in made["values"]] == [
        ("2026-01-05T03:00:00Z", "1.5", "2"), ("2026-01-05T09:00:00Z", "1.5", "2.25"),
    ]  # fmt: skip


def test_m48_a_conflict_is_settled_by_a_retry_as_a_correction(known):
    """The delivered values are newer then, by the word of a person, with a reason."""
    take(known, HEAD + hours())
    take(known, HEAD + hours(h3="2"), name="b.csv")
    items = opened()
    with pytest.raises(UsageError, match="reason"):
        deliveries.retry(known, items, change=lambda o: o, correction=True, **WHO)
    (done,) = deliveries.retry(
        known, items, change=lambda o: o, correction=True, reason="read again", **WHO
    )

    assert (done.rows, done.accepted) == (1, 1)
    assert opened() == []
    row = control.models.SourceFile.objects.get(retry_of_id=items[0].source)
    assert (row.superseding, row.reason, row.mark) == (1, "read again", AS_OF)
    assert all(checked.ok for checked in check(known))


def test_a_correction_needs_a_reason(known):
    """It replaces what is stored."""
    with pytest.raises(UsageError, match="needs a reason"):
        take(known, HEAD + hours(), correction=True)
    take(known, HEAD + hours())
    receipt = take(known, HEAD + hours(h3="2"), name="b.csv", correction=True, reason="read again")

    assert counts(receipt) == (1, 23, 0)
    assert receipt.superseding == 1


# ------------------------------------------------------------------ account


def test_rows_that_are_stored_already_are_duplicates(known):
    """The same readings in another order are another file, and every row is a duplicate."""
    take(known, HEAD + hours())
    lines = hours().splitlines(keepends=True)
    receipt = take(known, HEAD + "".join(reversed(lines)), name="b.csv")

    assert counts(receipt) == (0, 24, 0)


def test_the_account_is_a_constraint_of_the_database(known):
    """Rows that do not add up cannot be written; `check` says when they are not listed."""
    receipt = take(known, HEAD + hours(h3="x"))
    assert counts(receipt) == (23, 0, 1)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER guard_quarantine_item_no_delete")
        cursor.execute("DELETE FROM quarantine_item")
    guards.install()
    (checked,) = check(known, only={"quarantine"})

    assert not checked.ok
    assert "a.csv" in checked.detail


def test_items_of_several_files_are_exported_one_file_at_a_time(known):
    """Their headers may differ."""
    take(known, HEAD + hours(h3="x"))
    take(known, HEAD + hours("MP-2", h3="x"), name="b.csv")
    with pytest.raises(UsageError, match="2 files"):
        room.export(known, opened(), marked=True)


# ------------------------------------------------------------------ history


def test_refused_files_of_an_earlier_version_are_taken_over(tmp_path):
    """A workspace made before items existed opens, with its refused files as open items."""
    made = workspace(tmp_path / "old")
    fixed = list(control.models.FixedSetting.objects.values_list("key", "value"))
    connection.close()
    made.database.unlink()
    MigrationExecutor(connection).migrate([("control", "0001_initial")])
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO fixed_setting (key, value) VALUES (%s, %s)", fixed)
        cursor.execute(
            "INSERT INTO quarantine (digest, name, sender, arrived, code, line, message)"
            " VALUES ('abc', 'a.csv', 'dso', 7, 'intake.file.cut', 3, 'It is cut.')"
        )
    Workspace.open(made.path)
    (item,) = control.models.QuarantineItem.objects.all()

    assert (item.kind, item.refused, item.name, item.line) == ("file", "abc", "a.csv", 3)
    assert (item.sender, item.arrived, item.code) == ("dso", 7, "intake.file.cut")
    assert (item.message, item.source) == ("It is cut.", None)
    assert guards.missing() == []
