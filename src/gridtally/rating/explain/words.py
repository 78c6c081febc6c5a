"""After step 7: a difference in words, the largest reasons first, and its few labels."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gridtally.money import minor_digits
from gridtally.plain import clean
from gridtally.rating.explain.effects import EFFECTS

__all__ = ["LABELS", "money", "reasons", "sentence"]

Told = Mapping[str, Any]
_MOST = 3
_REST = {"en": "all else", "zh": "其余"}
LABELS = {
    "en": {
        "before": "before", "after": "after", "days": "days", "usage": "usage",
        "feed_in": "fed in", "hours": "hours",
        "tier_shift": "tiers", "demand": "demand", "power_factor": "power factor",
        "price": "price", "estimate": "estimates", "adjustment": "corrections",
        "came_or_went": "came or went", "rounding": "rounding", "total": "total",
        "component": "component",
    },
    "zh": {
        "before": "原账单", "after": "新账单", "days": "天数", "usage": "用电量",
        "feed_in": "上网电量", "hours": "用电时段", "tier_shift": "阶梯", "demand": "需量",
        "power_factor": "功率因数", "price": "价格", "estimate": "估读更正",
        "adjustment": "退补", "came_or_went": "项目增减", "rounding": "尾差",
        "total": "合计", "component": "项目",
    },
}  # fmt: skip
"""What effects are called in tables and pictures."""

_PLAIN = {
    "en": {
        "days": "other days", "usage": "other usage",
        "feed_in": "another amount fed in",
        "hours": "usage at other hours", "tier_shift": "usage in other tiers",
        "demand": "another demand", "power_factor": "another power factor",
        "price": "other prices", "estimate": "readings in place of estimates",
        "adjustment": "corrections of other bills", "came_or_went": "charges that came or went",
        "rounding": "rounding",
    },
    "zh": {
        "days": "计费天数不同", "usage": "用电量不同", "feed_in": "上网电量不同",
        "hours": "用电时段不同", "tier_shift": "用电落入的阶梯不同", "demand": "需量不同",
        "power_factor": "功率因数不同", "price": "价格不同", "estimate": "实抄示数代替估读",
        "adjustment": "其他账单的退补",
        "came_or_went": "收费项目增减", "rounding": "尾差",
    },
}  # fmt: skip
_WITH_FACTS = {
    "en": {
        "days": "{1} instead of {0} days", "usage": "{1} instead of {0} kWh a day",
        "feed_in": "{1} instead of {0} kWh a day fed in",
        "demand": "a demand of {1} instead of {0} kW",
        "power_factor": "a power factor of {1} instead of {0}",
    },
    "zh": {
        "days": "计费天数由 {0} 天变为 {1} 天", "usage": "日均用电由 {0} 千瓦时变为 {1} 千瓦时",
        "feed_in": "日均上网电量由 {0} 千瓦时变为 {1} 千瓦时",
        "demand": "需量由 {0} 千瓦变为 {1} 千瓦", "power_factor": "功率因数由 {0} 变为 {1}",
    },
}  # fmt: skip


def money(amount: str | Decimal, currency: str, *, signed: bool = False) -> str:
    """`-5.7` -> `-5.70`: the currency's places, and more where an amount keeps more."""
    value = Decimal(amount)
    places = max(-value.as_tuple().exponent, minor_digits(currency or "EUR"))  # type: ignore[operator]
    return f"{value:+,.{places}f}" if signed else f"{value:,.{places}f}"


def reasons(told: Told) -> list[dict[str, str]]:
    """The effects that are not zero, the largest first, each with its cause in words."""
    total = {name: Decimal(told["total"][name]) for name in EFFECTS}
    order = sorted(
        (name for name in EFFECTS if total[name]),
        key=lambda name: (-abs(total[name]), EFFECTS.index(name)),
    )
    return [
        {"effect": name, "amount": told["total"][name]}
        | {language: _because(name, told, language) for language in ("en", "zh")}
        for name in order
    ]


def _because(name: str, told: Told, language: str) -> str:
    if name == "came_or_went":
        return _came(told, language)
    pair = told["facts"].get(name, (None, None))
    template = _WITH_FACTS[language].get(name)
    if template and None not in pair and pair[0] != pair[1]:
        return template.format(*pair)
    return _PLAIN[language][name]


def _came(told: Told, language: str) -> str:
    """`the new levy, and discount, which is gone`."""
    titles = {part["component"]: _word(part["title"], language) for part in told["components"]}
    between = "、" if language == "zh" else ", "
    words = {"came": ("the new {}", "新增 {}"), "went": ("what is gone ({})", "取消 {}")}
    parts = [
        pair[language == "zh"].format(between.join(titles.get(id_, id_) for id_ in names))
        for key, pair in words.items()
        if (names := told["facts"][key])
    ]
    return (between if language == "zh" else ", and ").join(parts) or _PLAIN[language][
        "came_or_went"
    ]


def _word(title: object, language: str) -> str:
    if isinstance(title, Mapping):
        title = title.get(language) or title.get("en") or next(iter(title.values()))
    return clean(title)


def sentence(told: Told, language: str = "en") -> str:
    """Why, with the three largest reasons; what is smaller is summed."""
    currency = told["currency"] or ""
    change = Decimal(told["total"]["after"]) - Decimal(told["total"]["before"])
    found = reasons(told)
    parts = [(Decimal(one["amount"]), one[language]) for one in found]
    if len(parts) > _MOST:
        rest = sum((amount for amount, _ in parts[_MOST:]), Decimal(0))
        parts = [*parts[:_MOST], (rest, _REST[language])]
    size = f"{money(abs(change), currency)} {currency}".strip()
    write = _english if language == "en" else _chinese
    return write(told, change, size, [(money(a, currency, signed=True), w) for a, w in parts])


def _english(told: Told, change: Decimal, size: str, parts: list[tuple[str, str]]) -> str:
    names = f"{told['after']} is", f"than {told['before']}"
    if told["after"] == told["before"]:
        names = f"{told['after']}, made anew, is", "than it was"
    if not change:
        same = "it was" if told["after"] == told["before"] else told["before"]
        head = f"{names[0]} as high as {same}"
    else:
        head = f"{names[0]} {size} {'higher' if change > 0 else 'lower'} {names[1]}"
    told_parts = [
        f"{amount} for all else" if why == _REST["en"] else f"{amount} because of {why}"
        for amount, why in parts
    ]
    return head + _tail(told_parts, ": ", ", ", ".") + _estimated(told, " {1} instead of {0} kWh "
        "of what was used are estimated.")  # fmt: skip


def _chinese(told: Told, change: Decimal, size: str, parts: list[tuple[str, str]]) -> str:
    same = told["after"] == told["before"]
    other = "原账单" if same else told["before"]
    which = f"账单 {told['after']}{' 重算后' if same else ''}"
    if not change:
        head = f"{which} 与 {other} 金额相同"
    else:
        head = f"{which} 比 {other} {'多' if change > 0 else '少'} {size}"
    text = head + _tail([f"{why} {amount}" for amount, why in parts], "：", "，", "。")
    return text + _estimated(told, "估计电量由 {0} 千瓦时变为 {1} 千瓦时。")


def _estimated(told: Told, template: str) -> str:
    """How much of the energy rests on estimates, where that is not the same."""
    before, after = told["facts"]["estimated"]
    return "" if before == after else template.format(before, after)


def _tail(parts: list[str], colon: str, comma: str, stop: str) -> str:
    return (colon + comma.join(parts) if parts else "") + stop
