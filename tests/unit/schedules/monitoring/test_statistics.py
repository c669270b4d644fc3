"""P-values of counts given those of earlier runs, and the distributions behind them."""

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
STEADY = [(194, 200), (196, 200), (191, 200), (195, 200), (193, 200)] * 3
RARE = [(36, 200), (31, 200), (40, 200), (37, 200), (35, 200)] * 3
RESTLESS = [(190, 200), (20, 200), (150, 200), (60, 200), (199, 200)] * 3


@pytest.mark.parametrize(
    ("now", "before", "is_one"),
    [((0, 12), [(2970, 3000)], True), ((0, 3), [(2970, 3000)], False), ((2, 180), STEADY, True),
     ((90, 180), STEADY, True), ((170, 180), STEADY, False), ((174, 180), STEADY, False), ((0, 180), RARE, True),
     ((0, 12), RARE, False), ((25, 180), RARE, False), ((36, 400), RARE, False), ((0, 180), RESTLESS, False),
     ((90, 180), RESTLESS, False), ((90, 180), [(200, 200)] * 5, True), ((0, 0), STEADY, False), ((0, 12), [], False),
     ((0, 12), [(0, 0)], False), ((0, 12), [(0, 3000)], False)],
)  # fmt: skip
def test_low_count_is_significant(now: Count, before: Sequence[Count], is_one: bool) -> None:
    assert (p_value_low(now, before) < ONE_IN_A_MILLION) is is_one


def test_high_count_mirrors_low_count() -> None:
    few = [(n - k, n) for k, n in STEADY]
    assert p_value_high((178, 180), few) == p_value_low((2, 180), STEADY) < ONE_IN_A_MILLION
    assert p_value_high((6, 180), few) > 0.05


def test_fewer_runs_give_more_caution() -> None:
    chances = [p_value_low((90, 180), STEADY[:nights]) for nights in (1, 2, 5, 15)]
    assert chances == sorted(chances, reverse=True)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_betabinom_cdf_matches_polyas_urn(k: int, more: int, a: int, b: int) -> None:
    n = k + more
    # With whole parameters the distribution can be counted.
    ways = [comb(a + j - 1, j) * comb(b + n - j - 1, n - j) for j in range(n + 1)]
    assert isclose(betabinom_cdf(k, n, a, b), sum(ways[: k + 1]) / sum(ways), rel_tol=1e-4)


def test_sound_runs_are_rarely_significant() -> None:
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


def test_bayes_factor_recognises_recovery() -> None:
    assert bayes_factor((1, 1), (970, 1000), (2, 180)) > 20
    assert bayes_factor((3, 3), (970, 1000), (90, 180)) < 20
    assert bayes_factor((10, 10), (970, 1000), (90, 180)) > 20
    assert bayes_factor((0, 3), (970, 1000), (2, 180)) < 1


# From printed tables.
@pytest.mark.parametrize(
    ("t", "freedom", "tail"),
    [(6.314, 1, 0.05), (2.920, 2, 0.05), (2.228, 10, 0.025), (3.169, 10, 0.005), (4.587, 10, 5e-4), (3.646, 30, 5e-4)],
)
def test_student_t_sf_matches_tables(t: float, freedom: int, tail: float) -> None:
    assert student_t_sf(t, freedom) == pytest.approx(tail, rel=2e-3)


STEADY_PACE = [0.92, 0.95, 0.9, 0.97, 0.93, 0.91, 0.96] * 2


@pytest.mark.parametrize(
    ("now", "before", "direction", "is_one"),
    [(0.6, STEADY_PACE, -1, False), (0.09, STEADY_PACE, -1, True), (9.0, STEADY_PACE, -1, False),
     (9.0, STEADY_PACE, 1, True), (0.09, STEADY_PACE[:2], -1, False),
     (0.09, [0.9, 0.1, 5.0, 0.02, 1.0] * 3, -1, False), (0.09, [], -1, False)],
)  # fmt: skip
def test_ratio_is_significant_when_several_times_worse(
    now: float, before: list[float], direction: int, is_one: bool
) -> None:
    assert (p_value_ratio(now, before, direction) < 1e-4) is is_one
