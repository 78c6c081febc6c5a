"""Before step 1: when energy is used: tables of hours and months, in percent or permille."""

from __future__ import annotations

__all__ = ["FACTORY", "HOME", "LAZY", "SEASON", "SHOP", "SHOP_SEASON", "SUN", "WARMTH"]

Day = tuple[int, ...]


def _row(text: str) -> Day:
    return tuple(int(word) for word in text.split())


_FAMILY = _row("45 40 38 37 38 50 95 140 110 75 70 75 95 85 75 80 95 130 175 205 195 165 115 70")
_RETIRED = _row(
    "55 50 48 47 48 52 70 105 130 125 115 125 150 125 105 100 105 120 145 160 145 120 90 65"
)
HOME = {
    "family": _FAMILY,
    "couple": _row(
        "50 42 40 39 40 55 105 130 90 60 55 60 75 65 58 60 75 125 190 220 200 170 125 80"
    ),
    "retired": _RETIRED,
    "night-owl": _row(
        "140 125 110 85 60 48 45 50 60 65 75 95 110 100 90 90 95 110 130 150 155 160 170 160"
    ),
    "student": _row(
        "110 80 55 45 40 40 55 85 90 80 80 90 110 95 85 85 95 120 150 170 175 180 170 145"
    ),
    "second-home": _RETIRED,
}
"""A weekday's hours by habit [percent of the mean load]."""
LAZY = _row(
    "118 115 108 104 100 82 62 70 95 120 130 128 125 122 115 110 105 100 100 98 98 100 108 116"
)
"""How a weekend changes a home's hours [percent]."""
SEASON = _row("118 114 106 99 94 92 93 90 94 100 109 119")
"""Light and cooking over the months [percent]."""
WARMTH = _row("70 65 62 62 66 80 120 140 120 95 85 80 80 80 85 90 105 125 145 150 145 130 105 85")
"""When a home is heated [percent]."""
SUN = tuple(
    _row(text)
    for text in (
        "0 0 0 0 0 0 0 0 60 190 320 400 420 390 300 170 50 0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 20 150 310 450 530 550 510 410 270 120 10 0 0 0 0 0 0",
        "0 0 0 0 0 0 10 110 280 450 580 650 660 610 500 350 190 60 0 0 0 0 0 0",
        "0 0 0 0 0 0 30 140 310 490 630 720 750 720 630 490 320 150 40 0 0 0 0 0",
        "0 0 0 0 0 0 70 200 380 560 690 780 810 780 700 560 390 220 80 10 0 0 0 0",
        "0 0 0 0 0 10 90 220 400 580 720 810 840 820 730 600 430 260 110 20 0 0 0 0",
        "0 0 0 0 0 0 80 220 410 600 750 840 870 850 760 620 450 270 110 20 0 0 0 0",
        "0 0 0 0 0 0 40 170 360 550 700 800 830 800 700 550 370 190 60 0 0 0 0 0",
        "0 0 0 0 0 0 20 120 290 470 610 690 710 670 560 400 230 80 10 0 0 0 0 0",
        "0 0 0 0 0 0 0 70 220 380 500 570 580 530 420 270 110 10 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 20 130 270 390 450 450 400 290 150 30 0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 0 70 200 320 380 390 350 250 120 20 0 0 0 0 0 0 0",
    )
)
"""What a clear day's sun gives of the panels' power, by month and hour [permille]."""


def _open(first: int, after: int, level: int = 100, idle: int = 18) -> Day:
    """A day's shape: `level` in the hours first..after-1, half of it beside them, else `idle`."""
    near = {first - 1, after}
    return tuple(
        level if first <= h < after else max(idle, level // 2) if h in near else idle
        for h in range(24)
    )


_CLOSED = (16,) * 24
SHOP: dict[str, tuple[Day, Day, Day]] = {
    "grocery": (_open(8, 21, 150, 70), _open(8, 21, 165, 70), _open(9, 14, 140, 70)),
    "restaurant": (_open(11, 23, 160, 35), _open(11, 24, 200, 35), _open(11, 22, 180, 35)),
    "bakery": (_open(3, 13, 180, 25), _open(3, 13, 200, 25), _open(4, 12, 170, 25)),
    "office": (_open(8, 18, 190, 30), _CLOSED, _CLOSED),
    "hotel": (_open(6, 23, 120, 75), _open(7, 24, 130, 80), _open(7, 23, 120, 75)),
    "cold-store": (_open(6, 18, 115, 90), _open(0, 24, 95, 90), _open(0, 24, 92, 90)),
    "kiosk": (_open(10, 19, 160, 12), _open(10, 20, 190, 12), _open(10, 20, 190, 12)),
    "school": (_open(7, 17, 200, 22), _CLOSED, _CLOSED),
}
"""Weekday, Saturday, Sunday by trade [percent of the mean load]."""
_LEVEL = (100,) * 12
SHOP_SEASON = dict.fromkeys(SHOP, _LEVEL) | {
    "kiosk": (9, 9, 14, 40, 75, 150, 200, 210, 130, 25, 10, 9),
    "hotel": (70, 75, 85, 100, 110, 125, 140, 150, 125, 100, 80, 75),
    "school": (112, 112, 105, 100, 98, 92, 60, 45, 95, 102, 108, 108),
}
"""By trade and month [percent]."""
FACTORY: dict[str, tuple[Day, Day, Day]] = {
    "one-shift": (_open(7, 16, 92, 9), _CLOSED, (8,) * 24),
    "two-shifts": (_open(6, 22, 90, 12), _open(6, 14, 70, 11), (9,) * 24),
    "three-shifts": ((88,) * 24, (84,) * 24, (70,) * 24),
}
"""Weekday, Saturday, Sunday by shifts [percent of the highest load]."""
