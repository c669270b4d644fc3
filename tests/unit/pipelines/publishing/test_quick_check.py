"""The check of all published files in every run."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.publishing.quick_check import lost_files
from pipelines.runtime.fatal_errors import fatal_error_in
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, StorageError
from pipelines.storage.tables import TABLES
from schedules.monitoring.expectations import Expectations, evaluate
from tests.support.builders import DECEMBER, SITE, LedgerFolder, make_story

JANUARY_FILE = f"stories/site={SITE}/month=2025-01/stories.parquet"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[LedgerFolder]:
    kept = LedgerFolder.at(tmp_path / "data")
    kept.keep(*(make_story(n) for n in range(1, 10)), make_story(40, DECEMBER))
    kept.publish()
    yield kept
    kept.close()


def lost(kept: LedgerFolder) -> list[str]:
    return lost_files(kept.dataset, kept.ledger)


def test_intact_files_are_hashed_once(kept: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lost(kept) == []
    hashed: list[Any] = []
    digest = DataFolder.digest

    def counted(self: DataFolder, path: str) -> str:
        hashed.append(path)
        return digest(self, path)

    monkeypatch.setattr(DataFolder, "digest", counted)
    assert (lost(kept), hashed) == ([], [])
    os.utime(kept.dataset.root / JANUARY_FILE, (1, 1))
    assert (lost(kept), hashed) == ([], [JANUARY_FILE])
    assert (lost(kept), hashed) == ([], [JANUARY_FILE])


def test_removed_file_is_lost(kept: LedgerFolder) -> None:
    (kept.dataset.root / JANUARY_FILE).unlink()
    assert [sentence.split()[0] for sentence in lost(kept)] == [JANUARY_FILE]


def test_truncated_file_is_lost(kept: LedgerFolder) -> None:
    os.truncate(kept.dataset.root / JANUARY_FILE, 100)
    assert len(lost(kept)) == 1


def test_file_of_same_size_is_compared(kept: LedgerFolder) -> None:
    place = kept.dataset.root / JANUARY_FILE
    lost(kept)
    content = bytearray(place.read_bytes())
    content[200] ^= 1
    place.write_bytes(content)
    assert len(lost(kept)) == len(lost(kept)) == 1


def test_removed_table_is_lost(kept: LedgerFolder) -> None:
    (kept.dataset.root / "stories").rename(kept.dataset.root / "elsewhere")
    assert len(lost(kept)) == 2


def test_lost_files_are_alarm_with_exit_code() -> None:
    summary = {"site": SITE, "reason": "finished", "urls": {"discovered": 0, "outcomes": {}, "complete": True}}
    summary |= {"rejects": {}, "retry_failed": {}, "lists": {}, "stats": {"khobor/lost_files": ["a is missing"]}}
    verdict = evaluate(summary, Expectations())
    assert (verdict.exit_code, [alarm.key for alarm in verdict.alarms]) == (8, [f"{SITE}/damaged/files"])


@pytest.mark.parametrize("place", ["open", "read"])
def test_transient_read_error_is_not_damage(kept: LedgerFolder, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    if place == "open":
        monkeypatch.setattr(pq, "ParquetFile", fail)
    else:
        monkeypatch.setattr(pq.ParquetFile, "read", fail)
    with pytest.raises(StorageError) as error:
        kept.dataset.read(TABLES["stories"], SITE, "2025-01")
    fatal = fatal_error_in(error.value)
    assert fatal is not None
    assert fatal.reason == "storage"


def test_transient_error_of_database_is_not_internal() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR  # type: ignore[misc]
    fatal = fatal_error_in(error)
    assert fatal is not None
    assert fatal.reason == "storage"


@pytest.mark.parametrize("change", ["removed", "renamed", "replaced"])
def test_removed_data_folder_is_noticed(tmp_path: Path, change: str) -> None:
    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    identity = data.identity()
    data.check_identity(identity)
    data.root.rename(tmp_path / "other")
    if change == "replaced":
        data.root.mkdir()
    with pytest.raises(DatabaseDamaged):
        data.check_identity(identity)
