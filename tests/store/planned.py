"""A plan of the store's tests: a version of `home` that would change the first issued bill."""

from datetime import date

from synthetic import AS_OF

from gridtally.store import plans
from gridtally.store.files import sha256
from gridtally.store.master import put_tariff

NEW = b"new prices"


def said(ws):
    """What a plan for `NEW` says, as short as can be."""
    put_tariff(
        ws, b"old prices", tariff="home", digest=f"sha256:{sha256(b'old prices')}",
        valid_from=date(2026, 1, 1), valid_to=None, actor="t", as_of=AS_OF,
    )  # fmt: skip
    text = {
        "schema": 1, "tariff": "home", "document": f"sha256:{sha256(NEW)}",
        "days": {"from": "2026-10-01", "to": "2026-11-01"}, "tails": [],
        "bills": [{"number": "B2026-000001",
                   "segments": [{"segment": "AG-000000/2026-10-01/2026-11-01"}]}],
    }  # fmt: skip
    return text | {"basis": plans.basis(ws, text)}


def planned(ws, actor="ana"):
    """The plan, kept."""
    plan, new = plans.keep(ws, said(ws), actor=actor, as_of=AS_OF)
    assert new
    return plan


def put_in_place(ws, plan, *, approved=False):
    """Two people approve it, and its version is stored; whether it was."""
    for who in () if approved else ("carla", "dora"):
        plans.approve(ws, plan.id, why="checked", actor=who, as_of=AS_OF)
    return plans.put_in_place(
        ws, NEW, plan, valid_from=date(2026, 10, 1), valid_to=date(2026, 11, 1), actor="ana",
        as_of=AS_OF,
    )  # fmt: skip
