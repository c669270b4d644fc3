"""The watchdog: a run that is past waiting for is killed in time, and one that lives or publishes is not."""

from collections.abc import Callable

import pytest

from schedules.runner import watchdog
from schedules.runner.watchdog import LONGEST_NAP, SECONDS_TO_BE_GONE, SECONDS_TO_CLOSE, SECONDS_TO_PUBLISH, Watchdog

Life = Callable[[float], tuple[str | None, str]]


class Clock:
    """A clock that is put on by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watchdog, "monotonic", clock)
    return clock


def live(clock: Clock, dog: Watchdog, life: Life, seconds: float) -> tuple[float, str] | None:
    """Look once a second at a life that gives sign and state by its age; when it was to be killed, and why."""
    for age in range(1, round(seconds) + 1):
        clock.now += 1
        if why := dog.look(*life(age)):
            return age, why
    return None


def lively(age: float) -> tuple[str | None, str]:
    return str(age), "crawling"


def still(age: float) -> tuple[str | None, str]:
    return "the same", "crawling"


def publishing(age: float) -> tuple[str | None, str]:
    return "the same", "publishing"


def silent_from_the_start(age: float) -> tuple[str | None, str]:
    return None, "crawling"


def gone_after_ten(age: float) -> tuple[str | None, str]:
    return (str(age), "crawling") if age <= 10 else (None, "crawling")


@pytest.mark.parametrize(
    ("life", "time_limit", "killed"),
    [
        (lively, 0, None),
        (lively, 60, (60 + SECONDS_TO_CLOSE + 1, "overdue")),
        (still, 0, (32, "stalled")),
        (publishing, 60, (SECONDS_TO_PUBLISH + 2, "stalled")),
        (silent_from_the_start, 0, (SECONDS_TO_PUBLISH + 1, "stalled")),
        (gone_after_ten, 0, (10 + SECONDS_TO_BE_GONE + 2, "stalled")),
    ],
    ids=["no end in sight", "past its time", "still", "publishing", "before its first sign", "after its last"],
)
def test_a_run_is_killed_when_it_is_past_waiting_for(
    clock: Clock, life: Life, time_limit: float, killed: tuple[float, str] | None
) -> None:
    dog = Watchdog(stalled_after=30, grace=5, time_limit=time_limit)
    found = live(clock, dog, life, 2_000)
    assert found == killed or (found and killed and found[1] == killed[1] and abs(found[0] - killed[0]) <= 2)


@pytest.mark.parametrize(("times", "seconds"), [(1, 9), (2, 3)])
def test_a_run_that_was_told_to_end_and_does_not_is_killed_within_ten_seconds(
    clock: Clock, times: int, seconds: float
) -> None:
    dog = Watchdog(stalled_after=300, grace=5, time_limit=0)
    for _ in range(times):
        dog.told()
    assert live(clock, dog, lively, 60) == (seconds, "told")


def test_a_run_that_publishes_is_not_cut_short_by_a_signal(clock: Clock) -> None:
    dog = Watchdog(stalled_after=300, grace=5, time_limit=0)
    dog.told()
    assert live(clock, dog, publishing, 300) is None


def test_a_machine_that_slept_is_no_run_that_stood_still(clock: Clock) -> None:
    dog = Watchdog(stalled_after=30, grace=5, time_limit=0)
    for _ in range(5):
        clock.now += 8 * 3600
        assert dog.look("the same", "crawling") is None
    assert 5 * LONGEST_NAP < 30
