"""What-if: from two totals per bill segment to what people ask: who wins, who loses, how much.

Everything is whole numbers of the currency's smallest unit. Quantiles are by nearest rank: each is
the difference of an account that there is. A float appears nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.money import Rounding, minor_digits, number, round_fraction
from gridtally.terms import RoundingMode
from gridtally.what_if.compare import Compared

__all__ = ["Accounts", "accounts_of", "accounts_table", "summary"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]
_QUANTILES = tuple(Fraction(n, 100) for n in (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100))
_PERCENT = Rounding(2, RoundingMode.HALF_UP)
_BINS, _BIGGEST, _TENTHS = 24, 10, 10


@dataclass(frozen=True)
class Accounts:
    """The accounts with at least one bill that could be rated, in order; a row each."""

    account: Ints
    """Place among the accounts of the bills."""
    kind: Ints
    region: Ints
    energy: Ints
    """Import of the rated bills [10^-6 kWh]."""
    tenth: Ints
    """0 for the tenth of the accounts that use least, up to 9."""
    old: Ints
    new: Ints
    months: Ints
    """Year x 12 + month - 1 of each column of `by_month`."""
    by_month: Ints
    """Difference, shape (accounts, months)."""
    billed: Mask
    """Whether there is a rated bill, same shape."""
    left_out: Ints
    """Bill segments that could not be rated."""

    @property
    def difference(self) -> Ints:
        """New less old."""
        return self.new - self.old


def accounts_of(compared: Compared) -> Accounts:
    """Sums by account."""
    bills, rated = compared.bills, compared.rated
    count = len(bills.accounts)
    account, change = bills.account[rated], (compared.new - bills.total)[rated]
    months, month = np.unique(bills.month[rated], return_inverse=True)
    known = np.flatnonzero(np.bincount(account, minlength=count))
    first = np.searchsorted(bills.account, known)  # bills are sorted by account
    by_month = np.zeros((count, len(months)), np.int64)
    np.add.at(by_month, (account, month), change)
    billed = np.zeros(by_month.shape, bool)
    billed[account, month] = True
    energy = _per(account, bills.energy[rated], count)[known]
    tenth = np.empty(len(known), np.int64)
    tenth[np.argsort(energy, kind="stable")] = np.arange(len(known)) * _TENTHS // max(1, len(known))
    return Accounts(
        account=known, kind=bills.kind[first], region=bills.region[known], energy=energy,
        tenth=tenth, old=_per(account, bills.total[rated], count)[known],
        new=_per(account, compared.new[rated], count)[known], months=months,
        by_month=by_month[known], billed=billed[known],
        left_out=np.bincount(bills.account[~rated], minlength=count)[known],
    )  # fmt: skip


def _per(account: Ints, values: Ints, count: int) -> Ints:
    """Sums of whole numbers by account; `bincount` would add floats."""
    sums = np.zeros(count, np.int64)
    np.add.at(sums, account, values)
    return sums


# ------------------------------------------------------------------ summary


def summary(compared: Compared, accounts: Accounts) -> Row:
    """The report as JSON values: money as text with the decimals of the currency."""
    bills, version = compared.bills, compared.version
    money = _money(version.currency)
    change = accounts.difference
    return {
        "schema": 1,
        "tariff": {
            "id": version.id, "digest": version.digest, "title": version.title,
            "currency": version.currency, "source": version.source,
        },
        "compared_with": list(bills.tariffs),
        "from": str(bills.first),
        "to": str(bills.last),
        "bill_segments": {
            "chosen": len(bills), "rated": int(compared.rated.sum()),
            "not_rated": int((~compared.rated).sum()),
            "determined_again": compared.again, "without_amount": bills.unfinished,
            "partly_in_range": bills.crossing,
        },
        "accounts": {
            "chosen": len(bills.accounts), "compared": len(accounts.account),
            "partly": int((accounts.left_out > 0).sum()),
            "not_rated": len(bills.accounts) - len(accounts.account),
        },
        **_totals(accounts.old, accounts.new, money),
        **_sides(change, money),
        "quantiles": _quantiles(change, money),
        "histogram": _histogram(change, money),
        "by_segment": _groups(accounts, accounts.kind, bills.kinds.to_pylist(), money),
        "by_region": _groups(accounts, accounts.region, bills.regions.to_pylist(), money),
        "by_tenth": _tenths(accounts, money),
        "by_month": _months(compared, money),
        "revenue": _revenue(compared),
        "biggest": {
            "winners": _biggest(compared, accounts, money, sign=-1),
            "losers": _biggest(compared, accounts, money, sign=1),
        },
        "not_rated": _not_rated(compared, money),
        "assumptions": compared.assumptions,
    }  # fmt: skip


def _money(currency: str) -> Callable[[int], str]:
    digits = minor_digits(currency)
    return lambda amount: format(Decimal(int(amount)).scaleb(-digits), "f")


def _percent(part: int, whole: int) -> str | None:
    if whole == 0:
        return None
    return number(round_fraction(Fraction(100 * int(part), int(whole)), _PERCENT))


def _totals(old: Ints, new: Ints, money: Callable[[int], str]) -> Row:
    before, after = int(old.sum()), int(new.sum())
    return {
        "old": money(before), "new": money(after), "difference": money(after - before),
        "percent": _percent(after - before, abs(before)),
    }  # fmt: skip


def _sides(change: Ints, money: Callable[[int], str]) -> Row:
    """Who pays less, who pays more, and by how much together."""
    less, more = change < 0, change > 0
    return {
        "winners": {"accounts": int(less.sum()), "amount": money(int(change[less].sum()))},
        "losers": {"accounts": int(more.sum()), "amount": money(int(change[more].sum()))},
        "unchanged": int((change == 0).sum()),
    }


def _rank(size: int, share: Fraction) -> int:
    """Nearest rank: the first place at which at least `share` of all are reached."""
    return max(0, -(-share.numerator * size // share.denominator) - 1)


def _quantiles(change: Ints, money: Callable[[int], str]) -> list[Row]:
    ordered = np.sort(change)
    return [
        {"percent": int(share * 100), "difference": money(int(ordered[_rank(len(ordered), share)]))}
        for share in (_QUANTILES if len(ordered) else ())
    ]


def _histogram(change: Ints, money: Callable[[int], str]) -> Row:
    """Accounts by difference in steps of 1, 2 or 5 times a power of ten; zero has no step.

    The outermost steps hold everything beyond the first and the last hundredth of the accounts.
    """
    moved = np.sort(change[change != 0])
    if not len(moved):
        return {"step": money(1), "bins": []}
    low, high = (int(moved[_rank(len(moved), Fraction(n, 100))]) for n in (1, 99))
    step = next(
        n * 10**k for k in range(19) for n in (1, 2, 5) if _bins(low, high, n * 10**k) <= _BINS
    )
    first, last = min(low // step, 0), max(high // step, -1)
    bins = np.clip(moved // step, first, last) - first
    counts = np.bincount(bins, minlength=last - first + 1).tolist()
    return {
        "step": money(step),
        "bins": [
            {"from": money((first + i) * step), "to": money((first + i + 1) * step), "accounts": n}
            for i, n in enumerate(counts)
        ],
        "below": int((moved < first * step).sum()),
        "above": int((moved >= (last + 1) * step).sum()),
    }


def _bins(low: int, high: int, step: int) -> int:
    return max(high // step, -1) - min(low // step, 0) + 1


def _groups(
    accounts: Accounts, group: Ints, names: Sequence[str], money: Callable[[int], str]
) -> list[Row]:
    """A row per group that has an account."""
    rows = []
    for number_, name in enumerate(names):
        mine = group == number_
        if not mine.any():
            continue
        change = accounts.difference[mine]
        middle = int(np.sort(change)[_rank(len(change), Fraction(1, 2))])
        rows.append(
            {"name": name, "accounts": int(mine.sum())}
            | _sides(change, money)
            | _totals(accounts.old[mine], accounts.new[mine], money)
            | {"median": money(middle)}
        )
    return rows


def _tenths(accounts: Accounts, money: Callable[[int], str]) -> list[Row]:
    rows = _groups(accounts, accounts.tenth, [str(n + 1) for n in range(_TENTHS)], money)
    for row in rows:
        energy = accounts.energy[accounts.tenth == int(row["name"]) - 1]
        row["kwh_from"], row["kwh_to"] = (_kwh(int(f(energy))) for f in (np.min, np.max))
    return rows


def _kwh(energy: int) -> str:
    return number(Decimal(energy).scaleb(-6))


def _months(compared: Compared, money: Callable[[int], str]) -> list[Row]:
    bills, rated = compared.bills, compared.rated
    rows = []
    for month in np.unique(bills.month[rated]).tolist():
        mine = rated & (bills.month == month)
        rows.append(
            {"month": month_text(month), "bill_segments": int(mine.sum())}
            | _totals(bills.total[mine], compared.new[mine], money)
        )
    return rows


def month_text(month: int) -> str:
    """`2026-03` of year x 12 + month - 1."""
    return f"{month // 12}-{month % 12 + 1:02d}"


def _revenue(compared: Compared) -> Row:
    """Old and new amounts by what the lines show, and by the ledger account that they go to."""
    return {"by_kind": _split(compared, 1), "by_ledger": _split(compared, 2)}


def _split(compared: Compared, place: int) -> list[Row]:
    sums: dict[str, list[int]] = {}
    for side, money in enumerate(compared.revenue):
        for key, amount in money.items():
            sums.setdefault(str(key[place]), [0, 0])[side] += amount
    digits = minor_digits(compared.version.currency)
    return [
        {"name": name, "old": _exact(old, digits), "new": _exact(new, digits),
         "difference": _exact(new - old, digits), "percent": _percent(new - old, abs(old))}
        for name, (old, new) in sorted(sums.items())
    ]  # fmt: skip


def _exact(amount: int, digits: int) -> str:
    """An amount [10^-8] with the decimals of its currency, or with all that it has."""
    step = 10 ** (8 - digits)
    if amount % step:
        return number(Decimal(amount).scaleb(-8))
    return format(Decimal(amount // step).scaleb(-digits), "f")


def _biggest(
    compared: Compared, accounts: Accounts, money: Callable[[int], str], *, sign: int
) -> list[Row]:
    """The accounts with the largest differences on one side; equal ones by number."""
    change = accounts.difference * sign
    found = np.argsort(-change, kind="stable")[:_BIGGEST]
    bills = compared.bills
    return [
        {
            "account": bills.accounts[int(accounts.account[i])].as_py(),
            "segment": bills.kinds[int(accounts.kind[i])].as_py(),
            "region": bills.regions[int(accounts.region[i])].as_py(),
            "kwh": _kwh(int(accounts.energy[i])),
            **_totals(accounts.old[i : i + 1], accounts.new[i : i + 1], money),
        }
        for i in found.tolist()
        if change[i] > 0
    ]


def _not_rated(compared: Compared, money: Callable[[int], str]) -> list[Row]:
    """Each reason with what it keeps out; a bill segment may have several."""
    bills = compared.bills
    rows = [
        {
            "code": no.code, "message": no.message, "remedy": no.remedy,
            "bill_segments": len(no.bills), "accounts": len(np.unique(bills.account[no.bills])),
            "billed": money(int(bills.total[no.bills].sum())),
        }
        for no in compared.unrated
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-row["bill_segments"], row["code"], row["message"]))


# ------------------------------------------------------------------- by account


def accounts_table(compared: Compared, accounts: Accounts) -> pa.Table:
    """A row per account: sums, and a column of differences per month; null: no rated bill."""
    bills, digits = compared.bills, minor_digits(compared.version.currency)
    columns: dict[str, pa.Array] = {
        "account": bills.accounts.take(pa.array(accounts.account)),
        "segment": bills.kinds.take(pa.array(accounts.kind)),
        "region": bills.regions.take(pa.array(accounts.region)),
        "tenth": pa.array(accounts.tenth + 1),
        "kwh": _decimal(accounts.energy, 6),
        "old": _decimal(accounts.old, digits),
        "new": _decimal(accounts.new, digits),
        "difference": _decimal(accounts.difference, digits),
        "not_rated": pa.array(accounts.left_out),
    }
    for i, month in enumerate(accounts.months.tolist()):
        mask = ~accounts.billed[:, i]
        columns[month_text(month)] = _decimal(accounts.by_month[:, i], digits, mask)
    return pa.table(columns)


def _decimal(values: Ints, digits: int, mask: Mask | None = None) -> pa.Array:
    """Whole numbers of 10^-digits as decimals, for printing."""
    limbs = np.empty((len(values), 2), np.int64)
    limbs[:, 0], limbs[:, 1] = values, values >> 63
    there = pa.array(np.ones(len(values), bool) if mask is None else ~mask)
    valid = pa.py_buffer(np.packbits(np.asarray(there), bitorder="little").tobytes())
    return pa.Array.from_buffers(
        pa.decimal128(38, digits), len(values), [valid, pa.py_buffer(limbs)]
    )
