"""A tariff version without an end lasts until the next begins: the guard against overlaps."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("control", "0004_opening")]

    operations = []  # guards are put back after every migration
