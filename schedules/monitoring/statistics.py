"""Probability of a count, given the counts of earlier runs (crawls of a site), under a beta-binomial model.

The share of each run varies around a usual share, and its count is binomial with that share. Neither the usual share
nor the spread between runs is known. Probabilities are therefore averaged over both, weighted by their likelihood given
the earlier runs. With few or dissimilar runs the results are cautious, and no threshold needs tuning.

SciPy has the two distributions but not this average, and is too large a dependency for two short functions.
"""

from collections.abc import Iterator, Sequence
from math import atan, cos, exp, lgamma, log, pi, sqrt

#: Successes and trials of one run.
Count = tuple[int, int]
#: Prior count of a column that nearly every page has, used before the first run.
NEARLY_ALWAYS: Count = (38, 40)
#: Prior count of values that should not occur.
NEARLY_NEVER: Count = (0, 1_000)

# Concentrations of the beta distribution between runs, as an equivalent number of stories, with their prior weights. A
# low concentration, with shares that differ much between runs, is unlikely.
_CONCENTRATIONS = ((3, 1e-8), (10, 1e-5), (30, 1.0), (100, 1.0), (300, 1.0), (1_000, 1.0), (3_000, 1.0), (10_000, 1.0))
_GRID_POINTS, _GRID_REACH = 24, 5.0  # grid of usual shares; the reach is in standard deviations
_MIN_WEIGHT = 1e-12
# Prior of the ratios between runs: a standard deviation of a factor of 1.5, with the weight of 8 runs.
_PRIOR_SD, _PRIOR_RUNS = 0.4, 8
_SIMPSON_STEPS = 400


def p_value_low(now: Count, before: Sequence[Count]) -> float:
    """Return the probability of a count as low as ``now`` or lower, given the counts of earlier runs.

    A count is (successes, trials). The result is 1 without earlier counts.
    """
    k, n = now
    before = [count for count in before if count[1]]
    if not n or not before or not _is_low(now, before):
        return 1.0
    return min(1.0, sum(weight * betabinom_cdf(k, n, a, b) for weight, a, b in _posterior(before)))


def p_value_high(now: Count, before: Sequence[Count]) -> float:
    """Return the probability of a count as high as ``now`` or higher, given the counts of earlier runs.

    A count is (successes, trials). The result is 1 without earlier counts.
    """
    return p_value_low((now[1] - now[0], now[1]), [(n - k, n) for k, n in before])


def p_value_ratio(now: float, before: Sequence[float], direction: int) -> float:
    """Return the probability of a positive number as extreme as ``now``, given earlier numbers.

    Extreme means at least as great if ``direction`` is 1, and at least as small if it is -1. This is a t-test on the
    logarithms of the numbers. A prior stabilises the variance while there are few numbers.
    """
    if not before or now <= 0:
        return 1.0
    logs = [log(number) for number in before]
    mean = sum(logs) / len(logs)
    freedom = _PRIOR_RUNS + len(logs) - 1
    variance = (_PRIOR_RUNS * _PRIOR_SD**2 + sum((number - mean) ** 2 for number in logs)) / freedom
    t = direction * (log(now) - mean) / sqrt(variance * (1 + 1 / len(logs)))
    return student_t_sf(t, freedom) if t > 0 else 1.0


def bayes_factor(now: Count, before: Count, broken: Count) -> float:
    """Return the likelihood of a count under the share ``before``, divided by that under the share ``broken``.

    A high factor is evidence that a broken share has recovered. A count is (successes, trials).
    """
    k, n = now
    (a, b), (c, d) = (_limited(k + 0.5, n - k + 0.5) for k, n in (before, broken))
    return exp(min(700.0, _log_likelihood(k, n, a, b) - _log_likelihood(k, n, c, d)))


def pooled(counts: Sequence[Count]) -> Count:
    return sum(k for k, _ in counts), sum(n for _, n in counts)


def share(count: Count) -> float:
    """Return the share of successes in a count (successes, trials), or 0 if there are no trials."""
    return count[0] / count[1] if count[1] else 0.0


def betabinom_cdf(k: int, n: int, a: float, b: float) -> float:
    """Return the probability of at most k successes in n trials under a beta-binomial distribution.

    The terms are summed downwards from k until they are negligible.
    """
    term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + _log_likelihood(k, n, a, b))
    total = 0.0
    for j in range(k, -1, -1):
        total += term
        if a > 1 and term < total * 1e-6:
            break
        if j:
            term *= j * (n - j + b) / ((n - j + 1) * (j - 1 + a))
    return total


def student_t_sf(t: float, freedom: int) -> float:
    """Return the probability of a value above t under Student's t-distribution with ``freedom`` degrees of freedom.

    The substitution of t by the tangent of an angle makes the limits of the integral finite. The integral is then
    computed by Simpson's rule.
    """
    begin = atan(t / sqrt(freedom))
    step = (pi / 2 - begin) / _SIMPSON_STEPS
    heights = [cos(begin + index * step) ** (freedom - 1) for index in range(_SIMPSON_STEPS + 1)]
    area = (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2])) * step / 3
    return exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi) * area


def _limited(a: float, b: float, max_stories: float = 30.0) -> tuple[float, float]:
    """Scale down the parameters (a, b) of a beta distribution so that their sum is at most ``max_stories``.

    The mean stays the same. The distribution is then at least as wide as the usual spread between runs.
    """
    factor = min(1.0, max_stories / (a + b))
    return a * factor, b * factor


def _is_low(now: Count, before: Sequence[Count]) -> bool:
    """Return True if a count may be significantly low; this fast test precedes the exact one.

    The exact probability is never below the binomial probability with the pooled share, which is approximated here.
    """
    (k, n), usual = now, share(pooled(before))
    if k >= n * usual:
        return False
    return k < n * usual - 2.5 * sqrt(n * usual * (1 - usual)) or (k == 0 and n * usual > 1)


def _posterior(before: Sequence[Count]) -> list[tuple[float, float, float]]:
    """Return the posterior distribution of the parameters of a beta-binomial, as a list of (weight, a, b) on a grid.

    Each entry stands for one mean ``a / (a + b)`` and one concentration ``a + b``, which is high if runs vary little.
    """
    fits = []
    for concentration, prior in _CONCENTRATIONS:
        for usual, step in _grid(before, concentration):
            a, b = usual * concentration, (1 - usual) * concentration
            fit = sum(_log_likelihood(k, n, a, b) for k, n in before)
            fits.append((fit + log(prior) + log(step) + 0.5 * log(usual * (1 - usual)), a, b))
    best = max(fit for fit, _, _ in fits)
    total = sum(exp(fit - best) for fit, _, _ in fits)
    weights = ((exp(fit - best) / total, a, b) for fit, a, b in fits)
    return [entry for entry in weights if entry[0] > _MIN_WEIGHT]


def _grid(before: Sequence[Count], concentration: float) -> Iterator[tuple[float, float]]:
    """Yield (share, step) for a grid of shares around the pooled share of the counts.

    The shares are evenly spaced in log-odds, and ``step`` is the distance in log-odds.
    """
    k, n = pooled(before)
    usual = (k + 0.5) / (n + 1)
    spread = sqrt(1 / (k + 0.5) + 1 / (n - k + 0.5) + 1 / (len(before) * usual * (1 - usual) * (concentration + 1)))
    centre, step = log(usual / (1 - usual)), 2 * _GRID_REACH * spread / (_GRID_POINTS - 1)
    for index in range(_GRID_POINTS):
        log_odds = centre - _GRID_REACH * spread + index * step
        if -25 < log_odds < 25:
            yield 1 / (1 + exp(-log_odds)), step


def _log_likelihood(k: int, n: int, a: float, b: float) -> float:
    return lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b) + lgamma(a + b) - lgamma(a) - lgamma(b)
