"""Checks of disk space, file descriptors and system clock before a run sends its first request."""

import os
import resource
from datetime import UTC, datetime, timedelta

from crawler.clock import clock_offset, now
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import ClockSet, StorageError

MEBIBYTE = 2**20
MIN_INODES = 500
MIN_OPEN_FILES = 64
# A clock outside these bounds is wrong beyond repair: it has never been set.
MIN_TIME = datetime(2020, 1, 1, tzinfo=UTC)
# If wall clock and monotonic clock differ by more, the clock was set.
MAX_CLOCK_STEP = 60.0
MAX_TIME = MIN_TIME + timedelta(days=20 * 365)


def check_clock(offset: float) -> None:
    """Raise :class:`ClockSet` if the system clock was changed by more than 60 seconds since the start of a run.

    :param offset: result of :func:`clock_offset` (difference of wall clock and monotonic clock) at the start of the run
    """
    if abs(step := clock_offset() - offset) > MAX_CLOCK_STEP:
        raise ClockSet(f"the system clock was set by {step:+,.0f} s during the run; the next run corrects stored times")


def check_machine(dataset: DataFolder, min_free_mb: float) -> list[str]:
    """Create the data folder and check that the machine can complete a run; return warnings for the log.

    The system clock, the limit of open files, the free disk space and inodes and the type of the file system are
    checked. Raises :class:`StorageError` for the first requirement that is not met and would make the run fail later.

    :param min_free_mb: minimum of free disk space in MiB
    """
    if not MIN_TIME <= (moment := now()) <= MAX_TIME:
        raise StorageError(f"the system clock shows {moment:%Y-%m-%d %H:%M} UTC, which cannot be: set it right")
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < MIN_OPEN_FILES:
        raise StorageError(f"a run may open {files} files and needs {MIN_OPEN_FILES}: raise it (ulimit -n)")
    dataset.prepare(round(min_free_mb * MEBIBYTE))
    space = os.statvfs(dataset.root)
    if space.f_files and space.f_favail < MIN_INODES:
        raise StorageError(
            f"{dataset.root} has {space.f_favail:,} inodes free and needs {MIN_INODES:,}: remove small files there"
        )
    if network := dataset.network_file_system():
        return [f"{dataset.root} is on a network file system ({network}), where locks and ledgers are not safe"]
    return []
