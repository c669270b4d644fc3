"""Reading of the responses in WARC files, also in damaged ones and in those of other programs.

Files come from anywhere. The memory for a record is bounded whatever it declares or decompresses to, and reading
continues after a damaged record at the next one. Each record that is not returned is counted with a reason.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from crawler.clock import now
from pipelines.archive.forward_file import MAX_RECORD_BYTES
from pipelines.archive.http_message import RecordSkipped, parse_response
from pipelines.archive.records import ArchivedResponse, Original
from pipelines.archive.warc_file import WarcFile, open_warc

MAX_URL_LENGTH = 8_192
RECORDS_BETWEEN_CALLS = 1_000
#: A date with seconds: anything less would be a guess.
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
_FIRST_YEAR = 1990  # of the web
_RESPONSE, _REVISIT = WarcRecordType.response, WarcRecordType.revisit
_WITHOUT_TYPE = (WarcRecordType.unknown, WarcRecordType.no_type)
#: Records that are part of any WARC file and have no response.
_WITHOUT_RESPONSE = WarcRecordType.warcinfo | WarcRecordType.request | WarcRecordType.metadata


class WarcReader:
    """Iterator over the HTTP responses of a WARC file, which may be compressed by record, as a whole, or not at all.

    A revisit record is returned as a response with the status 0 and without headers and body.

    :param wanted: function from URL to True if the record is to be read; others are counted as `other_url`
    :param progress: function that is called now and then with the position in the file
    :ivar records: number of records so far, of any type: those returned and those skipped
    :ivar skipped: number of records that were not returned, by reason
    """

    def __init__(
        self,
        path: Path,
        wanted: Callable[[str], bool] = lambda url: True,
        progress: Callable[[int], None] = lambda position: None,
    ) -> None:
        self._path, self._wanted, self._progress = path, wanted, progress
        self.records = 0
        self.skipped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[ArchivedResponse]:
        """Yield the responses in the order of the file.

        :raises NotWarc: the file has no WARC record :raises OSError: the file cannot be opened or read
        """
        with open_warc(self._path) as file:
            start: int | None = 0
            while start is not None:
                start = yield from self._read_from(file, start)
            if file.is_damaged:
                self.records += 1
                self._skip("corrupt")  # the rest of the file
            if self.records == self.skipped["corrupt"]:
                self.records = 0
                self.skipped.clear()
                raise file.mistake()

    def _read_from(self, warc: WarcFile, start: int) -> Generator[ArchivedResponse, None, int | None]:
        """Yield the responses from an offset; return the offset at which to continue after damage, or None."""
        file = warc.content
        file.seek(start)
        records = iter(ArchiveIterator(file, parse_http=False))
        last: ArchivedResponse | None = None
        at, length = start, -1
        while True:
            try:
                record = next(records, None)
                end = record.stream_pos if record is not None else file.seek(0, io.SEEK_END)
                if length >= 0 and not warc.ends_record(end, length):
                    raise ValueError
            except (OSError, ValueError, OverflowError):  # of fastwarc; of Python if a header is not text
                # Either this record is damaged, or the one before has a wrong length.
                if last is None or self._is_intact(file, last):
                    self.records += 1
                    self._skip("corrupt")
                else:
                    self._skip("wrong_length")
                    last = None
                following = warc.next_record(at + 1)
                if last is not None:
                    yield replace(last, length=0 if following is None else following - last.offset)
                return following
            if last is not None:
                yield replace(last, length=end - last.offset)
                last = None
            if record is None:
                return None
            at, length = end, record.content_length
            self.records += 1
            if not self.records % RECORDS_BETWEEN_CALLS:
                self._progress(warc.position)
            if record.record_type in _WITHOUT_TYPE:  # the end of a cut file looks so too
                self._skip("corrupt")
                return warc.next_record(at + 1)
            if length > MAX_RECORD_BYTES:
                # It is not read to its end, because it may decompress to any size.
                self._skip("too_large")
                return warc.after_large_record(at, length)
            try:
                last = self._response(record, at)
            except RecordSkipped as reason:
                self._skip(str(reason))
                if str(reason) == "truncated":
                    return warc.next_record(at + 1)

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

    def _response(self, record: WarcRecord, at: int) -> ArchivedResponse:
        kind = record.record_type
        if kind != _RESPONSE and kind != _REVISIT:
            raise RecordSkipped("no_response" if kind & _WITHOUT_RESPONSE else "other_type")
        url = _target(record.headers.get("WARC-Target-URI") or "")
        if not url[:8].lower().startswith(("http://", "https://")) or len(url) > MAX_URL_LENGTH:
            raise RecordSkipped("not_http")
        if not self._wanted(url):
            raise RecordSkipped("other_url")
        if kind == _RESPONSE and record.headers.get("WARC-Truncated"):  # a revisit has it for its missing body
            raise RecordSkipped("cut_by_writer")
        fetched_at = _date(record.headers.get("WARC-Date"))
        if fetched_at.year < _FIRST_YEAR or fetched_at > now():
            raise RecordSkipped("impossible_date")
        record_id = record.headers.get("WARC-Record-ID") or ""
        if kind == _REVISIT:
            original, nothing = _original(record), dict[str, Any](headers=[], body=b"", length=0, file=str(self._path))
            return ArchivedResponse(url=url, fetched_at=fetched_at, status=0, offset=at, original=original, **nothing)
        block = record.reader.read(MAX_RECORD_BYTES)
        if len(block) < record.content_length:
            raise RecordSkipped("truncated")
        return replace(parse_response(block, url, fetched_at, str(self._path), at), record_id=record_id)


def _original(record: WarcRecord) -> Original:
    try:
        at = _date(record.headers.get("WARC-Refers-To-Date"))
    except RecordSkipped:
        at = None
    url = record.headers.get("WARC-Refers-To-Target-URI")
    return Original(record.headers.get("WARC-Refers-To") or "", url and _target(url), at)


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
        response = parse_response(block, url, date, name, offset, length, run_id)
        return replace(response, truncated=record.headers.get("WARC-Truncated"))
    except (OSError, ValueError, OverflowError, StopIteration, RecordSkipped):
        return None


def _target(text: str) -> str:
    return text.strip("<> \t")  # WARC 1.0 has URIs in angle brackets by its grammar, and wget writes them


def _date(text: str | None) -> datetime:
    try:
        if not _DATE.fullmatch(text := (text or "").strip()):
            raise RecordSkipped("no_date")
        date = datetime.fromisoformat(text)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RecordSkipped("no_date") from None
