"""Step 9's last word, kept by the database: a must-hold bill cannot become released."""

import pytest
from django.db import IntegrityError, connection
from synthetic import MONTH, register, sealed

from gridtally.tables import finding


def test_no_program_releases_a_must_hold_bill(ws):
    """The trigger refuses what the code above would not ask for; excluding it is possible."""
    bill = f"AC-000000/{MONTH[0]}/{MONTH[1]}"
    grave = finding(
        "rating.price.missing", "hold", "No price.", remedy="r", must_hold=True, bill=bill
    )
    register(ws, sealed(ws, 2, findings=[grave]), held=[bill])

    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="change of a bill state"):
            cursor.execute("UPDATE run_bill SET state = 'released' WHERE bill = %s", [bill])
        cursor.execute("UPDATE run_bill SET state = 'excluded' WHERE bill = %s", [bill])
        assert cursor.rowcount == 1
