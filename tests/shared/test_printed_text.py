"""Text from a file or a stranger, made safe to print."""

from gridtally.delivery import what_if
from gridtally.plain import clean, cleaned

TURNED = "\u202ey"


def test_one_line_that_stays_one():
    """What controls a terminal, ends a line or turns the writing is seen, and does nothing."""
    assert (
        clean("a\nb\u2028c\x1b[31m\u009b\u202ed\ud800")
        == "a\ufffdb\ufffdc\ufffd[31m\ufffd\ufffdd\ufffd"
    )
    assert clean("a\nb\u2028c\x1b[31m") == "a\ufffdb\ufffdc\ufffd[31m"
    assert clean("\u009b\u202ed\ud800") == "\ufffd\ufffdd\ufffd"
    assert clean("a\nb\t", lines=True) == "a\nb\ufffd"
    assert clean("居民 é 😀") == "居民 é 😀"


def test_every_text_of_a_value():
    """Within lists and tables; numbers and keys are as they were."""
    assert cleaned({"a": [TURNED, 1, None], "b": {"c": "ok"}}) == {
        "a": ["\ufffdy", 1, None], "b": {"c": "ok"},
    }  # fmt: skip


def group(name):
    sides = {"accounts": 1, "amount": "-1.00"}
    return {"name": name, "accounts": 1, "winners": sides, "losers": sides, "unchanged": 0,
            "old": "1.00", "new": "0.00", "difference": "-1.00", "percent": None,
            "median": "-1.00", "kwh_from": "1", "kwh_to": "2"}  # fmt: skip


def test_the_report_of_a_what_if():
    """A title and a region that turn the writing do not on the page, nor in its charts."""
    said = {
        "tariff": {"id": "t", "digest": "d", "title": TURNED, "currency": "EUR", "source": TURNED},
        "compared_with": ["a"], "from": "2026-01-01", "to": "2026-02-01",
        "bill_segments": {"chosen": 1, "rated": 0, "not_rated": 1, "determined_again": 0,
                          "without_amount": 0, "partly_in_range": 0},
        "accounts": {"chosen": 1, "compared": 0, "partly": 0, "not_rated": 1},
        "histogram": {"bins": []}, "by_segment": [group(TURNED)], "by_month": [],
        "not_rated": [], "assumptions": [TURNED],
    }  # fmt: skip
    for page in (what_if.render(said), what_if.charts(said)):
        assert "\u202e" not in page
    assert "\ufffdy" in what_if.render(said)
