"""What was not accepted becomes items with steps; refused files of before become items too."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

_KINDS = ["file", "rows", "waiting", "conflict"]
_ACTIONS = ["corrected", "discarded", "arrived", "received_again"]


def _id() -> models.BigAutoField:
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


def _link(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=to, **options
    )


def _take_over(apps: Any, _editor: object) -> None:
    """Each refused file of before is an item that is still open."""
    item = apps.get_model("control", "QuarantineItem")
    item.objects.bulk_create(
        item(
            kind="file", refused=old.digest, name=old.name, sender=old.sender, arrived=old.arrived,
            file=old.name, code=old.code, line=old.line, message=old.message,
        )
        for old in apps.get_model("control", "Quarantine").objects.order_by("id")
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("control", "0001_initial")]

    operations = [
        migrations.AddField("sourcefile", "superseding", models.BigIntegerField(default=0)),
        migrations.AddField("sourcefile", "waiting", models.BigIntegerField(default=0)),
        migrations.AddField("sourcefile", "disputed", models.BigIntegerField(default=0)),
        migrations.AddField("sourcefile", "retry_of", _link("control.sourcefile", null=True)),
        migrations.AddConstraint(
            "sourcefile",
            models.CheckConstraint(
                condition=Q(accepted__gte=F("superseding"), superseding__gte=0, duplicates__gte=0)
                & Q(quarantined__gte=F("waiting") + F("disputed"), waiting__gte=0, disputed__gte=0),
                name="source_file_parts_fit",
            ),
        ),
        migrations.CreateModel(
            name="QuarantineItem",
            fields=[
                ("id", _id()),
                ("kind", models.CharField(max_length=10)),
                ("source", _link("control.sourcefile", null=True)),
                ("refused", models.CharField(default="", max_length=71)),
                ("name", models.CharField(max_length=200)),
                ("sender", models.CharField(max_length=200)),
                ("arrived", models.BigIntegerField()),
                ("file", models.CharField(default="", max_length=400)),
                ("code", models.CharField(max_length=80)),
                ("metering_point", models.CharField(default="", max_length=200)),
                ("channel", models.CharField(default="", max_length=40)),
                ("line", models.BigIntegerField(null=True)),
                ("rows", models.BigIntegerField(default=0)),
                ("lines", models.BinaryField(default=b"")),
                ("start_utc", models.BigIntegerField(null=True)),
                ("end_utc", models.BigIntegerField(null=True)),
                ("message", models.TextField()),
                ("remedy", models.TextField(default="")),
                ("options", models.TextField(default="{}")),
            ],
            options={
                "db_table": "quarantine_item",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(kind__in=_KINDS), name="quarantine_item_kind"
                    ),
                    models.CheckConstraint(
                        condition=(Q(kind="file", source__isnull=True) & ~Q(refused=""))
                        | (~Q(kind="file") & Q(source__isnull=False, refused="", rows__gt=0)),
                        name="quarantine_item_has_bytes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuarantineStep",
            fields=[
                ("id", _id()),
                ("item", _link("control.quarantineitem")),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
                ("action", models.CharField(max_length=20)),
                ("why", models.TextField(default="")),
                ("source", _link("control.sourcefile", null=True)),
            ],
            options={
                "db_table": "quarantine_step",
                "constraints": [
                    models.UniqueConstraint(fields=["item"], name="quarantine_step_closes_once"),
                    models.CheckConstraint(
                        condition=Q(action__in=_ACTIONS), name="quarantine_step_action"
                    ),
                    models.CheckConstraint(
                        condition=~Q(action="discarded", why=""), name="quarantine_step_has_reason"
                    ),
                ],
            },
        ),
        migrations.RunPython(_take_over, migrations.RunPython.noop),
        migrations.DeleteModel("Quarantine"),
    ]
