"""The text steps: applied once to a story, in the parse worker or by the item pipeline."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from scrapy.exceptions import DropItem

from crawler.items import Fetch, ParsedStory, Story, as_row
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.worker.extension import parse_with_steps
from pipelines.drop_reasons import (
    DamagedText,
    InvalidRow,
    LegacyFont,
    NoBody,
    NoHeadline,
    NoLanguage,
    TooLong,
    UnknownLayout,
)
from pipelines.similarity.minhash import sketch
from pipelines.steps.apply_text_steps import ApplyTextSteps
from pipelines.steps.validate_row import row_error
from tests.support.faulty_steps import STEPS

AT = datetime(2026, 1, 11, 14, tzinfo=UTC)


def make_story(**changes: object) -> ParsedStory:
    """A story as parsed: letters in two forms, spaces, a repeated tag."""
    usual = {
        "site": "kalbela", "story_id": "kalbela:1", "url": "https://www.kalbela.com/x/1", "headline": "নতুন  আয়োজন ",
        "body": " ".join(f"খবর{number}" for number in range(60)) + "\n\n \n\nশেষ।", "tags": ["ঢাকা", "ঢাকা "],
        "layout": "kalbela-2023", "fetched_at": AT,
    }  # fmt: skip
    return ParsedStory(story=Story(**(usual | changes)))  # type: ignore[arg-type]


class PageParser:
    """Parse every page as one story."""

    def __init__(self, story: ParsedStory) -> None:
        self.story = story

    def parse(self, answer: PageResponse) -> ParsedPage:
        return ParsedPage(story=replace(self.story))


def in_worker(story: ParsedStory) -> ParsedStory:
    """The story as it leaves the parse worker."""
    page = PageResponse(url=story.story.url, body=b"", fetched_at=AT)
    read = parse_with_steps(PageParser(story), STEPS, page).story  # type: ignore[arg-type]
    assert read is not None
    return read


def test_story_is_cleaned_counted_and_fingerprinted() -> None:
    parsed = ApplyTextSteps(STEPS).process_item(make_story())
    story = parsed.story
    assert (story.headline, story.tags, story.word_count) == ("নতুন আয়োজন", ["ঢাকা"], 61)
    assert story.language == "bn"
    assert parsed.sketch == sketch(story.body) is not None
    assert None not in (story.content_hash, parsed.body_hash)


def test_pipeline_leaves_story_of_worker_alone() -> None:
    story = in_worker(make_story())
    assert ApplyTextSteps([lambda item: pytest.fail("applied twice")]).process_item(story) is story
    assert replace(story, text_steps_done=False) == ApplyTextSteps(STEPS).process_item(make_story())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"headline": " "}, NoHeadline),
        ({"body": "\u200b"}, NoBody),
        ({"body": "১২৩ ৪৫৬", "headline": "৭"}, NoLanguage),
        ({"headline": "Avgvi †mvbvi evsjv, Avwg †Zvgvq fv‡jvevwm"}, LegacyFont),
        ({"body": "wbe©vPb Kwgkb e‡j‡Q, mevB †fvU w`‡Z cvi‡eb|\n\nশেষ কথা।"}, LegacyFont),
        ({"body": "নদী\ufffdতে নতুন চ\ufffdর জেগেছে।"}, DamagedText),
        ({"layout": None}, UnknownLayout),
        ({"headline": "ক" * 1_001}, TooLong),
        ({"kicker": 7}, InvalidRow),
        ({"byline": "\ud800"}, InvalidRow),
    ],
)
def test_rejected_story_stays_as_parsed(changes: dict[str, object], reason: type[DropItem]) -> None:
    story = in_worker(make_story(**changes))
    assert story == make_story(**changes)
    with pytest.raises(reason):
        ApplyTextSteps(STEPS).process_item(story)


def test_few_damaged_letters_are_counted() -> None:
    story = ApplyTextSteps(STEPS).process_item(make_story(body="নদীতে নতুন চর জেগেছে। " * 20 + "শে\ufffdষ"))
    assert (story.damaged_letters, story.story.language) == (1, "bn")


def test_added_step_runs_in_both() -> None:
    seen: list[str] = []

    def added(story: ParsedStory) -> ParsedStory:
        seen.append(story.story.headline)
        return story

    steps = [*STEPS, added]
    page = PageResponse(url="", body=b"", fetched_at=AT)
    parse_with_steps(PageParser(make_story()), steps, page)  # type: ignore[arg-type]
    ApplyTextSteps(steps).process_item(make_story())
    assert seen == ["নতুন আয়োজন"] * 2


@pytest.mark.parametrize(("value", "is_valid"), [(True, True), (False, True), (None, True), (1, False), ("yes", False)])
def test_truth_column_holds_truth_values_only(value: object, is_valid: bool) -> None:
    assert (row_error(Fetch, as_row(Fetch()) | {"complete": value}) is None) is is_valid
