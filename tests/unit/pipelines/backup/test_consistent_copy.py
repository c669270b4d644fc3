"""The copy of a data folder in which something changes while it is copied."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.backup import consistent_copy
from pipelines.backup.read_backup import restore_backup
from pipelines.backup.write_backup import write_backup
from pipelines.publishing.verify import check
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, DataDamaged
from tests.support.builders import DECEMBER, JANUARY, SITE, LedgerFolder, make_story, rows_of

JANUARY_FILE = f"stories/site={SITE}/month=2025-01/stories.parquet"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[LedgerFolder]:
    kept = LedgerFolder.at(tmp_path / "data")
    kept.publish(*(make_story(number) for number in range(1, 10)), make_story(40, DECEMBER))
    yield kept
    kept.close()


def backup(kept: LedgerFolder) -> dict[str, Any]:
    return write_backup(kept.dataset, kept.dataset.root.parent / "backup")


def restored(kept: LedgerFolder) -> LedgerFolder:
    """Return a folder restored from the backup, after a check."""
    folder = kept.dataset.root.parent / "restored"
    restore_backup(folder.parent / "backup", DataFolder(folder))
    found = LedgerFolder.at(folder)
    assert check(found.dataset, found.ledger) == []
    return found


@pytest.mark.parametrize("moves", [False, True])
def test_publish_during_copy_repeats_it(kept: LedgerFolder, monkeypatch: pytest.MonkeyPatch, moves: bool) -> None:
    def publish_once(point: str) -> None:
        if point == "backup.files":
            monkeypatch.undo()
            kept.publish(make_story(3, DECEMBER if moves else JANUARY, headline="new"))

    monkeypatch.setattr(consistent_copy, "reached", publish_once)
    backup(kept)
    found = restored(kept)
    assert rows_of(found.dataset.root, "stories") == rows_of(kept.dataset.root, "stories")
    found.close()


def test_rows_in_outbox_are_copied(kept: LedgerFolder) -> None:
    kept.keep(make_story(77))
    backup(kept)
    kept.publish()
    found = restored(kept)
    found.publish()
    assert rows_of(found.dataset.root, "stories") == rows_of(kept.dataset.root, "stories")
    found.close()


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_file_fails_backup(kept: LedgerFolder, damage: str) -> None:
    path = kept.dataset.root / JANUARY_FILE
    path.write_bytes(b"x") if damage == "changed" else path.unlink()
    with pytest.raises(DataDamaged, match="month=2025-01"):
        backup(kept)
    assert [each.name for each in kept.dataset.root.parent.iterdir()] == ["data"]


def test_damaged_ledger_fails_backup(kept: LedgerFolder) -> None:
    kept.ledger._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with kept.dataset.ledger(SITE).open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))
    with pytest.raises(DatabaseDamaged):
        backup(kept)


def test_foreign_files_are_left_out_and_named(kept: LedgerFolder) -> None:
    (kept.dataset.root / f"stories/site={SITE}/notes.txt").write_text("mine")
    (kept.dataset.quarantine / "a\nb").mkdir(parents=True)
    (kept.dataset.quarantine / "a\nb" / "c").write_text("odd name")
    (kept.dataset.state / "link").symlink_to("/etc/passwd")
    assert len(backup(kept)["left_out"]) == 3
    restored(kept).close()


def test_tables_without_ledger_are_copied(kept: LedgerFolder) -> None:
    other = kept.dataset.root / "stories/site=other/month=2025-01"
    other.mkdir(parents=True)
    (other / "stories.parquet").write_bytes((kept.dataset.root / JANUARY_FILE).read_bytes())
    assert backup(kept)["left_out"] == []
    found = restored(kept)
    assert (found.dataset.root / "stories/site=other/month=2025-01/stories.parquet").exists()
    found.close()


def test_file_system_without_links_is_copied(kept: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    backup(kept)
    restored(kept).close()


def test_other_databases_and_growing_files_are_copied(kept: LedgerFolder) -> None:
    log = kept.dataset.log("20260111T000000Z-kalbela-0000")
    log.parent.mkdir()
    log.write_text("line\n")
    with closing(sqlite3.connect(kept.dataset.state / "schedules.sqlite")) as schedules:
        schedules.execute("PRAGMA journal_mode = WAL")
        schedules.execute("CREATE TABLE occurrences (due TEXT)")
        schedules.execute("INSERT INTO occurrences VALUES ('now')")
        schedules.commit()  # to the write-ahead log
        backup(kept)
    found = restored(kept)
    with closing(sqlite3.connect(found.dataset.state / "schedules.sqlite")) as copy:
        assert copy.execute("SELECT * FROM occurrences").fetchall() == [("now",)]
    assert found.dataset.log("20260111T000000Z-kalbela-0000").read_text() == "line\n"
    found.close()
