"""Bucket (`s3://`, `gs://`, `az://`) or directory that stores objects with conditional PUTs, accessed by obstore.

A conditional PUT names the entity tag (etag) of the object that it replaces, so that of two writers only one succeeds.
Credentials come from the environment, in the variables that obstore documents (`AWS_…`, `GOOGLE_…`, `AZURE_…`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crawler.safe_text import one_line
from pipelines.storage.errors import StorageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_MAX_ERROR = 300
#: Largest object that is read whole into memory: manifests and reports. Tables and archives are streamed.
MAX_WHOLE = 64 * 2**20


class BucketError(StorageError):
    """The bucket cannot be read or written, or its address is invalid; the message contains no secret."""


class AnotherWriter(BucketError):
    """An object of a site in the bucket was written by another program or from another data folder."""


class PreconditionFailed(Exception):
    """The object is not the one that a conditional PUT was to replace."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    path: str
    bytes: int
    e_tag: str


class Bucket:
    """Objects below one address, by path with forward slashes.

    :ivar url: the address, for messages; it contains no secret
    """

    def __init__(self, url: str, store: ObjectStore) -> None:
        self.url = url
        self._store = store

    def get(self, path: str) -> tuple[bytes, str] | None:
        """Return the content and the etag of a small object, or None if it does not exist."""
        import obstore

        with self._errors("read", path):
            try:
                found = obstore.get(self._store, path)
            except FileNotFoundError:
                return None
            if found.meta["size"] > MAX_WHOLE:
                raise BucketError(f"{path} in {self.url} has {found.meta['size']:,} bytes and should have few")
            return bytes(found.bytes()), str(found.meta["e_tag"])

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the content of an object in parts; raises :class:`BucketError` if it does not exist."""
        import obstore

        with self._errors("read", path):
            for chunk in obstore.get(self._store, path).stream():
                yield bytes(chunk)

    def size(self, path: str) -> int:
        import obstore

        with self._errors("read", path):
            return int(obstore.head(self._store, path)["size"])

    def get_range(self, path: str, start: int, end: int) -> bytes:
        import obstore

        with self._errors("read", path):
            return bytes(obstore.get_range(self._store, path, start=start, end=end))

    def e_tag(self, path: str) -> str | None:
        """Return the etag of an object, or None if it does not exist."""
        import obstore

        with self._errors("read", path):
            try:
                return str(obstore.head(self._store, path)["e_tag"])
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> Iterator[StoredObject]:
        import obstore

        with self._errors("list", prefix):
            for batch in obstore.list(self._store, prefix):
                for found in batch:
                    yield StoredObject(found["path"], found["size"], str(found["e_tag"]))

    def put(self, path: str, content: Any, e_tag: str | None) -> str:
        """Create an object, or replace the one with the given etag; return the new etag.

        The object is whole at every moment. Raises :class:`PreconditionFailed` if another object is there.

        :param content: bytes, or a mapped file
        :param e_tag: None to create the object
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._errors("write", path):
            try:
                mode: Any = {"e_tag": e_tag} if e_tag else "create"
                return str(obstore.put(self._store, path, content, mode=mode)["e_tag"])
            except (AlreadyExistsError, PreconditionError, FileNotFoundError) as error:
                raise PreconditionFailed(path) from error

    def overwrite(self, path: str, content: bytes) -> None:
        """Write a small object, whatever was there before."""
        import obstore

        with self._errors("write", path):
            obstore.put(self._store, path, content, mode="overwrite", use_multipart=False)

    def delete(self, path: str) -> None:
        import obstore

        with self._errors("delete", path):
            try:
                obstore.delete(self._store, path)
            except FileNotFoundError:
                return

    @contextmanager
    def _errors(self, action: str, path: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise BucketError(f"cannot {action} {path} in {self.url}: {reason_of(error)}") from None


def reason_of(error: BaseException) -> str:
    """Return an error of obstore in one line, without the response of the server and without query strings.

    These may contain a key id or a signature.
    """
    text = str(error).partition("\n")[0].partition("<")[0]
    return one_line(re.sub(r"\?\S*", "", text), _MAX_ERROR).rstrip(": ") or type(error).__name__
