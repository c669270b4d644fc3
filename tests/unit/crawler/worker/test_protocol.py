"""Worker protocol: pages and results survive serialisation."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.entry_points import CrawlPosition, EntryPoint, Feed, Listing, Pagination
from crawler.items import ParsedStory, Story
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.parsing.ranked_lists import RankedRow
from crawler.urls import SiteUrl, SkippedUrl
from crawler.worker.protocol import dump_page, dump_parsed_page, load_page, load_parsed_page
from tests.support.faulty_steps import after_text_steps
from tests.support.frozen_pages import CASES, Case, by_case

AT = datetime(2026, 1, 11, 14, 5, 6, 789, tzinfo=UTC)
ENTRY_POINTS = (Feed(name="rss"), Listing(name="latest-news", pagination=Pagination(), incremental=True))
# Also what no file could hold: half of a pair of surrogates.
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
MAYBE = st.none() | TEXT
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
URL_RULES = st.builds(SiteUrl, TEXT, TEXT, MAYBE, MAYBE)
ROWS = st.builds(
    RankedRow, st.integers(), URL_RULES | st.builds(SkippedUrl, TEXT, st.sampled_from(Outcome), TEXT), MAYBE
)
ENTRIES = st.lists(st.builds(FeedEntry, TEXT, MAYBE, MAYBE), max_size=3)
STORIES = st.builds(
    ParsedStory,
    story=st.builds(
        Story,
        **dict.fromkeys(("story_id", "headline", "body"), TEXT),
        **dict.fromkeys(("published_at", "updated_at", "fetched_at"), MOMENTS),
        kicker=MAYBE,
        tags=st.none() | st.lists(TEXT),
        word_count=st.none() | st.integers(0),
    ),
    extracted_by=st.dictionaries(TEXT, TEXT, max_size=3),
    unreadable_dates=st.lists(TEXT, max_size=2).map(tuple),
    missing=st.lists(TEXT, max_size=2).map(tuple),
    text_steps_done=st.booleans(),
    sketch=st.none() | st.tuples(st.lists(st.integers(0, 2**24), max_size=4).map(tuple), st.binary(max_size=9)),
)
READINGS = st.builds(
    ParsedPage,
    lists=st.dictionaries(st.sampled_from(("latest", "popular")), st.lists(ROWS, min_size=1, max_size=3)),
    links=st.lists(URL_RULES, max_size=3),
    listing_id=MAYBE,
    next_page=MAYBE,
    feed_urls=st.lists(TEXT, max_size=2),
    entries=ENTRIES,
    sitemaps=ENTRIES,
    story=st.none() | STORIES,
    removed=st.dictionaries(TEXT, st.integers(1, 9), max_size=2),
)


@given(READINGS)
def test_parsed_page_survives_round_trip(reading: ParsedPage) -> None:
    assert load_parsed_page(dump_parsed_page(reading)) == reading


@given(TEXT, st.binary(max_size=50), MAYBE, st.sampled_from(ENTRY_POINTS), st.integers(1, 9), st.booleans())
def test_page_survives_round_trip(
    url: str, body: bytes, content_type: str | None, entry_point: EntryPoint, number: int, feeds: bool
) -> None:
    position = CrawlPosition(
        page=number, fragment=number, list_id="7", previous_keys=("kalbela:1", "kalbela:2"), sitemap_depth=1
    )
    for behind in ({}, {"entry_point": entry_point, "position": position}):
        page = PageResponse(
            url=url, body=body, fetched_at=AT, content_type=content_type, is_story=not feeds, find_feeds=feeds, **behind
        )
        assert load_page(*dump_page(page), ENTRY_POINTS) == page


def test_page_of_removed_entry_point_is_plain() -> None:
    page = PageResponse(url="https://www.kalbela.com/x", body=b"", fetched_at=AT, entry_point=ENTRY_POINTS[0])
    assert load_page(*dump_page(page), ENTRY_POINTS[1:]).entry_point is None


@by_case
@pytest.mark.parametrize("prepare", [after_text_steps, lambda story: story], ids=["cleaned", "parsed"])
def test_worker_parses_frozen_pages_alike(case: Case, prepare: object) -> None:
    fetch = case.told("case.json")
    spider = case.newspaper()
    page = PageResponse(
        url=fetch["url"],
        body=case.html.encode(),
        fetched_at=datetime.fromisoformat(fetch["fetched_at"]),
        is_story=True,
        entry_point=spider.entry_points[0],
        find_feeds=True,
    )
    reading = spider.page_parser.parse(load_page(*dump_page(page), spider.entry_points))
    if reading.story is not None:
        reading.story = prepare(reading.story)  # type: ignore[operator]
    assert load_parsed_page(dump_parsed_page(reading)) == reading


def test_frozen_pages_exist() -> None:
    assert CASES
