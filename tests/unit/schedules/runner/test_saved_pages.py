"""Reading of saved pages."""

import asyncio
import gzip
import os
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.registry import newspapers
from schedules.runner.saved_pages import ReadPage, SavedPageReader
from tests.support.frozen_pages import CASES

SEED = next(case for case in CASES if case.name == "kalbela/seed")
URL = SEED.told("expected.json")["url"]
UNKNOWN = "https://news.example.org/a/long-story"


def read(*pages: tuple[bytes, str], generic: bool = False) -> list[ReadPage]:
    async def read_all() -> list[ReadPage]:
        with closing(SavedPageReader({} if generic else newspapers())) as reader:
            return [await reader.read(body, url) for body, url in pages]

    return asyncio.run(read_all())


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_page_of_known_site_uses_its_layout(compress: Any) -> None:
    [page] = read((compress(SEED.html.encode()), URL))
    told = SEED.told("expected.json")
    assert (page.outcome, page.row["layout"], page.row["headline"]) == ("story", told["layout"], told["headline"])
    assert page.row["body"].split("\n\n") == told["body"]


def test_generic_reading_ignores_site_files() -> None:
    [page] = read((SEED.html.encode(), URL), generic=True)
    told = SEED.told("expected.json")
    assert (page.row["layout"], page.row["headline"]) == ("generic", told["headline"])
    # The page gives no offset, and no site file names the zone.
    assert (page.row["published_at"], page.row["published_after"]) == (None, datetime(2024, 12, 31, tzinfo=UTC))


def test_other_section_of_host_is_read_generically() -> None:
    line = "The council met again on day {} and heard the report of its engineers at length."
    text = "".join(f"<p>{line.format(day)}</p>" for day in range(9))
    headline = "Council meets again after the July flood"
    html = f"<nav><a href=/news>News</a></nav><article><h1>{headline}</h1>{text}</article>"
    [page] = read((html.encode(), "https://www.bbc.com/news/uk-1234567"))
    assert (page.outcome, page.row["layout"], page.row["headline"]) == (
        "story",
        "generic",
        headline,
    )


def test_page_without_story_has_reason() -> None:
    pages = read(
        (b"<html><body>menu</body></html>", UNKNOWN), (b"", UNKNOWN), (b"%PDF-1.7", UNKNOWN), (b"<p>x", "ftp:/x")
    )
    assert [(page.outcome, page.row["body"]) for page in pages] == [
        *(("rejected", None), ("corrupt", None), ("wrong_type", None), ("invalid_url", None))
    ]
    assert all(page.reason for page in pages)


@pytest.mark.parametrize("end", [os.abort, lambda: time.sleep(100)], ids=["crash", "hang"])
def test_page_that_ends_parser_costs_one_result(end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parse = PageParser.parse

    def fail(parser: PageParser, response: PageResponse) -> ParsedPage:
        if b"killer" in response.body:
            end()
        return parse(parser, response)

    monkeypatch.setattr(PageParser, "parse", fail)
    monkeypatch.setattr("crawler.worker.extension.MAX_RESPONSE_SECONDS", 0.5)
    good = SEED.html.encode()
    assert [page.outcome for page in read((good, URL), (b"<p>killer", URL), (good, URL))] == [
        *("story", "unreadable", "story")
    ]
