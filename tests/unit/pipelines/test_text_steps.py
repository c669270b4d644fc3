"""Prepared early or step by step, a story is the same; and what a step will refuse is left as it is."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from crawler.bengali.text import language
from crawler.items import Story
from crawler.parsing.parser import PageResponse
from pipelines.drop_reasons import Refused
from pipelines.prepare import prepared
from pipelines.similarity.hashes import hashes
from pipelines.similarity.minhash import sketch
from pipelines.steps.clean_text import CleanText
from pipelines.steps.detect_language import KnowLanguage
from pipelines.steps.require_story import RequireStory
from pipelines.steps.validate_row import CheckRow
from tests.unit.crawler.spiders.test_frozen_pages import STORIES, Case

STEPS = (CheckRow(), CleanText(), RequireStory(), KnowLanguage())
AT = datetime(2026, 1, 11, 14, tzinfo=UTC)


def a_story(**changes: object) -> Story:
    """As a page may give it: letters in two forms, spaces, a tag twice."""
    usual = {
        "site": "kalbela",
        "story_id": "kalbela:1",
        "url": "https://www.kalbela.com/x/1",
        "headline": "নতুন  আয়োজন ",
        "body": " ".join(f"খবর{number}" for number in range(60)) + "\n\n \n\nশেষ।",
        "tags": ["ঢাকা", "ঢাকা "],
        "layout": "kalbela-2023",
        "fetched_at": AT,
    }
    return Story(**(usual | changes))  # type: ignore[arg-type]


def step_by_step(story: Story) -> Story:
    for step in STEPS:
        story = step.process_item(story)
    assert story.word_count is not None
    both, body = hashes(story.headline, story.body, story.word_count)
    return replace(story, content_hash=both, body_hash=body, sketch=sketch(story.body), is_prepared=True)


def read(case: Case) -> Story:
    fetch = case.told("case.json")
    answer = PageResponse(url=fetch["url"], body=case.html.encode(), fetched_at=AT, is_story=True)
    story = case.newspaper().page_parser.parse(answer).story
    assert story is not None
    return story


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.name)
def test_a_story_is_the_same_whoever_prepares_it(case: Case) -> None:
    story = read(case)
    early = prepared(replace(story))
    try:
        steps = step_by_step(replace(story))
    except Refused:
        assert early == story
        return
    assert early == steps
    through = replace(early)
    for step in STEPS:  # which have nothing left to do
        through = step.process_item(through)
    assert through == early


def test_what_is_prepared_is_clean_counted_hashed_and_sketched() -> None:
    story = prepared(a_story())
    assert (story.headline, story.tags, story.word_count) == ("নতুন আয়োজন", ["ঢাকা"], 61)
    assert story.language == language(story.body) == "bn"
    assert story.sketch == sketch(story.body) is not None
    assert None not in (story.content_hash, story.body_hash)
    assert {each.name for each in fields(Story)} >= {"is_prepared", "sketch"}


@pytest.mark.parametrize(
    "changes",
    [
        {"headline": " "},
        {"body": "\u200b"},
        {"layout": None},
        {"headline": "ক" * 1_001},
        {"kicker": 7},
        {"byline": "\ud800"},
    ],
)
def test_what_a_step_refuses_is_left_as_it_is(changes: dict[str, object]) -> None:
    story = a_story(**changes)
    assert prepared(replace(story)) == story
    with pytest.raises(Refused):
        step_by_step(story)
