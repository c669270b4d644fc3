"""Tests of the numbering of revisions, with the times between which each appeared."""

from dataclasses import replace
from datetime import timedelta

from pipelines.steps.deduplicate import deduplicate
from tests.support.builders import JANUARY, LedgerFolder, make_story

HOUR = timedelta(hours=1)


def test_revision_appeared_between_two_fetches(kept: LedgerFolder) -> None:
    first = make_story(1, fetched_at=JANUARY)
    kept.publish(deduplicate(first, kept.ledger))
    kept.see(1, JANUARY + HOUR)  # unchanged
    changed = make_story(1, headline="নতুন শিরোনাম", fetched_at=JANUARY + 2 * HOUR)
    kept.keep(deduplicate(changed, kept.ledger))
    kept.see(1, JANUARY + 3 * HOUR)
    again = make_story(1, headline="আরেকটি শিরোনাম", fetched_at=JANUARY + 4 * HOUR)
    kept.publish(deduplicate(replace(again), kept.ledger))
    rows = sorted([*kept.rows("revisions"), *kept.rows("stories")], key=lambda row: row["revision"])
    assert [(row["appeared_after"], row["appeared_by"], row["fetched_at"]) for row in rows] == [
        (None, JANUARY, JANUARY + HOUR),
        (JANUARY + HOUR, JANUARY + 2 * HOUR, JANUARY + 3 * HOUR),
        (JANUARY + 3 * HOUR, JANUARY + 4 * HOUR, JANUARY + 4 * HOUR),
    ]
