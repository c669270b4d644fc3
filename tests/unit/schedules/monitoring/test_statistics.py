"""Odds: how likely a count is after what was counted before."""

from collections.abc import Sequence
from math import comb, isclose
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.monitoring.statistics import (
    Count,
    bayes_factor,
    betabinom_cdf,
    p_value_high,
    p_value_low,
    p_value_ratio,
    student_t_sf,
)

ONE_IN_A_MILLION = 1e-6
# By chance, as a coin would fall.
STEADY = [(194, 200), (196, 200), (191, 200), (195, 200), (193, 200)] * 3
RARE = [(36, 200), (31, 200), (40, 200), (37, 200), (35, 200)] * 3
RESTLESS = [(190, 200), (20, 200), (150, 200), (60, 200), (199, 200)] * 3


@pytest.mark.parametrize(
    ("now", "before", "is_one"),
    [
        ((0, 12), [(2970, 3000)], True),
        ((0, 3), [(2970, 3000)], False),
        ((2, 180), STEADY, True),
        ((90, 180), STEADY, True),
        ((170, 180), STEADY, False),
        ((174, 180), STEADY, False),
        ((0, 180), RARE, True),
        ((0, 12), RARE, False),
        ((25, 180), RARE, False),
        ((36, 400), RARE, False),
        # Where any share was seen before, none is strange.
        ((0, 180), RESTLESS, False),
        ((90, 180), RESTLESS, False),
        ((90, 180), [(200, 200)] * 5, True),
        ((0, 0), STEADY, False),
        ((0, 12), [], False),
        ((0, 12), [(0, 0)], False),
        ((0, 12), [(0, 3000)], False),
    ],
)
def test_too_few_is_what_the_runs_before_do_not_explain(now: Count, before: Sequence[Count], is_one: bool) -> None:
    assert (p_value_low(now, before) < ONE_IN_A_MILLION) is is_one


def test_too_many_is_too_few_of_the_others() -> None:
    few = [(n - k, n) for k, n in STEADY]
    assert p_value_high((178, 180), few) == p_value_low((2, 180), STEADY) < ONE_IN_A_MILLION
    assert p_value_high((6, 180), few) > 0.05


def test_a_second_night_is_judged_with_more_care_than_a_fifteenth() -> None:
    chances = [p_value_low((90, 180), STEADY[:nights]) for nights in (1, 2, 5, 15)]
    assert chances == sorted(chances, reverse=True)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_the_tail_is_the_sum_of_its_terms(k: int, more: int, a: int, b: int) -> None:
    n = k + more
    # Polya's urn: with whole numbers, the law is a matter of counting.
    ways = [comb(a + j - 1, j) * comb(b + n - j - 1, n - j) for j in range(n + 1)]
    assert isclose(betabinom_cdf(k, n, a, b), sum(ways[: k + 1]) / sum(ways), rel_tol=1e-4)


def test_runs_that_are_as_always_are_as_unlikely_as_they_say_and_no_more() -> None:
    chance = Random(1)
    unlikely = 0
    for _ in range(400):
        usual, closeness = chance.uniform(0.05, 0.98), chance.choice((40, 300, 3000))
        runs = []
        for _ in range(11):
            share, n = chance.betavariate(usual * closeness, (1 - usual) * closeness), chance.choice((5, 40, 200))
            runs.append((sum(chance.random() < share for _ in range(n)), n))
        unlikely += p_value_low(runs[0], runs[1:]) < 0.01
    assert unlikely <= 12, "one in a hundred would be 4"


def test_what_is_back_is_told_from_what_is_still_gone() -> None:
    assert bayes_factor((1, 1), (970, 1000), (2, 180)) > 20
    assert bayes_factor((3, 3), (970, 1000), (90, 180)) < 20
    assert bayes_factor((10, 10), (970, 1000), (90, 180)) > 20
    assert bayes_factor((0, 3), (970, 1000), (2, 180)) < 1


# From tables of Student's law.
@pytest.mark.parametrize(
    ("t", "freedom", "tail"),
    [
        (6.314, 1, 0.05),
        (2.920, 2, 0.05),
        (2.228, 10, 0.025),
        (3.169, 10, 0.005),
        (4.587, 10, 0.0005),
        (3.646, 30, 0.0005),
    ],
)
def test_students_law_is_that_of_the_tables(t: float, freedom: int, tail: float) -> None:
    assert student_t_sf(t, freedom) == pytest.approx(tail, rel=2e-3)


STEADY_PACE = [0.92, 0.95, 0.9, 0.97, 0.93, 0.91, 0.96] * 2


@pytest.mark.parametrize(
    ("now", "before", "direction", "is_one"),
    [
        (0.6, STEADY_PACE, -1, False),
        (0.09, STEADY_PACE, -1, True),
        (9.0, STEADY_PACE, -1, False),
        (9.0, STEADY_PACE, 1, True),
        (0.09, STEADY_PACE[:2], -1, False),
        (0.09, [0.9, 0.1, 5.0, 0.02, 1.0] * 3, -1, False),
        (0.09, [], -1, False),
    ],
)
def test_a_pace_is_wrong_when_it_is_times_what_it_was(
    now: float, before: list[float], direction: int, is_one: bool
) -> None:
    assert (p_value_ratio(now, before, direction) < 1e-4) is is_one
