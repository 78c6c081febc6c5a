"""Promise I-01: what was not accepted is listed, explained, corrected, received again, counted."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from synthetic import workspace

from gridtally import control
from gridtally.control import guards
from gridtally.store.workspace import Workspace


def test_refused_files_of_an_earlier_version_are_taken_over(tmp_path):
    """A workspace made before items existed opens, with its refused files as open items."""
    made = workspace(tmp_path / "old")
    settings = list(control.models.FixedSetting.objects.values_list("key", "value"))
    connection.close()
    made.database.unlink()
    MigrationExecutor(connection).migrate([("control", "0001_initial")])
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO fixed_setting (key, value) VALUES (%s, %s)", settings)
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
