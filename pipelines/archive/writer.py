"""Writing of archive files: WARC 1.1, one gzip member per record, each response followed by its request.

The body of a response is stored as it was sent, except that its chunks are joined. The header `Transfer-Encoding` is
therefore replaced by `X-Crawler-Transfer-Encoding`, as Common Crawl does, so that no reader joins them again. A record
without this header, without `Content-Length` and with another status than 204 and 304 is of a response whose end the
server did not mark. The names of the headers are in their usual capitals, because Twisted changes them.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from http.client import responses
from importlib.metadata import version
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from isal import igzip_lib
from warcio.warcwriter import WARCWriter

from crawler.downloader.archive import HttpExchange
from crawler.downloader.errors import RunEnded
from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, StorageError, storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import give_up_reserve, make_folder, sync

# Secrets, and headers with the address of this machine, which some servers send back.
_REMOVED_FROM_REQUESTS = (b"authorization", b"cookie", b"proxy-")
_REMOVED_FROM_RESPONSES = (
    *(b"set-cookie", b"transfer-encoding", b"x-client-ip", b"x-real-ip", b"x-forwarded-for", b"true-client-ip"),
    *(b"cf-connecting-ip", b"x-remote-addr", b"x-remote-ip"),
)
_COMPRESSION_LEVEL = 2


class ArchiveWriter:
    """Writer of the archive files of one run, of which there is one per day in the site's time zone.

    A record is recorded in the ledger, and synced to the disk before the ledger commits. Nothing in the ledger or in
    Parquet therefore refers to a record that a power cut could remove.

    :param has_addresses: write the IP address of the server, which is not that of a mirror
    :param give_up: called with an error of the disk or the ledger, after which nothing more is archived
    """

    def __init__(
        self,
        data_folder: DataFolder,
        ledger: Ledger,
        run_id: str,
        *,
        has_addresses: bool = True,
        give_up: Callable[[BaseException], Any] = lambda error: None,
    ) -> None:
        self._data_folder, self._ledger, self._run_id = data_folder, ledger, run_id
        self._has_addresses, self._give_up = has_addresses, give_up
        self._path: PurePosixPath | None = None
        self._descriptor = -1
        self._end = 0
        self._is_synced = True
        self._has_failed = False
        ledger.before_commit = self._sync

    def write(self, exchange: HttpExchange) -> tuple[str, int, int]:
        """Append a response and its request; return the file and the offset and length of the response's record.

        Raises :class:`RunEnded` if the disk is full or has an error, so that the next run requests the URL again.
        """
        try:
            return self._write(exchange)
        except (StorageError, DatabaseDamaged) as error:
            self._has_failed = True
            give_up_reserve(self._data_folder.state)
            self._give_up(error)
            raise RunEnded("the response could not be archived") from error

    def close(self) -> None:
        """Commit, remove the records whose transaction was rolled back after an error, and close the file."""
        if self._path is None:
            return
        try:
            self._ledger.commit()
            if (recorded := self._ledger.archive_files.size(str(self._path))) < self._end:
                os.ftruncate(self._descriptor, recorded)
            if not recorded:
                (self._data_folder.root / self._path).unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)
            self._path = None

    def _write(self, exchange: HttpExchange) -> tuple[str, int, int]:
        if self._has_failed:
            raise StorageError("nothing can be archived any more")
        builder = _RecordBuilder(exchange.received_at)
        response = builder.response(exchange, has_address=self._has_addresses)
        request = builder.request(exchange)
        path = self._data_folder.archive_file(
            self._ledger.site, exchange.received_at.astimezone(self._ledger.zone), self._run_id
        )
        with storage_errors("write", self._data_folder.root / path):
            self._open(path)
            about = b"" if self._end else builder.about_file(path.name, self._run_id)
            offset = self._end + len(about)
            with self._ledger.savepoint():
                self._append(about + response + request)
                self._ledger.archive_files.record(str(path), self._end)
        return str(path), offset, len(response)

    def _open(self, path: PurePosixPath) -> None:
        if path == self._path:
            return
        self.close()
        place = self._data_folder.root / path
        make_folder(place.parent)
        self._descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._path, self._end = path, self._ledger.archive_files.size(str(path))
        reached("archive.opened")
        sync(place.parent)
        os.ftruncate(self._descriptor, self._end)

    def _append(self, content: bytes) -> None:
        self._is_synced = False
        try:
            reached("archive.writing")
            left = memoryview(content)
            while left:
                left = left[os.write(self._descriptor, left) :]
                reached("archive.written")
        except OSError:
            with suppress(OSError):  # the next run cuts it off
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(content)

    def _sync(self) -> None:
        if self._is_synced or self._path is None:
            return
        # After an error, the kernel may have dropped what it could not write, and the rows about it are rolled back.
        self._is_synced = True
        try:
            with storage_errors("write", self._data_folder.root / self._path):
                os.fsync(self._descriptor)
                reached("archive.synced")
        except StorageError:
            self._has_failed = True
            raise


class _Head:
    """HTTP headers in the form in which warcio writes them; it would convert bytes that are not ASCII."""

    def __init__(self, start: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        lines = [start.encode("latin-1", "replace"), *(name + b": " + value for name, value in headers)]
        self.headers_buff = b"\r\n".join(lines) + b"\r\n\r\n"

    def compute_headers_buffer(self, header_filter: object) -> None:
        pass


class _RecordBuilder:
    """Builder of the records of one response, as gzip members."""

    def __init__(self, at: datetime) -> None:
        self._buffer = BytesIO()
        self._writer = WARCWriter(self._buffer, gzip=False, warc_version="1.1")
        self._headers = {"WARC-Date": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}
        self._response_id = ""

    def about_file(self, name: str, run_id: str) -> bytes:
        about = {"software": f"Khobor/{version('khobor')}", "format": "WARC file version 1.1", "isPartOf": run_id}
        record = self._writer.create_warcinfo_record(name, about)
        record.rec_headers.replace_header("WARC-Date", self._headers["WARC-Date"])
        return self._member(record)

    def response(self, exchange: HttpExchange, *, has_address: bool) -> bytes:
        headers = [
            (name, value) for name, value in exchange.headers if not name.lower().startswith(_REMOVED_FROM_RESPONSES)
        ]
        if exchange.is_chunked:
            headers.append((b"X-Crawler-Transfer-Encoding", b"chunked"))
        more = {"WARC-Truncated": exchange.truncated, "WARC-IP-Address": exchange.address if has_address else None}
        record = self._writer.create_warc_record(
            exchange.url,
            "response",
            payload=BytesIO(exchange.body),
            length=len(exchange.body),
            warc_headers_dict=self._headers | {name: value for name, value in more.items() if value},
            http_headers=_Head(f"{exchange.protocol} {exchange.status} {responses.get(exchange.status, '')}", headers),
        )
        self._response_id = record.rec_headers.get_header("WARC-Record-ID")
        return self._member(record)

    def request(self, exchange: HttpExchange) -> bytes:
        parts = urlsplit(exchange.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        headers = [
            (name, value)
            for name, value in exchange.request_headers
            if not name.lower().startswith(_REMOVED_FROM_REQUESTS)
        ]
        record = self._writer.create_warc_record(
            exchange.url,
            "request",
            warc_headers_dict=self._headers | {"WARC-Concurrent-To": self._response_id},
            http_headers=_Head(
                f"{exchange.method} {target} HTTP/1.1",
                [(b"Host", parts.netloc.rpartition("@")[2].encode()), *headers],
            ),
        )
        return self._member(record)

    def _member(self, record: Any) -> bytes:
        self._buffer.seek(0)
        self._buffer.truncate()
        self._writer.write_record(record)
        return bytes(igzip_lib.compress(self._buffer.getvalue(), _COMPRESSION_LEVEL, igzip_lib.COMP_GZIP))
