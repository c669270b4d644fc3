"""What survives a power cut: folders and names that are synced, and the last bytes of a full disk.

A file that was synced is not yet there for good: its name is, when the folder was synced after the rename, and the
folder's own name when its parent was.
"""

import os
from pathlib import Path

from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached

RESERVE_BYTES = 16 * 2**20  # thousands of open addresses, and what SQLite needs to write them down


def make_folder(folder: Path) -> None:
    """Make a folder with all above it, each durable."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        reached("folder.made")
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# The reserve ---------------------------------------------------------------------------------------------------------


def keep_reserve(folder: Path) -> None:
    """Hold back some bytes of the disk, for the ledger to close its books with when the disk is full.

    Raises :class:`StorageError` where there is no room even for that: then nothing should be started.
    """
    path = _reserve(folder)
    with storage_errors(f"keep {RESERVE_BYTES:,} bytes in reserve in", path):
        if path.exists() and path.stat().st_size == RESERVE_BYTES:
            return
        try:
            path.write_bytes(bytes(RESERVE_BYTES))  # written, since a hole would reserve nothing
            reached("reserve.kept")
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def give_up_reserve(folder: Path) -> bool:
    """Give the bytes back to the disk; whether there were any."""
    try:
        _reserve(folder).unlink()
    except OSError:
        return False
    return True


def _reserve(folder: Path) -> Path:
    return folder / ".reserve"
