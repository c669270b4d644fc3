"""The ledger's connection: durable as it says, and plain about a full disk and a damaged file."""

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
from tests.support.builders import JANUARY, SITE, ZONE, a_fetch


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / f"{SITE}.sqlite"
    failpoint.arm({})


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(path, SITE, ZONE)) as ledger:
        yield ledger


def test_every_commit_of_a_ledger_is_synced(path: Path) -> None:
    for _ in ("new", "known"):
        with closing(Ledger.open(path, SITE, ZONE)) as ledger:
            asked = {
                name: ledger._sql.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
            }
        assert asked == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL


def test_no_zeros_are_written_over_what_a_ledger_forgets(path: Path) -> None:
    with closing(Ledger.open(path, SITE, ZONE)) as ledger:
        assert ledger._sql.execute("PRAGMA secure_delete").fetchone() == (0,)


def only_its_first_page(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def only_its_journal(path: Path) -> None:
    """As a power cut leaves it: the pages are there, and so is the journal that takes them back."""
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
def test_a_ledger_whose_creation_was_cut_off_is_created(path: Path, left: Callable[[Path], None]) -> None:
    left(path)
    assert path.stat().st_size
    with closing(Ledger.open(path, SITE, ZONE)) as ledger:
        ledger.runs.begin("run-1", JANUARY)
    with pytest.raises(DatabaseDamaged, match="missing or empty"):
        path.write_bytes(b"")
        Ledger.open(path, SITE, ZONE, expected=True)


def test_a_full_disk_is_said_to_be_full_and_the_reserve_is_given_up(ledger: Ledger, path: Path) -> None:
    keep_reserve(path.parent)
    with ledger.transaction():
        ledger.urls.record(a_fetch(1))
    [[pages]] = ledger._sql.execute("PRAGMA page_count").fetchall()
    ledger._sql.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says of it is what it says of a full disk
    with pytest.raises(StorageError, match=r"kalbela.sqlite: database or disk is full"):
        for number in range(2, 500):
            with ledger.savepoint():
                ledger.urls.record(a_fetch(number))
    assert "disk is full" in str(ledger.fault)
    assert not (path.parent / ".reserve").exists()
    ledger._sql.execute("PRAGMA max_page_count = 100000")
    with ledger.transaction():
        ledger.urls.record(a_fetch(600))
    assert f"{SITE}:600" not in str(ledger.fault)
    assert 0 < ledger.outbox.size() < 500


@pytest.mark.parametrize("point", ["page.begun", "page.written", "accept.due", "accept.done"])
def test_a_page_that_the_disk_refused_leaves_the_ledger_fit_for_the_next(ledger: Ledger, point: str) -> None:
    failpoint.arm({"KHOBOR_FAILPOINT": f"{point}=eio", "KHOBOR_TESTING": "1"})
    with pytest.raises(StorageError, match="Input/output error"), ledger.transaction():
        ledger.urls.record(a_fetch(1))
    with ledger.transaction():
        ledger.urls.record(a_fetch(2))
    assert ledger.runs.counts("run-1")["outcome/story"] == ledger.outbox.size()


def test_damage_that_shows_itself_later_is_called_damage(ledger: Ledger, path: Path) -> None:
    with ledger.transaction():
        for number in range(300):
            ledger.urls.record(a_fetch(number))
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


def test_a_ledger_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="unable to open"):
        Ledger.open(tmp_path / "folder", SITE, ZONE)
