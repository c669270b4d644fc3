"""Messages to and from a process that reads archived pages, as JSON; a repeated link or list is sent once.

Nearly every page has the lists and many of the links of the page before it, which would be most of its message.
"""

from datetime import datetime
from typing import Any

from crawler.items import Fetch
from crawler.parsing.parser import ParsedPage
from crawler.parsing.ranked_lists import RankedRow
from crawler.urls import SiteUrl
from crawler.worker.protocol import (
    dump_lists,
    dump_url,
    dump_values,
    load_lists,
    load_others,
    load_values,
    other_values,
)

Row = dict[str, Any]
#: Columns of `fetches` from which a page is read.
ASKED = (
    *("run_id", "url", "fetched_at", "via", "referrer", "depth", "outcome", "complete", "milliseconds", "attempts"),
    *("archive_file", "archive_offset", "archive_length"),
)
#: Fields of a fetch that its archived response gives, or the address of its URL under the rules of today.
FOUND = (
    *("key", "normal_url", "story_id", "moved_to", "status", "bytes", "complete", "milliseconds", "attempts"),
    *("etag", "last_modified", "outcome", "reason"),
)
#: Reply if a page cannot be read from the archive.
NO_PAGE = dump_values(None)
_MAX_LINKS = 20_000


def dump_request(row: Row, mode: str, position: str | None) -> bytes:
    values = {name: row[name] for name in ASKED} | {"fetched_at": row["fetched_at"].isoformat()}
    return dump_values((values, mode, position))


def load_request(message: bytes) -> tuple[Row, str, str | None]:
    values, mode, position = load_values(message)
    return values | {"fetched_at": datetime.fromisoformat(values["fetched_at"])}, mode, position


class ReplyWriter:
    """Writer of the replies of one process."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._lists: dict[str, list[RankedRow]] | None = None
        self._is_sent = True  # after an error, the reader may lack what is numbered here

    def dump(self, fetch: Fetch, url: str, parsed: ParsedPage | None) -> bytes:
        """Return the reply for a page.

        :param url: URL of its response :param parsed: None if the response is not a page
        """
        found = [getattr(fetch, name) for name in FOUND]
        if parsed is None:
            return dump_values((found, url, None))
        starts_anew, self._is_sent = not self._is_sent or len(self._numbers) > _MAX_LINKS, False
        if starts_anew:
            self._numbers, self._lists = {}, None
        message = dump_values((found, url, (starts_anew, *self._values(parsed))))
        self._is_sent = True
        return message

    def _values(self, parsed: ParsedPage) -> tuple[Any, ...]:
        numbers, new = [], []
        for link in map(dump_url, parsed.links):
            if (number := self._numbers.get(link)) is None:
                number = self._numbers[link] = len(self._numbers)
                new.append(link)
            numbers.append(number)
        lists = None if parsed.lists == self._lists else dump_lists(parsed.lists)
        self._lists = parsed.lists
        return new, numbers, lists, other_values(parsed)


class ReplyReader:
    """Reader of the replies of one process, in the order in which it wrote them."""

    def __init__(self) -> None:
        self._links: list[SiteUrl] = []
        self._lists: dict[str, list[RankedRow]] = {}

    def load(self, message: bytes) -> tuple[dict[str, Any], str, ParsedPage | None] | None:
        """Return the fields :data:`FOUND`, the URL of the response and the parsed page, or None without a page."""
        if (values := load_values(message)) is None:
            return None
        found, url, parsed = values
        return dict(zip(FOUND, found, strict=True)), url, None if parsed is None else self._parsed(*parsed)

    def _parsed(
        self,
        starts_anew: bool,
        new: list[Any],
        numbers: list[int],
        lists: dict[str, Any] | None,
        others: dict[str, Any],
    ) -> ParsedPage:
        if starts_anew:
            self._links.clear()
        self._links += (SiteUrl(*link) for link in new)
        if lists is not None:
            self._lists = load_lists(lists)
        return load_others(others, dict(self._lists), [self._links[number] for number in numbers])
