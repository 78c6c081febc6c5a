"""The door's verb tariff holidays: public holidays of a country, to paste into a document."""

from __future__ import annotations

import click

from gridtally.cli.common import as_json, out, print_json
from gridtally.errors import UsageError

_MOST = 40
"""Years at once."""


@click.command()
@click.argument("place", metavar="COUNTRY[-SUB]")
@click.option(
    "--years", required=True, metavar="YEARS", help="Such as 2026, 2026,2027 or 2026-2030."
)
@as_json
def holidays(place: str, years: str, as_json: bool) -> int:
    """Print the public holidays of a country, as a [holidays] block to paste into a tariff.

    PT is Portugal, ES-MD the community of Madrid. The dates then stand in the document itself, so
    that its bills can be computed for ever; say in it which act they follow, and take out the days
    that the tariff does not mean.
    """
    from gridtally.rating.lint.holidays import block, known

    wanted = _years(years)
    if as_json:
        days = [{"date": str(day), "name": name} for day, name in known(place, wanted).items()]
        print_json({"schema": 1, "library": place, "years": wanted, "holidays": days})
    else:
        out.print(block(place, wanted), end="", markup=False, highlight=False, soft_wrap=True)
    return 0


def _years(text: str) -> list[int]:
    """`2026,2028-2030` as years. Raises `UsageError`."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = (piece.strip() for piece in part.partition("-"))
        if not all(p.isascii() and p.isdigit() and len(p) == 4 for p in (first, last or first)):
            raise UsageError(f"{part[:20]!r} is no year.", remedy="Write 2026, 2027 or 2026-2030.")
        found |= set(range(int(first), int(last or first) + 1))
    if not found or len(found) > _MOST or min(found) < 1990 or max(found) > 2060:
        raise UsageError(
            "These are no years of a tariff.", remedy=f"1990 to 2060, at most {_MOST} at once."
        )
    return sorted(found)
