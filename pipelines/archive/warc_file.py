"""Opening of WARC files in all their forms: plain, one gzip member per record, compressed as a whole, or from a pipe.

A reader goes back in a file after damage. A pipe and the content of a compressed stream can only be read forwards;
:class:`ForwardFile` keeps their last bytes for that purpose.
"""

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pipelines.archive.forward_file import MAX_RECORD_BYTES, AlreadyRead, ForwardFile, decompressed

_GZIP, _ZSTD, _START, _PIECE = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"WARC/", 2**20
_FEED = 2**16
_CONTENT_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_MAX_HEAD = 2**18
_NEXT = re.compile(rb"\r\n\r\n(?=WARC/\d\.\d)")
_NEXT_IN_MEMBER = re.compile(rb"\n\r?\nWARC/\d\.\d+\r?\n")
#: Formats that are taken for a WARC file by mistake, by their first bytes.
_OTHER_FORMATS = (
    (b"PK\x03\x04", "is a ZIP file, such as a WACZ: unpack it, and import the files in its folder archive/"),
    (b"\x5d\x2a\x4d\x18", "is compressed with a dictionary of its own (zstd): decompress it first"),
    (b"filedesc:", "is an ARC file, the format before WARC: convert it first (warcio recompress)"),
)


class NotWarc(Exception):
    """The file is not a WARC file; the message is one sentence."""


class WarcFile:
    """Open WARC file.

    :ivar content: the file, or its decompressed content if single records cannot be decompressed
    :ivar is_plain: True if the records in ``content`` are not compressed
    """

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._file = file = raw if raw.seekable() else cast(BinaryIO, ForwardFile(raw.read))
        self._is_lost = False
        self._head = file.read(_FEED)
        self.is_plain = not self._head.startswith(_GZIP)
        file.seek(0)
        self.content = file
        if self._head.startswith(_ZSTD):
            self.content = decompressed(file, is_zstd=True)
        elif not self.is_plain and self._is_one_stream(file):
            self.content, self.is_plain = decompressed(file, is_zstd=False), True

    @property
    def position(self) -> int:
        """Return how many bytes of the file have been read."""
        return self._file.tell()

    @property
    def is_damaged(self) -> bool:
        """Return True if the rest of the file could not be read."""
        return self._is_lost or (isinstance(self.content, ForwardFile) and self.content.is_damaged)

    def _is_one_stream(self, file: BinaryIO) -> bool:
        """Return True if the first gzip member is not one record, so that the file is no sequence of their members.

        A file that is one can be read as a stream too, but what is after damage would be lost.
        """
        inflater, first = zlib.decompressobj(31), bytearray()
        try:
            while len(first) < MAX_RECORD_BYTES and not inflater.eof and (piece := file.read(_FEED)):
                first += inflater.decompress(piece, MAX_RECORD_BYTES)
        except zlib.error:
            pass
        finally:
            file.seek(0)
        length = _CONTENT_LENGTH.search(first)
        is_part = inflater.eof and length is not None and len(first) < int(length[1])
        return is_part or _NEXT_IN_MEMBER.search(first) is not None

    def ends_record(self, end: int, content_length: int) -> bool:
        """Return True if the gzip member that ends at an offset can be a record of this length, or for a plain file.

        fastwarc reads on in the next members if a record declares more than its own has, and they would be lost.
        """
        if self.is_plain:
            return True
        size = int.from_bytes(self._peek(end - 4, 4), "little")  # of the member's content
        return content_length < size <= content_length + _MAX_HEAD

    def _peek(self, at: int, size: int) -> bytes:
        if isinstance(self.content, ForwardFile):
            return self.content.peek(at, size)
        return os.pread(self.content.fileno(), size, at)

    def mistake(self) -> NotWarc:
        """Return the error for a file in which no record has been found."""
        head = self._head
        if head.startswith(_GZIP):
            head = _inflated(head)
        if not self._head:
            return NotWarc(f"{self._path} is empty: download or copy it again")
        for start, text in _OTHER_FORMATS:
            if head.startswith(start):
                return NotWarc(f"{self._path} {text}")
        if head.startswith(_START):
            return NotWarc(f"{self._path} has no readable record: copy it again, because it is damaged")
        return NotWarc(f"{self._path} is not a WARC file: give one that ends in .warc or .warc.gz")

    def next_record(self, start: int) -> int | None:
        return next_record(self.content, start, is_plain=self.is_plain)

    def after_large_record(self, at: int, content_length: int) -> int | None:
        """Return the offset of the record after one that is too large to be read, or None if there is none.

        A record that is not compressed can be another WARC file, so it is passed over if its length is right.
        """
        if self.is_plain:
            self.content.seek(at + content_length)
            end = _NEXT.search(self.content.read(_FEED))
            if end is not None:
                return at + content_length + end.end()
        try:
            return self.next_record(at + 1)
        except AlreadyRead:
            self._is_lost = True
            return None


@contextmanager
def open_warc(path: Path) -> Iterator[WarcFile]:
    """Open a WARC file or a pipe.

    :raises OSError: the file cannot be opened
    """
    with path.open("rb") as raw:
        yield WarcFile(path, raw)


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, 2**10)
    except zlib.error:
        return b""


def next_record(file: BinaryIO, start: int, *, is_plain: bool = False) -> int | None:
    """Return the offset of the next WARC record at or after ``start``, or None if there is none.

    :param is_plain: the records are not compressed, each as a gzip member
    """
    mark = _START if is_plain else _GZIP
    file.seek(start)
    before, base = b"", start
    while piece := file.read(_PIECE):
        block = before + piece
        at = block.find(mark)
        while at >= 0:
            if _is_record(file, base + at, mark):
                return base + at
            at = block.find(mark, at + 1)
        before = block[-(len(mark) - 1) :]
        base += len(block) - len(before)
        file.seek(base + len(before))
    return None


def _is_record(file: BinaryIO, at: int, mark: bytes) -> bool:
    if mark == _START:
        file.seek(max(at - 1, 0))
        return re.match(rb"\n?WARC/\d\.\d", file.read(9)) is not None
    file.seek(at)
    return _inflated(file.read(512)).startswith(_START)
