"""Odds: how likely a count is after what was counted before, where a share is not quite the same from run to run.

A run draws its own share from around the usual one, and its stories from that share (a beta-binomial law). Neither the
usual share nor how far runs wander from it is known: both are weighed by how well they explain the runs before, and the
answer is the mean over all of them. So few runs, or runs that differ much, make every answer careful, and nothing needs
to be set by hand.
"""

from collections.abc import Iterator, Sequence
from math import atan, cos, exp, lgamma, log, pi, sqrt

#: How many of how many, in one run.
Count = tuple[int, int]
# What a column counts for that is there on nearly every page, before any page was read.
NEARLY_ALWAYS: Count = (38, 40)

# How closely runs keep to the usual share, as a number of stories that would tell it as well, and how much we believe
# in each beforehand: that a share turns on which run it is would be news, that it wanders a little is not.
_CLOSENESS = ((3, 1e-8), (10, 1e-5), (30, 1.0), (100, 1.0), (300, 1.0), (1_000, 1.0), (3_000, 1.0), (10_000, 1.0))
_SHARES, _REACH = 24, 5.0
_NEGLIGIBLE = 1e-12


def chance_of_so_few(now: Count, before: Sequence[Count]) -> float:
    """The chance of so few, or fewer, in a run like those before; 1 where there were none before."""
    k, n = now
    before = [count for count in before if count[1]]
    if not n or not before or not _looks_few(now, before):
        return 1.0
    return min(1.0, sum(weight * _tail(k, n, a, b) for weight, a, b in _beliefs(before)))


def chance_of_so_many(now: Count, before: Sequence[Count]) -> float:
    """The chance of so many, or more, in a run like those before."""
    return chance_of_so_few((now[1] - now[0], now[1]), [(n - k, n) for k, n in before])


def usual_share(before: Sequence[Count]) -> float:
    """The share of all runs together."""
    return sum(k for k, _ in before) / (sum(n for _, n in before) or 1)


def evidence_of_return(now: Count, before: Count, broken: Count) -> float:
    """How many times better the runs of old explain a count than the broken ones do."""
    k, n = now
    (a, b), (c, d) = (_bounded(k + 0.5, n - k + 0.5) for k, n in (before, broken))
    return exp(min(700.0, _log_likelihood(k, n, a, b) - _log_likelihood(k, n, c, d)))


def chance_of_so_far_off(now: float, before: Sequence[float], direction: int) -> float:
    """The chance of a number so much greater (``direction`` 1) or smaller (-1) than those before, all above 0.

    Numbers are compared by how many times they are greater. How much they vary is told by those before, and as long as
    these are few, by what anything that is timed varies.
    """
    if not before or now <= 0:
        return 1.0
    logs = [log(number) for number in before]
    mean = sum(logs) / len(logs)
    freedom = _RUNS_BEHIND_SPREAD + len(logs) - 1
    variance = (_RUNS_BEHIND_SPREAD * _SPREAD**2 + sum((number - mean) ** 2 for number in logs)) / freedom
    off = direction * (log(now) - mean) / sqrt(variance * (1 + 1 / len(logs)))
    return _tail_of_student(off, freedom) if off > 0 else 1.0


# A factor of one and a half, worth as much as so many runs.
_SPREAD, _RUNS_BEHIND_SPREAD = 0.4, 8
_STEPS = 400


def _tail_of_student(t: float, freedom: int) -> float:
    """The chance of more than t under Student's law, by Simpson's rule over the angle."""
    begin = atan(t / sqrt(freedom))
    step = (pi / 2 - begin) / _STEPS
    heights = [cos(begin + place * step) ** (freedom - 1) for place in range(_STEPS + 1)]
    area = (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2])) * step / 3
    return exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi) * area


def _bounded(a: float, b: float, most: float = 30.0) -> tuple[float, float]:
    """The same share, known no better than any run keeps to it."""
    shrink = min(1.0, most / (a + b))
    return a * shrink, b * shrink


def _looks_few(now: Count, before: Sequence[Count]) -> bool:
    """Whether it is worth reckoning: the exact answer is never smaller than that of a share that stands still."""
    k, n = now
    share = usual_share(before)
    if k >= n * share:
        return False
    return k < n * share - 2.5 * sqrt(n * share * (1 - share)) or (k == 0 and n * share > 1)


def _beliefs(before: Sequence[Count]) -> list[tuple[float, float, float]]:
    """Usual shares and closenesses that explain the runs before: weight, and the two numbers of each beta law."""
    found = []
    for closeness, prior in _CLOSENESS:
        for share, step in _shares(before, closeness):
            a, b = share * closeness, (1 - share) * closeness
            fit = sum(_log_likelihood(k, n, a, b) for k, n in before)
            found.append((fit + log(prior) + log(step) + 0.5 * log(share * (1 - share)), a, b))
    best = max(fit for fit, _, _ in found)
    whole = sum(exp(fit - best) for fit, _, _ in found)
    weighed = ((exp(fit - best) / whole, a, b) for fit, a, b in found)
    return [belief for belief in weighed if belief[0] > _NEGLIGIBLE]


def _shares(before: Sequence[Count], closeness: float) -> Iterator[tuple[float, float]]:
    """Shares around that of all runs together, even in their log-odds, with the distance between them."""
    k, n = (sum(column) for column in zip(*before, strict=True))
    share = (k + 0.5) / (n + 1)
    spread = sqrt(1 / (k + 0.5) + 1 / (n - k + 0.5) + 1 / (len(before) * share * (1 - share) * (closeness + 1)))
    centre, step = log(share / (1 - share)), 2 * _REACH * spread / (_SHARES - 1)
    for place in range(_SHARES):
        odds = centre - _REACH * spread + place * step
        if -25 < odds < 25:
            yield 1 / (1 + exp(-odds)), step


def _log_likelihood(k: int, n: int, a: float, b: float) -> float:
    return lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b) + lgamma(a + b) - lgamma(a) - lgamma(b)


def _tail(k: int, n: int, a: float, b: float) -> float:
    """The chance of k or fewer of n."""
    term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + _log_likelihood(k, n, a, b))
    total = 0.0
    for j in range(k, -1, -1):
        total += term
        if a > 1 and term < total * 1e-6:
            break
        if j:
            term *= j * (n - j + b) / ((n - j + 1) * (j - 1 + a))
    return total
