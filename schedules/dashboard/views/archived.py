"""Archived responses, as text and as HTML that loads nothing and runs no script."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crawler.safe_text import escape_unsafe
from pipelines.analysis.open_table import QueryError
from pipelines.archive.lookup import decoded_text, fetch_at, read_archived
from pipelines.storage.errors import DataDamaged
from schedules.dashboard.data_source import DataSource

ROUTE = "/archive/{site}/{day}/{run}/{offset:int}"
MAX_PAGES = 20
#: The browser sends no request for the page, runs no script, and submits no form, also without the second line of
#: defence, :data:`_LOADING`. The policy of the dashboard applies as well.
HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-DNS-Prefetch-Control": "off"}
_PLACE = re.compile(r"archive/site=(\w+)/date=([\d-]{10})/([\w-]{1,80})\.warc\.gz:(\d{1,15})", re.ASCII)
#: Beginning of the tag of an element that could load something, or send the browser to another page.
_LOADING = re.compile(
    r"<(?=/?(?:script|link|meta|base|i?frame|object|embed|form|portal|svg|video|audio|source|track)\b)", re.IGNORECASE
)
_COLUMNS = ("fetched_at", "story_id", "status", "archive_file", "archive_offset")


def path_of(place: object) -> str | None:
    """Return the path at which the dashboard shows an archived response, or None if ``place`` is not in the archive."""
    match = _PLACE.fullmatch(str(place))
    return f"/archive/{'/'.join(match.groups())}" if match else None


def place_of(path: Mapping[str, Any]) -> str:
    return f"archive/site={path['site']}/date={path['day']}/{path['run']}.warc.gz:{path['offset']}"


def archived_text(source: DataSource, place: str, *, is_html: bool) -> bytes | None:
    """Return an archived response as plain text with its headers, or as harmless HTML; None if it is not archived."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return None
    data_folder = source.folder_of_run(match[3])
    try:
        fetch = fetch_at(data_folder, place)
        response = read_archived(data_folder, fetch) if fetch is not None else None
    except (QueryError, DataDamaged):
        return None
    if fetch is None or response is None:
        return None
    text = decoded_text(response)
    if is_html:
        return _LOADING.sub("<x-", text).encode("utf-8", "replace") if text is not None else None
    head = [f"{fetch.url}", f"received {fetch.fetched_at.isoformat()}", f"status {response.status}"]
    head += [f"{name.decode('latin-1')}: {value.decode('utf-8', 'replace')}" for name, value in response.headers]
    shown = "\n".join((*head, "", text if text is not None else f"({len(response.body):,} bytes that are not text)"))
    return escape_unsafe(shown).encode("utf-8", "replace")


def archived_pages(source: DataSource, story_id: str, revisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the archived pages of a story on the days on which a revision of it appeared or was last seen."""
    import pyarrow.compute as pc

    site = story_id.partition(":")[0]
    zone = source.site(site).zone
    days = sorted({day for row in revisions for day in _days(row, zone)}, reverse=True)
    pages: list[dict[str, Any]] = []
    for day in days[: 2 * MAX_PAGES]:
        rows = source.rows("fetches", site, _COLUMNS, day, day)
        rows = rows.filter(pc.and_(pc.equal(rows["story_id"], story_id), pc.equal(rows["status"], 200)))
        own = [row for row in rows.to_pylist() if row["archive_file"]]
        for row in sorted(own, key=lambda row: row["fetched_at"], reverse=True):
            place = f"{row['archive_file']}:{row['archive_offset']}"
            pages.append({"fetched_at": row["fetched_at"].isoformat(), "place": place})
    return pages[:MAX_PAGES]


def _days(row: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    moments: tuple[datetime | None, ...] = (row["appeared_by"], row["first_seen_at"], row["fetched_at"])
    return (f"{moment.astimezone(zone):%Y-%m-%d}" for moment in moments if moment is not None)
