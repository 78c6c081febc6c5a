"""Before step 1: who lives in Port Lumen, what is metered where, and under which agreement.

A plan is drawn before any energy: accounts, metering points, meters and terms, then what happens
to them (`events.py`), then what goes wrong (`faults.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from gridtally.demo.almanac import FIRST
from gridtally.demo.draw import Draw
from gridtally.demo.people import REGIONS, customer
from gridtally.money import allocate

__all__ = ["OCTOBER", "Agreement", "Dial", "Kind", "Meter", "Plan", "Point", "day_of", "make"]

OCTOBER = (date(2026, 10, 1) - FIRST).days
"""The first day of the month that the demo bills, counted from `FIRST`."""


def day_of(number: int) -> date:
    """The date of a day counted from `FIRST`."""
    return FIRST + timedelta(number)


@dataclass(frozen=True, slots=True)
class Dial:
    """One register of a meter: its name, what it counts and on which hours."""

    register: str
    channel: str
    bucket: str
    kind: str = "cumulative"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of customer: how many of 2,000, on which tariff, billed and metered how."""

    name: str
    weight: int
    tariff: str
    segment: str
    legal: str
    load: str
    """Which load model: home, pv, shop, factory."""
    minutes: int = 0
    """Resolution of its interval files; 0: none."""
    dials: str = ""
    """Which dials its meters have, see `DIALS`; an interval customer's dial only checks."""


DIALS = {
    "": (),
    "total": (Dial("1.8.0", "import", "total"),),
    "both": (Dial("1.8.0", "import", "total"), Dial("2.8.0", "export", "total")),
    "home": (
        Dial("1.8.0", "import", "total"), Dial("1.8.1", "import", "peak"),
        Dial("1.8.2", "import", "day"), Dial("1.8.3", "import", "night"),
    ),
    "shop": (
        Dial("1.8.0", "import", "total"), Dial("1.8.1", "import", "peak"),
        Dial("1.8.2", "import", "day"), Dial("1.8.3", "import", "night"),
        Dial("1.6.0", "import", "total", "demand"),
    ),
    "factory": (
        Dial("1.8.0", "import", "total"), Dial("1.8.1", "import", "sharp"),
        Dial("1.8.2", "import", "peak"), Dial("1.8.3", "import", "flat"),
        Dial("1.8.4", "import", "valley"), Dial("3.8.0", "reactive_import", "total"),
        Dial("1.6.0", "import", "total", "demand"),
    ),
}  # fmt: skip

KINDS = (
    Kind("block-dial", 220, "home-block", "household", "register", "home", 0, "total"),
    Kind("year-dial", 110, "home-block-year", "household", "register", "home", 0, "total"),
    Kind("block-dial-checked", 160, "home-block", "household", "register", "home", 60, "total"),
    Kind("tou-dial", 67, "home-tou", "household", "register", "home", 0, "home"),
    Kind("block", 160, "home-block", "household", "interval", "home", 60),
    Kind("block-checked", 100, "home-block", "household", "interval", "home", 60, "total"),
    Kind("year", 100, "home-block-year", "household", "interval", "home", 60),
    Kind("tou", 330, "home-tou", "household", "interval", "home", 60),
    Kind("tou-checked", 180, "home-tou", "household", "interval", "home", 60, "total"),
    Kind("pv", 110, "home-pv", "household", "interval", "pv", 60),
    Kind("pv-checked", 120, "home-pv", "household", "interval", "pv", 60, "both"),
    Kind("shop-quarter", 90, "shop-demand", "shop", "interval", "shop", 15),
    Kind("shop-half", 70, "shop-demand", "shop", "interval", "shop", 30),
    Kind("shop-hour", 73, "shop-demand", "shop", "interval", "shop", 60, "total"),
    Kind("shop-dial", 30, "shop-demand", "shop", "register", "shop", 0, "shop"),
    Kind("works-contract", 30, "factory-two-part-contract", "factory", "register", "factory",
         0, "factory"),
    Kind("works-contract-checked", 20, "factory-two-part-contract", "factory", "register",
         "factory", 60, "factory"),
    Kind("works-capacity", 18, "factory-two-part-capacity", "factory", "register", "factory",
         0, "factory"),
    Kind("works-capacity-checked", 12, "factory-two-part-capacity", "factory", "register",
         "factory", 60, "factory"),
)  # fmt: skip


@dataclass(slots=True)
class Meter:
    """A device at a metering point; days counted from `FIRST`, None: before or still there."""

    serial: str
    first: int | None = None
    last: int | None = None
    """The day on which it is taken away."""
    multiplier: int = 1
    stated: int = 1
    """The multiplier in the master data: what is stated is not always what hangs there."""


@dataclass(slots=True)
class Point:
    """A metering point and what the models need to know about it."""

    id: str
    kind: Kind
    region: str
    row: int
    """Its row in the arrays of its load model."""
    meters: list[Meter]
    since: int = 0
    """First day with supply."""
    size: int = 0
    """Mean load of homes and shops, highest of factories [W]."""
    habit: str = ""
    """How the place is used, see `loads.py`."""
    features: set[str] = field(default_factory=set)
    feature_since: dict[str, int] = field(default_factory=dict)
    away: list[tuple[int, int]] = field(default_factory=list)
    """Days without anybody there, half-open."""
    digits: int = 5
    decimals: int = 1
    by_hand: bool = False
    """Read by a person in daytime, not at midnight from afar."""
    moves: list[int] = field(default_factory=list)
    """Days with a reading because somebody moves."""
    checks: list[int] = field(default_factory=list)
    """Days with an extra reading at midnight."""
    rolls: bool = False
    """A dial turns over to zero in the last month."""
    lost: set[tuple[int, str]] = field(default_factory=set)
    """(day, reason) of readings that nobody delivers."""

    @property
    def fuse_kw(self) -> int:
        """The largest power that its fuse lets through [kW]."""
        steps = (7, 10, 14, 21, 28, 42, 70, 110, 175, 280, 450, 700, 1100, 1800, 2800, 4500)
        peak = self.size * (3 if self.kind.segment == "factory" else 16) // 2000
        if self.kind.segment == "household":
            peak = max(peak, 6) + (8 if self.features & {"ev", "heatpump", "pv"} else 0)
        return next(step for step in steps if step > peak)


@dataclass(slots=True)
class Agreement:
    """One row of terms; days counted from `FIRST`."""

    id: str
    account: str
    point: Point
    tariff: str
    first: int
    after: int | None = None
    contract_kw: int | None = None
    capacity_kva: int | None = None


@dataclass(slots=True)
class Plan:
    """The whole town on paper."""

    seed: int
    accounts: list[dict[str, str]]
    points: list[Point]
    agreements: list[Agreement]
    faults: list[dict[str, str]] = field(default_factory=list)
    oddities: list[dict[str, str]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Metering points that something was already planned for."""
    serials: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    """How many points each load model has so far."""
    billed: set[str] = field(default_factory=set)
    """Accounts that have an agreement."""

    def of(self, load: str) -> list[Point]:
        """The points of one load model, in the order of their rows."""
        return [point for point in self.points if point.kind.load == load]

    def terms(self, point: Point) -> list[Agreement]:
        """The rows of terms of a point."""
        return [row for row in self.agreements if row.point is point]

    def changed(self) -> set[str]:
        """Accounts for which something changes within the last month."""
        month, cut = range(OCTOBER + 1, OCTOBER + 31), ("home-pv", "factory-two-part-capacity")
        return {
            row.account
            for row in self.agreements
            if row.after is None or row.after > OCTOBER
            if row.first in month
            or row.after in month
            or row.tariff in cut
            or any(meter.last in month for meter in row.point.meters if meter.last is not None)
        }

    def several(self) -> int:
        """How many accounts have more than one metering point."""
        points: dict[str, set[str]] = {}
        for row in self.agreements:
            points.setdefault(row.account, set()).add(row.point.id)
        return sum(len(ids) > 1 for ids in points.values())

    def holder(self, point: Point) -> str:
        """The account that has the point at the end."""
        return max(self.terms(point), key=lambda row: row.first).account

    def serial(self) -> str:
        """The serial number of the next meter."""
        self.serials += 1
        return f"PL{26_000_000 + self.serials * 37}"

    def take(
        self, draw: Draw, count: int, fits: Callable[[Point], bool], *, reuse: bool = False
    ) -> list[Point]:
        """Draw up to `count` points that fit and for which nothing was planned yet."""
        free = [p for p in self.points if (reuse or p.id not in self.taken) and fits(p)]
        chosen = draw.shuffled(free)[:count]
        self.taken |= {point.id for point in chosen}
        return chosen


def make(seed: int, accounts: int) -> Plan:
    """Draw accounts, points, meters and agreements; nothing has happened to them yet."""
    draw = Draw(seed, "plan")
    counts = allocate(accounts, [kind.weight for kind in KINDS])
    kinds = [kind for kind, count in zip(KINDS, counts, strict=True) for _ in range(count)]
    plan = Plan(seed, [], [], [])
    kinds = draw.shuffled(kinds)
    movers = _movers(kinds, draw)
    for number, kind in enumerate(kinds, start=1):
        account = f"AC-{number:06d}"
        personal = customer(draw, kind.segment, number)
        plan.accounts.append({"account": account, "segment": kind.segment} | personal)
        if number in movers and _vacate(plan, draw, account, kind):
            continue
        _supply(plan, draw, account, kind)
    several = [a for a in plan.agreements if a.after is None and a.first == 0]
    for agreement in draw.shuffled(several)[: max(1, accounts * 5 // 100)]:
        for _ in range(2 if draw.chance(200) else 1):
            _supply(plan, draw, agreement.account, agreement.point.kind)
    return plan


def _movers(kinds: list[Kind], draw: Draw) -> set[int]:
    """Numbers of the accounts that move in where another moves out in the last month."""
    able = [n for n, kind in enumerate(kinds, start=1) if kind.segment != "factory" and n > 9]
    return set(draw.shuffled(able)[: max(2, len(kinds) * 33 // 1000)])


def _vacate(plan: Plan, draw: Draw, account: str, kind: Kind) -> bool:
    """Let `account` move in at a point of its kind that another account leaves."""
    free = [
        a for a in plan.agreements
        if a.point.kind is kind and a.after is None and not a.point.moves
    ]  # fmt: skip
    if not free:
        return False
    before = draw.pick(free)
    out = OCTOBER + draw.between(4, 26)
    back = min(out + draw.pick((0, 0, 0, 1, 3)), OCTOBER + 28)
    before.after = out
    before.point.moves += sorted({out, back})
    if back > out:
        before.point.away.append((out, back))
    plan.billed.add(account)
    plan.agreements.append(
        Agreement(f"AG-{account[3:]}", account, before.point, before.tariff, back)
    )
    plan.taken.add(before.point.id)
    return True


def _supply(plan: Plan, draw: Draw, account: str, kind: Kind) -> None:
    """Add a metering point with a meter and an agreement."""
    number = len(plan.points) + 1
    size, multiplier = _size(draw, kind)
    point = Point(
        id=f"MP-{number:06d}",
        kind=kind,
        region="works" if kind.segment == "factory" else draw.pick(REGIONS[:4]),
        row=plan.rows.get(kind.load, 0),
        meters=[Meter(plan.serial(), multiplier=multiplier, stated=multiplier)],
        size=size,
    )
    plan.rows[kind.load] = point.row + 1
    if kind.load == "pv":
        point.features.add("pv")
    if multiplier > 1:
        point.decimals = 2
    elif kind.minutes or kind.legal == "interval":
        point.digits, point.decimals = 6, 3
    else:
        # A demand dial is set back at midnight of the first: only homes are read by hand.
        point.by_hand = kind.load == "home" and draw.chance(800)
        point.decimals = draw.pick((0, 1)) if kind.load == "home" else 2
    plan.points.append(point)
    suffix = f"-{number}" if account in plan.billed else ""
    plan.billed.add(account)
    contract = capacity = None
    if kind.name.startswith("works-contract"):
        contract = max(20, size * draw.between(88, 112) // 100_000 // 10 * 10)
    if kind.name.startswith("works-capacity"):
        sizes = (100, 160, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150)
        capacity = next((s for s in sizes if s * 900 > size), 4000)
    plan.agreements.append(
        Agreement(f"AG-{account[3:]}{suffix}", account, point, kind.tariff, 0, None, contract,
                  capacity)
    )  # fmt: skip


def _size(draw: Draw, kind: Kind) -> tuple[int, int]:
    """Load [W] and meter multiplier (CT x PT)."""
    skew = draw.between(0, 99) * draw.between(0, 99) // 99
    if kind.load in ("home", "pv"):
        return 150 + 5 * skew, 1
    if kind.load == "shop":
        size = 700 + 130 * skew
        return size, (40 if kind.dials == "shop" and size > 3000 else 1)
    size = 60_000 + 26_000 * skew
    return size, (40 if size < 180_000 else 120 if size < 700_000 else 2000)
