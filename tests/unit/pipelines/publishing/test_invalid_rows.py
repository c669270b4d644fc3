"""Tests of the rejection of invalid rows."""

import re
from typing import Any

import pytest

from crawler.items import as_row
from pipelines.storage.tables import TABLES
from tests.support.builders import DAY, DECEMBER, JANUARY, SITE, LedgerFolder, make_snapshot, make_story

STORIES = TABLES["stories"]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [("body", None, "null in body"), ("language", None, "null in language"), ("depth", 2**40, "too large"),
     ("depth", "three", "depth must be int"), ("depth", 1.5, "depth must be int"),
     ("headline", ["a", "list"], "headline must be str"), ("headline", "half a character \ud800", "surrogates"),
     ("published_at", "yesterday", "published_at must be datetime"),
     ("published_at", 5, "published_at must be datetime"), ("tags", "letters", "tags must be list"),
     ("tags", [1], "int")],
)  # fmt: skip
def test_invalid_row_is_rejected_and_others_published(kept: LedgerFolder, name: str, value: Any, fault: str) -> None:
    kept.keep(make_story(1), make_story(3))
    with kept.ledger.transaction():
        kept.ledger.outbox.put(STORIES, "2025-01", as_row(make_story(2)) | {name: value})
    kept.publish()
    assert kept.standing().keys() == {f"{SITE}:1", f"{SITE}:3"}
    [reject] = kept.rows("rejects")
    assert (reject["reason"], reject["story_id"], reject["run_id"]) == ("InvalidRow", f"{SITE}:2", "run-1")
    assert re.search(fault, reject["detail"]), reject["detail"]
    assert f'"story_id":"{SITE}:2"' in reject["record"]
    assert kept.ledger.runs.counts("run-1") == {"reject/InvalidRow": 1}


def test_invalid_touch_leaves_row_unchanged(kept: LedgerFolder) -> None:
    kept.publish(make_story(1))
    with kept.ledger.transaction():
        for columns in ({"fetched_at": "soon"}, {"seen": JANUARY}, {"headline": None}):
            kept.ledger.outbox.touch(STORIES, "2025-01", f"{SITE}:1", columns)
    kept.publish()
    assert len(kept.rows("rejects")) == 3
    [row] = kept.rows("stories")
    assert (row["fetched_at"], row["headline"]) == (JANUARY, make_story(1).headline)
    assert {reject["run_id"] for reject in kept.rows("rejects")} == {"unknown"}


def test_invalid_new_story_is_not_known(kept: LedgerFolder) -> None:
    kept.publish(make_story(1, body=None), make_story(2))
    assert kept.ledger.stories.ids() == {f"{SITE}:2"}


def test_story_stays_when_moved_row_is_invalid(kept: LedgerFolder) -> None:
    kept.publish(make_story(1))
    kept.keep(make_story(1, DECEMBER, revision=2, language=None))
    kept.see(1, JANUARY + DAY)
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2025-01", 1)}
    assert kept.superseded() == set()
    kept.publish(make_story(1, DECEMBER, revision=3))
    assert kept.standing() == {f"{SITE}:1": ("2024-12", 3)}
    assert kept.superseded() == {(f"{SITE}:1", 1)}


def test_invalid_row_between_moves_changes_nothing(kept: LedgerFolder) -> None:
    kept.publish(make_story(1))
    kept.publish(make_story(1, DECEMBER, revision=2, language=None), make_story(1, JANUARY, revision=3))
    assert kept.standing() == {f"{SITE}:1": ("2025-01", 3)}
    kept.publish(make_story(1, DECEMBER, revision=4), make_story(1, JANUARY, revision=5, language=None))
    assert kept.standing() == {f"{SITE}:1": ("2024-12", 4)}
    assert kept.superseded() == {(f"{SITE}:1", 1), (f"{SITE}:1", 3)}


def test_invalid_row_of_any_table_is_rejected(kept: LedgerFolder) -> None:
    snapshot = make_snapshot(JANUARY, "ক", "খ", "গ")
    snapshot.rows[1].page_url = None  # type: ignore[assignment]
    kept.rank(snapshot)
    kept.publish()
    assert [row["rank"] for row in kept.rows("rankings")] == [1, 3]
    assert "null in page_url" in kept.rows("rejects")[0]["detail"]
