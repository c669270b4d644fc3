"""Removal of a story with revisions, near-duplicates and rejects, and of what other tables say of it."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from crawler.items import Reject, Sighting, as_row
from crawler.spiders.kalbela import Kalbela
from pipelines.drop_reasons import RemovedOnRequest
from pipelines.ledger import Ledger
from pipelines.publishing.reindex import reindex
from pipelines.publishing.removal_on_request import remove_stories, stories_to_remove
from tests.support.builders import DAY, JANUARY, SITE, ZONE, LedgerFolder, make_reject, make_snapshot, make_story

STORY, URL, OTHER = "kalbela:101", "https://www.kalbela.com/world/101", "https://www.kalbela.com/world/303"


def story_of(url: str) -> str | None:
    return getattr(Kalbela.make_url_rules().identify(url), "story_id", None)


@pytest.fixture
def kept(tmp_path: Path) -> LedgerFolder:
    found = LedgerFolder.at(tmp_path / "data")
    found.keep(make_story(101), make_story(202))
    found.keep(make_story(101, revision=2, headline="সংশোধিত", appeared_by=JANUARY + DAY))
    found.alias(OTHER, 101)
    with found.ledger.transaction():
        found.ledger.stories.add_sighting(Sighting(story_id=STORY, via="latest", first_seen_at=JANUARY, run_id="r"))
    found.publish()
    return found


def remove(kept: LedgerFolder, url: str = URL) -> dict[str, int]:
    stories = stories_to_remove(kept.dataset, kept.ledger, story_of(url) or "", url, story_of)
    return remove_stories(kept.dataset, kept.ledger, stories, story_of) if stories else {}


def test_rows_go_and_tombstones_stay(kept: LedgerFolder) -> None:
    removed = remove(kept, OTHER)
    assert [removed[name] for name in ("stories", "revisions", "aliases", "sightings")] == [1, 1, 1, 1]
    assert [row["story_id"] for row in kept.rows("stories")] == ["kalbela:202"]
    assert kept.rows("revisions") == kept.rows("aliases") == kept.rows("sightings") == []
    assert {row["reason"] for row in kept.rows("rejects")} == {RemovedOnRequest.__name__}
    assert {row["story_id"] for row in kept.rows("rejects")} == {STORY, "kalbela:303"}
    assert kept.ledger.stories.by_content_hash(make_story(101).content_hash or "") is None
    kept.close()
    with closing(reindex(kept.dataset, SITE, ZONE)) as ledger:
        assert ledger.stories.removed() == {STORY, "kalbela:303"}


def test_texts_of_rejects_and_lists_go(kept: LedgerFolder) -> None:
    rejects: list[Reject] = [
        make_reject(JANUARY, story_id=STORY, record='{"body": "খবর"}', detail="খবর", page="archive/x:1"),
        make_reject(JANUARY + DAY, story_id=None, record=json.dumps([{"story_id": STORY, "headline": "খবর"}])),
        make_reject(JANUARY + 2 * DAY, story_id="kalbela:1012", record='{"story_id": "kalbela:1012"}'),
    ]
    with kept.ledger.transaction():
        for reject in rejects:
            kept.ledger.outbox.add_row("rejects", as_row(reject))
    kept.rank(make_snapshot(JANUARY, "শিরোনাম"))
    kept.publish()
    with kept.ledger.transaction():
        for ranking in make_snapshot(JANUARY + DAY, "শিরোনাম").rows:
            ranking.story_id = STORY
            kept.ledger.outbox.add_row("rankings", as_row(ranking))
    kept.publish()
    removed = remove(kept)
    assert (removed["rejects"], removed["rankings"]) == (2, 1)
    rows = {row["rejected_at"]: row for row in kept.rows("rejects") if row["reason"] != RemovedOnRequest.__name__}
    assert [row["record"] for _, row in sorted(rows.items())] == [None, None, '{"story_id": "kalbela:1012"}']
    assert [row["headline"] is None for row in kept.rows("rankings")].count(True) == 1
    kept.close()


def test_cluster_gets_another_head(tmp_path: Path) -> None:
    kept = LedgerFolder.at(tmp_path / "data")
    kept.keep(make_story(101), make_story(202, JANUARY + timedelta(hours=1), cluster_id=STORY))
    kept.publish()
    with kept.ledger.transaction():
        for number in (101, 202):
            at = JANUARY + timedelta(hours=number)
            kept.ledger.clusters.place(f"{SITE}:{number}", ((1,) * 16, b"\1" * 256), at)
    remove(kept)
    assert [row["cluster_id"] for row in kept.rows("stories")] == ["kalbela:202"]
    kept.close()


def test_unknown_story_is_not_marked(kept: LedgerFolder) -> None:
    assert remove(kept, "https://www.kalbela.com/world/999") == {}
    assert kept.ledger.stories.removed() == set()
    kept.close()


def test_ledger_of_earlier_release_gets_new_tables(kept: LedgerFolder) -> None:
    kept.close()
    with closing(sqlite3.connect(kept.dataset.ledger(SITE))) as connection:
        for table in ("removed", "archive_files"):
            connection.execute(f"DROP TABLE {table}")
    with closing(Ledger.open(kept.dataset.ledger(SITE), SITE, ZONE)) as ledger:
        assert ledger.stories.removed() == set()
        assert ledger.archive_files.sizes() == {}
