"""Declared sites on independent newspapers: every field of every story, whichever reading of a fact its page uses."""

from datetime import datetime, timedelta

import pytest

from crawler.items import Story
from crawler.parsing.parser import PageParser, PageResponse
from crawler.registry import newspapers
from crawler.urls import SiteUrl
from pipelines.steps.clean_text import clean_story
from tests.newspaper.bengali_text import DHAKA
from tests.newspaper.independent import PAPERS, Paper
from tests.newspaper.independent.story import Truth

NOW = datetime(2026, 10, 3, 9, tzinfo=DHAKA)
NOTES = ("ফাইল ছবি", "ফাইল চিত্র")


def read(paper: Paper, truth: Truth) -> Story:
    spider = newspapers()[paper.name]
    rules = spider.make_url_rules()
    address, story = rules.identify(truth.url), paper.by_id(truth.story_id, paper.view(NOW))
    assert isinstance(address, SiteUrl)
    assert story is not None
    body = paper.story_page(story, paper.path_of(story), paper.view(NOW)).body
    page = PageResponse(url=truth.url, body=body, fetched_at=NOW, is_story=True)
    found = PageParser(rules, spider.layouts, spider.lists, spider.zone).parse(page).story
    assert found is not None
    return clean_story(found.story)


def credit_of(truth: Truth) -> str | None:
    """Return the credit without its label; a note on the picture's age is part of the caption."""
    credit = (truth.image_credit or "").removeprefix("-").removeprefix("ছবি").strip(" :")
    return None if credit in NOTES else credit or None


def caption_of(truth: Truth) -> str | None:
    note = truth.image_credit if truth.image_credit in NOTES else None
    return " ".join(filter(None, (truth.image_caption, note))) or None


def file_name(url: str | None) -> str:
    return (url or "").partition("?")[0].rpartition("/")[2]


@pytest.mark.parametrize("name", sorted({*PAPERS} & {*newspapers()}))
def test_every_field_of_an_independent_page_is_right(name: str) -> None:
    paper = PAPERS[name](4, per_day=20)
    truths = [*paper.truth(NOW).values()]
    assert len(truths) >= 30
    for truth in truths:
        story = read(paper, truth)
        assert (story.story_id, story.url, story.headline) == (f"{name}:{truth.story_id}", truth.url, truth.headline)
        assert truth.reads_as(story.body), truth.url
        assert (story.kicker, story.edition) == (truth.kicker, truth.edition)
        # Names in one element stay one text.
        assert ", ".join(story.authors or ()).replace(" ও ", ", ") == ", ".join(truth.authors)
        assert list(story.tags or ()) == list(dict.fromkeys(truth.tags))
        if truth.image_url:
            assert file_name(story.image_url) == file_name(truth.image_url)
        assert (story.image_caption, story.image_credit) == (caption_of(truth), credit_of(truth))
        if truth.published_at and truth.precision != "day":
            assert story.published_at is not None
            assert abs(story.published_at - truth.published_at) < timedelta(minutes=1)
