"""Removal of single records from an archive file (WARC), with all other records at their present offsets.

In the place of the removed records comes a record of the same length without their content. Whatever refers to another
record of the file stays right: `fetches`, `rejects`, alarms, exported indexes and the size in the ledger.
"""

import base64
import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from crawler.clock import now
from pipelines.archive.warc_file import next_record
from pipelines.storage.atomic_write import temporary
from pipelines.storage.data_folder import DataFolder, Staged
from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import sync

_PIECE, _MAX_PIECE, _MIN_HEAD, _MAX_HEAD = 2**14, 2**20, 2**12, 2**16
_TEXT = b"removed on request"
_COMMENT = 0x10  # flag of the gzip header


@dataclass(frozen=True, slots=True)
class _Record:
    """Place of a record; ``url`` is None without one, or if its header is unreadable."""

    start: int
    end: int
    url: str | None
    is_response: bool
    is_readable: bool


def remove_records(
    data_folder: DataFolder, site: str, place: Path, is_removed: Callable[[str], bool]
) -> tuple[int, int]:
    """Replace the records of some URLs, and the file atomically if it has any.

    Returns the number of removed responses, and that of the records whose URL is unreadable, which stay.
    """
    with storage_errors("rewrite", place), place.open("rb") as file:
        records = [*_records(file, place.stat().st_size)]
        removed = [record for record in records if record.url is not None and is_removed(record.url)]
        if removed:
            with temporary(data_folder.staging, f"{site}-archive") as path:
                with path.open("xb") as copy:
                    _copy_without(file, copy, removed)
                sync(path)
                reached("forget.written")
                data_folder.commit(Staged(path, 0, place.stat().st_size, ""), place.relative_to(data_folder.root))
                reached("forget.archive")
    return sum(record.is_response for record in removed), sum(not record.is_readable for record in records)


def _records(file: BinaryIO, size: int) -> Iterator[_Record]:
    at = 0
    while at < size:
        file.seek(at)
        inflater, head = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
        try:
            while not inflater.eof and (piece := inflater.unconsumed_tail or file.read(_PIECE)):
                text = inflater.decompress(piece, _MAX_PIECE if head else _MIN_HEAD)
                head += text[: _MAX_HEAD - len(head)]
        except zlib.error:
            pass  # damaged; as much of its header as could be read decides
        end = file.tell() - len(inflater.unused_data) if inflater.eof else next_record(file, at + 1) or size
        header, separator, _ = head.partition(b"\r\n\r\n")
        fields = _fields(header)
        yield _Record(at, end, fields.get("warc-target-uri"), fields.get("warc-type") == "response", bool(separator))
        at = end


def _fields(header: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in header.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): value.strip().removeprefix("<").removesuffix(">") for name, _, value in lines}


def _copy_without(file: BinaryIO, copy: BinaryIO, removed: list[_Record]) -> None:
    ranges: list[list[int]] = []
    for record in removed:
        if ranges and ranges[-1][1] == record.start:
            ranges[-1][1] = record.end
        else:
            ranges.append([record.start, record.end])
    at = 0
    for start, end in ranges:
        file.seek(at)
        left = start - at
        while left:
            piece = file.read(min(left, 2**20))
            copy.write(piece)
            left -= len(piece)
        copy.write(_replacement(end - start))
        at = end
    file.seek(at)
    shutil.copyfileobj(file, copy)


def _replacement(length: int) -> bytes:
    """Return a record of type `metadata` as a gzip member of exactly ``length`` bytes.

    It is stored uncompressed, filled up with spaces; a comment in the gzip header takes what is left.
    """
    head = f"WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <urn:uuid:{uuid4()}>\r\nWARC-Date: {now():%FT%TZ}\r\n"
    n, member = length, _member(head, length)
    while len(member) > length:
        n -= len(member) - length
        member = _member(head, n)
    if missing := length - len(member):
        comment = b" " * (missing - 1) + b"\0"
        member = member[:3] + bytes((member[3] | _COMMENT,)) + member[4:10] + comment + member[10:]
    return member


def _member(head: str, n: int) -> bytes:
    block = _TEXT.ljust(n)
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()
    more = f"WARC-Block-Digest: sha1:{digest}\r\nContent-Type: text/plain\r\nContent-Length: {len(block)}\r\n\r\n"
    return gzip.compress((head + more).encode() + block + b"\r\n\r\n", compresslevel=0, mtime=0)
