"""Thousands of charging sessions by chance: both raters give the same bill, or the same hold."""

import random

import pytest
from session_world import any_session, any_tariff, rated

from gridtally.errors import InvalidDocument


@pytest.mark.parametrize("seed", range(8))
def test_both_raters_agree(seed):
    """50 tariffs x 8 sessions per seed: every line, tax, total and hold is the same."""
    dice = random.Random(seed)
    bills = holds = refused = 0
    for _ in range(50):
        sessions = [any_session(dice, name=f"S{n}") for n in range(8)]
        try:
            answer = rated(any_tariff(dice), sessions)
        except InvalidDocument:
            refused += 1
            continue
        bills += len(answer["bills"])
        holds += len(answer["findings"])
    assert bills > 120
    assert holds
    assert refused < 15
