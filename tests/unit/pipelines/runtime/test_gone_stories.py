"""Stories that are taken down: gone only after two visits with 404 or 410, at least 20 hours apart."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import strategies as st

from crawler.outcomes import Outcome
from pipelines.publishing.merge import merge
from pipelines.publishing.reindex import reindex
from pipelines.runtime.revisit import Revisits
from pipelines.storage.tables import TABLES
from tests.support.builders import JANUARY, SITE, ZONE, LedgerFolder, make_fetch, make_story
from tests.support.properties import examples, holds

HOUR = timedelta(hours=1)
STORY = make_story(1, first_seen_at=JANUARY, fetched_at=JANUARY, published_at=JANUARY)
STATUSES = {"gone": 404, "http_error": 500, "redirected": 301, "unchanged": 304}


class Visits:
    """Visits of one story, each in a run of its own."""

    def __init__(self, folder: LedgerFolder) -> None:
        self.folder, self.at, self.runs = folder, JANUARY, count()
        self.story = replace(STORY)
        self.visit(0, "story")

    def visit(self, hours: float, outcome: str) -> int:
        """Visit the story some hours after the last visit; return how many stories the run counts as gone."""
        self.at, run_id, ledger = self.at + hours * HOUR, f"run-{next(self.runs)}", self.folder.ledger
        fetch = make_fetch(
            1, self.at, outcome=outcome, story_id=f"{SITE}:1", run_id=run_id, status=STATUSES.get(outcome)
        )
        if outcome == "story":
            revision = (self.story.revision or 0) + (hours > 0)
            self.story = replace(self.story, revision=revision, fetched_at=self.at, headline=f"শিরোনাম {revision}")
            with ledger.savepoint():
                ledger.stories.store(
                    self.story, body_hash=None, state_hash="", known=ledger.stories.get(STORY.story_id)
                )
        revisits = Revisits(ledger, run_id)
        with ledger.savepoint():
            revisits.discover(replace(fetch))
            revisits.settle(fetch, JANUARY)
        return ledger.runs.counts(run_id).get("story/gone", 0)

    def merged(self) -> tuple[datetime | None, datetime | None]:
        """Return what a publish would write."""
        outbox, table = self.folder.ledger.outbox, TABLES["stories"]
        [seqs] = [seqs for (name, _), seqs in outbox.pending().items() if name == table.name]
        [row] = merge(table, table.schema.empty_table(), outbox.changes(table, seqs)).rows.to_pylist()
        return row["gone_after"], row["gone_by"]

    def published(self) -> tuple[datetime | None, datetime | None]:
        self.folder.publish()
        [row] = self.folder.rows("stories")
        return row["gone_after"], row["gone_by"]


@pytest.fixture
def visits(kept: LedgerFolder) -> Visits:
    return Visits(kept)


def test_one_404_is_not_gone(visits: Visits) -> None:
    assert [visits.visit(1, "gone"), visits.visit(18.9, "gone")] == [0, 0]
    assert visits.published() == (None, None)


@pytest.mark.parametrize("between", [[], ["http_error"], ["redirected"], ["gone", "http_error"]])
def test_second_404_after_20_hours_confirms(visits: Visits, between: list[str]) -> None:
    visits.visit(2, "unchanged")
    visits.visit(3, "gone")
    for outcome in between:
        visits.visit(1, outcome)
    assert visits.visit(20 - len(between), "gone") == 1
    assert visits.published() == (JANUARY + 2 * HOUR, JANUARY + 5 * HOUR)


def test_gone_story_counts_once(visits: Visits) -> None:
    assert [visits.visit(30, "gone") for _ in range(5)] == [0, 1, 0, 0, 0]
    assert visits.published() == (JANUARY, JANUARY + 30 * HOUR)


@pytest.mark.parametrize("publish", [True, False])
@pytest.mark.parametrize("outcome", ["unchanged", "story"])
def test_returned_story_is_not_gone(visits: Visits, outcome: str, publish: bool) -> None:
    visits.visit(1, "gone")
    visits.visit(30, "gone")
    assert not publish or visits.published() == (JANUARY, JANUARY + HOUR)
    visits.visit(1, outcome)
    assert visits.published() == (None, None)
    assert visits.visit(30, "gone") == 0
    assert visits.visit(30, "gone") == 1
    assert visits.published() == (JANUARY + 32 * HOUR, JANUARY + 62 * HOUR)


def test_redirects_never_mean_gone(visits: Visits) -> None:
    assert [visits.visit(30, "redirected") for _ in range(4)] == [0, 0, 0, 0]
    assert visits.published() == (None, None)


def test_missing_story_is_due_after_20_hours(visits: Visits) -> None:
    for outcome in ("http_error", "http_error", "gone"):  # failures do not delay the confirmation
        visits.visit(80, outcome)
    due = visits.folder.ledger.urls.due
    assert [known.key for known in due(visits.at + 20 * HOUR, 9)] == [STORY.story_id]
    assert not due(visits.at + 19.9 * HOUR, 9)


def test_reindex_keeps_gone_stories(visits: Visits) -> None:
    visits.visit(1, "gone")
    visits.visit(30, "gone")
    visits.published()
    visits.folder.ledger.close()
    visits.folder.ledger = reindex(visits.folder.dataset, SITE, ZONE)
    assert visits.visit(30, "gone") == 0
    assert visits.published() == (JANUARY, JANUARY + HOUR)
    visits.visit(1, "unchanged")
    assert visits.published() == (None, None)


GAPS = st.one_of(st.integers(1, 40), st.sampled_from([19.99, 20, 20.01]))
OUTCOMES = st.sampled_from(["gone", "gone", "gone", "unchanged", "story", "redirected", "http_error"])
HISTORIES = st.lists(st.tuples(GAPS, OUTCOMES), max_size=8)


@examples
def test_any_history_follows_the_rule(kept: LedgerFolder, examples: int) -> None:
    def check(history: list[tuple[float, str]]) -> None:
        for table in ("stories", "urls", "counts", "outbox"):
            kept.ledger._sql.execute(f"DELETE FROM {table}")
        visits, alive, first, gone = Visits(kept), JANUARY, None, (None, None)
        for hours, outcome in history:
            counted = visits.visit(hours, outcome)
            confirmed = outcome == "gone" and first is not None and visits.at - first >= 20 * HOUR and gone[1] is None
            if confirmed:
                gone = alive, first
            elif outcome == "gone":
                first = first or visits.at
            elif Outcome(outcome).is_read:
                alive, first, gone = visits.at, None, (None, None)
            assert counted == confirmed
            assert visits.merged() == gone

    holds(check, HISTORIES, examples=examples)
