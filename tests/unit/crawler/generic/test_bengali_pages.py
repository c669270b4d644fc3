"""The composed Bengali pages of the benchmark, read without a site file."""

import pytest

from benchmarks.bengali.__main__ import pages, scores_of
from benchmarks.bengali.families import FAMILIES
from benchmarks.bengali.scoring import WORD, score
from benchmarks.extraction import read_page


def test_composed_pages_are_read_whole() -> None:
    rows = {}
    for url, (_, html, _) in pages().items():
        story = read_page(html.encode(), url)
        at = story.published_at or story.published_after
        names = ("headline", "byline", "agency", "body")
        rows[url] = {name: getattr(story, name) for name in names} | {"published_at": at and at.isoformat()}
    scores = scores_of(rows)
    assert set(scores) == {"", *FAMILIES}
    assert min(found.f1 for found in scores.values()) >= 0.95
    whole = scores[""]
    assert (whole.joiners, whole.headline, whole.day, whole.agency) == (1, 1, 1, 1)


def test_word_is_not_split_at_signs() -> None:
    assert WORD.findall("র‍্যালি উদ্‌যাপন, দু’একটি ২০২৬") == ["র‍্যালি", "উদ্‌যাপন", "দু", "একটি", "২০২৬"]


@pytest.mark.parametrize("lost", ["\u200d", "\u200c", "\u09bf"])
def test_lost_sign_costs_score(lost: str) -> None:
    story = next(story for _, _, story in pages().values() if story.id == "bridge")
    body = "\n\n".join(story.paragraphs)
    row = {"headline": story.headline, "byline": story.byline, "published_at": story.published_at, "body": body}
    whole, damaged = score(row, story), score({**row, "body": body.replace(lost, "")}, story)
    assert (whole.f1, whole.joiners, whole.paragraphs) == (1, 1, 1)
    assert damaged.f1 < 1
    assert damaged.paragraphs < 1


def test_missing_page_scores_nothing() -> None:
    story = next(iter(pages().values()))[2]
    assert score(None, story).f1 == score({"body": ""}, story).f1 == 0
