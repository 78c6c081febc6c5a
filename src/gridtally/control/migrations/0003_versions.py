"""How a file was decoded is kept; files may be merged; late readings propose a rebill."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def _link(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=to, **options
    )


def _only(to: str) -> models.OneToOneField:
    return models.OneToOneField(
        on_delete=django.db.models.deletion.PROTECT,
        primary_key=True,
        related_name="+",
        serialize=False,
        to=to,
    )


def _id() -> models.BigAutoField:
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):
    dependencies = [("control", "0002_quarantine")]

    operations = [
        migrations.AddField("sourcefile", "options", models.TextField(default="{}")),
        migrations.AddField("sourcefile", "mapping", models.CharField(default="", max_length=71)),
        migrations.AddField("sourcefile", "mark", models.BigIntegerField(null=True)),
        migrations.AddField("sourcefile", "reason", models.TextField(default="")),
        migrations.AddField("sourcefile", "actor", models.CharField(default="", max_length=200)),
        migrations.CreateModel(
            name="Compaction",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
                ("why", models.CharField(max_length=10)),
            ],
            options={
                "db_table": "compaction",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(why__in=["compact", "rebuild"]), name="compaction_why"
                    )
                ],
            },
        ),
        migrations.AddField("readingfile", "compaction", _link("control.compaction", null=True)),
        migrations.CreateModel(
            name="RetiredFile",
            fields=[("file", _only("control.readingfile")), ("into", _link("control.readingfile"))],
            options={"db_table": "retired_file"},
        ),
        migrations.CreateModel(
            name="PrunedFile",
            fields=[
                ("file", _only("control.retiredfile")),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
            ],
            options={"db_table": "pruned_file"},
        ),
        migrations.CreateModel(
            name="RebillProposal",
            fields=[
                ("id", _id()),
                ("bill", _link("control.issuedbill")),
                ("segment", models.CharField(max_length=200)),
                ("source", _link("control.sourcefile")),
                ("at", models.BigIntegerField()),
            ],
            options={
                "db_table": "rebill_proposal",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["bill", "segment", "source"], name="rebill_proposal_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RebillStep",
            fields=[
                ("id", _id()),
                ("proposal", _link("control.rebillproposal")),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
                ("why", models.TextField()),
            ],
            options={
                "db_table": "rebill_step",
                "constraints": [
                    models.UniqueConstraint(fields=["proposal"], name="rebill_step_closes_once"),
                    models.CheckConstraint(condition=~Q(why=""), name="rebill_step_has_reason"),
                ],
            },
        ),
    ]
