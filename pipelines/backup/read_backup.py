"""Restoring of a data folder from a backup file."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.backup.backup_file import FOLDERS, Reader
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import FolderInUse, StorageError, storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder, private_file
from pipelines.storage.site_lock import SiteLock

_BLOCK_BYTES = 4096  # that even a small file takes on a disk


def restore_backup(source: Path, data_folder: DataFolder) -> dict[str, Any]:
    """Restore a backup to a data folder without data; return the description of the backup.

    The files are unpacked in `.staging/`, and moved to their places only if all of them are there and right. Raises
    :class:`InvalidBackup` for any other file than a whole backup, and :class:`FolderInUse` if there is data already.
    """
    reader = Reader(source)
    with storage_errors("restore to", data_folder.root):
        make_folder(data_folder.staging)
        with SiteLock.take(data_folder.staging / "restore.lock"):
            folder = data_folder.staging / "restore"
            shutil.rmtree(folder, ignore_errors=True)  # of a killed process
            _require_empty(data_folder)
            _require_room(data_folder, reader)
            try:
                _unpack(reader, folder)
                os.sync()
                reached("restore.unpacked")
                # The ledgers come last: until then, no run starts, because it finds stories without a ledger.
                for name in FOLDERS:
                    if (folder / name).exists():
                        data_folder.move((folder / name).relative_to(data_folder.root), name)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return asdict(reader.description)


def _require_empty(data_folder: DataFolder) -> None:
    for name in FOLDERS:
        folder = data_folder.root / name
        if folder.is_symlink() or (folder.exists() and any(folder.iterdir())):
            raise FolderInUse(f"{data_folder.root} has data already ({name}/); restore to an empty folder (--data)")


def _require_room(data_folder: DataFolder, reader: Reader) -> None:
    needed = reader.description.bytes + _BLOCK_BYTES * reader.description.files
    if (free := data_folder.free_bytes()) < needed:
        raise StorageError(f"{data_folder.root} has {free:,} bytes free and the backup needs {needed:,}: make room")


def _unpack(reader: Reader, folder: Path) -> None:
    """Write the files of a backup to a new folder, never more than the backup declares."""
    count = total = 0
    for name, size, content in reader.entries():
        count, total = count + 1, total + size
        if count > reader.description.files or total > reader.description.bytes:
            raise reader.invalid("contains more than it declares")
        path = folder / name
        opener = private_file if name.startswith("state/") else None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = open(path, "xb", opener=opener)  # noqa: SIM115 - closed below
        except (FileExistsError, NotADirectoryError):
            raise reader.invalid(f"contains {name!r} twice") from None
        with file:
            for chunk in content:
                file.write(chunk)
        reached("restore.file")
    if count != reader.description.files:
        raise reader.invalid("does not contain all files that it declares")
