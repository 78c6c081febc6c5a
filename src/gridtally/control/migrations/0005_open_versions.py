"""A tariff version without an end lasts until the next begins: the guard against overlaps.

Guards are put back after every migration, so that one without operations brings them up to date.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("control", "0004_opening")]
