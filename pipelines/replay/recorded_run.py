"""Everything that a run of the past received: the records in its archive files, and the requests without a response."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from pipelines.analysis.open_table import open_table
from pipelines.archive.records import ArchivedResponse
from pipelines.archive.warc_reader import read_response
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import read_report
from pipelines.storage.tables import TABLES

CONDITIONS = ("If-None-Match", "If-Modified-Since")
_FETCHES = TABLES["fetches"]
_PLACE = ["url", "fetched_at", "status", "archive_file", "archive_offset", "archive_length", "run_id"]
_MAX_HOPS = 10
#: File, offset and length of a record.
Place = tuple[str, int, int]
Conditions = tuple[str | None, str | None]


@dataclass(slots=True)
class Record:
    """Place of a response in the archive.

    :ivar conditions: values of the conditional headers of its request
    """

    place: Place
    status: int
    location: str | None
    conditions: Conditions = (None, None)


@dataclass(frozen=True, slots=True)
class Failure:
    """Requests for a URL to which no response came.

    :ivar count: number of these requests
    :ivar is_last: they came after the responses for the URL, and not before
    """

    count: int
    outcome: Outcome
    reason: str
    at: datetime
    is_last: bool


@dataclass
class RecordedRun:
    """The responses of a run, by URL in the order in which they arrived, and its failed requests.

    :ivar report: report of the run
    :ivar lost: number of fetches with a response that is not in the archive, or was removed on request
    """

    data_folder: DataFolder
    run_id: str
    spider: type[NewspaperSpider]
    report: dict[str, Any] = field(init=False)
    records: dict[str, list[Record]] = field(init=False)
    failures: dict[str, Failure] = field(init=False)
    robots: dict[str, tuple[str, datetime]] = field(init=False)
    milliseconds: dict[Place, int] = field(init=False)
    lost: int = 0

    def __post_init__(self) -> None:
        self.report = read_report(self.data_folder, self.run_id)
        self.records, self.failures, self.robots, self.milliseconds = {}, {}, {}, {}
        for path in self.data_folder.archive_files(self.spider.name, self.run_id):
            self._read_file(path)
        places = {record.place for records in self.records.values() for record in records}
        for row in self._fetches():
            self._read_fetch(row, places)

    @property
    def started_at(self) -> datetime:
        return datetime.fromisoformat(self.report["started_at"])

    @property
    def ended_at(self) -> datetime:
        return datetime.fromisoformat(self.report["ended_at"])

    def read(self, place: Place) -> ArchivedResponse | None:
        """Return a response of the archive, or None if it is missing or damaged."""
        path = (self.data_folder.root / place[0]).resolve()
        if not path.is_relative_to(self.data_folder.archive.resolve()) or not path.is_file():
            return None
        with path.open("rb") as file:
            return read_response(file, *place, self.run_id)

    def earlier(self, url: str, *, status: int | None = None) -> Place | None:
        """Return the place of the last response for a URL that an earlier run received, or None.

        :param status: only responses with this status; by default any but 304, which has no body
        """
        rows = self._earlier.filter(pc.equal(self._earlier["url"], url))
        if status is not None:
            rows = rows.filter(pc.equal(rows["status"], status))
        if not len(rows):
            return None
        last = max(rows.to_pylist(), key=lambda row: row["fetched_at"])
        return last["archive_file"], last["archive_offset"], last["archive_length"]

    @cached_property
    def _earlier(self) -> pa.Table:
        rows = open_table(
            "fetches", data=self.data_folder.root, site=self.spider.name, until=self.started_at, columns=_PLACE
        )
        has_body = pc.field("status").is_null() | (pc.field("status") != 304)
        return rows.to_arrow(pc.field("archive_file").is_valid() & has_body)

    def _read_file(self, path: Path) -> None:
        """Note the responses of a file, each of which its request follows; reading ends at a damaged record."""
        name = path.relative_to(self.data_folder.root).as_posix()
        starts, found = [], []
        with path.open("rb") as file, suppress(ValueError, OSError):
            for record in ArchiveIterator(file):
                starts.append(record.stream_pos)
                found.append((record.record_type, record.headers.get("WARC-Target-URI") or "", _head(record)))
        ends = [*starts[1:], path.stat().st_size]
        for (kind, url, head), start, end in zip(found, starts, ends, strict=True):
            if kind == WarcRecordType.response and head is not None:
                status, location, _ = head
                self.records.setdefault(url, []).append(Record((name, start, end - start), status, location))
            elif kind == WarcRecordType.request and head is not None and url in self.records:
                self.records[url][-1].conditions = head[2]

    def _fetches(self) -> Iterator[dict[str, Any]]:
        zone = self.spider.zone
        day, last = (each.astimezone(zone).date() for each in (self.started_at, self.ended_at + timedelta(days=1)))
        while day <= last:
            if (rows := self.data_folder.read(_FETCHES, self.spider.name, day.isoformat())) is not None:
                yield from rows.filter(pc.equal(rows["run_id"], self.run_id)).to_pylist()
            day += timedelta(days=1)

    def _read_fetch(self, row: dict[str, Any], places: Collection[Place]) -> None:
        outcome, reason, at = Outcome(row["outcome"]), row["reason"] or "", row["fetched_at"]
        place = row["archive_file"], row["archive_offset"], row["archive_length"]
        has_response = row["status"] is not None or row["archive_file"] is not None
        if outcome == Outcome.ROBOTS:
            self.robots.setdefault(urlsplit(row["url"]).netloc, (reason, at))
        if has_response:
            self.milliseconds[place] = row["milliseconds"] or 0
            if place not in places:
                self.lost += 1
                return
        failed = row["attempts"] - self._answered(row["url"], follow=outcome != Outcome.REDIRECTED)
        if failed > 0:
            known = (Outcome.UNREACHABLE, "") if has_response else (outcome, reason)
            self.failures[row["url"]] = Failure(failed, *known, at, not has_response)

    def _answered(self, url: str, *, follow: bool) -> int:
        """Return the number of responses for a URL and for the URLs to which it redirects as part of one fetch."""
        found: Counter[str] = Counter()
        while url not in found and len(found) < _MAX_HOPS and (records := self.records.get(url)):
            found[url] = len(records)
            location = records[-1].location
            if not follow or not location or not 300 <= records[-1].status < 400:
                break
            url = urljoin(url, location)
        return found.total()


def _head(record: WarcRecord) -> tuple[int, str | None, Conditions] | None:
    """Return status, `Location` and conditional headers of an HTTP message, or None of another record."""
    head = record.http_headers
    if head is None:
        return None
    return (head.status_code or 0, head.get("Location"), (head.get(CONDITIONS[0]), head.get(CONDITIONS[1])))
