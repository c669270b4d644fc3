"""Syncing of files and folders to the disk, and a reserve of disk space for recording the end of a run.

A renamed file survives a power cut only if its folder is synced after the rename. A new folder survives one only if its
parent folder is synced.
"""

import os
from contextlib import suppress
from pathlib import Path

from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached

RESERVE_BYTES = 16 * 2**20  # enough for SQLite to record thousands of open URLs


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, and sync the parent of each new folder to the disk."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        reached("folder.made")
        sync(folder.parent)


def private_file(path: str, flags: int) -> int:
    """Open a file for use as ``opener`` of :func:`open`; only its owner can read it.

    It is for state and logs, which other users must not see.
    """
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def sync(path: Path) -> None:
    """Flush the content of a file, or the list of files in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# The reserve ---------------------------------------------------------------------------------------------------------


def keep_reserve(folder: Path) -> None:
    """Reserve 16 MiB of disk space by a file that is deleted when the disk is full, to make room to end the run.

    Raises :class:`StorageError` if less than that is free, because no run should start then.
    """
    path = _reserve(folder)
    with storage_errors(f"keep {RESERVE_BYTES:,} bytes in reserve in", path):
        if path.exists() and path.stat().st_size == RESERVE_BYTES:
            return
        try:
            path.write_bytes(bytes(RESERVE_BYTES))  # written, because a sparse file reserves nothing
            reached("reserve.kept")
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def give_up_reserve(folder: Path) -> None:
    with suppress(OSError):
        _reserve(folder).unlink()


def _reserve(folder: Path) -> Path:
    return folder / ".reserve"
