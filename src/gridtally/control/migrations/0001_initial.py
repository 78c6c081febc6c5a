import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
                ("what", models.CharField(max_length=60)),
                ("subject", models.CharField(max_length=300)),
                ("detail", models.TextField(default="")),
            ],
            options={
                "db_table": "event",
            },
        ),
        migrations.CreateModel(
            name="FixedSetting",
            fields=[
                ("key", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "fixed_setting",
            },
        ),
        migrations.CreateModel(
            name="Head",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.CharField(max_length=71)),
                ("checkpoint", models.TextField()),
                ("recorded", models.BigIntegerField()),
            ],
            options={
                "db_table": "head",
            },
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.CharField(max_length=71)),
                ("kind", models.CharField(max_length=20)),
                ("subject", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "leaf",
            },
        ),
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                ("code", models.CharField(max_length=80, primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "ledger_account",
            },
        ),
        migrations.CreateModel(
            name="MasterVersion",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=71)),
                ("recorded", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "master_version",
            },
        ),
        migrations.CreateModel(
            name="PersonKey",
            fields=[
                ("account", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("key", models.BinaryField()),
            ],
            options={
                "db_table": "person_key",
            },
        ),
        migrations.CreateModel(
            name="Quarantine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=71)),
                ("name", models.CharField(max_length=200)),
                ("sender", models.CharField(max_length=200)),
                ("arrived", models.BigIntegerField()),
                ("code", models.CharField(max_length=80)),
                ("line", models.BigIntegerField(null=True)),
                ("message", models.TextField()),
            ],
            options={
                "db_table": "quarantine",
            },
        ),
        migrations.CreateModel(
            name="HistoryFile",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=10)),
                ("path", models.CharField(max_length=200, unique=True)),
                ("rows", models.BigIntegerField()),
                ("digest", models.CharField(max_length=71)),
            ],
            options={
                "db_table": "history_file",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["issued", "opening", "backfill"])),
                        name="history_file_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("period_from", models.DateField()),
                ("period_to", models.DateField()),
                ("scope_digest", models.CharField(max_length=71)),
                ("root", models.CharField(max_length=71)),
                ("done_digest", models.CharField(max_length=71)),
                ("actor", models.CharField(max_length=200)),
                ("recorded", models.BigIntegerField()),
                ("closed", models.BigIntegerField(null=True)),
                (
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.run",
                    ),
                ),
            ],
            options={
                "db_table": "run",
            },
        ),
        migrations.CreateModel(
            name="Release",
            fields=[
                ("id", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("root", models.CharField(max_length=71)),
                ("list_digest", models.CharField(max_length=71)),
                ("signature", models.TextField()),
                ("actor", models.CharField(max_length=200)),
                ("at", models.BigIntegerField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.run",
                    ),
                ),
            ],
            options={
                "db_table": "release",
            },
        ),
        migrations.CreateModel(
            name="IssuedBill",
            fields=[
                ("number", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("series", models.CharField(max_length=40)),
                ("serial", models.BigIntegerField()),
                ("bill", models.CharField(max_length=200)),
                ("version", models.IntegerField(default=0)),
                ("account", models.CharField(max_length=200)),
                ("currency", models.CharField(max_length=3)),
                ("total_minor", models.BigIntegerField()),
                ("period_from", models.DateField()),
                ("period_to", models.DateField()),
                ("issued", models.DateField()),
                ("due", models.DateField()),
                ("record_path", models.CharField(max_length=200)),
                ("record_offset", models.BigIntegerField()),
                ("record_size", models.BigIntegerField()),
                (
                    "leaf",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.leaf",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.release",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.run",
                    ),
                ),
            ],
            options={
                "db_table": "issued_bill",
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("bill", models.CharField(max_length=200)),
                ("leaf", models.CharField(max_length=71)),
                ("action", models.CharField(max_length=10)),
                ("actor", models.CharField(max_length=200)),
                ("at", models.BigIntegerField()),
                ("why", models.TextField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.run",
                    ),
                ),
            ],
            options={
                "db_table": "decision",
            },
        ),
        migrations.CreateModel(
            name="RunBill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("bill", models.CharField(max_length=200)),
                ("account", models.CharField(max_length=200)),
                ("leaf", models.CharField(max_length=71)),
                ("state", models.CharField(max_length=12)),
                ("reason", models.TextField(default="")),
                ("must_hold", models.BooleanField(default=False)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.run",
                    ),
                ),
            ],
            options={
                "db_table": "run_bill",
            },
        ),
        migrations.CreateModel(
            name="SourceFile",
            fields=[
                ("digest", models.CharField(max_length=71, primary_key=True, serialize=False)),
                ("delivered", models.CharField(max_length=71)),
                ("name", models.CharField(max_length=200)),
                ("sender", models.CharField(max_length=200)),
                ("size", models.BigIntegerField()),
                ("arrived", models.BigIntegerField()),
                ("format", models.CharField(max_length=40)),
                ("rows", models.BigIntegerField()),
                ("accepted", models.BigIntegerField()),
                ("duplicates", models.BigIntegerField()),
                ("quarantined", models.BigIntegerField()),
                ("readings", models.BigIntegerField()),
                ("repeated", models.BigIntegerField()),
                ("conflicting", models.BigIntegerField()),
                ("findings", models.TextField(default="[]")),
            ],
            options={
                "db_table": "source_file",
                "indexes": [models.Index(fields=["name"], name="source_file_name")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "rows",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("accepted"), "+", models.F("duplicates")
                                    ),
                                    "+",
                                    models.F("quarantined"),
                                ),
                            )
                        ),
                        name="source_file_rows_add_up",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Load",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.sourcefile",
                    ),
                ),
            ],
            options={
                "db_table": "load",
            },
        ),
        migrations.CreateModel(
            name="TariffDocument",
            fields=[
                ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                ("tariff", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=71, unique=True)),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(null=True)),
                ("path", models.CharField(max_length=200)),
                ("recorded", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "tariff_document",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True),
                            ("valid_to__gt", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="tariff_document_not_empty",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IssuedSegment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("segment", models.CharField(max_length=200)),
                ("agreement", models.CharField(max_length=200)),
                ("metering_point", models.CharField(max_length=200)),
                ("date_from", models.DateField()),
                ("date_to", models.DateField()),
                ("start_utc", models.BigIntegerField()),
                ("end_utc", models.BigIntegerField()),
                ("version", models.IntegerField(default=0)),
                ("live", models.BooleanField(default=True)),
                (
                    "bill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.issuedbill",
                    ),
                ),
            ],
            options={
                "db_table": "issued_segment",
                "indexes": [
                    models.Index(
                        fields=["agreement", "date_from"], name="issued_segment_agreement"
                    ),
                    models.Index(
                        fields=["metering_point", "start_utc"], name="issued_segment_point"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agreement", "date_from", "date_to", "version"),
                        name="issued_segment_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("date_to__gt", models.F("date_from")),
                            ("end_utc__gt", models.F("start_utc")),
                        ),
                        name="issued_segment_not_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("transaction", models.CharField(max_length=120)),
                ("line", models.IntegerField()),
                ("kind", models.CharField(max_length=12)),
                ("amount", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("account", models.CharField(max_length=200)),
                ("service_from", models.DateField(null=True)),
                ("service_to", models.DateField(null=True)),
                ("posted", models.DateField()),
                ("due", models.DateField(null=True)),
                ("memo", models.CharField(default="", max_length=300)),
                (
                    "bill",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.issuedbill",
                    ),
                ),
                (
                    "credit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.ledgeraccount",
                    ),
                ),
                (
                    "debit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.ledgeraccount",
                    ),
                ),
            ],
            options={
                "db_table": "entry",
                "indexes": [models.Index(fields=["account"], name="entry_account")],
                "constraints": [
                    models.UniqueConstraint(fields=("transaction", "line"), name="entry_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="entry_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("debit", models.F("credit")), _negated=True),
                        name="entry_two_accounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["bill", "payment", "adjustment"])),
                        name="entry_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MasterTable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("path", models.CharField(max_length=200)),
                ("rows", models.BigIntegerField()),
                ("digest", models.CharField(max_length=71)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.masterversion",
                    ),
                ),
            ],
            options={
                "db_table": "master_table",
                "constraints": [
                    models.UniqueConstraint(fields=("version", "name"), name="master_table_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("copy", models.IntegerField(default=0)),
                ("attempts", models.IntegerField(default=0)),
                ("done", models.BigIntegerField(null=True)),
                ("path", models.CharField(default="", max_length=200)),
                ("digest", models.CharField(default="", max_length=71)),
                (
                    "bill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.issuedbill",
                    ),
                ),
            ],
            options={
                "db_table": "outbox",
                "indexes": [models.Index(fields=["done", "id"], name="outbox_pending")],
                "constraints": [
                    models.UniqueConstraint(fields=("bill", "kind", "copy"), name="outbox_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReadingFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=10)),
                ("month", models.CharField(max_length=7)),
                ("bucket", models.IntegerField()),
                ("path", models.CharField(max_length=200, unique=True)),
                ("rows", models.BigIntegerField()),
                ("digest", models.CharField(max_length=71)),
                ("first_utc", models.BigIntegerField()),
                ("last_utc", models.BigIntegerField()),
                (
                    "load",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.load",
                    ),
                ),
            ],
            options={
                "db_table": "reading_file",
                "indexes": [
                    models.Index(fields=["kind", "bucket", "first_utc"], name="reading_file_find")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReleaseItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("bill", models.CharField(max_length=200)),
                ("leaf", models.CharField(max_length=71)),
                ("decision", models.CharField(max_length=200)),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="control.release",
                    ),
                ),
            ],
            options={
                "db_table": "release_item",
                "constraints": [
                    models.UniqueConstraint(fields=("release", "bill"), name="release_item_once")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="issuedbill",
            index=models.Index(fields=["account", "serial"], name="issued_bill_account"),
        ),
        migrations.AddConstraint(
            model_name="issuedbill",
            constraint=models.UniqueConstraint(
                fields=("series", "serial"), name="issued_bill_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="issuedbill",
            constraint=models.UniqueConstraint(fields=("bill", "version"), name="issued_bill_once"),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ["release", "hold", "exclude"])),
                name="decision_action",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(("why", ""), _negated=True), name="decision_has_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="runbill",
            index=models.Index(fields=["bill"], name="run_bill_bill"),
        ),
        migrations.AddConstraint(
            model_name="runbill",
            constraint=models.UniqueConstraint(fields=("run", "bill"), name="run_bill_once"),
        ),
    ]
