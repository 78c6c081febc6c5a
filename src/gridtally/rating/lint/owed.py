"""Before step 6: who is charged, what is posted where, and what a tax does not reach."""

from __future__ import annotations

from collections.abc import Iterator

from gridtally.rating.charges import Bank, Charge, Document, Energy, Percentage, Tiered, Transfer
from gridtally.rating.document.references import expanded
from gridtally.rating.document.values import Problem
from gridtally.rating.lint.notes import note

__all__ = ["owed_notes"]


def owed_notes(document: Document) -> Iterator[Problem]:
    """Energy that is fed in and charged, taxes without an account, lines that no tax is on."""
    for i, charge in enumerate(document.components):
        if _charges_feed_in(charge):
            message = f"{charge.id} charges the customer for energy that is fed in."
            remedy = "Say `credit = true`, if the customer is paid for it."
            yield note(f"components[{i}].credit", message, remedy)
        if charge.kind == "tax" and charge.ledger is None:
            message = f"{charge.id} is a tax and would be posted to revenue.{charge.id}."
            yield note(f"components[{i}].ledger", message, 'Name its account, such as "tax.vat".')
    yield from _untaxed(document.components)


def _charges_feed_in(charge: Charge) -> bool:
    if not isinstance(charge, Energy | Tiered) or charge.channel != "export":
        return False
    free = bool(charge.numbers()) and not any(charge.numbers().values())
    return not (charge.credit or charge.negative or (free and not getattr(charge, "series", None)))


def _untaxed(charges: tuple[Charge, ...]) -> Iterator[Problem]:
    """Lines that the tax on most of them leaves out; components of one account are one tax.

    Not asked for: taxes, credits, and what only keeps or passes on the money of other lines.
    """
    taxes: dict[str, list[int]] = {}
    reach: dict[str, set[str]] = {}
    for i, charge in enumerate(charges):
        if isinstance(charge, Percentage) and charge.kind == "tax":
            whole = expanded(charge, charges)
            assert isinstance(whole, Percentage)
            taxes.setdefault(charge.ledger or charge.id, []).append(i)
            reach.setdefault(charge.ledger or charge.id, set()).update(whole.of)
    if not taxes:
        return
    account = max(reversed(list(taxes)), key=lambda name: len(reach[name]))
    left = [
        charge.id
        for charge in charges
        if charge.kind != "tax"
        and not charge.credit
        and not isinstance(charge, Bank | Transfer)
        and charge.id not in reach[account]
    ]
    if left:
        names = " and ".join(charges[i].id for i in taxes[account])
        message = f"{names} is not on {', '.join(left)}."
        remedy = "Add them to its `of`, if they are taxed."
        yield note(f"components[{taxes[account][-1]}].of", message, remedy)
