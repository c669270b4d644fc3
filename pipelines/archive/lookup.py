"""Search for archived responses by story, URL, run and time, and reading of a single one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc

from crawler.decoding.charset import decode_text, sniff
from crawler.decoding.decode_errors import DecodeError
from crawler.decoding.decompress import decode_content
from pipelines.analysis.open_table import QueryError, open_table
from pipelines.archive.http_message import MAX_BODY_BYTES
from pipelines.archive.records import ArchivedResponse
from pipelines.archive.warc_reader import read_response
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.parquet import read_columns
from pipelines.storage.tables import TABLES

_PLACE = re.compile(
    r"(archive/site=[a-z0-9_]+/date=\d{4}-\d\d-\d\d/\d{8}T\d{6}Z-[a-z0-9_]{1,32}-[0-9a-f]{4}\.warc\.gz):(\d{1,15})"
)
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9_]{1,32}-[0-9a-f]{4}")
_COLUMNS = (
    *("site", "fetched_at", "url", "story_id", "status", "outcome", "run_id"),
    *("archive_file", "archive_offset", "archive_length"),
)
_TEXTS = ("html", "xml", "json", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFetch:
    """Row of `fetches` with the place of its response in the archive."""

    site: str
    fetched_at: datetime
    url: str
    story_id: str | None
    status: int | None
    outcome: str
    run_id: str
    archive_file: str
    archive_offset: int
    archive_length: int

    @property
    def place(self) -> str:
        return f"{self.archive_file}:{self.archive_offset}"


def find_archived(
    data_folder: DataFolder,
    wanted: Sequence[str] = (),
    *,
    site: str | None = None,
    run_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[ArchivedFetch]:
    """Return the archived responses that match all conditions, newest first.

    :param wanted: ids of stories, URLs, ids of runs or places in the archive (`file:offset`), of which one must match
    """
    condition = pc.field("archive_file").is_valid()
    if wanted:
        condition &= reduce(or_, map(_condition, wanted))
    if run_id is not None:
        condition &= pc.field("run_id") == run_id
    rows = open_table("fetches", data=data_folder.root, site=site, since=since, until=until, columns=_COLUMNS)
    found = rows.to_arrow(condition)
    newest = pc.select_k_unstable(
        found,
        len(found) if limit is None else min(limit, len(found)),
        [("fetched_at", "descending"), ("url", "ascending")],
    )
    return [ArchivedFetch(**row) for row in found.take(newest).to_pylist()]


def fetch_at(data_folder: DataFolder, place: str) -> ArchivedFetch | None:
    """Return the archived response at a place in the archive (`file:offset`), or None if there is none.

    Only the rows of `fetches` of its site, and of its day and the days beside it, are read: a page may be requested
    before midnight and received after it. Raises :class:`DataDamaged` if they cannot be read.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        return None
    site, day = (part.partition("=")[2] for part in PurePath(match[1]).parts[1:3])
    try:
        received = date.fromisoformat(day)
        days = [(received + timedelta(days=n)).isoformat() for n in (-1, 1)]
    except (ValueError, OverflowError):
        return None
    for _, path in data_folder.published(TABLES["fetches"], site, *days):
        for row in read_columns(data_folder.root, path, _COLUMNS[1:], _condition(place)).to_pylist():
            return ArchivedFetch(site=site, **row)
    return None


def _condition(wanted: str) -> pc.Expression:
    if match := _PLACE.fullmatch(wanted):
        return (pc.field("archive_file") == match[1]) & (pc.field("archive_offset") == pa.scalar(int(match[2])))
    if _RUN_ID.fullmatch(wanted):
        return pc.field("run_id") == wanted
    if wanted.lower().startswith(("http://", "https://")):
        return pc.field("url") == wanted
    return pc.field("story_id") == wanted


def read_archived(data_folder: DataFolder, fetch: ArchivedFetch) -> ArchivedResponse:
    """Return an archived response.

    Raises :class:`QueryError` if its file is missing, and :class:`DataDamaged` if its record is damaged.
    """
    path = data_folder.root / fetch.archive_file
    try:
        with path.open("rb") as file:
            response = read_response(file, fetch.archive_file, fetch.archive_offset, fetch.archive_length, fetch.run_id)
    except FileNotFoundError:
        raise QueryError(f"{fetch.archive_file} is not in {data_folder.root}: it was removed, or not copied") from None
    if response is None:
        raise DataDamaged(PurePath(fetch.archive_file), f"is damaged at byte {fetch.archive_offset:,}")
    return response


def decoded_body(response: ArchivedResponse) -> bytes:
    """Return the body without its content encodings; raise :class:`DecodeError` if it cannot be decompressed."""
    listed = b",".join(value for name, value in response.headers if name.lower() == b"content-encoding")
    return decode_content(response.body, listed, MAX_BODY_BYTES)


def decoded_text(response: ArchivedResponse) -> str | None:
    """Return the body as text, or None if it is not text or cannot be decoded."""
    try:
        body = decoded_body(response)
        if sniff(body) not in _TEXTS:
            return None
        return decode_text(body, (response.header(b"content-type") or b"").decode("latin-1"))
    except DecodeError:
        return None
