"""Notices: a place that says otherwise of a story than it said before is a cause to look at it again, once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crawler.clock import now
from crawler.items import Fetch
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry, modification_times
from crawler.urls import SiteUrl
from pipelines.runtime.crawl_memory import LedgerMemory
from pipelines.runtime.revisit import Revisits
from tests.support.builders import SITE, Kept, a_fetch, a_story

STORY = SiteUrl("https://www.kalbela.com/world/1", f"{SITE}:1", f"{SITE}:1", "world")
HOUR = timedelta(hours=1)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept.at(tmp_path)
    read(kept, Outcome.STORY)
    yield kept
    kept.close()


def read(
    kept: Kept, outcome: Outcome, hinted_by: str | None = None, run_id: str = "run-0", at: datetime | None = None
) -> Fetch:
    """A run that asked for the story, an hour ago if nothing else is said."""
    at = at or now() - HOUR
    fetch = a_fetch(1, at, outcome=outcome, story_id=STORY.key, hinted_by=hinted_by, run_id=run_id)
    books = Revisits(kept.ledger, run_id)
    with kept.ledger.transaction():
        books.discover(fetch)
        books.finish(fetch, now() - 3 * HOUR)
    return fetch


def heard(kept: Kept, run_id: str, headline: str, place: str = "latest") -> bool:
    return LedgerMemory(kept.ledger, run_id).note_link(place, STORY, headline, None)


def test_another_headline_at_the_same_place_is_a_cause_and_is_due_at_once(kept: Kept) -> None:
    assert not heard(kept, "run-1", "প্রথম")
    assert not heard(kept, "run-2", "প্রথম")
    assert not kept.ledger.urls.due(now(), 9)
    assert heard(kept, "run-3", "দ্বিতীয়")
    assert [known.key for known in kept.ledger.urls.due(now(), 9)] == [STORY.key]


@pytest.mark.parametrize("away", [Outcome.GONE, Outcome.REDIRECTED])
def test_a_kept_story_that_was_taken_down_is_looked_for_on_two_other_nights(kept: Kept, away: Outcome) -> None:
    kept.ledger.stories.upsert(a_story(1), "2025-01", body_hash=None, state_hash="")
    looks = []
    for night in range(1, 6):
        if kept.ledger.urls.due(now() + night * 24 * HOUR, 9):
            looks.append(night)
            read(kept, away, run_id=f"run-{night}", at=now() + night * 24 * HOUR)
    assert looks == [1, 2, 3]


def test_what_was_never_kept_is_not_looked_for_once_it_is_gone(kept: Kept) -> None:
    read(kept, Outcome.GONE, run_id="run-1")
    assert not kept.ledger.urls.due(now() + 48 * HOUR, 9)


def test_the_same_change_is_a_cause_once(kept: Kept) -> None:
    heard(kept, "run-1", "প্রথম")
    assert [heard(kept, f"run-{n}", "দ্বিতীয়") for n in (2, 3, 4)] == [True, False, False]


def test_a_list_whose_headlines_are_never_those_of_the_pages_is_no_cause(kept: Kept) -> None:
    assert [heard(kept, f"run-{n}", "তালিকার নিজের শিরোনাম") for n in range(1, 5)] == [False] * 4


def test_two_places_that_print_different_headlines_do_not_call_each_other(kept: Kept) -> None:
    pairs = [(f"run-{n}", place) for n in range(1, 4) for place in ("latest", "rss")]
    assert not any(heard(kept, run, f"শিরোনাম {place}", place) for run, place in pairs)


def test_a_place_that_says_late_what_another_said_before_our_last_look_is_no_cause(kept: Kept) -> None:
    for place in ("latest", "rss"):
        heard(kept, "run-1", "প্রথম", place)
    assert heard(kept, "run-2", "দ্বিতীয়")
    fetch = a_fetch(1, now(), story_id=STORY.key, hinted_by="latest", run_id="run-2")
    with kept.ledger.transaction():
        Revisits(kept.ledger, "run-2").discover(fetch)
        Revisits(kept.ledger, "run-2").finish(fetch, now() - 3 * HOUR)
    assert not heard(kept, "run-3", "দ্বিতীয়", "rss")
    assert heard(kept, "run-4", "তৃতীয়", "rss")


def test_what_differs_only_invisibly_is_the_same_headline(kept: Kept) -> None:
    heard(kept, "run-1", "র‍্যাব  বলছে “না”")
    assert not heard(kept, "run-2", 'র্যাব বলছে "না"')


def test_a_place_that_called_in_vain_twice_in_a_row_is_not_believed_about_a_story_any_more(kept: Kept) -> None:
    answers = []
    for number, outcome in enumerate([Outcome.UNCHANGED] * 4):
        answers.append(heard(kept, f"run-{number}", f"শিরোনাম {number}"))
        read(kept, outcome, "latest" if answers[-1] else None, f"run-{number}")
    assert answers == [False, True, True, False]


def test_a_call_that_brought_a_revision_makes_up_for_one_in_vain(kept: Kept) -> None:
    answers = []
    for number in range(6):
        answers.append(heard(kept, f"run-{number}", f"শিরোনাম {number}"))
        read(kept, (Outcome.UNCHANGED, Outcome.STORY)[number % 2], "latest", f"run-{number}")
    assert answers == [False, True, True, True, True, True]


def test_a_story_that_was_asked_for_in_this_run_is_not_called_again(kept: Kept) -> None:
    heard(kept, "run-1", "প্রথম")
    read(kept, Outcome.STORY, run_id="run-2")
    assert not heard(kept, "run-2", "দ্বিতীয়")


@pytest.mark.parametrize(("ago", "cause"), [(30, True), (90, False), (-30, False)])
def test_a_time_later_than_our_last_look_is_a_cause_but_not_one_to_come(kept: Kept, ago: int, cause: bool) -> None:
    moment = now() - timedelta(minutes=ago)
    assert LedgerMemory(kept.ledger, "run-1").note_link("sitemap", STORY, None, moment) is cause
    assert not LedgerMemory(kept.ledger, "run-2").note_link("sitemap", STORY, None, moment)


def test_a_story_that_was_never_read_is_not_called(kept: Kept) -> None:
    other = SiteUrl("https://www.kalbela.com/world/2", f"{SITE}:2", f"{SITE}:2", "world")
    for run_id, headline in (("run-1", "প্রথম"), ("run-2", "দ্বিতীয়")):
        assert not LedgerMemory(kept.ledger, run_id).note_link("latest", other, headline, now())


def test_what_was_said_long_ago_is_forgotten(kept: Kept) -> None:
    heard(kept, "run-1", "প্রথম")
    kept.ledger.change_hints.delete_old(now() + timedelta(days=30))
    assert not heard(kept, "run-2", "দ্বিতীয়")


def test_a_document_that_gives_all_pages_its_own_minute_says_nothing_of_them() -> None:
    made = [FeedEntry(f"/{n}", None, f"2026-01-11T19:05:{n:02}+06:00") for n in range(12)]
    assert modification_times(made) == [None] * 12
    told = [FeedEntry(f"/{n}", None, f"2026-01-11T{n:02}:05:00+06:00") for n in range(12)]
    assert all(modification_times(told))
    assert modification_times([FeedEntry("/1", None, "no time"), FeedEntry("/2")]) == [None, None]


def test_which_place_named_a_story_first_is_kept_once(kept: Kept) -> None:
    for run_id in ("run-1", "run-2"):
        hearing = LedgerMemory(kept.ledger, run_id)
        for place in ("latest", "rss", "latest"):
            hearing.note_link(place, STORY, "প্রথম", None)
        hearing.store()
    kept.publish()
    assert [(row["story_id"], row["via"], row["run_id"]) for row in kept.rows("sightings")] == [
        (STORY.key, "latest", "run-1"),
        (STORY.key, "rss", "run-1"),
    ]
