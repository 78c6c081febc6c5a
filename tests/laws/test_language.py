"""The law of the two raters over the whole tariff language: terms, series, events and every shape.

A seed that fails is its own reproduction: `case_raters.disagreements(*a_story(Random(seed)))`.
"""

import random
from collections import Counter

import pytest
from case_raters import disagreements
from hypothesis import given, settings
from hypothesis import strategies as st
from random_language import a_story

from gridtally.errors import InvalidDocument
from gridtally.rating.reference import rate_case


def said(seed):
    """The held code, `rated` or `refused`, and what the raters say differently."""
    case, tariffs = a_story(random.Random(seed))
    answer = rate_case(case, tariffs)
    code = answer["findings"][0]["code"] if answer["findings"] else "rated"
    try:
        found = disagreements(case, tariffs)
    except InvalidDocument as refused:
        return "refused", [] if code == "rating.tariff.invalid" else [str(refused)]
    return code, found


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**40))
def test_both_raters_say_the_same(seed):
    """The same lines, totals, carry, the same held, the same refused."""
    assert said(seed)[1] == []


@pytest.mark.slow
def test_the_law_of_the_language_is_not_empty():
    """Of some fixed stories most are rated, some held."""
    seen = Counter(said(seed)[0] for seed in range(40))
    assert seen["rated"] > 20
    assert sum(seen.values()) - seen["rated"] > 5
