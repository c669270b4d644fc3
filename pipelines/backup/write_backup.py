"""Writing of a backup: one file with everything in a data folder, as of one moment, while runs go on."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from crawler.clock import now
from pipelines.backup.backup_file import Description, Writer
from pipelines.backup.consistent_copy import ConsistentCopy, consistent_copy
from pipelines.storage.atomic_write import UNFINISHED, temporary
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged, storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import private_file, sync

_PREFIX = ".khobor-backup"


def write_backup(data_folder: DataFolder, out: Path) -> dict[str, Any]:
    """Write a backup of a data folder, atomically; return its description, with the paths that were left out.

    Only its owner can read the file. Raises :class:`DataDamaged` for a published file that is not as the ledger
    recorded it, and writes nothing then: a backup is always whole.
    """
    with consistent_copy(data_folder) as copy, storage_errors("write", out):
        names = sorted(path.relative_to(copy.folder).as_posix() for path in copy.folder.rglob("*") if path.is_file())
        sizes = {name: (copy.folder / name).stat().st_size for name in names}
        created = now().isoformat(timespec="seconds")
        description = Description(created, copy.sites, len(sizes), sum(sizes.values()))
        with _new_file(out) as path, Writer(path, description) as writer:
            for name, size in sizes.items():
                _add(writer, copy, name, size)
        compressed = out.stat().st_size
    return {"file": str(out), **asdict(description), "compressed": compressed, "left_out": copy.left_out}


def _add(writer: Writer, copy: ConsistentCopy, name: str, size: int) -> None:
    with (copy.folder / name).open("rb") as file:
        digest = writer.add(name, file, size, os.fstat(file.fileno()).st_mtime)
    reached("backup.added")
    if digest not in copy.hashes.get(name, {digest}):
        raise DataDamaged(PurePosixPath(name), "is not the file that was published")


@contextmanager
def _new_file(out: Path) -> Iterator[Path]:
    """Yield a temporary file, which replaces ``out`` after the block; delete those of killed processes beside it."""
    for path in out.absolute().parent.glob(f"{_PREFIX}-*{UNFINISHED}"):
        with path.open("rb") as unfinished:
            if _locks(unfinished):
                path.unlink(missing_ok=True)
    with temporary(out.absolute().parent, _PREFIX) as path:
        with open(path, "xb", opener=private_file) as file:
            _locks(file)  # until the process ends
            yield path
            sync(path)
            reached("backup.written")
            path.replace(out)
        sync(out.absolute().parent)


def _locks(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
