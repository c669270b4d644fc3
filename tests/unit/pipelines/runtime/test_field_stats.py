"""Measures: what the pages of a run gave, as it is counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawler.items import ParsedStory, Story
from pipelines.runtime.field_stats import COLUMNS, FieldStats, half_octave

AT = datetime(2026, 1, 11, 12, tzinfo=UTC)


def story(given_by: dict[str, str] | None = None, unreadable: tuple[str, ...] = (), **given: Any) -> ParsedStory:
    whole: dict[str, Any] = {
        "headline": "শিরোনাম",
        "body": "এক দুই তিন\n\nচার পাঁচ",
        "layout": "one",
        "fetched_at": AT,
    }
    extracted_by = given_by or {"headline": "h1", "body": ".text"}
    return ParsedStory(story=Story(**whole | given), extracted_by=extracted_by, unreadable_dates=unreadable)


def counted(*stories: ParsedStory) -> dict[str, Any]:
    measures = FieldStats("incremental", ("latest", "popular"))
    for each in stories:
        measures.count_story(each)
    return measures.as_dict()


def test_a_field_is_counted_by_layout_and_source_and_an_empty_one_not_at_all() -> None:
    told = counted(story(byline="ক", given_by={"byline": ".a"}), story(byline=None), story(byline="", layout="two"))
    assert told["layouts"] == {"one": 2, "two": 1}
    assert (told["fields"]["byline"]["filled"], told["fields"]["byline"]["of"]) == (1, 3)
    assert told["fields"]["byline"]["by"] == {"one/.a": 1}
    assert set(told["fields"]) == set(COLUMNS)


def test_a_page_that_no_layout_fits_lacks_what_the_newest_one_misses() -> None:
    told = counted(story(), *(ParsedStory(story=Story(), missing=each) for each in (("body",), ("body", "headline"))))
    assert (told["pages"], told["layouts"]) == (3, {"one": 1})
    assert [
        (told["fields"][name]["filled"], told["fields"][name]["of"]) for name in ("headline", "body", "byline")
    ] == [
        (2, 3),
        (1, 3),
        (0, 1),
    ]


@pytest.mark.parametrize(
    ("column", "trait", "of"),
    [
        ("byline", "digits", story(byline="০৭ জানুয়ারি")),
        ("byline", "digits", story(byline="desk 2")),
        ("byline", "same", story(byline="শিরোনাম")),
        ("headline", "same", story(byline="শিরোনাম")),
        ("published_at", "ahead", story(published_at=AT + timedelta(hours=2))),
        ("updated_at", "too early", story(published_at=AT, updated_at=AT - timedelta(hours=1))),
    ],
)
def test_a_trait_of_a_value_is_counted(column: str, trait: str, of: ParsedStory) -> None:
    assert counted(of)["fields"][column]["traits"] == {trait: 1}


def test_an_ordinary_story_has_no_traits() -> None:
    plain = story(byline="ক", published_at=AT - timedelta(hours=2), updated_at=AT - timedelta(hours=1))
    assert not any(field["traits"] for field in counted(plain)["fields"].values())


@pytest.mark.parametrize(("stories", "again"), [(1, 0), (4, 3), (40, 39)])
def test_what_is_the_same_on_page_after_page_is_counted(stories: int, again: int) -> None:
    assert counted(*[story(byline="ক")] * stories)["fields"]["byline"]["traits"].get("again", 0) == again


def test_the_stories_of_one_busy_minute_are_nothing_odd() -> None:
    every = [story(published_at=AT - timedelta(hours=2, minutes=number // 6)) for number in range(60)]
    assert counted(*every)["fields"]["published_at"]["traits"] == {"again": 5}  # of the first minute alone


def test_a_body_is_measured_in_words_and_paragraphs() -> None:
    told = counted(story(), story(body="এক"), story(body="\n\n".join(["এক দুই"] * 32)))
    assert (told["median_words"], told["median_paragraphs"]) == (5, 2)
    assert told["fields"]["body"]["lengths"] == {"0": 1, "4": 1, "12": 1}
    assert told["paragraphs"] == {"0": 1, "2": 1, "10": 1}
    assert counted()["median_words"] is None


def test_digits_in_a_body_are_nothing_to_count_and_the_same_body_again_is() -> None:
    assert counted(*[story(body="২০২৬ সালে")] * 2)["fields"]["body"]["traits"] == {"again": 1}


@pytest.mark.parametrize(("number", "length"), [(0, -1), (1, 0), (2, 2), (3, 3), (4, 4), (1000, 19), (1024, 20)])
def test_a_length_has_two_classes_to_each_doubling(number: int, length: int) -> None:
    assert half_octave(number) == length


def test_a_list_that_is_never_seen_is_counted_as_that() -> None:
    measures = FieldStats("full", ("latest", "popular"))
    measures.count_list("latest", 20, beside_story=True)
    measures.count_list("latest", 19, beside_story=False)
    told = measures.as_dict()["lists"]
    assert told["latest"] == {"pages": 2, "beside_stories": 1, "rows": {"20": 1, "19": 1}}
    assert told["popular"] == {"pages": 0, "beside_stories": 0, "rows": {}}


def test_a_date_that_cannot_be_read_counts_once_for_a_story() -> None:
    assert counted(story(unreadable=("৩২ জানুয়ারি", "০ মে")), story())["unreadable_dates"] == 1
