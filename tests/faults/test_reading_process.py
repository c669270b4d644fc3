"""Processes that read archived pages: a page that ends one fails alone, and the others are read in their order."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.decoding.decode_errors import DecodeError, PageCorrupt, PageTooLarge, ParserCrashed
from crawler.items import Fetch
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.urls import SiteUrl
from crawler.worker import extension, page_messages
from crawler.worker.extension import ParserFailed
from pipelines.rebuild.archived_pages import ArchivedPage, PastResponse
from pipelines.rebuild.reading_process import PageUnreadable, ReadingProcess

AT = datetime(2026, 2, 12, tzinfo=UTC)
LINKS = [SiteUrl(f"https://x/{n}", f"x:{n}", f"x:{n}", None, f"https://x/{n}?a") for n in range(9)]


def end(number: int) -> None:
    os.kill(os.getpid(), number)


def fail(error: Exception) -> None:
    raise error


class ScriptedPages:
    """Archive in which the page ``bad`` makes the process fail in one way."""

    def __init__(self, failure: Callable[[], Any]) -> None:
        self.failure = failure

    def get(self, row: dict[str, Any], mode: str, position: str | None) -> ArchivedPage | None:
        if row["url"] == "missing":
            return None
        fetch = Fetch(site="x", url=row["url"], fetched_at=row["fetched_at"], reason=mode)
        return ArchivedPage(
            fetch, PastResponse(row["url"], {}), PageResponse(url=row["url"], body=b"", fetched_at=AT), None
        )

    def parse(self, page: PageResponse) -> ParsedPage:
        if page.url == "bad":
            self.failure()
        if page.url == "slow":
            signal.pause()
        number = int(page.url) if page.url.isdigit() else 0
        return ParsedPage(links=LINKS[number % 5 : number % 5 + 4], next_page=page.url)


def read(failure: Callable[[], Any], *urls: str) -> list[Any]:
    pages = ScriptedPages(failure)
    with closing(ReadingProcess(pages, pages, ())) as process:  # type: ignore[arg-type]
        for url in urls:
            row = dict.fromkeys(page_messages.ASKED) | {"url": url, "fetched_at": AT}
            process.request(row, "full", None)
        return [reply_of(process) for _ in urls]


def reply_of(process: ReadingProcess) -> Any:
    try:
        reply = process.reply()
    except PageUnreadable as error:
        return error.cause
    if reply is None or reply[2] is None:
        return reply
    assert (reply[0]["reason"], reply[1]) == ("full", reply[2].next_page)
    return [*reply[2].links, reply[1]] if reply[1].isdigit() else reply[1]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (lambda: end(signal.SIGSEGV), ParserCrashed),
        (lambda: end(signal.SIGKILL), ParserCrashed),
        (lambda: os._exit(3), ParserCrashed),
        (lambda: end(signal.SIGPROF), PageTooLarge),
        (lambda: bytearray(2 * extension.MAX_PAGE_MEMORY), PageTooLarge),
        (lambda: fail(PageCorrupt("no page")), PageCorrupt),
        (lambda: fail(RecursionError("deep")), ParserFailed),
    ],
)
def test_bad_page_fails_alone(failure: Callable[[], Any], expected: type[DecodeError | ParserFailed]) -> None:
    first, bad, missing, *others = read(failure, "a", "bad", "missing", *map(str, range(50)))
    assert (first, type(bad), missing) == ("a", expected, None)
    assert others == [[*LINKS[n % 5 : n % 5 + 4], str(n)] for n in range(50)]
    # Links keep the URL that is requested, which does not count when they are compared.
    assert [link.request_url for link in others[4][:-1]] == [link.request_url for link in LINKS[4:8]]


def test_page_without_end_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MAX_RESPONSE_SECONDS", 0.5)
    slow, after = read(lambda: None, "slow", "a")
    assert (type(slow), after) == (ParserCrashed, "a")


@pytest.mark.parametrize(
    "reply", [b"[[], 1, null]", b'{"no": "reply"}', b"\xff", b'[[], "a", [false, [], [7], {}, {}]]']
)
def test_malformed_reply_fails_its_page(monkeypatch: pytest.MonkeyPatch, reply: bytes) -> None:
    dump = page_messages.ReplyWriter.dump

    def changed(self: Any, fetch: Any, url: str, parsed: Any) -> bytes:
        return reply if url == "bad" else dump(self, fetch, url, parsed)

    monkeypatch.setattr(page_messages.ReplyWriter, "dump", changed)
    bad, *others = read(lambda: None, "bad", "1", "2")
    assert isinstance(bad, ParserFailed)
    assert others == [[*LINKS[n : n + 4], str(n)] for n in (1, 2)]


def test_many_links_are_numbered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_messages, "_MAX_LINKS", 6)
    assert read(lambda: None, *map(str, range(30))) == [[*LINKS[n % 5 : n % 5 + 4], str(n)] for n in range(30)]
