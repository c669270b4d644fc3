"""Tests of `check` and quarantine: every kind of damage is named, and nothing intact is."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.items import Sighting
from pipelines.archive.archive_check import ArchiveDamage
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.publishing.verify import REMEDIES, Damage, check, quarantine
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES
from tests.support.builders import (
    DECEMBER,
    JANUARY,
    NOVEMBER,
    SITE,
    ZONE,
    LedgerFolder,
    make_fetch,
    make_reject,
    make_snapshot,
    make_story,
)
from tests.support.fork_server import fork_server

STORIES = TABLES["stories"]
JANUARY_FILE = f"stories/site={SITE}/month=2025-01/stories.parquet"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[LedgerFolder]:
    """A folder with rows in every table."""
    kept = LedgerFolder.at(tmp_path / "data")
    kept.keep(
        *(make_story(n) for n in range(1, 40)),
        make_story(40, DECEMBER),
        make_story(1, revision=2),
        make_story(41, None),
    )
    kept.rank(make_snapshot(JANUARY, "ক", "খ"))
    kept.alias("https://m.kalbela.com/x/1", 1)
    kept.ledger.urls.record(make_fetch(1))
    kept.ledger.add_reject(make_reject(JANUARY))
    seen = Sighting(site=SITE, story_id=f"{SITE}:1", via="latest", first_seen_at=JANUARY, run_id="run-1")
    kept.ledger.stories.add_sighting(seen)
    kept.publish()
    yield kept
    kept.close()


def found(kept: LedgerFolder) -> set[tuple[Damage, str]]:
    return {(fault.damage, fault.path) for fault in check(kept.dataset, kept.ledger)}


def test_intact_folder_has_no_fault(kept: LedgerFolder) -> None:
    assert found(kept) == set()
    assert REMEDIES.keys() == {*Damage, *ArchiveDamage}
    assert {path.parts[0] for path in map(Path, (f.path for f in kept.ledger.outbox.files()))} == set(TABLES)


def test_pending_outbox_is_not_a_fault(kept: LedgerFolder) -> None:
    kept.keep(make_story(1, DECEMBER, revision=3), make_story(50))
    assert found(kept) == set()


def test_killed_publish_leaves_only_a_leftover(kept: LedgerFolder) -> None:
    kept.keep(make_story(1, NOVEMBER, revision=3), make_story(40, JANUARY, revision=2))
    kept.close()
    server = fork_server()
    for failpoint in ("commit.renamed:2=kill", "publish.merged=kill", "remove.unlinked=kill"):
        assert server.publish(kept.dataset.root, failpoint) == -9
        kept.ledger = LedgerFolder.at(kept.dataset.root).ledger
        assert found(kept) == set(), failpoint
        kept.close()
    assert server.publish(kept.dataset.root, "") == 0
    kept.ledger = LedgerFolder.at(kept.dataset.root).ledger
    kept.keep(make_story(1, revision=4))
    kept.close()
    assert server.publish(kept.dataset.root, "stage.synced=kill") == -9
    kept.ledger = LedgerFolder.at(kept.dataset.root).ledger
    [(damage, path)] = found(kept)
    assert damage is Damage.LEFTOVER
    assert path.startswith(f".staging/{SITE}-revisions-")


def flip_a_bit_in_a_page(path: Path) -> None:
    with pq.ParquetFile(path) as file:
        chunk = file.metadata.row_group(0).column(STORIES.schema.names.index("body"))
    flip(path, chunk.data_page_offset + chunk.total_compressed_size // 2)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def rewrite(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    return lambda path: pq.write_table(change(pq.ParquetFile(path).read()), path)


@pytest.mark.parametrize(
    ("harm", "damage"),
    [(Path.unlink, Damage.MISSING), (lambda path: path.write_bytes(path.read_bytes()[:-9]), Damage.UNREADABLE),
     (lambda path: path.write_bytes(b""), Damage.UNREADABLE), (flip_a_bit_in_a_page, Damage.UNREADABLE),
     (rewrite(lambda rows: rows.drop_columns(["depth"]).append_column("depth", rows["body"])), Damage.UNREADABLE),
     (rewrite(lambda rows: rows.append_column("author", rows["byline"])), Damage.UNREADABLE),
     (rewrite(lambda rows: rows.slice(1)), Damage.CHANGED)],
)  # fmt: skip
def test_damaged_file_is_named(kept: LedgerFolder, harm: Callable[[Path], None], damage: Damage) -> None:
    harm(kept.dataset.root / JANUARY_FILE)
    assert found(kept) == {(damage, JANUARY_FILE), (Damage.LOST, f"state/{SITE}.sqlite")}


def test_any_flipped_bit_is_noticed(kept: LedgerFolder) -> None:
    path = kept.dataset.root / JANUARY_FILE
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 60):
        flip(path, at)
        assert (JANUARY_FILE in {file for _, file in found(kept)}) is True, at
        path.write_bytes(whole)
    assert found(kept) == set()


@pytest.mark.parametrize(
    "foreign",
    ["stories/README.txt", "stories/.hidden.parquet", f"stories/site={SITE}/notes.parquet",
     f"stories/site={SITE}/month=2025-01/stories-copy.parquet",
     f"stories/site={SITE}/month=2025-01/stories.parquet.tmp", f"stories/site={SITE}/month=2024-10/stories.parquet",
     "stories/site=Kalbela/month=2025-01/stories.parquet", f"rankings/site={SITE}/date=2025-01-10/_SUCCESS",
     f"aliases/site={SITE}/month=2025-01/aliases.parquet"],
)  # fmt: skip
def test_foreign_file_is_named_and_quarantined(kept: LedgerFolder, foreign: str) -> None:
    path = kept.dataset.root / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not ours")
    faults = check(kept.dataset, kept.ledger)
    assert [fault.damage for fault in faults] == [Damage.FOREIGN]
    assert foreign.startswith(faults[0].path)
    [moved] = quarantine(kept.dataset, faults)
    assert moved.startswith("quarantine/")
    assert [p.read_bytes() for p in (kept.dataset.root / "quarantine").glob(f"*/{foreign}")] == [b"not ours"]
    assert found(kept) == set()
    assert len(pd.read_parquet(kept.dataset.root / "stories")) == 41


def test_symlink_is_foreign(kept: LedgerFolder, tmp_path: Path) -> None:
    path = kept.dataset.root / JANUARY_FILE
    path.rename(tmp_path / "elsewhere.parquet")
    path.symlink_to(tmp_path / "elsewhere.parquet")
    assert found(kept) == {(Damage.FOREIGN, JANUARY_FILE)}


def test_other_sites_and_empty_folders_are_ignored(kept: LedgerFolder) -> None:
    other = kept.dataset.root / "stories/site=prothomalo/month=2025-01/stories.parquet"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"its own ledger knows")
    (kept.dataset.root / f"stories/site={SITE}/month=2024-01").mkdir()
    (kept.dataset.staging / "prothomalo-stories-1.inprogress").touch()
    assert found(kept) == set()


def put_in(kept: LedgerFolder, part: str, *numbers: int) -> None:
    """Publish stories of January under another month, as a faulty publish would."""
    rows = kept.dataset.read(STORIES, SITE, "2025-01")
    assert rows is not None
    wanted = {f"{SITE}:{n}" for n in numbers}
    rows = rows.filter([story in wanted for story in rows["story_id"].to_pylist()])
    staged = kept.dataset.stage(STORIES, SITE, rows)
    path = STORIES.path(SITE, part)
    kept.dataset.commit(staged, path)
    with kept.ledger.transaction():
        kept.ledger.outbox.settle(FileRecord(str(path), staged.rows, staged.bytes, staged.sha256))


def test_doubled_story_is_named_with_both_files(kept: LedgerFolder) -> None:
    put_in(kept, "2024-11", 3, 7)
    wrong = f"stories/site={SITE}/month=2024-11/stories.parquet"
    faults = {fault.damage: fault for fault in check(kept.dataset, kept.ledger)}
    assert faults.keys() == {Damage.DOUBLED, Damage.MISPLACED}
    assert all(part in faults[Damage.DOUBLED].detail for part in ("2 rows", JANUARY_FILE, f"{SITE}:3"))
    assert faults[Damage.MISPLACED].path == wrong
    assert quarantine(kept.dataset, faults.values()) == []  # both files are intact, and either row may be right


def test_lost_story_is_named(kept: LedgerFolder) -> None:
    kept.ledger.stories.upsert(make_story(99), "2025-01", body_hash=None, state_hash="")
    assert found(kept) == {(Damage.LOST, f"state/{SITE}.sqlite")}
    assert "kalbela:99" in str(check(kept.dataset, kept.ledger)[0])


def test_quarantine_never_overwrites(kept: LedgerFolder) -> None:
    for content in (b"first", b"second"):
        (kept.dataset.root / "stories/README.txt").write_bytes(content)
        quarantine(kept.dataset, check(kept.dataset, kept.ledger))
    held = sorted(path.read_bytes() for path in (kept.dataset.root / "quarantine").rglob("README.txt"))
    assert held == [b"first", b"second"]


def test_restored_files_are_taken_in(kept: LedgerFolder) -> None:
    """A ledger older than the files, as after a restore, does not call them foreign."""
    kept.ledger.outbox.settle(FileRecord(JANUARY_FILE, 0, 0, ""))
    assert (Damage.UNRECORDED, JANUARY_FILE) in found(kept)
    assert quarantine(kept.dataset, check(kept.dataset, kept.ledger)) == []
    assert "khobor reindex" in REMEDIES[Damage.UNRECORDED]
    (kept.dataset.root / JANUARY_FILE).write_bytes(b"x")
    assert (Damage.FOREIGN, JANUARY_FILE) in found(kept)


def test_read_only_copy_is_checked_unchanged(kept: LedgerFolder, tmp_path: Path) -> None:
    kept.ledger._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = DataFolder(tmp_path / "copy")
    shutil.copytree(kept.dataset.root, copy.root)
    before = {each: each.stat().st_mtime_ns for each in copy.root.rglob("*")}
    ledger = Ledger.read_only(copy.ledger(SITE), SITE, ZONE)
    assert check(copy, ledger) == []
    ledger.close_unchanged()
    assert {each: each.stat().st_mtime_ns for each in copy.root.rglob("*")} == before
