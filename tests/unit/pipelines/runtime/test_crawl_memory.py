"""The spider's memory: a source that shows another headline or time hints at a change, once."""

from datetime import datetime, timedelta

import pytest

from crawler.clock import now
from crawler.outcomes import Outcome
from crawler.parsing.feeds import FeedEntry, modification_times
from crawler.urls import SiteUrl
from pipelines.runtime.crawl_memory import LedgerMemory
from pipelines.runtime.revisit import Revisits
from tests.support.builders import SITE, LedgerFolder, make_fetch, make_story

STORY = SiteUrl("https://www.kalbela.com/world/1", f"{SITE}:1", f"{SITE}:1", "world")
HOUR = timedelta(hours=1)


def fetched(
    kept: LedgerFolder,
    outcome: Outcome,
    hinted_by: str | None = None,
    run_id: str = "run-0",
    at: datetime | None = None,
) -> None:
    """Record a run that fetched the story, an hour ago by default."""
    fetch = make_fetch(1, at or now() - HOUR, outcome=outcome, story_id=STORY.key, hinted_by=hinted_by, run_id=run_id)
    with kept.ledger.transaction():
        Revisits(kept.ledger, run_id).discover(fetch)
        Revisits(kept.ledger, run_id).finish(fetch, now() - 3 * HOUR)


@pytest.fixture(autouse=True)
def known(kept: LedgerFolder) -> None:
    fetched(kept, Outcome.STORY)


def hint(kept: LedgerFolder, run_id: str, headline: str, via: str = "latest") -> bool:
    return LedgerMemory(kept.ledger, run_id).note_link(via, STORY, headline, None)


def test_changed_headline_is_one_hint_and_due(kept: LedgerFolder) -> None:
    assert [hint(kept, f"run-{n}", "প্রথম") for n in (1, 2)] == [False, False]
    assert not kept.ledger.urls.due(now(), 9)
    assert [hint(kept, f"run-{n}", "দ্বিতীয়") for n in (3, 4, 5)] == [True, False, False]
    assert [known.key for known in kept.ledger.urls.due(now(), 9)] == [STORY.key]


@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.REDIRECTED])
def test_missing_story_is_due_ever_less_often(kept: LedgerFolder, outcome: Outcome) -> None:
    kept.ledger.stories.upsert(make_story(1), "2025-01", body_hash=None, state_hash="")
    nights = []
    for night in range(1, 17):
        if kept.ledger.urls.due(now() + night * 24 * HOUR, 9):
            nights.append(night)
            fetched(kept, outcome, run_id=f"run-{night}", at=now() + night * 24 * HOUR)
    assert nights == ([1, 2, 3, 7, 14] if outcome is Outcome.GONE else [1, 2, 4, 8, 15])


def test_gone_url_never_stored_is_not_due(kept: LedgerFolder) -> None:
    fetched(kept, Outcome.GONE, run_id="run-1")
    assert not kept.ledger.urls.due(now() + 48 * HOUR, 9)


def test_different_headlines_of_sources_are_no_hints(kept: LedgerFolder) -> None:
    links = [(f"run-{n}", via) for n in range(1, 5) for via in ("latest", "rss")]
    assert not any(hint(kept, run_id, f"শিরোনাম {via}", via) for run_id, via in links)


def test_late_source_is_no_hint_after_fetch(kept: LedgerFolder) -> None:
    for via in ("latest", "rss"):
        hint(kept, "run-1", "প্রথম", via)
    assert hint(kept, "run-2", "দ্বিতীয়")
    fetched(kept, Outcome.STORY, "latest", "run-2", at=now())
    assert not hint(kept, "run-3", "দ্বিতীয়", "rss")
    assert hint(kept, "run-4", "তৃতীয়", "rss")


def test_invisible_difference_is_no_hint(kept: LedgerFolder) -> None:
    hint(kept, "run-1", "র‍্যাব  বলছে “না”")
    assert not hint(kept, "run-2", 'র্যাব বলছে "না"')


@pytest.mark.parametrize(
    ("outcomes", "hints"),
    [
        ([Outcome.UNCHANGED] * 4, [False, True, True, False]),
        ([Outcome.UNCHANGED, Outcome.STORY] * 3, [False, True, True, True, True, True]),
    ],
)
def test_two_wrong_hints_end_belief(kept: LedgerFolder, outcomes: list[Outcome], hints: list[bool]) -> None:
    found = []
    for number, outcome in enumerate(outcomes):
        found.append(hint(kept, f"run-{number}", f"শিরোনাম {number}"))
        fetched(kept, outcome, "latest" if found[-1] else None, f"run-{number}")
    assert found == hints


def test_story_fetched_in_run_gets_no_hint(kept: LedgerFolder) -> None:
    hint(kept, "run-1", "প্রথম")
    fetched(kept, Outcome.STORY, run_id="run-2")
    assert not hint(kept, "run-2", "দ্বিতীয়")


@pytest.mark.parametrize(("minutes_ago", "is_hint"), [(30, True), (90, False), (-30, False)])
def test_update_after_fetch_is_a_hint(kept: LedgerFolder, minutes_ago: int, is_hint: bool) -> None:
    updated_at = now() - timedelta(minutes=minutes_ago)
    assert LedgerMemory(kept.ledger, "run-1").note_link("sitemap", STORY, None, updated_at) is is_hint
    assert not LedgerMemory(kept.ledger, "run-2").note_link("sitemap", STORY, None, updated_at)


def test_story_never_fetched_gets_no_hint(kept: LedgerFolder) -> None:
    other = SiteUrl("https://www.kalbela.com/world/2", f"{SITE}:2", f"{SITE}:2", "world")
    for run_id, headline in (("run-1", "প্রথম"), ("run-2", "দ্বিতীয়")):
        assert not LedgerMemory(kept.ledger, run_id).note_link("latest", other, headline, now())


def test_old_headlines_are_deleted(kept: LedgerFolder) -> None:
    hint(kept, "run-1", "প্রথম")
    kept.ledger.change_hints.delete_old(now() + timedelta(days=30))
    assert not hint(kept, "run-2", "দ্বিতীয়")


def test_generated_times_of_a_sitemap_are_ignored() -> None:
    generated = [FeedEntry(f"/{n}", None, f"2026-01-11T19:05:{n:02}+06:00") for n in range(12)]
    assert modification_times(generated) == [None] * 12
    assert all(modification_times([FeedEntry(f"/{n}", None, f"2026-01-11T{n:02}:05:00+06:00") for n in range(12)]))
    assert modification_times([FeedEntry("/1", None, "no time"), FeedEntry("/2")]) == [None, None]


def test_first_sighting_by_each_source_is_stored(kept: LedgerFolder) -> None:
    for run_id in ("run-1", "run-2"):
        memory = LedgerMemory(kept.ledger, run_id)
        for via in ("latest", "rss", "latest"):
            memory.note_link(via, STORY, "প্রথম", None)
        memory.store()
    kept.publish()
    sightings = [(row["story_id"], row["via"], row["run_id"]) for row in kept.rows("sightings")]
    assert sightings == [(STORY.key, "latest", "run-1"), (STORY.key, "rss", "run-1")]
