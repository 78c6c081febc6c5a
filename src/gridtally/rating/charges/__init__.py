"""Before step 6: the components of a tariff document, one model per shape (`docs/tariff.md`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gridtally.rating.charges.base import Component, Measured, OnLines, Priced, Tier
from gridtally.rating.charges.demand import Demand, Ratchet
from gridtally.rating.charges.energy import Energy, More, Reactive, Tiered, TrueUp
from gridtally.rating.charges.lines import (
    Bank,
    BankTrueUp,
    Fixed,
    Maximum,
    Minimum,
    Percentage,
    PowerFactor,
    Row,
    Settle,
    Slope,
    StepTable,
    Transfer,
)
from gridtally.rating.document.models import Declared, Header
from gridtally.rating.document.values import Many

__all__ = [
    "ON_LINES", "SHAPES", "Bank", "BankTrueUp", "Charge", "Component", "Demand", "Document",
    "Energy", "Fixed", "Maximum", "Measured", "Minimum", "More", "OnLines", "Percentage",
    "PowerFactor", "Priced", "Ratchet", "Reactive", "Row", "Settle", "Slope", "StepTable", "Tier",
    "Tiered", "Transfer", "TrueUp",
]  # fmt: skip

Charge = (
    Energy | Tiered | Demand | Fixed | Percentage | StepTable | PowerFactor | Reactive
    | Minimum | Maximum | Bank | Transfer
)  # fmt: skip
ON_LINES = (Percentage, StepTable, PowerFactor, Minimum, Maximum, Bank, Transfer)
SHAPES: dict[str, type[Component]] = {
    "energy": Energy, "tiered": Tiered, "demand": Demand, "fixed": Fixed,
    "percentage": Percentage, "table": StepTable, "power_factor": PowerFactor,
    "reactive": Reactive, "minimum": Minimum, "maximum": Maximum, "bank": Bank,
    "transfer": Transfer,
}  # fmt: skip


class Document(Declared, Header):
    """A tariff version, as written."""

    components: Annotated[tuple[Annotated[Charge, Field(discriminator="shape")], ...], Many()]
