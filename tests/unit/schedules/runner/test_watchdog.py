"""The watchdog: a run that hangs is killed in time, and one that works or publishes is not."""

from bisect import bisect
from collections.abc import Callable
from itertools import accumulate

import pytest
from hypothesis import strategies as st

from schedules.runner import watchdog
from schedules.runner.watchdog import (
    CLOSE_SECONDS,
    EXIT_SECONDS,
    MAX_STEP_SECONDS,
    PUBLISH_SECONDS,
    START_SECONDS,
    Watchdog,
)
from tests.support.properties import examples, holds

#: Heartbeat and state of a run at an age.
Run = Callable[[float], tuple[str | None, str]]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watchdog, "monotonic", clock)
    return clock


def watch(clock: Clock, dog: Watchdog, run: Run, seconds: int) -> tuple[int, str] | None:
    """Check a run once a second; return its age and the reason when it was to be killed."""
    for age in range(1, seconds + 1):
        clock.now += 1
        if reason := dog.check(*run(age)):
            return age, reason
    return None


def crawling(age: float) -> tuple[str | None, str]:
    return str(age), "crawling"


def publishing(age: float) -> tuple[str | None, str]:
    return "the same", "publishing"


def gone_after_ten(age: float) -> tuple[str | None, str]:
    return (str(age), "crawling") if age <= 10 else (None, "crawling")


@pytest.mark.parametrize(
    ("run", "time_limit", "killed"),
    [
        (crawling, 0, None),
        (crawling, 60, (60 + CLOSE_SECONDS + 1, "overdue")),
        (lambda age: ("the same", "crawling"), 0, (32, "stalled")),
        (publishing, 60, (PUBLISH_SECONDS + 2, "stalled")),
        (lambda age: (None, "crawling"), 0, (START_SECONDS + 1, "stalled")),
        (gone_after_ten, 0, (10 + EXIT_SECONDS + 2, "stalled")),
    ],
    ids=["endless", "overdue", "hanging", "publishing", "no heartbeat yet", "no heartbeat any more"],
)
def test_hanging_run_is_killed(clock: Clock, run: Run, time_limit: float, killed: tuple[int, str] | None) -> None:
    found = watch(clock, Watchdog(stall_seconds=30, shutdown_seconds=5, time_limit=time_limit), run, 2_000)
    assert found == killed


def check_gaps(gaps: list[int]) -> None:
    """Check a run whose heartbeats follow each other after these seconds; the first is the first sign of life."""
    beats = list(accumulate(gaps))
    patch, clock = pytest.MonkeyPatch(), Clock()
    patch.setattr(watchdog, "monotonic", clock)
    try:
        dog = Watchdog(stall_seconds=30, shutdown_seconds=5, time_limit=0)
        found = watch(clock, dog, lambda age: (str(bisect(beats, age)) if age >= beats[0] else None, "crawling"), 400)
    finally:
        patch.undo()
    limits = [START_SECONDS, *[30] * (len(gaps) - 1)]
    late = next((index for index, (gap, limit) in enumerate(zip(gaps, limits, strict=True)) if gap > limit + 1), None)
    if late is not None:
        assert found is not None
        assert found[1] == "stalled"
        assert 0 <= found[0] - (beats[late] - gaps[late]) - limits[late] <= 2
    else:
        assert found is None or found[0] > beats[-1] + 30


@examples
def test_only_silent_run_is_killed(examples: int) -> None:
    holds(check_gaps, st.lists(st.integers(1, 70), min_size=1, max_size=5), examples=examples)


@pytest.mark.parametrize(("signals", "seconds"), [(1, 9), (2, 3)])
def test_stopped_run_is_killed_within_seconds(clock: Clock, signals: int, seconds: int) -> None:
    dog = Watchdog(stall_seconds=300, shutdown_seconds=5, time_limit=0)
    for _ in range(signals):
        dog.note_signal()
    assert watch(clock, dog, crawling, 60) == (seconds, "stopped")


def test_publishing_run_outlives_a_signal(clock: Clock) -> None:
    dog = Watchdog(stall_seconds=300, shutdown_seconds=5, time_limit=0)
    dog.note_signal()
    assert watch(clock, dog, publishing, 300) is None


def test_suspended_machine_is_no_stall(clock: Clock) -> None:
    dog = Watchdog(stall_seconds=30, shutdown_seconds=5, time_limit=0)
    for _ in range(5):
        clock.now += 8 * 3600
        assert dog.check("the same", "crawling") is None
    assert 5 * MAX_STEP_SECONDS < 30
