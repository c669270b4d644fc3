"""Tests of the data folder: preparation, atomic publishing, Parquet format."""

import os
import random
import resource
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.items import as_row
from pipelines.storage import failpoint
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged, StorageError
from pipelines.storage.parquet import conform
from pipelines.storage.tables import TABLES
from tests.support.builders import JANUARY, SITE, make_snapshot, make_story

STORIES = TABLES["stories"]
FINAL = STORIES.path(SITE, "2025-01")


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[DataFolder]:
    dataset = DataFolder(tmp_path / "data")
    dataset.prepare()
    yield dataset
    failpoint.arm({})


def some_rows(count: int = 3) -> pa.Table:
    return pa.Table.from_pylist([as_row(make_story(n)) for n in range(count)], schema=STORIES.schema)


def test_prepared_folder_has_no_tables(tmp_path: Path) -> None:
    dataset = DataFolder(tmp_path / "deep" / "data")
    dataset.prepare()
    dataset.prepare()
    assert {path.name for path in dataset.root.iterdir()} == {".staging", "state", "runs"}
    assert list(dataset.staging.iterdir()) == []
    assert dataset.free_bytes() > 0
    assert dataset.network_file_system() is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_refused(tmp_path: Path) -> None:
    dataset = DataFolder(tmp_path)
    dataset.prepare()
    dataset.staging.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        dataset.prepare()


def test_table_on_another_device_is_refused(dataset: DataFolder, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other device")
    (dataset.root / "stories").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="stories is on another device"):
        dataset.prepare()


def test_too_little_space_is_refused(dataset: DataFolder) -> None:
    with pytest.raises(StorageError, match=r"has [\d,]+ bytes free and needs 1,000,000,000,000,000,000"):
        dataset.prepare(need=10**18)


def test_only_own_and_old_leftovers_are_cleared(dataset: DataFolder) -> None:
    names = (f"{SITE}-stories-1.inprogress", "other-stories-1.inprogress", "other-old.inprogress", "other.txt")
    for name in names:
        (dataset.staging / name).touch()
    os.utime(dataset.staging / "other-old.inprogress", (0, 0))
    dataset.clear_staging(SITE)
    assert {path.name for path in dataset.staging.iterdir()} == {"other-stories-1.inprogress", "other.txt"}


def test_staged_file_is_complete_outside_tables(dataset: DataFolder) -> None:
    staged = dataset.stage(STORIES, SITE, some_rows())
    assert staged.path.parent == dataset.staging
    assert not (dataset.root / "stories").exists()
    assert (staged.rows, staged.bytes) == (3, staged.path.stat().st_size)
    dataset.commit(staged, FINAL)
    assert dataset.digest(FINAL) == staged.sha256
    assert list(dataset.staging.iterdir()) == []
    found = dataset.read(STORIES, SITE, "2025-01")
    assert found is not None
    assert found.equals(some_rows())
    assert dataset.published(STORIES, SITE) == [("2025-01", FINAL)]
    assert dataset.holds(SITE)
    assert not dataset.holds("other")


def test_file_is_synced_before_rename_folder_after(dataset: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut depends on this order, a kill does not, so the calls are recorded."""
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def watched_sync(descriptor: int) -> None:
        steps.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name.partition("-")[0])
        sync(descriptor)

    def watched_rename(path: Path, target: Path) -> Path:
        steps.append(f"rename {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "replace", watched_rename)
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("what a descriptor is open on cannot be asked here")
    dataset.commit(dataset.stage(STORIES, SITE, some_rows()), FINAL)
    dataset.remove(FINAL)
    dataset.write_text(PurePosixPath("runs/1.json"), "{}")
    assert steps == [
        *(f"sync {SITE}", "sync data", "sync stories", f"sync site={SITE}"),  # the file, parents of new folders
        *("rename stories.parquet", "sync month=2025"),
        *("sync month=2025", f"sync site={SITE}"),  # the file is gone, and its folder
        *("sync .1.json", "rename 1.json", "sync runs"),
    ]


def test_missing_file_has_no_rows_or_digest(dataset: DataFolder) -> None:
    assert dataset.read(STORIES, SITE, "2025-01") is None
    assert dataset.digest(FINAL) == ""
    dataset.remove(FINAL)


def test_removing_file_removes_only_empty_folder(dataset: DataFolder) -> None:
    for part in ("2025-01", "2025-02"):
        dataset.commit(dataset.stage(STORIES, SITE, some_rows()), STORIES.path(SITE, part))
    notes = dataset.root / f"stories/site={SITE}/month=2025-02/notes.txt"
    notes.touch()
    for part in ("2025-01", "2025-02"):
        dataset.remove(STORIES.path(SITE, part))
    assert [path.name for path in (dataset.root / f"stories/site={SITE}").iterdir()] == ["month=2025-02"]
    assert list(notes.parent.iterdir()) == [notes]


def test_text_is_replaced_atomically(dataset: DataFolder) -> None:
    path = PurePosixPath("runs/20250110T000000Z-kalbela.json")
    for text in ("{}", '{"খবর": 1}'):
        dataset.write_text(path, text)
        assert (dataset.root / path).read_text(encoding="utf-8") == text
    failpoint.arm({"KHOBOR_FAILPOINT": "write.synced=enospc", "KHOBOR_TESTING": "1"})
    with pytest.raises(StorageError, match="No space left on device"):
        dataset.write_text(path, "never")
    assert (dataset.root / path).read_text(encoding="utf-8") == '{"খবর": 1}'
    assert list(dataset.staging.iterdir()) == []


def test_file_too_large_leaves_nothing(dataset: DataFolder) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(StorageError, match=rf"cannot write {dataset.staging}/{SITE}-stories-.*File too large"):
            dataset.stage(STORIES, SITE, some_rows(500))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(dataset.staging.iterdir()) == []


def test_parquet_file_is_compressed_indexed_and_sorted(dataset: DataFolder) -> None:
    staged = dataset.stage(STORIES, SITE, some_rows(10_500))
    with pq.ParquetFile(staged.path) as file:
        metadata = file.metadata
        assert file.schema_arrow.metadata[b"khobor.table"] == b"stories"
        assert file.schema_arrow.field("headline").metadata[b"meaning"] == b"as printed"
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [1000] * 10 + [500]
    columns = {groups[0].column(n).path_in_schema: groups[0].column(n) for n in range(metadata.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert all(column.has_offset_index for column in columns.values())
    # Statistics serve columns that are filtered by range; those of long texts would only fill the footer.
    ranged = {name for name, column in columns.items() if column.is_stats_set}
    assert ranged == {name for name, column in columns.items() if column.has_column_index}
    assert {"story_id", "cluster_id", "published_at", "first_seen_at", "fetched_at", "section", "word_count"} <= ranged
    assert not ranged & {"headline", "url", "body", "tags.list.element", "content_hash"}
    assert [name for name, column in columns.items() if column.bloom_filter_offset] == ["story_id"]
    assert not columns["body"].has_dictionary_page
    assert columns["section"].has_dictionary_page
    assert columns["tags.list.element"].has_dictionary_page
    order = [
        (STORIES.schema.names[key.column_index], key.descending, key.nulls_first) for key in groups[0].sorting_columns
    ]
    assert order == [("published_at", False, False), ("story_id", False, False)]


def test_equal_rows_in_chunks_make_equal_bytes(dataset: DataFolder) -> None:
    texts = random.Random(1)
    stories = [make_story(n, body="".join(texts.choices("কখগঘঙ চছজ", k=1500))) for n in range(1000)]
    whole = pa.Table.from_pylist([as_row(story) for story in stories], schema=STORIES.schema)
    pieces = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 500), whole.slice(507)])
    assert dataset.stage(STORIES, SITE, whole).sha256 == dataset.stage(STORIES, SITE, pieces).sha256


def test_columns_are_ordered_and_missing_ones_null() -> None:
    assert conform(STORIES, some_rows().select(STORIES.schema.names[::-1]), FINAL).equals(some_rows())
    old = some_rows().drop_columns(["kicker", "agency"])
    read = conform(STORIES, old, FINAL)
    assert read.schema.equals(STORIES.schema, check_metadata=True)
    assert read["kicker"].null_count == 3
    assert read.drop_columns(["kicker", "agency"]).equals(old)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (some_rows().append_column("author", some_rows()["byline"]), r"\(author\)"),
        (some_rows().drop_columns(["headline"]), "lacks the column headline"),
        (some_rows().set_column(0, "story_id", pa.array([1, 2, 3])), "another type, or nulls, in the column story_id"),
        (some_rows().set_column(0, "story_id", pa.array(["a", None, "b"])), "in the column story_id"),
        (pa.Table.from_pylist([as_row(r) for r in make_snapshot(JANUARY, "ক").rows]), "does not have"),
    ],
)
def test_file_of_another_schema_is_damage(found: pa.Table, reason: str) -> None:
    with pytest.raises(DataDamaged, match=reason):
        conform(STORIES, found, FINAL)
