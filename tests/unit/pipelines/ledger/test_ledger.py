"""The ledger: kept as one or not at all, never replaced by an empty one, and exact after a kill."""

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.items import as_row
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import Change, FileRecord
from pipelines.ledger.transactions import RESPONSES_PER_COMMIT, SAVEPOINTS_PER_COMMIT
from pipelines.runtime.revisit import Revisits
from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.tables import TABLES
from tests.support.builders import DAY, DECEMBER, JANUARY, SITE, ZONE, Kept, a_fetch, a_reject, a_snapshot, a_story
from tests.support.project import PROJECT

STORIES = TABLES["stories"]


def waiting(ledger: Ledger) -> list[tuple[str, str, str, str]]:
    """(table, partition, act, key) of everything in the outbox."""
    return [
        (name, part, change.act, change.key)
        for (name, part), seqs in ledger.outbox.pending().items()
        for change in ledger.outbox.changes(TABLES[name], seqs)
    ]


def changes(ledger: Ledger, name: str, part: str) -> list[Change]:
    """What waits for one partition of a table."""
    return ledger.outbox.changes(TABLES[name], ledger.outbox.pending()[name, part])


def as_another_process_sees(kept: Kept) -> int:
    with closing(sqlite3.connect(kept.dataset.ledger(SITE))) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


# Transactions --------------------------------------------------------------------------------------------------------


def test_what_one_page_brings_is_kept_or_lost_as_one(kept: Kept) -> None:
    ledger = kept.ledger
    with ledger.savepoint():
        ledger.urls.record(a_fetch(1))
    with pytest.raises(ZeroDivisionError), ledger.savepoint():
        ledger.urls.record(a_fetch(2))
        ledger.stories.store(a_story(2), body_hash=None, state_hash="", known=None)
        raise ZeroDivisionError
    ledger.commit()
    assert [key.rpartition("/")[2] for *_, key in waiting(ledger)] == ["1"]
    assert ledger.stories.get(f"{SITE}:2") is None
    assert ledger.runs.counts("run-1") == {"outcome/story": 1}


def test_pages_are_durable_when_they_are_committed_and_at_the_latest_after_fifty(kept: Kept) -> None:
    for number in range(SAVEPOINTS_PER_COMMIT - 1):
        with kept.ledger.savepoint():
            kept.ledger.urls.record(a_fetch(number, attempts=0))
    assert as_another_process_sees(kept) == 0
    with kept.ledger.savepoint():
        kept.ledger.urls.record(a_fetch(99, attempts=0))
    assert as_another_process_sees(kept) == SAVEPOINTS_PER_COMMIT
    with kept.ledger.transaction():
        kept.ledger.urls.record(a_fetch(100))
    assert as_another_process_sees(kept) == SAVEPOINTS_PER_COMMIT + 1


def test_pages_that_were_asked_for_are_durable_after_four(kept: Kept) -> None:
    for number in range(RESPONSES_PER_COMMIT):
        assert as_another_process_sees(kept) == 0
        with kept.ledger.savepoint():
            kept.ledger.urls.record(a_fetch(number))
    assert as_another_process_sees(kept) == RESPONSES_PER_COMMIT


def test_a_page_within_a_page_is_kept_or_lost_with_it(kept: Kept) -> None:
    with pytest.raises(ZeroDivisionError), kept.ledger.savepoint():
        for number in range(SAVEPOINTS_PER_COMMIT + 1):
            with kept.ledger.transaction():
                kept.ledger.urls.record(a_fetch(number))
        raise ZeroDivisionError
    kept.ledger.commit()
    assert as_another_process_sees(kept) == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.support.builders import Kept, a_fetch, a_story
kept = Kept.at(Path(sys.argv[1]))
kept.keep(a_story(1))
with kept.ledger.savepoint():
    kept.ledger.urls.record(a_fetch(2))
with kept.ledger.savepoint():
    kept.ledger.urls.record(a_fetch(3))
    kept.ledger.stories.store(a_story(3), body_hash=None, state_hash="", known=None)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=PROJECT, check=False)
    assert done.returncode == -9
    kept = Kept.at(tmp_path)
    assert waiting(kept.ledger) == [("stories", "2025-01", "put", f"{SITE}:1")]
    assert kept.ledger.stories.ids() == {f"{SITE}:1"}
    kept.close()


# Damage --------------------------------------------------------------------------------------------------------------


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE stories (story_id)")


def of_a_later_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.write_bytes(b"not a database" * 400), "is damaged|is not a ledger"),
        (lambda path: path.write_bytes(path.read_bytes()[: 4096 * 5]), "is damaged"),
        (foreign, "is not a ledger of khobor"),
        (of_a_later_version, "version 99"),
    ],
)
def test_a_ledger_that_cannot_be_trusted_is_refused_and_left_as_it_is(
    kept: Kept, tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    kept.keep(*(a_story(n) for n in range(50)))
    kept.close()
    path = shutil.copyfile(kept.dataset.ledger(SITE), tmp_path / "harmed.sqlite")
    harm(path)
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match=message) as refused:
        Ledger.open(path, SITE, ZONE)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == before
    kept.ledger = Kept.at(tmp_path).ledger


def test_random_damage_is_refused_or_does_no_harm(kept: Kept, tmp_path: Path) -> None:
    kept.keep(*(a_story(n) for n in range(80)))
    kept.close()
    whole = kept.dataset.ledger(SITE).read_bytes()
    chance = random.Random(1)
    refused = 0
    for number in range(120):
        data = bytearray(whole)
        at = chance.randrange(0, len(data) - 64)
        data[at : at + 64] = chance.randbytes(64)
        path = tmp_path / f"harmed-{number}.sqlite"
        path.write_bytes(data)
        try:
            ledger = Ledger.open(path, SITE, ZONE)
        except DatabaseDamaged:
            refused += 1
            continue
        assert ledger.outbox.size() == 80
        ledger.close()
    assert refused > 5
    kept.ledger = Kept.at(tmp_path).ledger


def test_an_empty_file_is_a_start_that_was_killed_unless_something_is_published(tmp_path: Path) -> None:
    path = tmp_path / "kalbela.sqlite"
    path.touch()
    with pytest.raises(DatabaseDamaged, match="missing or empty, though stories of kalbela are published"):
        Ledger.open(path, SITE, ZONE, expected=True)
    Ledger.open(path, SITE, ZONE).close()
    Ledger.open(path, SITE, ZONE, expected=True).close()


# Stories, lists, rejects ---------------------------------------------------------------------------------------------


def test_a_story_is_remembered_with_its_row_in_the_outbox(kept: Kept) -> None:
    kept.keep(a_story(1))
    known = kept.ledger.stories.get(f"{SITE}:1")
    assert known is not None
    assert (known.part, known.revision, known.first_seen_at) == ("2025-01", 1, JANUARY)
    assert kept.ledger.stories.by_content_hash(known.content_hash) == known
    assert kept.ledger.stories.by_content_hash("another") is None
    [change] = changes(kept.ledger, "stories", "2025-01")
    assert change.row == as_row(a_story(1))


def test_a_story_that_moves_is_dropped_where_it_stood_and_touched_where_it_stands(kept: Kept) -> None:
    kept.keep(a_story(1), a_story(1, DECEMBER, revision=2))
    kept.see(1, JANUARY + DAY)
    assert waiting(kept.ledger) == [
        ("stories", "2024-12", "put", f"{SITE}:1"),
        ("stories", "2024-12", "touch", f"{SITE}:1"),
        ("stories", "2025-01", "put", f"{SITE}:1"),
        ("stories", "2025-01", "drop", f"{SITE}:1"),
    ]


def test_of_stories_with_the_same_words_the_first_is_found(kept: Kept) -> None:
    words: dict[str, Any] = {"headline": "একই", "body": "একই কথা " * 60}
    kept.keep(a_story(2, first_seen_at=JANUARY, **words), a_story(1, first_seen_at=JANUARY + DAY, **words))
    twin = kept.ledger.stories.by_content_hash(str(a_story(2, **words).content_hash))
    assert twin is not None
    assert twin.story_id == f"{SITE}:2"


def test_only_the_first_sight_of_an_address_is_an_alias(kept: Kept) -> None:
    for number in (1, 2):
        kept.alias("https://m.kalbela.com/x/1", number)
    [change] = changes(kept.ledger, "aliases", "")
    assert change.row["story_id"] == f"{SITE}:1"


def test_a_list_is_kept_when_it_differs_and_touched_while_it_stands(kept: Kept) -> None:
    for snapshot in (a_snapshot(JANUARY, "ক", "খ"), a_snapshot(JANUARY + DAY, "ক", "খ"), a_snapshot(JANUARY, "ক")):
        kept.rank(snapshot)
    key = TABLES["rankings"].key_prefix("latest", JANUARY)
    found = changes(kept.ledger, "rankings", "2025-01-10")
    assert [change.act for change in found] == ["put", "put", "touch", "put"]
    assert found[2].key == key
    assert found[2].row == {"last_observed_at": JANUARY + DAY}


def test_a_reject_is_kept_and_counted_by_its_reason(kept: Kept) -> None:
    with kept.ledger.transaction():
        for _ in range(2):
            kept.ledger.add_reject(a_reject(JANUARY))
    assert kept.ledger.runs.counts("run-1") == {"reject/NoBody": 2}
    assert [name for name, *_ in waiting(kept.ledger)] == ["rejects"] * 2


# Addresses and runs --------------------------------------------------------------------------------------------------


def test_an_address_stays_open_until_something_came_of_it(kept: Kept) -> None:
    ledger, fetch = kept.ledger, a_fetch(1, etag='"1"')
    with ledger.transaction():
        ledger.urls.discover(fetch)
    assert [known.url for known in ledger.urls.left_open("run-0", 9)] == [fetch.url]
    with ledger.transaction():
        ledger.urls.finish(fetch, due_at=JANUARY + DAY)
    known = ledger.urls.get(fetch.key)
    assert known is not None
    assert (known.due_at, known.etag, known.failures) == (JANUARY + DAY, '"1"', 0)
    assert ledger.urls.left_open("run-0", 9) == []
    assert ledger.urls.get("another") is None


def test_an_address_that_failed_stays_open_and_its_failures_are_counted_in_a_row(kept: Kept) -> None:
    ledger, failed = kept.ledger, a_fetch(1, outcome="unreachable")
    failures = []
    for run, fetch in enumerate((failed, failed, a_fetch(1), failed), start=1):
        with ledger.transaction():
            ledger.urls.discover(replace(fetch, run_id=f"run-{run}"))
            assert [known.key for known in ledger.urls.pending_by_key(f"run-{run}", 9)] == [fetch.key]
            ledger.urls.finish(replace(fetch, run_id=f"run-{run}"), retry=fetch is failed, failed=fetch is failed)
        known = ledger.urls.get(fetch.key)
        assert known is not None
        failures.append((known.failures, len(ledger.urls.left_open("run-0", 9))))
        assert ledger.urls.pending_by_key(f"run-{run}", 9) == []
    assert failures == [(1, 1), (2, 1), (0, 0), (1, 1)]


def test_the_books_close_however_many_addresses_are_open(kept: Kept) -> None:
    ledger, many = kept.ledger, 2_345
    ledger.runs.begin("run-1", a_fetch(1).fetched_at)
    with ledger.savepoint():
        for number in range(many):
            Revisits(ledger, "run-1").discover(a_fetch(number))
    assert Revisits(ledger, "run-1").close() == many
    assert ledger.urls.pending_by_key("run-1", 1) == []
    assert ledger.runs.counts("run-1") == {"discovered": many, "outcome/pending": many}


def test_leftovers_come_in_turn_and_each_once(kept: Kept) -> None:
    ledger = kept.ledger
    with ledger.savepoint():
        for number in (9, 10, 11, 250):
            ledger.urls.discover(a_fetch(number, depth=1))
        ledger.urls.discover(a_fetch(300, depth=0))
        ledger.urls.discover(a_fetch(301, run_id="run-2"))
    keys, after = [], None
    while left := ledger.urls.left_open("run-2", 2, after):
        keys += [known.key for known in left]
        after = left[-1]
    assert keys == [a_fetch(number).key for number in (300, 250, 11, 10, 9)]
    assert [known.key for known in ledger.urls.pending("run-2")] == [a_fetch(301).key]


def test_a_run_without_an_end_was_killed(kept: Kept) -> None:
    ledger = kept.ledger
    with ledger.transaction():
        for number in (1, 2):
            ledger.runs.begin(f"run-{number}", JANUARY + number * DAY)
        ledger.runs.end("run-2", JANUARY + 3 * DAY, "finished", "{}")
    assert ledger.runs.unfinished() == ["run-1"]
    ended = ledger.runs.get("run-2")
    assert ended is not None
    assert (ended["reason"], ended["ended_at"]) == ("finished", (JANUARY + 3 * DAY).isoformat())
    assert ledger.runs.get("run-3") is None


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_file_is_announced_then_settled(kept: Kept) -> None:
    outbox = kept.ledger.outbox
    first, second = (FileRecord("stories/a", rows, 10, digest) for rows, digest in ((1, "aa"), (2, "bb")))
    assert outbox.file("stories/a") == FileRecord("stories/a", 0, 0, "")
    outbox.prepare(first)
    assert (outbox.prepared(), outbox.files()) == ([first], [])
    outbox.settle(first)
    assert (outbox.prepared(), outbox.files()) == ([], [first])
    outbox.prepare(second)
    assert (outbox.prepared(), outbox.files(), outbox.file("stories/a")) == ([second], [first], first)
    outbox.settle(outbox.file("stories/a"))  # it never came to be
    assert (outbox.prepared(), outbox.files()) == ([], [first])
    gone = FileRecord("stories/a", 0, 0, "")
    outbox.prepare(gone)
    assert (outbox.prepared(), outbox.files()) == ([gone], [first])
    outbox.settle(gone)
    assert (outbox.prepared(), outbox.files()) == ([], [])


def test_a_list_that_stands_page_after_page_waits_as_one_change(kept: Kept) -> None:
    kept.rank(standing := a_snapshot(JANUARY, "ক", "খ"))
    waiting = kept.ledger.outbox.size()
    for minutes in range(1, 40):
        with kept.ledger.transaction():
            kept.ledger.snapshots.extend(standing, JANUARY + timedelta(minutes=minutes))
    assert kept.ledger.outbox.size() == waiting + 1
    kept.publish()
    with kept.ledger.transaction():
        kept.ledger.snapshots.extend(standing, JANUARY + DAY)
    assert {row["last_observed_at"] for row in kept.rows("rankings")} == {JANUARY + timedelta(minutes=39)}
    kept.publish()
    assert {row["last_observed_at"] for row in kept.rows("rankings")} == {JANUARY + DAY}


def test_a_page_that_is_taken_back_takes_its_sight_of_a_list_with_it(kept: Kept) -> None:
    kept.rank(standing := a_snapshot(JANUARY, "ক"))
    with kept.ledger.savepoint():
        kept.ledger.snapshots.extend(standing, JANUARY + timedelta(minutes=1))
    with pytest.raises(KeyError), kept.ledger.savepoint():
        kept.ledger.snapshots.extend(standing, JANUARY + timedelta(minutes=2))
        raise KeyError
    kept.publish()
    assert {row["last_observed_at"] for row in kept.rows("rankings")} == {JANUARY + timedelta(minutes=1)}


def test_each_list_stands_as_long_as_it_stood_also_when_the_next_one_comes_before_the_commit(kept: Kept) -> None:
    one, other = a_snapshot(JANUARY, "ক"), a_snapshot(JANUARY + timedelta(minutes=3), "খ")
    with kept.ledger.transaction():
        kept.rank(one)
        kept.ledger.snapshots.extend(one, JANUARY + timedelta(minutes=2))
        kept.rank(other)
        kept.ledger.snapshots.extend(other, JANUARY + timedelta(minutes=4))
        kept.ledger.snapshots.extend(
            one, JANUARY + timedelta(minutes=5)
        )  # a page that came late: it is of a list gone by
    kept.publish()
    stood = {row["observed_at"]: row["last_observed_at"] for row in kept.rows("rankings")}
    assert stood == {
        JANUARY: JANUARY + timedelta(minutes=2),
        JANUARY + timedelta(minutes=3): JANUARY + timedelta(minutes=4),
    }


def test_a_list_that_an_earlier_run_kept_stands_since_then(tmp_path: Path) -> None:
    kept = Kept.at(tmp_path)
    kept.rank(a_snapshot(JANUARY, "ক"))
    kept.publish()
    kept.close()
    kept = Kept.at(tmp_path)
    kept.rank(again := a_snapshot(JANUARY + DAY, "ক"))
    with kept.ledger.savepoint():
        kept.ledger.snapshots.extend(again, JANUARY + 2 * DAY)
    kept.publish()
    [row] = kept.rows("rankings")
    assert (row["observed_at"], row["last_observed_at"]) == (JANUARY, JANUARY + 2 * DAY)
    kept.close()


def test_a_list_may_stand_before_it_is_kept(kept: Kept) -> None:
    one, other = a_snapshot(JANUARY, "ক"), a_snapshot(JANUARY + timedelta(minutes=3), "খ")
    with kept.ledger.transaction():
        kept.ledger.snapshots.extend(one, JANUARY + timedelta(minutes=1))
        kept.rank(one)
        kept.ledger.snapshots.extend(other, JANUARY + timedelta(minutes=4))
        kept.rank(other)
    kept.publish()
    stood = {row["observed_at"]: row["last_observed_at"] for row in kept.rows("rankings")}
    assert stood == {
        JANUARY: JANUARY + timedelta(minutes=1),
        JANUARY + timedelta(minutes=3): JANUARY + timedelta(minutes=4),
    }


def test_a_list_that_was_not_kept_does_not_stand(kept: Kept) -> None:
    with kept.ledger.transaction():
        kept.ledger.snapshots.extend(a_snapshot(JANUARY, "ক"), JANUARY + DAY)
    assert not kept.ledger.outbox.size()


def test_counters_are_exact_whatever_is_taken_back(kept: Kept) -> None:
    runs = kept.ledger.runs
    with kept.ledger.savepoint():
        runs.count("run-1", "requests")
        with pytest.raises(KeyError), kept.ledger.savepoint():
            runs.count("run-1", "requests", 5)
            raise KeyError
        runs.count("run-1", "requests", 2)
    assert runs.counts("run-1")["requests"] == 3  # before the commit
    kept.ledger.commit()
    runs.count("run-1", "requests")  # outside of any transaction
    assert runs.counts("run-1")["requests"] == 4
    with pytest.raises(KeyError), kept.ledger.savepoint():
        runs.count("run-1", "discovered")
        raise KeyError
    kept.ledger.commit()
    assert runs.counts("run-1") == {"requests": 4}
