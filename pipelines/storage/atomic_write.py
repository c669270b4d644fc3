"""Atomic writes of files and folders: write to a temporary name, fsync, rename, and fsync the parent folder."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import private_file, sync

UNFINISHED = ".inprogress"


@contextmanager
def temporary(folder: Path, prefix: str) -> Iterator[Path]:
    """Yield an unused temporary path in ``folder``; if the block raises an error, delete what is at the path."""
    path = folder.absolute() / f"{prefix}-{secrets.token_hex(4)}{UNFINISHED}"
    try:
        yield path
    except BaseException:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_path(target: Path, *, staging: Path | None = None, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path; after the block, rename the file or folder that it wrote there to ``target``.

    A folder can only replace an empty folder. Raises :class:`StorageError` if the target cannot be written.

    :param staging: folder for the temporary path, which must be on the same device; by default, the folder of the
        target
    :param durable: sync the result to the disk, so that it survives a power cut; False suits a file that is rewritten
        often
    """
    with storage_errors("write", target), temporary(staging or target.parent, f".{target.name}") as path:
        yield path
        reached("write.written")
        if durable:
            for part in (*path.rglob("*"), path):
                sync(part)
        reached("write.synced")
        path.replace(target)
        reached("write.renamed")
        if durable:
            sync(target.parent)


def write_file(
    target: Path, content: bytes, *, staging: Path | None = None, durable: bool = True, private: bool = False
) -> None:
    """Write a small file atomically: readers see either the old or the new content. See :func:`atomic_path`.

    :param private: make the file readable by its owner only
    """
    opener = private_file if private else None
    with atomic_path(target, staging=staging, durable=durable) as path, open(path, "wb", opener=opener) as file:
        file.write(content)
