"""Directory in place of a bucket."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.buckets.object_store import Bucket, PreconditionFailed
from pipelines.storage.atomic_write import write_file
from pipelines.storage.errors import storage_errors
from pipelines.storage.fsync import make_folder

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Directory(Bucket):
    """Directory in place of a bucket, for example on a network file system.

    obstore writes beside the final path and has no conditional PUT for directories, so that files are written in
    `.staging/` here, and compared under a file lock.
    """

    def __init__(self, root: Path, store: "ObjectStore") -> None:
        super().__init__(str(root), store)
        self._root = root

    def put(self, path: str, content: Any, e_tag: str | None) -> str:
        with self._locked():
            if self.e_tag(path) != e_tag:
                raise PreconditionFailed(path)
            self._write(path, content)
            return self.e_tag(path) or ""

    def overwrite(self, path: str, content: bytes) -> None:
        self._write(path, content)

    def _write(self, path: str, content: Any) -> None:
        target, staging = self._root / path, self._root / ".staging"
        with storage_errors("write", target):
            make_folder(staging)
            make_folder(target.parent)
        write_file(target, content, staging=staging)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self._root / ".lock"
        with storage_errors("lock", lock), lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
