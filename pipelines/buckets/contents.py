"""Contents of local files and of objects, without reading them whole into memory."""

import hashlib
import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.buckets.object_store import Bucket

_RANGE = 256 * 1024


class Superseded(Exception):
    """A local file was replaced while the upload was in progress; the upload must begin again with the new files."""


@contextmanager
def mapped(path: Path, sha256: str | None = None) -> Iterator[Any]:
    """Yield the content of a file, mapped into memory; raise :class:`Superseded` if it has another SHA-256."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise Superseded(path) from None
    with file:
        size = file.seek(0, 2)
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else memoryview(b"") as content:
            if sha256 and hashlib.sha256(content).hexdigest() != sha256:
                raise Superseded(path)
            yield content


def object_digest(bucket: Bucket, path: str) -> str:
    """Return the SHA-256 of an object in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in bucket.chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def open_object(bucket: Bucket, path: str) -> io.BufferedReader:
    """Return a file object that requests only the ranges of an object that are read."""
    return io.BufferedReader(_Ranges(bucket, path), _RANGE)


class _Ranges(io.RawIOBase):
    """Object as a raw file; obstore's own file objects lack what PyArrow needs."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        self._bucket, self._path, self._size, self._position = bucket, path, bucket.size(path), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data = self._bucket.get_range(self._path, self._position, end)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
