"""Balances of another system are taken over once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("control", "0003_versions")]

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                (
                    "digest",
                    models.CharField(max_length=71, primary_key=True, serialize=False),
                ),
                ("recorded", models.BigIntegerField()),
                ("actor", models.CharField(max_length=200)),
                ("entries", models.BigIntegerField()),
                ("summary", models.TextField()),
            ],
            options={"db_table": "opening"},
        ),
    ]
