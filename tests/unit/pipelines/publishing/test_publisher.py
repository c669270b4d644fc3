"""Publish: what lands where, what a reader can see meanwhile, and what a crash at any moment leaves."""

import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES
from tests.support.builders import (
    DAY,
    DECEMBER,
    JANUARY,
    NOVEMBER,
    SITE,
    Crashes,
    Kept,
    a_fetch,
    a_reject,
    a_snapshot,
    a_story,
    crashes,
    digests,
    rows_of,
)

ROOT = Path(__file__).parents[4]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept.at(tmp_path / "data")
    yield kept
    kept.close()


def test_a_story_stands_in_the_month_of_its_publication_in_the_site_s_zone(kept: Kept) -> None:
    late = JANUARY.replace(day=31, hour=18, minute=30)  # half past midnight of 1 February in Dhaka
    kept.keep(a_story(1), a_story(2, DECEMBER), a_story(3, late), a_story(4, None))
    done = kept.publish()
    assert kept.standing() == {
        f"{SITE}:1": ("2025-01", 1),
        f"{SITE}:2": ("2024-12", 1),
        f"{SITE}:3": ("2025-02", 1),
        f"{SITE}:4": ("2025-01", 1),  # of first sight, where the page gives no date
    }
    assert done.rows == {"stories": 4}
    assert done.files == {"stories": 3}


def test_publishing_again_changes_no_byte_and_writes_no_file(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(2, DECEMBER))
    kept.publish()
    before = digests(kept.dataset.root)
    assert kept.publish().files == {}
    kept.keep(a_story(1))  # accepted once more, as after a page that was fetched twice
    assert kept.publish().files == {}
    assert digests(kept.dataset.root) == before
    assert kept.ledger.outbox.size() == 0


def test_what_a_month_costs_does_not_grow_with_what_waits_for_others(tmp_path: Path) -> None:
    def steps(stories: int, months: int) -> int:
        """What SQLite does to publish so many stories of so many months."""
        kept = Kept.at(tmp_path / f"{stories}-{months}")
        kept.keep(*(a_story(number, JANUARY.replace(month=number % months + 1)) for number in range(stories)))
        taken = count()
        kept.ledger._sql.set_progress_handler(lambda: next(taken) < 0, 1)
        kept.publish()
        kept.ledger._sql.set_progress_handler(None, 1)
        assert len(list(kept.dataset.root.glob("stories/*/*/*.parquet"))) == months
        kept.close()
        return next(taken)

    of_few, of_many = (steps(stories, 12) - steps(stories, 1) for stories in (60, 600))
    assert of_many < 1.5 * of_few


def test_only_the_months_that_changed_are_written(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(2, DECEMBER))
    kept.publish()
    before = digests(kept.dataset.root)
    kept.keep(a_story(3, DECEMBER))
    kept.publish()
    changed = {path for path, digest in digests(kept.dataset.root).items() if before.get(path) != digest}
    assert changed == {f"stories/site={SITE}/month=2024-12/stories.parquet"}


def test_a_new_revision_replaces_the_old_one_which_goes_to_revisions(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(2))
    kept.publish()
    kept.keep(a_story(1, revision=2, headline="নতুন শিরোনাম"))
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2025-01", 2), f"{SITE}:2": ("2025-01", 1)}
    assert kept.superseded() == {(f"{SITE}:1", 1)}
    assert kept.rows("revisions")[0]["headline"] == a_story(1).headline


def test_revisions_that_never_reached_a_file_are_kept_too(kept: Kept) -> None:
    kept.keep(*(a_story(1, revision=n) for n in (1, 2, 3)))
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2025-01", 3)}
    assert kept.superseded() == {(f"{SITE}:1", 1), (f"{SITE}:1", 2)}


def test_a_story_whose_month_changed_stands_in_the_new_one_alone(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(2))
    kept.publish()
    kept.keep(a_story(1, DECEMBER, revision=2))
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2024-12", 2), f"{SITE}:2": ("2025-01", 1)}
    assert kept.superseded() == {(f"{SITE}:1", 1)}


@pytest.mark.parametrize("published_between", [(), (1,), (2,), (1, 2), (1, 2, 3)])
def test_a_story_that_moved_away_and_back_stands_once(kept: Kept, published_between: tuple[int, ...]) -> None:
    for revision, month in enumerate((JANUARY, DECEMBER, JANUARY, NOVEMBER), start=1):
        kept.keep(a_story(1, month, revision=revision))
        if revision in published_between:
            kept.publish()
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2024-11", 4)}
    assert kept.superseded() == {(f"{SITE}:1", n) for n in (1, 2, 3)}


def test_a_story_that_moved_unchanged_leaves_no_revision(kept: Kept) -> None:
    kept.keep(a_story(1))
    kept.publish()
    kept.keep(a_story(1, DECEMBER))
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2024-12", 1)}
    assert kept.superseded() == set()


def test_a_month_that_becomes_empty_leaves_neither_file_nor_folder(kept: Kept) -> None:
    kept.keep(a_story(1))
    kept.publish()
    kept.keep(a_story(1, DECEMBER, revision=2))
    kept.publish()
    assert [path.name for path in (kept.dataset.root / "stories" / f"site={SITE}").iterdir()] == ["month=2024-12"]
    assert {file.path.split("/")[2] for file in kept.ledger.outbox.files()} == {"month=2024-12", "month=2025-01"}
    assert pd.read_parquet(kept.dataset.root / "stories")["story_id"].tolist() == [f"{SITE}:1"]


def test_a_late_older_revision_never_replaces_a_newer_one(kept: Kept) -> None:
    kept.keep(a_story(1, revision=3))
    kept.publish()
    kept.keep(a_story(1, revision=2))
    kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2025-01", 3)}
    assert kept.superseded() == {(f"{SITE}:1", 2)}


def test_a_story_seen_again_is_touched_and_never_set_back(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(2))
    kept.see(2, JANUARY + DAY)
    kept.publish()
    kept.see(1, JANUARY + DAY)
    kept.see(2, JANUARY)
    done = kept.publish()
    assert [row["fetched_at"] for row in kept.rows("stories")] == [JANUARY + DAY] * 2
    assert done.rows == {}
    assert kept.superseded() == set()


def test_the_last_sight_of_a_superseded_revision_is_its_own(kept: Kept) -> None:
    kept.keep(a_story(1))
    kept.publish()
    kept.see(1, JANUARY + DAY)
    kept.keep(a_story(1, revision=2, fetched_at=JANUARY + 2 * DAY))
    kept.see(1, JANUARY + 3 * DAY)
    kept.publish()
    assert kept.rows("revisions")[0]["fetched_at"] == JANUARY + DAY
    assert kept.rows("stories")[0]["fetched_at"] == JANUARY + 3 * DAY


def test_a_touch_of_a_row_that_is_nowhere_is_dropped(kept: Kept) -> None:
    kept.ledger.outbox.touch(TABLES["stories"], "2025-01", f"{SITE}:9", {"fetched_at": JANUARY})
    kept.publish()
    assert kept.ledger.outbox.size() == 0
    assert digests(kept.dataset.root) == {}


def test_a_list_that_stands_is_one_snapshot_whose_last_sight_grows(kept: Kept) -> None:
    kept.rank(a_snapshot(JANUARY, "ক", "খ"))
    kept.rank(a_snapshot(JANUARY, "ক", "খ", name="popular"))
    kept.publish()
    kept.rank(a_snapshot(JANUARY + timedelta(hours=1), "ক", "খ"))
    kept.publish()
    kept.rank(a_snapshot(JANUARY + DAY, "খ", "ক"))
    kept.publish()
    found = [
        (r["list"], r["rank"], r["headline"], r["observed_at"], r["last_observed_at"]) for r in kept.rows("rankings")
    ]
    assert found == [
        ("latest", 1, "ক", JANUARY, JANUARY + timedelta(hours=1)),
        ("latest", 2, "খ", JANUARY, JANUARY + timedelta(hours=1)),
        ("popular", 1, "ক", JANUARY, JANUARY),
        ("popular", 2, "খ", JANUARY, JANUARY),
        ("latest", 1, "খ", JANUARY + DAY, JANUARY + DAY),
        ("latest", 2, "ক", JANUARY + DAY, JANUARY + DAY),
    ]


def test_rows_are_in_order_of_publication_with_undated_ones_last(kept: Kept) -> None:
    kept.keep(a_story(5, None), a_story(2), a_story(1), a_story(4, JANUARY - DAY), a_story(3, None))
    kept.publish()
    assert [row["story_id"] for row in kept.rows("stories")] == [f"{SITE}:{n}" for n in (4, 1, 2, 3, 5)]


def test_the_same_rows_make_the_same_bytes_however_they_came(kept: Kept, tmp_path: Path) -> None:
    stories = [a_story(n, JANUARY + n * timedelta(hours=1)) for n in range(1, 30)]
    for story in reversed(stories):
        kept.keep(story)
        if story.story_id.endswith("7"):
            kept.publish()
    kept.publish()
    other = Kept.at(tmp_path / "other")
    other.keep(*stories)
    other.publish()
    other.close()
    assert digests(kept.dataset.root) == digests(tmp_path / "other")


def test_every_reader_sees_the_same_rows_and_text_partitions(kept: Kept) -> None:
    kept.keep(*(a_story(n) for n in range(1, 4)), a_story(4, DECEMBER, tags=[], kicker="কিকার"), a_story(5, None))
    kept.publish()
    folder = kept.dataset.root / "stories"
    columns = ["site", "month", "story_id", "headline", "body", "word_count"]
    query = f"SELECT {', '.join(columns)} FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    with duckdb.connect() as connection:
        by_duckdb = connection.execute(query).fetchall()
    by_pandas = pd.read_parquet(folder)[columns].astype({"site": str, "month": str})
    by_polars = pl.read_parquet(folder, hive_partitioning=True)[columns]
    by_arrow = pq.read_table(folder).select(columns).to_pylist()
    expected = sorted(tuple(row.values()) for row in by_arrow)
    assert {row[0] for row in expected} == {SITE}
    assert {row[1] for row in expected} == {"2025-01", "2024-12"}
    assert sorted(by_pandas.itertuples(index=False, name=None)) == expected
    assert sorted(by_polars.rows()) == expected
    assert sorted(by_duckdb) == expected
    assert pl.read_parquet(folder)["published_at"].dtype == pl.Datetime("us", "UTC")
    assert str(pd.read_parquet(folder)["published_at"].dtype) == "datetime64[us, UTC]"


def test_a_reader_that_never_stops_sees_whole_files_and_never_fewer_stories(kept: Kept) -> None:
    """Each look takes many files, each at another moment, so nothing moves here: the crashes below watch that."""
    kept.keep(*(a_story(n) for n in range(1, 30)), *(a_story(n, DECEMBER) for n in range(30, 40)))
    kept.publish()
    looks: list[tuple[int, int]] = [(0, 0)]
    troubles: list[Exception] = []
    over = threading.Event()

    def look() -> None:
        query = f"SELECT count(DISTINCT story_id) FROM read_parquet('{kept.dataset.root}/stories/**/*.parquet')"
        with duckdb.connect() as connection:
            while not over.is_set():
                try:
                    [found] = connection.execute(query).fetchone() or [0]
                    seen = pd.read_parquet(kept.dataset.root / "stories", columns=["story_id"])["story_id"].nunique()
                except (OSError, duckdb.Error, pa.ArrowException) as error:
                    troubles.append(error)
                    break
                looks.append((found, seen))

    reader = threading.Thread(target=look)
    reader.start()
    for revision in range(2, 14):
        kept.keep(*(a_story(n, revision=revision) for n in range(1, 6)), a_story(40 + revision))
        kept.keep(*(a_story(n, DECEMBER, revision=revision) for n in range(30, 34)), a_story(70 + revision, DECEMBER))
        kept.publish()
    over.set()
    reader.join()
    assert troubles == []
    assert len(looks) > 3
    assert looks[1][0] >= 39
    for column in zip(*looks, strict=True):
        assert list(column) == sorted(column)
    assert len(kept.standing()) == 39 + 24


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["missing", "changed", "foreign"])
def test_a_damaged_month_is_named_and_waits_while_the_others_are_published(kept: Kept, harm: str) -> None:
    kept.keep(a_story(1))
    kept.publish()
    kept.keep(a_story(2, DECEMBER))
    if harm != "foreign":
        kept.publish()
    file = kept.dataset.root / TABLES["stories"].path(SITE, "2024-12")
    if harm == "missing":
        file.unlink()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"PAR1")
    kept.keep(a_story(3, DECEMBER), a_story(4), a_story(1, NOVEMBER, revision=2))
    kept.ledger.add_reject(a_reject(JANUARY))
    with pytest.raises(DataDamaged, match=r"month=2024-12.*khobor check"):
        kept.publish()
    assert {row["story_id"] for row in kept.rows("rejects")} == {None}
    january = [r["story_id"] for r in pd.read_parquet(file.parents[1] / "month=2025-01").to_dict("records")]
    assert january == [f"{SITE}:1", f"{SITE}:4"]  # nothing is taken out while anything is not yet in
    outbox = kept.ledger.outbox
    waiting = outbox.changes(TABLES["stories"], outbox.pending()["stories", "2024-12"])
    assert [change.key for change in waiting if change.act == "put"][-1] == f"{SITE}:3"


def test_a_damaged_file_of_revisions_holds_back_what_would_be_superseded(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(1, revision=2), a_story(2, DECEMBER))
    kept.publish()
    (kept.dataset.root / TABLES["revisions"].path(SITE, "2025-01")).write_bytes(b"")
    kept.keep(a_story(1, revision=3), a_story(3, DECEMBER))
    with pytest.raises(DataDamaged, match="revisions"):
        kept.publish()
    assert kept.standing() == {f"{SITE}:1": ("2025-01", 2), f"{SITE}:2": ("2024-12", 1), f"{SITE}:3": ("2024-12", 1)}


# Crashes -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Crashes]:
    with crashes() as server:
        yield server


@pytest.fixture(scope="module")
def about_to_publish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything that a publish can meet is waiting."""
    root = tmp_path_factory.mktemp("waiting") / "data"
    kept = Kept.at(root)
    kept.keep(a_story(1), a_story(2), a_story(3, DECEMBER), a_story(4), a_story(8))
    kept.rank(a_snapshot(JANUARY, "ক", "খ"))
    kept.publish()
    kept.keep(a_story(1, revision=2), a_story(2, NOVEMBER, revision=2), a_story(3, JANUARY, revision=2))
    kept.see(4, JANUARY + DAY)
    kept.see(3, JANUARY + DAY)
    kept.keep(a_story(4, NOVEMBER, revision=2), a_story(4, JANUARY, revision=3))
    kept.see(1, JANUARY + DAY)
    kept.keep(a_story(1, revision=3), a_story(5))
    kept.rank(a_snapshot(JANUARY + timedelta(hours=1), "ক", "খ"))
    kept.alias("https://m.kalbela.com/x/1", 1)
    kept.close()
    return root


@pytest.fixture
def shared_memory() -> Iterator[Path]:
    """A folder in memory where there is one: a kill does not ask whether the disk was quick."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="khobor-", dir=place) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def undisturbed(about_to_publish: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("undisturbed") / "data"
    shutil.copytree(about_to_publish, root)
    kept = Kept.at(root)
    kept.publish()
    assert kept.standing() == {
        f"{SITE}:1": ("2025-01", 3),
        f"{SITE}:2": ("2024-11", 2),
        f"{SITE}:3": ("2025-01", 2),
        f"{SITE}:4": ("2025-01", 3),
        f"{SITE}:5": ("2025-01", 1),
        f"{SITE}:8": ("2025-01", 1),
    }
    assert kept.superseded() == {(f"{SITE}:{n}", r) for n, r in ((1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (4, 2))}
    kept.close()
    return digests(root)


POINTS = (
    "recover.settled",
    "recover.cleared",
    "publish.displaced",
    "stage.written",
    "stage.synced",
    "publish.prepared",
    "commit.folder",
    "commit.renamed",
    "commit.synced",
    "remove.unlinked",
    "publish.settling",
    "publish.settled",
    "publish.merged",
)


def assert_nothing_is_missing(root: Path) -> None:
    """What a reader may rely on between a crash and the recovery: whole files, and every story that was published."""
    rows = [row for table in TABLES for row in rows_of(root, table)]
    assert {f"{SITE}:{n}" for n in (1, 2, 3, 4, 8)} <= {row["story_id"] for row in rows_of(root, "stories")}
    assert rows


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(
    point: str, server: Crashes, about_to_publish: Path, undisturbed: dict[str, str], shared_memory: Path
) -> None:
    kills = 0
    for hit in range(1, 40):
        root = shared_memory / f"{hit}"
        shutil.copytree(about_to_publish, root)
        if server.publish(root, f"{point}:{hit}=kill") == 0:
            break
        kills += 1
        assert_nothing_is_missing(root)
        assert server.publish(root) == 0
        assert digests(root) == undisturbed
        assert not list((root / ".staging").iterdir())
    assert kills or point == "recover.settled"  # nothing is to be settled after a good publish


@pytest.mark.parametrize("seed", range(2))
def test_kills_that_pile_up_on_one_folder_lose_and_double_nothing(
    seed: int, server: Crashes, about_to_publish: Path, shared_memory: Path
) -> None:
    chance = random.Random(seed)
    root = shared_memory / "data"
    shutil.copytree(about_to_publish, root)
    expected = {1: 3, 2: 2, 3: 2, 4: 3, 5: 1, 8: 1}
    kills = 0
    for _ in range(12):
        kept = Kept.at(root)
        for number in chance.sample(sorted(expected), 2):
            expected[number] += 1
            kept.keep(a_story(number, chance.choice([JANUARY, DECEMBER, NOVEMBER]), revision=expected[number]))
        kept.close()
        while chance.random() < 0.7:
            kills += server.publish(root, f"{chance.choice(POINTS)}:{chance.randint(1, 4)}=kill") == -9
            assert_nothing_is_missing(root)
    assert server.publish(root) == 0
    kept = Kept.at(root)
    assert {story_id: revision for story_id, (_, revision) in kept.standing().items()} == {
        f"{SITE}:{number}": revision for number, revision in expected.items()
    }
    assert kept.superseded() == {(f"{SITE}:{n}", r) for n, last in expected.items() for r in range(1, last)}
    assert {path: file.sha256 for file in kept.ledger.outbox.files() if (path := file.path)} == digests(root)
    kept.close()
    assert kills > 5


@pytest.mark.parametrize("act", ["eio", "enospc"])
@pytest.mark.parametrize(
    "point", ["stage.written", "stage.synced", "commit.folder", "commit.renamed", "remove.unlinked"]
)
def test_a_disk_that_fails_is_reported_and_the_next_publish_puts_it_right(
    point: str, act: str, server: Crashes, about_to_publish: Path, undisturbed: dict[str, str], shared_memory: Path
) -> None:
    root = shared_memory / "data"
    shutil.copytree(about_to_publish, root)
    assert server.publish(root, f"{point}={act}") == 7
    assert_nothing_is_missing(root)
    assert server.publish(root) == 0
    assert digests(root) == undisturbed


def test_what_another_site_has_in_staging_is_left_alone(kept: Kept) -> None:
    ours = kept.dataset.staging / f"{SITE}-stories-0.inprogress"
    theirs = kept.dataset.staging / f"{SITE}_english-stories-0.inprogress"
    for path in (ours, theirs):
        path.touch()
    kept.ledger.urls.record(a_fetch(1))
    kept.publish()
    assert list(kept.dataset.staging.iterdir()) == [theirs]


def test_publishing_imports_no_scrapy() -> None:
    code = (
        "import sys, pipelines.publishing.verify, pipelines.publishing.reindex, pipelines.storage.site_lock;"
        "print({'scrapy', 'twisted'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
