"""The connection of a ledger: durable commits, a full disk and a damaged file."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.ledger import Ledger
from pipelines.ledger.connection import Connection
from pipelines.ledger.schema import FORMAT
from pipelines.storage import failpoint
from pipelines.storage.errors import DatabaseDamaged, StorageError
from pipelines.storage.fsync import keep_reserve
from tests.support.builders import JANUARY, SITE, ZONE, make_fetch


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / f"{SITE}.sqlite"
    failpoint.arm({})


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(path, SITE, ZONE)) as ledger:
        yield ledger


def test_every_commit_is_synced(path: Path) -> None:
    for _ in ("new", "known"):
        with closing(Ledger.open(path, SITE, ZONE)) as ledger:
            names = ("journal_mode", "synchronous", "secure_delete")
            assert [ledger._sql.execute(f"PRAGMA {name}").fetchone()[0] for name in names] == ["wal", 2, 0]  # 2 is FULL


def only_its_first_page(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def only_its_journal(path: Path) -> None:
    """Leave pages and the journal that rolls them back, as a power cut does."""
    with closing(Ledger.open(path.with_suffix(".whole"), SITE, ZONE)):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE big (text)")
        connection.executemany("INSERT INTO big VALUES (?)", (("x" * 4000,) for _ in range(50)))
        path.with_name("journal").write_bytes(path.with_name(f"{path.name}-journal").read_bytes())
        path.with_name("pages").write_bytes(path.read_bytes())
        connection.execute("ROLLBACK")
    path.with_name("pages").replace(path)
    path.with_name("journal").replace(path.with_name(f"{path.name}-journal"))


@pytest.mark.parametrize("left", [only_its_first_page, only_its_journal])
def test_interrupted_creation_is_repeated(path: Path, left: Callable[[Path], None]) -> None:
    left(path)
    assert path.stat().st_size
    with closing(Ledger.open(path, SITE, ZONE)) as ledger:
        ledger.runs.begin("run-1", JANUARY, "full")


def test_full_disk_is_named_and_reserve_deleted(ledger: Ledger, path: Path) -> None:
    keep_reserve(path.parent)
    with ledger.transaction():
        ledger.urls.record(make_fetch(1))
    [[pages]] = ledger._sql.execute("PRAGMA page_count").fetchall()
    ledger._sql.execute(f"PRAGMA max_page_count = {pages}")  # raises the error of a full disk
    with pytest.raises(StorageError, match=r"kalbela.sqlite: database or disk is full"):
        for number in range(2, 500):
            with ledger.savepoint():
                ledger.urls.record(make_fetch(number))
    assert "disk is full" in str(ledger.fault)
    assert not (path.parent / ".reserve").exists()
    ledger._sql.execute("PRAGMA max_page_count = 100000")
    with ledger.transaction():
        ledger.urls.record(make_fetch(600))
    assert f"{SITE}:600" not in str(ledger.fault)
    assert 0 < ledger.outbox.size() < 500


@pytest.mark.parametrize("point", ["page.begun", "page.written", "accept.due", "accept.done"])
def test_next_page_is_stored_after_disk_error(ledger: Ledger, point: str) -> None:
    failpoint.arm({"KHOBOR_FAILPOINT": f"{point}=eio", "KHOBOR_TESTING": "1"})
    with pytest.raises(StorageError, match="Input/output error"), ledger.transaction():
        ledger.urls.record(make_fetch(1))
    with ledger.transaction():
        ledger.urls.record(make_fetch(2))
    assert ledger.runs.counts("run-1")["outcome/story"] == ledger.outbox.size()


def test_damage_is_named_when_read(ledger: Ledger, path: Path) -> None:
    with ledger.transaction():
        for number in range(300):
            ledger.urls.record(make_fetch(number))
    ledger._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * (size - 8192))
    with (
        closing(Connection(path, FORMAT)) as other,
        pytest.raises(DatabaseDamaged, match=r"is damaged .*khobor reindex"),
    ):
        other.execute("SELECT sum(length(row)) FROM outbox WHERE name = 'fetches'").fetchall()


def test_unopenable_ledger_raises_storage_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="unable to open"):
        Ledger.open(tmp_path / "folder", SITE, ZONE)
