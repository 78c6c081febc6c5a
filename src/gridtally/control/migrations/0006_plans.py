"""Plans and their approvals: a tariff version over billed days, and the rebills that it proposes."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def _link(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=to, **options
    )


class Migration(migrations.Migration):
    dependencies = [("control", "0005_open_versions")]

    operations = [
        migrations.CreateModel(
            name="RebillPlan",
            fields=[
                ("id", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("tariff", models.CharField(max_length=64)),
                ("document", models.CharField(max_length=71)),
                ("path", models.CharField(max_length=200)),
                ("digest", models.CharField(max_length=71, unique=True)),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "rebill_plan",
                "indexes": [models.Index(fields=["document"], name="rebill_plan_document")],
            },
        ),
        migrations.CreateModel(
            name="RebillApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("plan", _link("control.rebillplan")),
                ("at", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
                ("why", models.TextField()),
            ],
            options={
                "db_table": "rebill_approval",
                "constraints": [
                    models.UniqueConstraint(fields=["plan", "actor"], name="rebill_approval_once"),
                    models.CheckConstraint(condition=~Q(why=""), name="rebill_approval_has_reason"),
                ],
            },
        ),
        migrations.AddField(
            "tariffdocument",
            "plan",
            models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="control.rebillplan",
            ),
        ),
        migrations.AlterField("rebillproposal", "source", _link("control.sourcefile", null=True)),
        migrations.AddField("rebillproposal", "tariff", _link("control.tariffdocument", null=True)),
        migrations.AddConstraint(
            "rebillproposal",
            models.UniqueConstraint(
                fields=["bill", "segment", "tariff"], name="rebill_proposal_tariff_once"
            ),
        ),
        migrations.AddConstraint(
            "rebillproposal",
            models.CheckConstraint(
                condition=Q(source__isnull=False, tariff__isnull=True)
                | Q(source__isnull=True, tariff__isnull=False),
                name="rebill_proposal_of_one",
            ),
        ),
    ]
