"""Tests of publishing: partitions, revisions, concurrent readers, damage and crashes."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.publishing.publisher import fill_empty_tables
from pipelines.publishing.verify import check
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES
from tests.support.builders import (
    DAY,
    DECEMBER,
    JANUARY,
    NOVEMBER,
    SITE,
    LedgerFolder,
    digests,
    make_fetch,
    make_reject,
    make_snapshot,
    make_story,
    rows_of,
)
from tests.support.fork_server import fork_server
from tests.support.project import PROJECT
from tests.support.readers import READERS

A, B = f"{SITE}:1", f"{SITE}:2"


def test_story_is_in_local_month_of_publication(kept: LedgerFolder) -> None:
    late = JANUARY.replace(day=31, hour=18, minute=30)  # half past midnight of 1 February in Dhaka
    kept.publish(make_story(1), make_story(2, DECEMBER), make_story(3, late), make_story(4, None))
    months = ["2025-01", "2024-12", "2025-02", "2025-01"]  # the undated one by first sight
    assert kept.standing() == {f"{SITE}:{n}": (month, 1) for n, month in enumerate(months, start=1)}


def test_publishing_again_writes_no_file(kept: LedgerFolder) -> None:
    kept.publish(make_story(1), make_story(2, DECEMBER))
    files = [*kept.dataset.root.glob("*/*/*/*.parquet")]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
    kept.publish()
    kept.publish(make_story(1))  # as after a second fetch of the page
    assert len(before) == 2
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files] == before
    assert kept.ledger.outbox.size() == 0


def test_cost_of_month_ignores_other_months(tmp_path: Path) -> None:
    def steps(stories: int, months: int) -> int:
        """Count the SQLite instructions of a publish."""
        kept = LedgerFolder.at(tmp_path / f"{stories}-{months}")
        kept.keep(*(make_story(number, JANUARY.replace(month=number % months + 1)) for number in range(stories)))
        taken = count()
        kept.ledger._sql.set_progress_handler(lambda: next(taken) < 0, 1)
        kept.publish()
        kept.ledger._sql.set_progress_handler(None, 1)
        assert len(list(kept.dataset.root.glob("stories/*/*/*.parquet"))) == months
        kept.close()
        return next(taken)

    of_few, of_many = (steps(stories, 12) - steps(stories, 1) for stories in (60, 600))
    assert of_many < 1.5 * of_few


def test_only_changed_months_are_written(kept: LedgerFolder) -> None:
    kept.publish(make_story(1), make_story(2, DECEMBER))
    before = digests(kept.dataset.root)
    kept.publish(make_story(3, DECEMBER))
    changed = {path for path, digest in digests(kept.dataset.root).items() if before.get(path) != digest}
    assert changed == {f"stories/site={SITE}/month=2024-12/stories.parquet"}


@pytest.mark.parametrize(
    ("publishes", "standing", "superseded"),
    [
        (([(JANUARY, 1)], [(JANUARY, 2)]), ("2025-01", 2), {1}),
        (([(JANUARY, 1), (JANUARY, 2), (JANUARY, 3)],), ("2025-01", 3), {1, 2}),
        (([(JANUARY, 1)], [(DECEMBER, 2)]), ("2024-12", 2), {1}),
        (([(JANUARY, 1)], [(DECEMBER, 1)]), ("2024-12", 1), set()),
        (([(JANUARY, 3)], [(JANUARY, 2)]), ("2025-01", 3), {2}),
    ],
    ids=["new revision", "unpublished revisions", "moved and revised", "moved unchanged", "late older revision"],
)
def test_newest_revision_replaces_older_ones(
    kept: LedgerFolder,
    publishes: tuple[list[tuple[datetime, int]], ...],
    standing: tuple[str, int],
    superseded: set[int],
) -> None:
    kept.publish(make_story(2))
    for stories in publishes:
        kept.publish(*(make_story(1, month, revision=n, headline=f"{n}") for month, n in stories))
    assert kept.standing() == {A: standing, B: ("2025-01", 1)}
    assert kept.superseded() == {(A, n) for n in superseded}
    assert {row["headline"] for row in kept.rows("revisions")} == {f"{n}" for n in superseded}


@pytest.mark.parametrize("published_between", [(), (1,), (2,), (1, 2), (1, 2, 3)])
def test_story_moved_back_is_published_once(kept: LedgerFolder, published_between: tuple[int, ...]) -> None:
    for revision, month in enumerate((JANUARY, DECEMBER, JANUARY, NOVEMBER), start=1):
        kept.keep(make_story(1, month, revision=revision))
        if revision in published_between:
            kept.publish()
    kept.publish()
    assert kept.standing() == {A: ("2024-11", 4)}
    assert kept.superseded() == {(A, n) for n in (1, 2, 3)}


def test_empty_month_leaves_no_file_or_folder(kept: LedgerFolder) -> None:
    kept.publish(make_story(1))
    kept.publish(make_story(1, DECEMBER, revision=2))
    assert [path.name for path in (kept.dataset.root / "stories" / f"site={SITE}").iterdir()] == ["month=2024-12"]
    assert {file.path.split("/")[2] for file in kept.ledger.outbox.files()} == {"month=2024-12", "month=2025-01"}
    assert pd.read_parquet(kept.dataset.root / "stories")["story_id"].tolist() == [A]


def test_last_sight_is_never_set_back(kept: LedgerFolder) -> None:
    kept.keep(make_story(1), make_story(2))
    kept.see(2, JANUARY + DAY)
    kept.publish()
    kept.see(1, JANUARY + DAY)
    kept.see(2, JANUARY)
    kept.publish()
    assert [row["fetched_at"] for row in kept.rows("stories")] == [JANUARY + DAY] * 2
    assert kept.superseded() == set()


def test_touch_of_missing_row_is_dropped(kept: LedgerFolder) -> None:
    kept.ledger.outbox.touch(TABLES["stories"], "2025-01", f"{SITE}:9", {"fetched_at": JANUARY})
    kept.publish()
    assert kept.ledger.outbox.size() == 0
    assert digests(kept.dataset.root) == {}


def test_rows_are_sorted_with_undated_last(kept: LedgerFolder) -> None:
    kept.publish(make_story(5, None), make_story(2), make_story(1), make_story(4, JANUARY - DAY), make_story(3, None))
    assert [row["story_id"] for row in kept.rows("stories")] == [f"{SITE}:{n}" for n in (4, 1, 2, 3, 5)]


def test_equal_rows_make_equal_files(kept: LedgerFolder, tmp_path: Path) -> None:
    stories = [make_story(n, JANUARY + n * timedelta(hours=1)) for n in range(1, 30)]
    for story in reversed(stories):
        kept.keep(story)
        if story.story_id.endswith("7"):
            kept.publish()
    kept.publish()
    other = LedgerFolder.at(tmp_path / "other")
    other.publish(*stories)
    other.close()
    assert digests(kept.dataset.root) == digests(tmp_path / "other")


@pytest.mark.parametrize("harm", ["missing", "changed", "foreign"])
def test_damaged_month_waits_while_others_are_published(kept: LedgerFolder, harm: str) -> None:
    kept.publish(make_story(1))
    kept.keep(make_story(2, DECEMBER))
    if harm != "foreign":
        kept.publish()
    file = kept.dataset.root / TABLES["stories"].path(SITE, "2024-12")
    if harm == "missing":
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"PAR1")
    kept.keep(make_story(3, DECEMBER), make_story(4), make_story(1, NOVEMBER, revision=2))
    kept.ledger.add_reject(make_reject(JANUARY))
    with pytest.raises(DataDamaged, match=r"month=2024-12.*khobor check"):
        kept.publish()
    assert {row["story_id"] for row in kept.rows("rejects")} == {None}
    january = [r["story_id"] for r in pd.read_parquet(file.parents[1] / "month=2025-01").to_dict("records")]
    assert january == [A, f"{SITE}:4"]  # no story is removed before all are in their new places
    outbox = kept.ledger.outbox
    waiting = outbox.changes(TABLES["stories"], outbox.pending()["stories", "2024-12"])
    assert [change.key for change in waiting if change.act == "put"][-1] == f"{SITE}:3"


def test_damaged_revisions_hold_back_new_revisions(kept: LedgerFolder) -> None:
    kept.publish(make_story(1), make_story(1, revision=2), make_story(2, DECEMBER))
    (kept.dataset.root / TABLES["revisions"].path(SITE, "2025-01")).write_bytes(b"")
    kept.keep(make_story(1, revision=3), make_story(3, DECEMBER))
    with pytest.raises(DataDamaged, match="revisions"):
        kept.publish()
    assert kept.standing() == {A: ("2025-01", 2), B: ("2024-12", 1), f"{SITE}:3": ("2024-12", 1)}


@pytest.fixture(scope="module")
def about_to_publish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of change in the outbox."""
    root = tmp_path_factory.mktemp("waiting") / "data"
    kept = LedgerFolder.at(root)
    kept.keep(make_story(1), make_story(2), make_story(3, DECEMBER), make_story(4), make_story(8))
    kept.rank(make_snapshot(JANUARY, "ক", "খ"))
    kept.publish()
    kept.keep(make_story(1, revision=2), make_story(2, NOVEMBER, revision=2), make_story(3, JANUARY, revision=2))
    kept.see(4, JANUARY + DAY)
    kept.see(3, JANUARY + DAY)
    kept.keep(make_story(4, NOVEMBER, revision=2), make_story(4, JANUARY, revision=3))
    kept.see(1, JANUARY + DAY)
    kept.keep(make_story(1, revision=3), make_story(5))
    kept.rank(make_snapshot(JANUARY + timedelta(hours=1), "ক", "খ"))
    kept.alias("https://m.kalbela.com/x/1", 1)
    kept.close()
    return root


@pytest.fixture(scope="module")
def undisturbed(about_to_publish: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("undisturbed") / "data"
    shutil.copytree(about_to_publish, root)
    kept = LedgerFolder.at(root)
    kept.publish()
    revisions = {1: 3, 2: 2, 3: 2, 4: 3, 5: 1, 8: 1}
    assert kept.standing() == {f"{SITE}:{n}": ("2024-11" if n == 2 else "2025-01", r) for n, r in revisions.items()}
    assert kept.superseded() == {(f"{SITE}:{n}", r) for n, r in ((1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (4, 2))}
    kept.close()
    return digests(root)


POINTS = (
    *("recover.settled", "recover.cleared", "publish.displaced", "stage.written", "stage.synced", "publish.prepared"),
    *("commit.folder", "commit.renamed", "commit.synced", "remove.unlinked"),
    *("publish.settling", "publish.settled", "publish.merged"),
)


def assert_nothing_is_missing(root: Path) -> None:
    """Between crash and recovery, all files are readable and every published story is in them."""
    rows = [row for table in TABLES for row in rows_of(root, table)]
    assert {f"{SITE}:{n}" for n in (1, 2, 3, 4, 8)} <= {row["story_id"] for row in rows_of(root, "stories")}
    assert rows


@pytest.mark.parametrize("point", POINTS)
def test_kill_at_any_step_loses_nothing(
    point: str, about_to_publish: Path, undisturbed: dict[str, str], memory_folder: Path
) -> None:
    kills = 0
    for hit in range(1, 40):
        root = memory_folder / f"{hit}"
        shutil.copytree(about_to_publish, root)
        if fork_server().publish(root, f"{point}:{hit}=kill") == 0:
            break
        kills += 1
        assert_nothing_is_missing(root)
        assert fork_server().publish(root) == 0
        assert digests(root) == undisturbed
        assert not list((root / ".staging").iterdir())
    assert kills or point == "recover.settled"  # a complete publish leaves nothing to settle


def lacking(root: Path, column: str) -> list[str]:
    paths = sorted(root.glob("stories/*/*/*.parquet"))
    return [path.parent.name for path in paths if column not in pq.read_schema(path).names]


@pytest.fixture
def written_by_older_release(memory_folder: Path) -> Path:
    """A folder whose stories lack a column that a release has added."""
    kept = LedgerFolder.at(memory_folder / "older")
    kept.publish(make_story(1), make_story(2, DECEMBER), make_story(3, NOVEMBER))
    for path in kept.dataset.root.glob("stories/*/*/*.parquet"):
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["section"]), path)
        relative = str(path.relative_to(kept.dataset.root))
        with kept.ledger.transaction():
            record = replace(kept.ledger.outbox.file(relative), sha256=kept.dataset.digest(relative))
            kept.ledger.outbox.settle(record)
            kept.ledger._sql.execute("DELETE FROM columns")
    kept.close()
    return kept.dataset.root


def test_new_column_is_added_to_older_files(written_by_older_release: Path) -> None:
    root = written_by_older_release
    assert lacking(root, "section") == ["month=2024-11", "month=2024-12", "month=2025-01"]
    kept = LedgerFolder.at(root)
    kept.publish(make_story(4))
    assert lacking(root, "section") == []
    assert check(kept.dataset, kept.ledger) == []
    tables = {name: read(root / "stories").select(TABLES["stories"].columns) for name, read in READERS.items()}
    [first, *others] = [table.sort_by("story_id").to_pylist() for table in tables.values()]
    assert [row["section"] for row in first] == [None, None, None, "world"]
    assert others == [first] * 3
    before = digests(root)
    kept.ledger._sql.execute("DELETE FROM columns")
    kept.publish()  # looks at the files again, and writes none
    assert digests(root) == before
    kept.close()


@pytest.mark.parametrize("point", ["stage.synced", "publish.prepared", "commit.renamed", "publish.settled"])
def test_kill_while_columns_are_added_loses_nothing(
    point: str, written_by_older_release: Path, memory_folder: Path
) -> None:
    for hit in range(1, 5):
        root = memory_folder / f"{point}-{hit}"
        shutil.copytree(written_by_older_release, root)
        ended = fork_server().publish(root, f"{point}:{hit}=kill")
        assert {row["story_id"] for row in rows_of(root, "stories")} == {f"{SITE}:{n}" for n in (1, 2, 3)}
        assert (ended == 0) is (hit == 4), "each of the three files is written once"
        assert fork_server().publish(root) == 0
        assert lacking(root, "section") == []
        kept = LedgerFolder.at(root)
        assert check(kept.dataset, kept.ledger) == []
        kept.close()


def test_damaged_older_file_stays_and_is_reported(written_by_older_release: Path) -> None:
    [path] = written_by_older_release.glob("stories/*/month=2024-11/*.parquet")
    path.write_bytes(b"PAR1")
    kept = LedgerFolder.at(written_by_older_release)
    for _ in range(2):
        with pytest.raises(DataDamaged, match="2024-11"):
            kept.publish()
        assert lacking(written_by_older_release.parent, "section") == []
    assert path.read_bytes() == b"PAR1"
    assert kept.ledger.outbox.outdated() == [TABLES["stories"]]
    kept.close()


def test_table_without_rows_has_one_empty_file(kept: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.publishing.publisher.now", lambda: JANUARY.replace(day=31, hour=19))
    kept.publish(make_story(1, DECEMBER))
    for _ in range(2):
        fill_empty_tables(kept.dataset, kept.ledger)
        parts = {t.name: [part for part, _ in kept.dataset.published(t, SITE)] for t in TABLES.values()}
        assert parts == {
            **{name: ["2025-02"] for name in ("revisions", "sightings")},
            **{name: ["2025-02-01"] for name in ("rankings", "fetches", "rejects")},
            "stories": ["2024-12"],
            "aliases": [""],
        }
    for table in TABLES.values():
        for read in READERS.values():
            rows = read(kept.dataset.root / table.name)
            assert len(rows) == (table.name == "stories")
            assert set(table.columns) <= set(rows.schema.names)
    assert check(kept.dataset, kept.ledger) == []
    kept.publish(make_story(1, DECEMBER, revision=2))  # the first revision of December
    fill_empty_tables(kept.dataset, kept.ledger)
    assert [part for part, _ in kept.dataset.published(TABLES["revisions"], SITE)] == ["2024-12"]


def test_staged_files_of_other_sites_are_kept(kept: LedgerFolder) -> None:
    ours = kept.dataset.staging / f"{SITE}-stories-0.inprogress"
    theirs = kept.dataset.staging / f"{SITE}_english-stories-0.inprogress"
    for path in (ours, theirs):
        path.touch()
    kept.ledger.urls.record(make_fetch(1))
    kept.publish()
    assert list(kept.dataset.staging.iterdir()) == [theirs]


def test_publishing_imports_no_scrapy() -> None:
    code = (
        "import sys, pipelines.publishing.verify, pipelines.publishing.reindex, pipelines.storage.site_lock;"
        "print({'scrapy', 'twisted'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
