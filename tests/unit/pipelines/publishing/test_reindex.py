"""Tests of rebuilding a ledger from Parquet."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from crawler.items import as_row
from pipelines.ledger import Ledger
from pipelines.publishing.reindex import reindex
from pipelines.publishing.verify import check, quarantine
from pipelines.similarity.hashes import snapshot_digest
from pipelines.storage import failpoint
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, DataDamaged, StorageError
from pipelines.storage.tables import TABLES
from tests.support.builders import (
    DAY,
    DECEMBER,
    JANUARY,
    NOVEMBER,
    SITE,
    ZONE,
    LedgerFolder,
    digests,
    make_fetch,
    make_snapshot,
    make_story,
)

WORDS = "উদ্‌যাপনের দীর্ঘ খবর যাতে অনেক শব্দ আছে। " * 10


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[LedgerFolder]:
    kept = LedgerFolder.at(tmp_path / "data")
    kept.keep(
        make_story(1), make_story(2, DECEMBER, body=WORDS), make_story(3, None), make_story(4, updated_at=JANUARY)
    )
    kept.keep(make_story(1, NOVEMBER, revision=2, cluster_id=f"{SITE}:2"))
    kept.rank(make_snapshot(JANUARY, "ক", "খ"))
    kept.rank(make_snapshot(JANUARY, "ক", name="popular"))
    kept.rank(make_snapshot(JANUARY + 3 * DAY, "খ", "ক"))
    kept.rank(make_snapshot(JANUARY + 4 * DAY, "খ", "ক"))
    kept.alias("https://m.kalbela.com/x/1", 1)
    kept.ledger.urls.record(make_fetch(1))
    kept.publish()
    yield kept
    kept.close()


def memory(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that a ledger remembers of stories, aliases, lists and files."""
    with closing(sqlite3.connect(root / "state" / f"{SITE}.sqlite")) as connection:
        tables = ("stories", "aliases", "snapshots", "files", "outbox")
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in tables}


def rebuild(kept: LedgerFolder) -> None:
    kept.close()
    kept.ledger = reindex(kept.dataset, SITE, ZONE)


def ruin(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    path.with_name(path.name + "-wal").write_bytes(b"nor a log")


def test_rebuilt_ledger_equals_the_lost_one(kept: LedgerFolder) -> None:
    kept.ledger.commit()
    before, files = memory(kept.dataset.root), digests(kept.dataset.root)
    kept.close()
    ruin(kept.dataset.ledger(SITE))
    with pytest.raises(DatabaseDamaged, match="khobor reindex"):
        Ledger.open(kept.dataset.ledger(SITE), SITE, ZONE)
    ruin(kept.dataset.ledger(SITE))  # SQLite has removed the log
    kept.ledger = reindex(kept.dataset, SITE, ZONE)
    assert memory(kept.dataset.root) == before
    assert digests(kept.dataset.root) == files
    assert check(kept.dataset, kept.ledger) == []
    [damaged] = kept.dataset.state.glob(f"{SITE}.sqlite.damaged-*Z")
    assert damaged.read_bytes().startswith(b"no database at all")
    assert list(kept.dataset.state.glob(f"{SITE}.sqlite.damaged-*Z-wal"))
    assert not list(kept.dataset.state.glob("*.rebuilding*"))


def test_reindexed_pages_bring_nothing_new(kept: LedgerFolder) -> None:
    rebuild(kept)
    files = digests(kept.dataset.root)
    known = kept.ledger.stories.get(f"{SITE}:2")
    assert known is not None
    assert known.revision == 1
    assert kept.ledger.stories.by_content_hash(str(make_story(4).content_hash)) == kept.ledger.stories.get(f"{SITE}:4")
    again = make_snapshot(JANUARY + 4 * DAY, "খ", "ক")
    assert kept.ledger.snapshots.store(again, snapshot_digest([as_row(row) for row in again.rows])) is False
    kept.alias("https://m.kalbela.com/x/1", 1)
    kept.publish()
    assert digests(kept.dataset.root) == files


def test_only_young_stories_are_revisited_after_reindex(kept: LedgerFolder) -> None:
    rebuild(kept)
    dated, undated = kept.ledger.urls.get(f"{SITE}:4"), kept.ledger.urls.get(f"{SITE}:3")
    assert dated and dated.due_at and undated
    assert (dated.open, dated.born_at, dated.url, undated.due_at) == (False, JANUARY, make_story(4).url, None)
    assert dated.due_at > JANUARY


def test_old_outbox_is_published(kept: LedgerFolder) -> None:
    kept.keep(make_story(5), make_story(4, DECEMBER, revision=2))
    kept.see(3, JANUARY + 9 * DAY)
    rebuild(kept)
    places = [("2024-11", 2), ("2024-12", 1), ("2025-01", 1), ("2024-12", 2), ("2025-01", 1)]
    assert kept.standing() == {f"{SITE}:{n}": place for n, place in enumerate(places, start=1)}
    assert {row["story_id"]: row["fetched_at"] for row in kept.rows("stories")}[f"{SITE}:3"] == JANUARY + 9 * DAY
    assert kept.ledger.stories.ids() == kept.standing().keys()
    assert check(kept.dataset, kept.ledger) == []


def test_log_of_killed_process_is_read(kept: LedgerFolder, tmp_path: Path) -> None:
    kept.keep(make_story(5))
    left = LedgerFolder(DataFolder(tmp_path / "left"), kept.ledger)
    shutil.copytree(kept.dataset.root, left.dataset.root)  # the files as a kill would leave them
    assert left.dataset.ledger(SITE).with_name(f"{SITE}.sqlite-wal").stat().st_size > 0
    left.ledger = reindex(left.dataset, SITE, ZONE)
    assert f"{SITE}:5" in left.standing()
    assert left.ledger.outbox.size() == 0
    left.close()


def test_readable_rows_around_damage_are_published(kept: LedgerFolder) -> None:
    kept.keep(*(make_story(n, body=f"{WORDS} {n}") for n in range(100, 200)))
    kept.close()
    path = kept.dataset.ledger(SITE)
    data = bytearray(path.read_bytes())
    at = data.index(f'"story_id":"{SITE}:150"'.encode()) // 4096 * 4096
    data[at : at + 4096] = bytes(4096)
    path.write_bytes(data)
    with pytest.raises(DatabaseDamaged):
        Ledger.open(path, SITE, ZONE)
    kept.ledger = reindex(kept.dataset, SITE, ZONE)
    carried = {int(story_id.partition(":")[2]) for story_id in kept.standing()} & set(range(100, 200))
    assert {100, 101, 198, 199} <= carried
    assert len(carried) > 90
    assert 150 not in carried
    assert check(kept.dataset, kept.ledger) == []


def test_lost_ledger_is_never_replaced_by_empty(kept: LedgerFolder) -> None:
    kept.close()
    path = kept.dataset.ledger(SITE)
    assert kept.dataset.holds(SITE)
    for harm in (lambda: path.write_bytes(b""), path.unlink):
        harm()
        with pytest.raises(DatabaseDamaged, match="missing or empty"):
            Ledger.open(path, SITE, ZONE, expected=kept.dataset.holds(SITE))
    kept.ledger = reindex(kept.dataset, SITE, ZONE)
    assert len(kept.ledger.stories.ids()) == 4


def test_doubled_story_keeps_newest_revision(kept: LedgerFolder) -> None:
    kept.publish(make_story(4, revision=2))
    stories, revisions = TABLES["stories"], TABLES["revisions"]
    standing, older = (kept.dataset.read(table, SITE, "2025-01") for table in (stories, revisions))
    assert standing is not None
    assert older is not None
    older = older.filter(pc.equal(older["story_id"], f"{SITE}:4"))
    same = standing.filter(pc.equal(standing["story_id"], f"{SITE}:3"))
    staged = kept.dataset.stage(stories, SITE, pa.concat_tables([older, same]))
    kept.dataset.commit(staged, stories.path(SITE, "2024-10"))
    with pytest.raises(AssertionError, match="a story stands twice"):
        kept.standing()
    rebuild(kept)
    assert kept.standing().keys() == {f"{SITE}:{n}" for n in (1, 2, 3, 4)}
    assert kept.standing()[f"{SITE}:4"] == ("2025-01", 2)
    assert kept.superseded() == {(f"{SITE}:1", 1), (f"{SITE}:4", 1)}  # story 3 was doubled in the same revision
    assert check(kept.dataset, kept.ledger) == []


def test_misplaced_story_moves_to_its_month(kept: LedgerFolder) -> None:
    place = kept.dataset.root / TABLES["stories"].path(SITE, "2024-12")
    place.parent.rename(place.parents[1] / "month=2024-07")
    rebuild(kept)
    assert kept.standing()[f"{SITE}:2"] == ("2024-12", 1)
    assert kept.superseded() == {(f"{SITE}:1", 1)}
    assert check(kept.dataset, kept.ledger) == []


def test_unreadable_file_is_named_before_reindex(kept: LedgerFolder) -> None:
    (kept.dataset.root / TABLES["stories"].path(SITE, "2024-12")).write_bytes(b"PAR1")
    faults = check(kept.dataset, kept.ledger)
    kept.close()
    before = memory(kept.dataset.root)
    with pytest.raises(DataDamaged, match="2024-12"):
        reindex(kept.dataset, SITE, ZONE)
    assert memory(kept.dataset.root) == before
    quarantine(kept.dataset, faults)
    kept.ledger = reindex(kept.dataset, SITE, ZONE)
    assert kept.ledger.stories.ids() == {f"{SITE}:{n}" for n in (1, 3, 4)}  # the missing story will be fetched again
    assert check(kept.dataset, kept.ledger) == []


@pytest.mark.parametrize(
    "point", ["publish.prepared", "commit.renamed", "reindex.published", "reindex.built", "ledger.kept"]
)
def test_interrupted_reindex_can_be_repeated(kept: LedgerFolder, point: str) -> None:
    kept.keep(make_story(5), make_story(4, DECEMBER, revision=2))
    kept.close()
    failpoint.arm({"KHOBOR_FAILPOINT": f"{point}=eio", "KHOBOR_TESTING": "1"})
    with pytest.raises((OSError, StorageError)):
        reindex(kept.dataset, SITE, ZONE)
    failpoint.arm({})
    kept.ledger = reindex(kept.dataset, SITE, ZONE)
    assert kept.ledger.stories.ids() == {f"{SITE}:{n}" for n in (1, 2, 3, 4, 5)} == kept.standing().keys()
    assert kept.superseded() == {(f"{SITE}:1", 1), (f"{SITE}:4", 1)}
    assert check(kept.dataset, kept.ledger) == []
