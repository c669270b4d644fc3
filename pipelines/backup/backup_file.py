"""Format of a backup: a tar archive, compressed by zstd, that is written and read as a stream.

The first entry describes the backup, the last is the output of `sha256sum` for all others. Entries are regular files
with a plain header; the reader refuses everything else that tar allows: links, devices, folders, long names and
extensions. It reads blocks of bounded size, because :mod:`tarfile` reads an extension header of any size into memory.
"""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from pipelines.storage.errors import InvalidBackup
from pipelines.storage.tables import TABLES

#: Folders of the data folder that a backup contains.
FOLDERS = (*TABLES, "runs", "archive", "quarantine", "state")
HEADER, SUMS = "khobor-backup.json", "SHA256SUMS"
_VERSION = 1
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_MAX_HEADER = 1 << 20
_MAX_USTAR = 8 * 2**30 - 1
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Description:
    """Description of a backup: its time, the sites that have a ledger, and the number and total size of its files."""

    created_at: str
    sites: list[str]
    files: int
    bytes: int


def is_safe_name(name: str) -> bool:
    """Return True if a path can be unpacked: a file below one of Khobor's folders, without special parts."""
    folder, *parts = name.split("/")
    return (
        folder in FOLDERS
        and len(parts) > 0
        and len(name.encode(errors="surrogateescape")) <= 250
        and name.isprintable()
        and not {"", ".", ".."} & set(parts)
    )


class Writer(AbstractContextManager["Writer"]):
    """Writer of a backup; without an error in the block, its end completes the file."""

    def __init__(self, path: Path, description: Description) -> None:
        self._tar = pa.output_stream(str(path), compression="zstd")
        self._sums: list[str] = []
        content = {"format": "khobor backup", "version": _VERSION} | {
            name: getattr(description, name) for name in Description.__slots__
        }
        self._add_text(HEADER, json.dumps(content))

    def add(self, name: str, file: BinaryIO, size: int, modified: float) -> str:
        """Add the first ``size`` bytes of a file, which may grow meanwhile; return their SHA-256."""
        digest = hashlib.sha256()
        self._begin(name, size, modified)
        left = size
        while left:
            if not (chunk := file.read(min(left, _CHUNK))):
                raise OSError(f"{name} became shorter while it was read; make the backup again")
            digest.update(chunk)
            self._tar.write(chunk)
            left -= len(chunk)
        self._tar.write(bytes(-size % _BLOCK))
        self._sums.append(f"{digest.hexdigest()}  {name}\n")
        return digest.hexdigest()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._add_text(SUMS, "".join(self._sums))
            self._tar.write(bytes(2 * _BLOCK))
        self._tar.close()

    def _add_text(self, name: str, text: str) -> None:
        content = text.encode()
        self._begin(name, len(content), 0)
        self._tar.write(content + bytes(-len(content) % _BLOCK))

    def _begin(self, name: str, size: int, modified: float) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, int(modified), 0o600
        # A larger size only fits the one, a longer name only the other.
        header = entry.tobuf(tarfile.USTAR_FORMAT if size <= _MAX_USTAR else tarfile.GNU_FORMAT, "utf-8", "strict")
        if len(header) != _BLOCK:
            raise ValueError(f"{name} is too long a name for a file of {size:,} bytes")
        self._tar.write(header)


class Reader:
    """Reader of a backup; it raises :class:`InvalidBackup` for anything that :class:`Writer` does not write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            if file.read(len(_ZSTD)) != _ZSTD:
                raise InvalidBackup(f"{path} is not a backup of Khobor")
        self._tar = pa.input_stream(str(path), compression="zstd")
        self._sums = hashlib.sha256()
        self.description = self._describe()

    def entries(self) -> Iterator[tuple[str, int, Iterator[bytes]]]:
        """Yield name, size and content of each file; each content must be read before the next file.

        At the end, the checksums of all files are verified. Sizes are as the entries declare them.
        """
        while (entry := self._next()).name != SUMS:
            if not is_safe_name(entry.name):
                raise self.invalid(f"names a file {entry.name!r}, which no backup contains")
            digest = hashlib.sha256()
            yield entry.name, entry.size, self._content(entry.size, digest)
            line = f"{digest.hexdigest()}  {entry.name}\n"
            self._sums.update(line.encode(errors="surrogateescape"))
        digest = hashlib.sha256()
        for _ in self._content(entry.size, digest):
            pass
        if digest.digest() != self._sums.digest():
            raise self.invalid("is damaged: its checksums do not match")

    def invalid(self, reason: str) -> InvalidBackup:
        return InvalidBackup(f"{self._path} {reason}; nothing was restored")

    def _describe(self) -> Description:
        entry = self._next()
        try:
            if entry.name != HEADER or entry.size > _MAX_HEADER:
                raise ValueError
            content: dict[str, Any] = json.loads(b"".join(self._content(entry.size, hashlib.sha256())))
            if content["format"] != "khobor backup":
                raise ValueError
            version, found = int(content["version"]), Description(*(content[name] for name in Description.__slots__))
            if not (isinstance(found.files, int) and isinstance(found.bytes, int) and isinstance(found.sites, list)):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidBackup(f"{self._path} is not a backup of Khobor") from None
        if version > _VERSION:
            raise self.invalid(f"is a backup of version {version}, and this program knows {_VERSION}: upgrade Khobor")
        return found

    def _next(self) -> tarfile.TarInfo:
        try:
            entry = tarfile.TarInfo.frombuf(self._read(_BLOCK), "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError):
            raise self.invalid("is damaged, or not a backup of Khobor") from None
        if entry.type != tarfile.REGTYPE or entry.size < 0:
            raise self.invalid(f"contains {entry.name!r}, which is not a regular file")
        return entry

    def _content(self, size: int, digest: "hashlib._Hash") -> Iterator[bytes]:
        left = size
        while left:
            chunk = self._read(min(left, _CHUNK))
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
        self._read(-size % _BLOCK)

    def _read(self, size: int) -> bytes:
        chunks, left = list[bytes](), size
        try:
            while left and (chunk := self._tar.read(left)):
                chunks.append(chunk)
                left -= len(chunk)
        except (OSError, pa.ArrowException) as error:
            raise self.invalid(f"is damaged ({error})") from error
        if left:
            raise self.invalid("is truncated")
        return b"".join(chunks)
