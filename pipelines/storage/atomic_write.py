"""Atomic writes: temporary name, fsync, rename, fsync of the folder."""

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
    """Yield an unused path in ``folder`` to write to; what is there is removed after an error."""
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
    """Yield a temporary path; what the block writes there, file or folder, then replaces ``target``.

    A folder replaces an empty folder at most. Raises :class:`StorageError` where the target cannot be written.

    :param staging: folder for the temporary path, on the same device; by default, that of the target
    :param durable: survive a power cut after the block; False saves the fsync of a file that is soon written again
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
    """Write a small file atomically; see :func:`atomic_path`.

    :param private: readable for its owner only
    """
    opener = private_file if private else None
    with atomic_path(target, staging=staging, durable=durable) as path, open(path, "wb", opener=opener) as file:
        file.write(content)
