"""Field statistics of a run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawler.items import ParsedStory, Story
from pipelines.runtime.field_stats import COLUMNS, FieldStats, half_octave

AT = datetime(2026, 1, 11, 12, tzinfo=UTC)


def story(given_by: dict[str, str] | None = None, unreadable: tuple[str, ...] = (), **given: Any) -> ParsedStory:
    whole: dict[str, Any] = {"headline": "শিরোনাম", "body": "এক দুই তিন\n\nচার পাঁচ", "layout": "one", "fetched_at": AT}
    extracted_by = given_by or {"headline": "h1", "body": ".text"}
    return ParsedStory(story=Story(**whole | given), extracted_by=extracted_by, unreadable_dates=unreadable)


def counted(*stories: ParsedStory) -> dict[str, Any]:
    stats = FieldStats(("latest", "popular"))
    for each in stories:
        stats.count_story(each)
    return stats.as_dict()


def test_field_is_counted_by_layout_and_extractor() -> None:
    stats = counted(story(byline="ক", given_by={"byline": ".a"}), story(byline=None), story(byline="", layout="two"))
    assert stats["layouts"] == {"one": 2, "two": 1}
    assert (stats["fields"]["byline"]["filled"], stats["fields"]["byline"]["of"]) == (1, 3)
    assert stats["fields"]["byline"]["by"] == {"one/.a": 1}
    assert set(stats["fields"]) == set(COLUMNS)


def test_unfit_page_counts_for_essential_fields() -> None:
    stats = counted(story(), *(ParsedStory(story=Story(), missing=each) for each in (("body",), ("body", "headline"))))
    assert (stats["pages"], stats["layouts"]) == (3, {"one": 1})
    fields = [stats["fields"][name] for name in ("headline", "body", "byline")]
    assert [(field["filled"], field["of"]) for field in fields] == [(2, 3), (1, 3), (0, 1)]


@pytest.mark.parametrize(
    ("column", "trait", "of"),
    [("byline", "digits", story(byline="০৭ জানুয়ারি")), ("byline", "digits", story(byline="desk 2")),
     ("byline", "same", story(byline="শিরোনাম")), ("headline", "same", story(byline="শিরোনাম")),
     ("published_at", "ahead", story(published_at=AT + timedelta(hours=2))),
     ("updated_at", "too early", story(published_at=AT, updated_at=AT - timedelta(hours=1)))],
)  # fmt: skip
def test_trait_is_counted(column: str, trait: str, of: ParsedStory) -> None:
    assert counted(of)["fields"][column]["traits"] == {trait: 1}


def test_ordinary_story_has_no_traits() -> None:
    plain = story(byline="ক", published_at=AT - timedelta(hours=2), updated_at=AT - timedelta(hours=1))
    assert not any(field["traits"] for field in counted(plain)["fields"].values())


@pytest.mark.parametrize(("stories", "again"), [(1, 0), (4, 3), (40, 39)])
def test_repeated_value_is_counted(stories: int, again: int) -> None:
    assert counted(*[story(byline="ক")] * stories)["fields"]["byline"]["traits"].get("again", 0) == again


def test_stories_of_one_minute_may_repeat() -> None:
    every = [story(published_at=AT - timedelta(hours=2, minutes=number // 6)) for number in range(60)]
    assert counted(*every)["fields"]["published_at"]["traits"] == {"again": 5}  # of the first minute alone


def test_body_is_measured_in_words_and_paragraphs() -> None:
    stats = counted(story(), story(body="এক"), story(body="\n\n".join(["এক দুই"] * 32)))
    assert (stats["median_words"], stats["median_paragraphs"]) == (5, 2)
    assert stats["fields"]["body"]["lengths"] == {"0": 1, "4": 1, "12": 1}
    assert stats["paragraphs"] == {"0": 1, "2": 1, "10": 1}
    assert counted()["median_words"] is None


def test_digits_in_body_are_ignored() -> None:
    assert counted(*[story(body="২০২৬ সালে")] * 2)["fields"]["body"]["traits"] == {"again": 1}


@pytest.mark.parametrize(("number", "length"), [(0, -1), (1, 0), (2, 2), (3, 3), (4, 4), (1000, 19), (1024, 20)])
def test_half_octave_has_two_classes_per_doubling(number: int, length: int) -> None:
    assert half_octave(number) == length


def test_list_never_seen_is_reported() -> None:
    stats = FieldStats(("latest", "popular"))
    stats.count_list("latest", 20, beside_story=True)
    stats.count_list("latest", 19, beside_story=False)
    stats = stats.as_dict()["lists"]
    assert stats["latest"] == {"pages": 2, "beside_stories": 1, "rows": {"20": 1, "19": 1}}
    assert stats["popular"] == {"pages": 0, "beside_stories": 0, "rows": {}}


def test_unreadable_dates_count_once_per_story() -> None:
    assert counted(story(unreadable=("৩২ জানুয়ারি", "০ মে")), story())["unreadable_dates"] == 1
