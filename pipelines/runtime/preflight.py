"""The premises of a run: room, descriptors and a clock that can be believed, looked at before anything is asked for."""

import os
import resource
from datetime import UTC, datetime, timedelta

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError

MEBIBYTE = 2**20
LEAST_INODES = 500
LEAST_OPEN_FILES = 64
# No clock that is right shows a moment before this program, or long after anybody would still run it.
WRITTEN_AT = datetime(2026, 1, 1, tzinfo=UTC)
BELIEVED_FOR = timedelta(days=20 * 365)


def inspect(dataset: DataFolder, least_free_mb: float) -> list[str]:
    """Make and try the data folder; returns what is not good and not bad enough to refuse, in sentences.

    Raises :class:`StorageError` for the first thing without which a run should not begin: it would end half-way.
    """
    if not WRITTEN_AT <= (moment := now()) <= WRITTEN_AT + BELIEVED_FOR:
        raise StorageError(f"the system clock shows {moment:%Y-%m-%d %H:%M} UTC, which cannot be: set it right")
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < LEAST_OPEN_FILES:
        raise StorageError(f"a run may open {files} files and needs {LEAST_OPEN_FILES}: raise it (ulimit -n)")
    dataset.prepare(round(least_free_mb * MEBIBYTE))
    room = os.statvfs(dataset.root)
    if room.f_files and room.f_favail < LEAST_INODES:
        raise StorageError(
            f"{dataset.root} has {room.f_favail:,} inodes free and needs {LEAST_INODES:,}: remove small files there"
        )
    if network := dataset.network_file_system():
        return [f"{dataset.root} is on a network file system ({network}), where locks and ledgers are not safe"]
    return []
