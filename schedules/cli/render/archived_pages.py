"""Text and JSON output of archived responses."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crawler.registry import zones
from crawler.safe_text import escape_unsafe, one_line
from pipelines.archive.lookup import decoded_text
from schedules.cli.render.terminal import console, plain, table
from schedules.dashboard.formatting import clock

if TYPE_CHECKING:
    from pipelines.archive.lookup import ArchivedFetch
    from pipelines.archive.records import ArchivedResponse


def as_data(fetch: "ArchivedFetch") -> dict[str, Any]:
    return asdict(fetch) | {"place": fetch.place}


def response_as_data(fetch: "ArchivedFetch", response: "ArchivedResponse") -> dict[str, Any]:
    """Convert a response to JSON types; the text is null if the body is not text."""
    return as_data(fetch) | {"headers": headers_of(response), "text": decoded_text(response)}


def headers_of(response: "ArchivedResponse") -> list[list[str]]:
    return [[part.decode("utf-8", "replace") for part in field] for field in response.headers]


def show_list(found: Sequence["ArchivedFetch"]) -> None:
    """Print one line for each response, with the command that shows the first."""
    if not found:
        print("Nothing is archived.")
        return
    own = zones()
    rows = table("received", ">status", "outcome", ">bytes", "run", "URL")
    for fetch in found:
        rows.add_row(
            clock(fetch.fetched_at, ZoneInfo(own.get(fetch.site, "UTC"))),
            str(fetch.status or ""),
            plain(fetch.outcome),
            f"{fetch.archive_length:,}",
            plain(fetch.run_id),
            plain(fetch.url),
        )
    out = console()
    out.print(rows)
    out.print(f"\nshow the first: khobor archive show {plain(found[0].place)}")


def show_response(fetch: "ArchivedFetch", response: "ArchivedResponse") -> None:
    """Print the headers and the decoded text of a response; unsafe characters are escaped."""
    print(one_line(f"{fetch.url}", 2000))
    received = fetch.fetched_at.astimezone(ZoneInfo(zones().get(fetch.site, "UTC")))
    print(f"received {received:%Y-%m-%d %H:%M:%S %Z}; {one_line(fetch.outcome)}; {fetch.place}\n")
    print(f"status {response.status}")
    for name, value in headers_of(response):
        print(one_line(f"{name}: {value}", 2000))
    text = decoded_text(response)
    if text is None:
        text = f"({len(response.body):,} bytes, not text or damaged; `khobor archive extract` writes them to a file)"
    print(f"\n{escape_unsafe(text)}\n")
