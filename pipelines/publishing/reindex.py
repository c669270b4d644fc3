"""Rebuilding of a site's ledger (its SQLite crawl state) from its Parquet files, for `khobor reindex`.

The new ledger is built under a temporary name. It then replaces the old one, which is kept under another name. Rows in
the old ledger that are not yet in Parquet are published first, if they are readable. State that no Parquet file
contains is lost, and the next runs fetch it again: URLs without a stored story, the state of lists and feeds, and the
validators for conditional requests.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from crawler.clock import now
from crawler.items import Alias, Fetch, Story
from crawler.outcomes import Outcome
from pipelines.archive.torn_tails import record_archive_files
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.ledger.revisit_policy import next_revisit
from pipelines.ledger.stories import REMOVED_ON_REQUEST
from pipelines.publishing.exchange import finish_exchange
from pipelines.publishing.merge import Row
from pipelines.publishing.publisher import publish
from pipelines.similarity.hashes import body_hash, snapshot_digest, state_hash
from pipelines.similarity.minhash import sketch
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import sync
from pipelines.storage.sqlite import copy_database, move_database
from pipelines.storage.tables import TABLES, Table

_STORIES = TABLES["stories"]


def reindex(data_folder: DataFolder, site: str, zone: ZoneInfo) -> Ledger:
    """Replace a site's ledger (its SQLite crawl state) by one built from the Parquet files; return the open ledger.

    The caller must hold the lock of the site. Raises :class:`DataDamaged` if a Parquet file is unreadable; such a file
    can be moved away by `khobor check --quarantine`.
    """
    finish_exchange(data_folder, site)
    path = data_folder.ledger(site)
    built, old = path.with_suffix(".rebuilding"), path.with_suffix(".salvage")
    _remove(built, old)
    with storage_errors("copy", path):
        copy_database(path, old)  # opening a damaged database changes it
        reached("ledger.copied")
    with closing(Ledger.open(built, site, zone)) as ledger:
        record_archive_files(data_folder, ledger)
        _record_files(data_folder, ledger)
        reached("reindex.recorded")
        _copy_outbox(old, ledger)
        reached("reindex.carried")
        publish(data_folder, ledger)
        _move_stories(data_folder, ledger)
        reached("reindex.settled")
        publish(data_folder, ledger)
        reached("reindex.published")
        _index_stories(data_folder, ledger)
        _index_others(data_folder, ledger)
    reached("reindex.built")
    with storage_errors("replace", path):
        move_database(path, path.with_name(f"{path.name}.damaged-{now():%Y%m%dT%H%M%S.%fZ}"))
        sync(path.parent)
        reached("ledger.kept")  # a missing ledger is never taken for an empty one
        built.replace(path)
        reached("ledger.replaced")
        sync(path.parent)
    _remove(built, old)
    return Ledger.open(path, site, zone)


def _remove(*ledgers: Path) -> None:
    for ledger in ledgers:
        for path in ledger.parent.glob(f"{ledger.name}*"):
            path.unlink()


def _rows(data_folder: DataFolder, table: Table, site: str) -> Iterator[tuple[str, pa.Table]]:
    for part, _ in data_folder.published(table, site):
        rows = data_folder.read(table, site, part)
        assert rows is not None
        yield part, rows


def _record_files(data_folder: DataFolder, ledger: Ledger) -> None:
    for table in TABLES.values():
        for part, rows in _rows(data_folder, table, ledger.site):
            path = table.path(ledger.site, part)
            size = (data_folder.root / path).stat().st_size
            with ledger.savepoint():
                ledger.outbox.settle(FileRecord(str(path), len(rows), size, data_folder.digest(path)))
    ledger.commit()


def _copy_outbox(old: Path, ledger: Ledger) -> None:
    """Copy the readable rows of the outbox (rows not yet in Parquet) from an old, possibly damaged ledger to a new one.

    The table is read from both ends, so that only the rows on a damaged database page are lost.
    """
    if not old.exists():
        return
    with closing(sqlite3.connect(old)) as connection:
        changes = {row[0]: row[1:] for order in ("ASC", "DESC") for row in _readable(connection, order)}
    with ledger.transaction():
        for seq in sorted(changes):
            name, part, key, act, row = changes[seq]
            with suppress(KeyError, TypeError, ValueError):  # a damaged row
                TABLES[name].path(ledger.site, part)
                ledger.outbox.add(TABLES[name], part, key, act, dict(json.loads(row)))


def _readable(connection: sqlite3.Connection, order: str) -> Iterator[Any]:
    with suppress(sqlite3.DatabaseError):
        yield from connection.execute(f"SELECT seq, name, part, key, act, row FROM outbox ORDER BY seq {order}")


def _move_stories(data_folder: DataFolder, ledger: Ledger) -> None:
    """Move the newest revision of each story that is stored twice or under the wrong date to its correct partition."""
    places: dict[str, list[tuple[int, datetime, str, bool]]] = defaultdict(list)
    for part, rows in _rows(data_folder, _STORIES, ledger.site):
        for row in rows.select(["story_id", "revision", "fetched_at", *_STORIES.moments]).to_pylist():
            is_right = _STORIES.part_of(row, ledger.zone) == part
            places[row["story_id"]].append((row["revision"], row["fetched_at"], part, is_right))
    with ledger.transaction():
        for story_id, found in places.items():
            _, _, newest, is_right = max(found)
            if len(found) == 1 and is_right:
                continue
            stories = data_folder.read(_STORIES, ledger.site, newest)
            assert stories is not None
            revisions: list[Row] = stories.filter(pc.equal(stories["story_id"], story_id)).to_pylist()
            row = max(revisions, key=lambda revision: revision["revision"])
            for _, _, part, _ in found:
                ledger.outbox.drop(_STORIES, part, story_id)
            ledger.outbox.put(_STORIES, _STORIES.part_of(row, ledger.zone), row)
            _index_story(ledger, newest, row)


def _index_stories(data_folder: DataFolder, ledger: Ledger) -> None:
    for part, rows in _rows(data_folder, _STORIES, ledger.site):
        for batch in rows.to_batches(max_chunksize=1000):
            with ledger.transaction():
                for row in batch.to_pylist():
                    _index_story(ledger, part, row)


def _index_story(ledger: Ledger, part: str, row: Row) -> None:
    ledger.stories.upsert(
        Story(site=ledger.site, **row), part, body_hash=body_hash(row["body"]), state_hash=state_hash(row)
    )
    ledger.clusters.place(
        row["story_id"],
        sketch(row["body"]),
        row["published_at"] or row["first_seen_at"],
        known_story=(row["cluster_id"], row["cluster_id"]),
    )
    ledger.urls.upsert(
        Fetch(
            key=row["story_id"],
            url=row["url"],
            story_id=row["story_id"],
            via=row["discovered_via"],
            depth=row["depth"],
            fetched_at=row["fetched_at"],
            outcome=Outcome.GONE if row["gone_by"] else Outcome.STORY,
            run_id=row["run_id"],
        ),
        due_at=row["gone_by"] or next_revisit(row["published_at"], row["fetched_at"]),
        born_at=row["published_at"],
        missing_since=row["gone_by"],
    )


def _index_others(data_folder: DataFolder, ledger: Ledger) -> None:
    for _, rows in _rows(data_folder, TABLES["aliases"], ledger.site):
        with ledger.transaction():
            for row in rows.to_pylist():
                ledger.stories.insert_alias(Alias(site=ledger.site, **row))
    for _, rows in _rows(data_folder, TABLES["sightings"], ledger.site):
        with ledger.transaction():
            for row in rows.select(["story_id", "via"]).to_pylist():
                ledger.stories.insert_sighting(row["story_id"], row["via"])
    for _, rows in _rows(data_folder, TABLES["rejects"], ledger.site):
        with ledger.transaction():
            for story_id in rows.filter(pc.equal(rows["reason"], REMOVED_ON_REQUEST))["story_id"].to_pylist():
                ledger.stories.mark_removed(story_id)
    index_snapshots(data_folder, ledger)


def index_snapshots(data_folder: DataFolder, ledger: Ledger) -> None:
    """Record the last stored snapshot of each ranked list in the ledger."""
    for _, rows in _rows(data_folder, TABLES["rankings"], ledger.site):  # oldest day first: later ones replace it
        with ledger.transaction():
            for name in pc.unique(rows["list"]).to_pylist():
                rankings = rows.filter(pc.equal(rows["list"], name))
                last = pc.max(rankings["observed_at"])
                snapshot = rankings.filter(pc.equal(rankings["observed_at"], last)).to_pylist()
                last_seen = max(row["last_observed_at"] for row in snapshot)
                ledger.snapshots.upsert(name, last.as_py(), snapshot_digest(snapshot), last_seen)
