"""Lock of a schedule, which ensures that only one process executes the schedule at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock, SiteLocked
from schedules.timetable.config import Schedule

RETRY_SECONDS = 1.0


def lock_file(dataset: DataFolder, schedule: str) -> Path:
    """Return the path of the lock file of the schedule with this name."""
    return dataset.state / "schedules" / f"run-{schedule}.lock"


@contextmanager
def schedule_lock(dataset: DataFolder, schedule: Schedule, *, wait: bool) -> Iterator[None]:
    """Context manager that holds the lock of a schedule during the block.

    If another process holds the lock, wait for it if ``wait`` is true, else raise :class:`SiteLocked`.
    """
    while True:
        try:
            lock = SiteLock.take(lock_file(dataset, schedule.name))
            break
        except SiteLocked:
            if not wait:
                raise
            time.sleep(RETRY_SECONDS)
    with lock:
        yield
