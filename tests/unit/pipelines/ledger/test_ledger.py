"""The ledger: transactions, damage, and the tables of stories, lists, URLs, runs and files."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.items import as_row
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.ledger.transactions import RESPONSES_PER_COMMIT
from pipelines.runtime.revisit import Revisits
from pipelines.runtime.run_summary import run_summary
from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.tables import TABLES
from tests.support.builders import (
    DAY,
    DECEMBER,
    JANUARY,
    SITE,
    ZONE,
    LedgerFolder,
    make_fetch,
    make_reject,
    make_snapshot,
    make_story,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(kept: LedgerFolder) -> Ledger:
    return kept.ledger


def pending(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Table, partition, act, key and row of all changes in the outbox."""
    return [
        (name, part, change.act, change.key, change.row)
        for (name, part), seqs in ledger.outbox.pending().items()
        for change in ledger.outbox.changes(TABLES[name], seqs)
    ]


def committed(kept: LedgerFolder) -> int:
    """The changes that another process sees."""
    with closing(sqlite3.connect(kept.dataset.ledger(SITE))) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


def test_savepoint_is_kept_or_lost_as_one(ledger: Ledger) -> None:
    with ledger.savepoint():
        ledger.urls.record(make_fetch(1))
    with pytest.raises(ZeroDivisionError), ledger.savepoint():
        ledger.urls.record(make_fetch(2))
        ledger.stories.store(make_story(2), body_hash=None, state_hash="", known=None)
        raise ZeroDivisionError
    ledger.commit()
    assert [key.rpartition("/")[2] for *_, key, _ in pending(ledger)] == ["1"]
    assert ledger.stories.get(f"{SITE}:2") is None
    assert ledger.runs.counts("run-1") == {"outcome/story": 1}


def test_commit_follows_after_four_responses(kept: LedgerFolder) -> None:
    for number in range(RESPONSES_PER_COMMIT):
        assert committed(kept) == 0
        with kept.ledger.savepoint():
            kept.ledger.urls.record(make_fetch(number))
    assert committed(kept) == RESPONSES_PER_COMMIT
    with kept.ledger.transaction():
        kept.ledger.urls.record(make_fetch(99))
    assert committed(kept) == RESPONSES_PER_COMMIT + 1


def test_nested_transaction_is_lost_with_outer(kept: LedgerFolder) -> None:
    with pytest.raises(ZeroDivisionError), kept.ledger.savepoint():
        for number in range(RESPONSES_PER_COMMIT + 1):
            with kept.ledger.transaction():
                kept.ledger.urls.record(make_fetch(number))
        raise ZeroDivisionError
    kept.ledger.commit()
    assert committed(kept) == 0


def test_counters_are_exact_after_rollback(ledger: Ledger) -> None:
    with ledger.savepoint():
        ledger.runs.count("run-1", "requests")
        with pytest.raises(KeyError), ledger.savepoint():
            ledger.runs.count("run-1", "requests", 5)
            raise KeyError
        ledger.runs.count("run-1", "requests", 2)
    with pytest.raises(KeyError), ledger.savepoint():
        ledger.runs.count("run-1", "discovered")
        raise KeyError
    assert ledger.runs.counts("run-1") == {"requests": 3}


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
        (lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(4096)), "is damaged|is not a ledger"),
        (lambda path: path.write_bytes(path.read_bytes()[: 4096 * 5]), "is damaged"),
        (foreign, "is not a ledger"),
        (of_a_later_version, "version 99"),
    ],
)
def test_untrustworthy_ledger_is_rejected_and_unchanged(
    tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    kept = LedgerFolder.at(tmp_path)
    kept.keep(*(make_story(n) for n in range(50)))
    kept.close()
    path = shutil.copyfile(kept.dataset.ledger(SITE), tmp_path / "harmed.sqlite")
    harm(path)
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match=message) as error:
        Ledger.open(path, SITE, ZONE)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_random_damage_is_detected_or_harmless(tmp_path: Path) -> None:
    kept = LedgerFolder.at(tmp_path)
    kept.keep(*(make_story(n) for n in range(80)))
    kept.close()
    whole, chance, rejected = kept.dataset.ledger(SITE).read_bytes(), random.Random(1), 0
    for number in range(120):
        data = bytearray(whole)
        at = chance.randrange(0, len(data) - 64)
        data[at : at + 64] = chance.randbytes(64)
        path = tmp_path / f"harmed-{number}.sqlite"
        path.write_bytes(data)
        try:
            ledger = Ledger.open(path, SITE, ZONE)
        except DatabaseDamaged:
            rejected += 1
            continue
        assert ledger.outbox.size() == 80
        ledger.close()
    assert rejected > 5


def test_empty_file_is_created_unless_expected(tmp_path: Path) -> None:
    path = tmp_path / "kalbela.sqlite"
    path.touch()
    with pytest.raises(DatabaseDamaged, match="missing or empty"):
        Ledger.open(path, SITE, ZONE, expected=True)
    Ledger.open(path, SITE, ZONE).close()
    Ledger.open(path, SITE, ZONE, expected=True).close()


def test_story_is_known_with_its_row(kept: LedgerFolder) -> None:
    kept.keep(make_story(1))
    known = kept.ledger.stories.get(f"{SITE}:1")
    assert known is not None
    assert (known.part, known.revision, known.first_seen_at) == ("2025-01", 1, JANUARY)
    assert kept.ledger.stories.by_content_hash(known.content_hash) == known
    assert kept.ledger.stories.by_content_hash("another") is None
    assert pending(kept.ledger) == [("stories", "2025-01", "put", f"{SITE}:1", as_row(make_story(1)))]


def test_moved_story_is_dropped_and_touched(kept: LedgerFolder) -> None:
    kept.keep(make_story(1), make_story(1, DECEMBER, revision=2))
    kept.see(1, JANUARY + DAY)
    changes = [("2024-12", "put"), ("2024-12", "touch"), ("2025-01", "put"), ("2025-01", "drop")]
    assert [change[1:3] for change in pending(kept.ledger)] == changes


def test_first_of_equal_stories_is_found(kept: LedgerFolder) -> None:
    words: dict[str, Any] = {"headline": "একই", "body": "একই কথা " * 60}
    kept.keep(make_story(2, first_seen_at=JANUARY, **words), make_story(1, first_seen_at=JANUARY + DAY, **words))
    first = kept.ledger.stories.by_content_hash(str(make_story(2, **words).content_hash))
    assert first is not None
    assert first.story_id == f"{SITE}:2"


def test_first_alias_of_url_stands(kept: LedgerFolder) -> None:
    for number in (1, 2):
        kept.alias("https://m.kalbela.com/x/1", number)
    [(*_, row)] = pending(kept.ledger)
    assert row["story_id"] == f"{SITE}:1"


def test_reject_is_stored_and_counted(ledger: Ledger) -> None:
    with ledger.transaction():
        for _ in range(2):
            ledger.add_reject(make_reject(JANUARY))
    assert ledger.runs.counts("run-1") == {"reject/NoBody": 2}
    assert [name for name, *_ in pending(ledger)] == ["rejects"] * 2


def observed(kept: LedgerFolder) -> dict[datetime, datetime]:
    """First and last sight of each published snapshot."""
    kept.publish()
    return {row["observed_at"]: row["last_observed_at"] for row in kept.rows("rankings")}


def test_changed_list_is_stored_unchanged_one_extended(kept: LedgerFolder) -> None:
    for snapshot in (
        make_snapshot(JANUARY, "ক", "খ"),
        make_snapshot(JANUARY + DAY, "ক", "খ"),
        make_snapshot(JANUARY, "ক"),
    ):
        kept.rank(snapshot)
    changes = pending(kept.ledger)
    assert [act for _, _, act, *_ in changes] == ["put", "put", "touch", "put"]
    key = TABLES["rankings"].key_prefix("latest", JANUARY)
    assert changes[2][3:] == (key, {"last_observed_at": JANUARY + DAY})


def test_standing_list_needs_one_pending_change(kept: LedgerFolder) -> None:
    kept.rank(snapshot := make_snapshot(JANUARY, "ক", "খ"))
    before = kept.ledger.outbox.size()
    for minutes in range(1, 40):
        with kept.ledger.transaction():
            kept.ledger.snapshots.extend(snapshot, JANUARY + minutes * MINUTE)
    assert kept.ledger.outbox.size() == before + 1
    assert observed(kept) == {JANUARY: JANUARY + 39 * MINUTE}
    with pytest.raises(KeyError), kept.ledger.savepoint():
        kept.ledger.snapshots.extend(snapshot, JANUARY + 2 * DAY)
        raise KeyError
    with kept.ledger.transaction():
        kept.ledger.snapshots.extend(snapshot, JANUARY + DAY)
    assert observed(kept) == {JANUARY: JANUARY + DAY}


@pytest.mark.parametrize("is_early", [False, True])
def test_each_list_stands_until_the_next(kept: LedgerFolder, is_early: bool) -> None:
    one, other = make_snapshot(JANUARY, "ক"), make_snapshot(JANUARY + 3 * MINUTE, "খ")
    with kept.ledger.transaction():
        for snapshot, minutes in ((one, 2), (other, 4)):
            if is_early:  # the page that stored it is processed later
                kept.ledger.snapshots.extend(snapshot, JANUARY + minutes * MINUTE)
            kept.rank(snapshot)
            if not is_early:
                kept.ledger.snapshots.extend(snapshot, JANUARY + minutes * MINUTE)
        kept.ledger.snapshots.extend(one, JANUARY + 5 * MINUTE)  # a late page with an old list
    assert observed(kept) == {JANUARY: JANUARY + 2 * MINUTE, JANUARY + 3 * MINUTE: JANUARY + 4 * MINUTE}


def test_list_of_earlier_run_is_extended(tmp_path: Path) -> None:
    kept = LedgerFolder.at(tmp_path)
    kept.rank(make_snapshot(JANUARY, "ক"))
    kept.publish()
    kept.close()
    kept = LedgerFolder.at(tmp_path)
    kept.rank(again := make_snapshot(JANUARY + DAY, "ক"))
    with kept.ledger.savepoint():
        kept.ledger.snapshots.extend(again, JANUARY + 2 * DAY)
    assert observed(kept) == {JANUARY: JANUARY + 2 * DAY}
    kept.close()


def test_unchanged_list_is_stored_after_a_day(tmp_path: Path) -> None:
    seen = JANUARY + DAY - MINUTE
    for at in (JANUARY, seen, seen + DAY, seen + 2 * DAY + MINUTE):
        kept = LedgerFolder.at(tmp_path)  # each visit is a run of its own
        kept.rank(make_snapshot(at, "ক"))
        kept.publish()
        kept.close()
    kept = LedgerFolder.at(tmp_path)
    assert observed(kept) == {JANUARY: seen + DAY, seen + 2 * DAY + MINUTE: seen + 2 * DAY + MINUTE}
    kept.close()


def test_killed_run_has_a_mode(ledger: Ledger) -> None:
    ledger.runs.begin("run-1", JANUARY, "incremental")
    assert run_summary(ledger, "run-1")["mode"] == "incremental"


def test_list_never_stored_is_not_extended(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.snapshots.extend(make_snapshot(JANUARY, "ক"), JANUARY + DAY)
    assert not ledger.outbox.size()


def test_url_is_open_until_its_outcome(ledger: Ledger) -> None:
    fetch = make_fetch(1, etag='"1"')
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


def test_failures_in_a_row_are_counted(ledger: Ledger) -> None:
    failures = []
    for run_id, failed in (("run-1", True), ("run-2", True), ("run-3", False), ("run-4", True)):
        fetch = replace(make_fetch(1), run_id=run_id)
        with ledger.transaction():
            ledger.urls.discover(fetch)
            assert [known.key for known in ledger.urls.pending_by_key(run_id, 9)] == [fetch.key]
            ledger.urls.finish(fetch, retry=failed, failed=failed)
        known = ledger.urls.get(fetch.key)
        assert known is not None
        failures.append((known.failures, len(ledger.urls.left_open("run-0", 9))))
        assert ledger.urls.pending_by_key(run_id, 9) == []
    assert failures == [(1, 1), (2, 1), (0, 0), (1, 1)]


def test_all_open_urls_are_closed(ledger: Ledger) -> None:
    many = 2_345
    with ledger.savepoint():
        for number in range(many):
            Revisits(ledger, "run-1").discover(make_fetch(number))
    Revisits(ledger, "run-1").close()
    assert ledger.urls.pending_by_key("run-1", 1) == []
    assert ledger.runs.counts("run-1") == {"discovered": many, "outcome/pending": many}


def test_removed_markup_is_counted_and_named(ledger: Ledger) -> None:
    fetch = make_fetch(1)
    fetch.outcome, fetch.removed = "list", {"attributes": 26}
    with ledger.savepoint():
        Revisits(ledger, "run-1").settle(fetch)
    counts = ledger.runs.counts("run-1")
    assert (counts["removed/pages"], counts["removed/attributes"]) == (1, 26)
    assert "26 attributes" in (fetch.reason or "")


def test_open_urls_come_in_order_once(ledger: Ledger) -> None:
    with ledger.savepoint():
        for number in (9, 10, 11, 250):
            ledger.urls.discover(make_fetch(number, depth=1))
        ledger.urls.discover(make_fetch(300, depth=0))
        ledger.urls.discover(make_fetch(301, run_id="run-2"), '{"entry_point": "rss"}')
    keys, after = [], None
    while left := ledger.urls.left_open("run-2", 2, after):
        keys += [known.key for known in left]
        after = left[-1]
    assert keys == [make_fetch(number).key for number in (300, 250, 11, 10, 9)]
    [known] = ledger.urls.pending("run-2")
    assert (known.key, known.position) == (make_fetch(301).key, '{"entry_point": "rss"}')


def test_run_without_end_is_unfinished(ledger: Ledger) -> None:
    for number in (1, 2):
        ledger.runs.begin(f"run-{number}", JANUARY + number * DAY, "full")
    ledger.runs.end("run-1", None, "storage", None)
    ledger.runs.end("run-2", JANUARY + 3 * DAY, "finished", "{}")
    assert (ledger.runs.ids(ended=False), ledger.runs.ids(ended=True)) == (["run-1"], ["run-2"])
    ended = ledger.runs.get("run-2")
    assert ended is not None
    assert (ended["reason"], ended["ended_at"]) == ("finished", (JANUARY + 3 * DAY).isoformat())
    assert ledger.runs.get("run-3") is None


def test_file_is_announced_then_settled(ledger: Ledger) -> None:
    outbox = ledger.outbox
    none, first, second = (FileRecord("stories/a", rows, 10 * rows, "a" * rows) for rows in range(3))
    assert outbox.file("stories/a") == none
    for file, settled, before, after in (
        (first, first, [], [first]),
        (second, first, [first], [first]),  # it was never put in place
        (none, none, [first], []),
    ):
        outbox.prepare(file)
        assert (outbox.prepared(), outbox.files()) == ([file], before)
        outbox.settle(settled)
        assert (outbox.prepared(), outbox.files()) == ([], after)
