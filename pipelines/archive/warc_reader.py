"""Reading of the responses in WARC files, also in damaged ones and in those of other programs.

Files come from anywhere. The memory for a record is bounded whatever it declares or decompresses to, and reading
continues after a damaged record at the next one. Each record that is not returned is counted with a reason.
"""

import io
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from pipelines.archive.http_message import MAX_BODY_BYTES, RecordSkipped, parse_response
from pipelines.archive.records import ArchivedResponse

MAX_RECORD_BYTES = MAX_BODY_BYTES + 2**20  # with headers and chunk sizes
MAX_URL_LENGTH = 8_192
_GZIP, _MAGIC, _PIECE = b"\x1f\x8b\x08", b"WARC/1.", 2**20
#: Records that are part of any WARC file and have no response.
_WITHOUT_RESPONSE = WarcRecordType.warcinfo | WarcRecordType.request | WarcRecordType.metadata


class NotWarc(Exception):
    """The file is not a WARC file; the message is one sentence."""


class WarcReader:
    """Iterator over the HTTP responses of a WARC file, which may be compressed by record, as a whole, or not at all.

    :param wanted: function from URL to True if the record is to be read; others are counted as `other_url`
    :ivar records: number of records read so far, of any type
    :ivar position: offset of the last of them
    :ivar skipped: number of records that were not returned, by reason
    """

    def __init__(self, path: Path, wanted: Callable[[str], bool] = lambda url: True) -> None:
        self._path, self._wanted = path, wanted
        self.records = 0
        self.position = 0
        self.skipped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[ArchivedResponse]:
        """Yield the responses in the order of the file.

        :raises NotWarc: the file has no WARC record :raises OSError: the file cannot be opened or read
        """
        with self._path.open("rb") as file:
            start: int | None = 0
            while start is not None:
                start = yield from self._read_from(file, start)
        if not self.records:
            raise NotWarc(f"{self._path} is not a WARC file: give one that ends in .warc or .warc.gz")

    def _read_from(self, file: BinaryIO, start: int) -> Generator[ArchivedResponse, None, int | None]:
        """Yield the responses from an offset; return the offset at which to continue after damage, or None."""
        file.seek(start)
        records = iter(ArchiveIterator(file, parse_http=False))
        last: ArchivedResponse | None = None
        at = start
        while True:
            try:
                record = next(records, None)
            except (OSError, ValueError, OverflowError):  # of fastwarc; of Python if a header is not text
                # Either this record is damaged, or the one before has a wrong length.
                if last is None or self._is_intact(file, last):
                    self._skip("corrupt")
                else:
                    self._skip("wrong_length")
                    last = None
                following = next_record(file, at + 1)
                if last is not None:
                    yield replace(last, length=0 if following is None else following - last.offset)
                return following
            if last is not None:
                end = record.stream_pos if record is not None else file.seek(0, io.SEEK_END)
                yield replace(last, length=end - last.offset)
                last = None
            if record is None:
                return None
            at = self.position = record.stream_pos
            self.records += 1
            if record.record_type == WarcRecordType.unknown:  # without a type; the end of a cut file looks so too
                self._skip("corrupt")
                return next_record(file, at + 1)
            if record.content_length > MAX_RECORD_BYTES:
                # It is not read to its end, because it may decompress to any size.
                self._skip("too_large")
                return next_record(file, at + 1)
            try:
                last = self._response(record, at)
            except RecordSkipped as reason:
                self._skip(str(reason))
                if str(reason) == "truncated":
                    return next_record(file, at + 1)

    def _skip(self, reason: str) -> None:
        self.skipped[reason] += 1

    def _is_intact(self, file: BinaryIO, response: ArchivedResponse) -> bool:
        """Return True if the digest in a record's header is that of its block."""
        file.seek(response.offset)
        try:
            record = next(iter(ArchiveIterator(file, parse_http=False)))
            return bool(record.verify_block_digest())
        except (OSError, ValueError, StopIteration):
            return False

    def _response(self, record: WarcRecord, at: int) -> ArchivedResponse | None:
        """Return the response in a record, or None for a record of another type that every WARC file has."""
        kind = record.record_type
        if kind & _WITHOUT_RESPONSE:
            return None
        if kind == WarcRecordType.revisit:
            raise RecordSkipped("revisit")  # its body is in another record, perhaps of another file
        if kind != WarcRecordType.response:
            raise RecordSkipped("other_type")
        url = (record.headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")
        if not url.lower().startswith(("http://", "https://")) or len(url) > MAX_URL_LENGTH:
            raise RecordSkipped("not_http")
        if not self._wanted(url):
            raise RecordSkipped("other_url")
        if record.headers.get("WARC-Truncated"):
            raise RecordSkipped("cut_by_writer")
        fetched_at = _date(record.headers.get("WARC-Date"))
        block = record.reader.read(MAX_RECORD_BYTES)
        if len(block) < record.content_length:
            raise RecordSkipped("truncated")
        return parse_response(block, url, fetched_at, str(self._path), at)


def read_response(file: BinaryIO, name: str, offset: int, length: int, run_id: str = "") -> ArchivedResponse | None:
    """Return the response in the record at an offset of a WARC file, or None if there is no such record, or it is cut.

    :param name: path of the file, for the result
    """
    if not 0 < length <= MAX_RECORD_BYTES:
        return None
    file.seek(offset)
    try:
        record = next(iter(ArchiveIterator(io.BytesIO(file.read(length)), parse_http=False)))
        if record.record_type != WarcRecordType.response or record.content_length > MAX_RECORD_BYTES:
            return None
        block = record.reader.read(MAX_RECORD_BYTES)
        if len(block) < record.content_length:
            return None
        url, date = record.headers.get("WARC-Target-URI") or "", _date(record.headers.get("WARC-Date"))
        return parse_response(block, url, date, name, offset, length, run_id)
    except (OSError, ValueError, OverflowError, StopIteration, RecordSkipped):
        return None


def _date(text: str | None) -> datetime:
    try:
        date = datetime.fromisoformat((text or "").strip())
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RecordSkipped("no_date") from None


def next_record(file: BinaryIO, start: int) -> int | None:
    """Return the offset of the next WARC record at or after ``start``, or None if there is none."""
    file.seek(0)
    mark = _GZIP if file.read(3) == _GZIP else _MAGIC
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
    if mark == _MAGIC:
        file.seek(at - 1)
        return file.read(1) == b"\n"
    file.seek(at)
    try:
        return zlib.decompressobj(31).decompress(file.read(512), len(_MAGIC)) == _MAGIC
    except zlib.error:
        return False
