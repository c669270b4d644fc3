"""The lock of a turn: one of each schedule goes on at a time, and whoever looks can tell one that was killed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.storage.data_folder import Dataset
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.timetable.config import Schedule

SECONDS_BETWEEN_TRIES = 1.0


def lock_of(dataset: Dataset, schedule: str) -> Path:
    """The file that a turn of the schedule holds locked."""
    return dataset.state / "schedules" / f"turn-{schedule}.lock"


@contextmanager
def turn_lock(dataset: Dataset, schedule: Schedule, *, wait: bool) -> Iterator[None]:
    """Hold the lock of a schedule's turns; raises :class:`SiteLocked` where another is held, if it does not wait."""
    while True:
        try:
            lock = SiteLock.take(lock_of(dataset, schedule.name))
            break
        except SiteLocked:
            if not wait:
                raise
            time.sleep(SECONDS_BETWEEN_TRIES)
    with lock:
        yield
