"""Reindex: build a site's ledger again from the Parquet, so that the next run knows everything that was kept.

The new ledger is built aside and put in place whole; the old one is kept beside it. What the old outbox can still give
goes into Parquet first. What no file holds is forgotten, and so asked for again: addresses that were only discovered,
doors, validators.
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
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.ledger.revisit_policy import next_revisit
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


def reindex(dataset: DataFolder, site: str, zone: ZoneInfo) -> Ledger:
    """Replace the site's ledger by one built from its files, and open it; whoever calls this holds the site's lock.

    Raises :class:`pipelines.storage.errors.DataDamaged` for a file that cannot be read: `check` sets such files aside.
    """
    path = dataset.ledger(site)
    built, old = path.with_suffix(".rebuilding"), path.with_suffix(".salvage")
    _forget(built, old)
    with storage_errors("copy", path):
        copy_database(path, old)  # opening a damaged database changes it
        reached("ledger.copied")
    with closing(Ledger.open(built, site, zone)) as ledger:
        _record_files(dataset, ledger)
        reached("reindex.recorded")
        _carry_over(old, ledger)
        reached("reindex.carried")
        publish(dataset, ledger)
        _settle_places(dataset, ledger)
        reached("reindex.settled")
        publish(dataset, ledger)
        reached("reindex.published")
        _remember_stories(dataset, ledger)
        _remember_aliases(dataset, ledger)
        _remember_sightings(dataset, ledger)
        _remember_snapshots(dataset, ledger)
    reached("reindex.built")
    with storage_errors("replace", path):
        move_database(path, path.with_name(f"{path.name}.damaged-{now():%Y%m%dT%H%M%S.%fZ}"))
        sync(path.parent)
        reached("ledger.kept")  # a missing ledger is never taken for an empty one
        built.replace(path)
        reached("ledger.replaced")
        sync(path.parent)
    _forget(built, old)
    return Ledger.open(path, site, zone)


def _forget(*ledgers: Path) -> None:
    for ledger in ledgers:
        for path in ledger.parent.glob(f"{ledger.name}*"):
            path.unlink()


def _rows(dataset: DataFolder, table: Table, site: str) -> Iterator[tuple[str, pa.Table]]:
    for part, _ in dataset.published(table, site):
        rows = dataset.read(table, site, part)
        assert rows is not None
        yield part, rows


def _record_files(dataset: DataFolder, ledger: Ledger) -> None:
    for table in TABLES.values():
        for part, rows in _rows(dataset, table, ledger.site):
            path = table.path(ledger.site, part)
            size = (dataset.root / path).stat().st_size
            with ledger.savepoint():
                ledger.outbox.settle(FileRecord(str(path), len(rows), size, dataset.digest(path)))
    ledger.commit()


# The old outbox ------------------------------------------------------------------------------------------------------


def _carry_over(old: Path, ledger: Ledger) -> None:
    """Take over the changes that wait in the old ledger, as far as it can be read."""
    if not old.exists():
        return
    with closing(sqlite3.connect(old)) as connection:
        found = {row[0]: row[1:] for order in ("ASC", "DESC") for row in _readable(connection, order)}
    with ledger.transaction():
        for seq in sorted(found):
            name, part, key, act, row = found[seq]
            with suppress(KeyError, TypeError, ValueError):  # what damage made of a row
                TABLES[name].path(ledger.site, part)
                ledger.outbox.add(TABLES[name], part, key, act, dict(json.loads(row)))


def _readable(connection: sqlite3.Connection, order: str) -> Iterator[Any]:
    """The outbox up to the first row that cannot be read; from both ends, that is all around one damaged page."""
    with suppress(sqlite3.DatabaseError):
        yield from connection.execute(f"SELECT seq, name, part, key, act, row FROM outbox ORDER BY seq {order}")


# Stories -------------------------------------------------------------------------------------------------------------


def _settle_places(dataset: DataFolder, ledger: Ledger) -> None:
    """Let each story stand once, in its newest revision, in the month that it is of."""
    places: dict[str, list[tuple[int, datetime, str, bool]]] = defaultdict(list)
    for part, rows in _rows(dataset, _STORIES, ledger.site):
        for row in rows.select(["story_id", "revision", "fetched_at", *_STORIES.moments]).to_pylist():
            right = _STORIES.part_of(row, ledger.zone) == part
            places[row["story_id"]].append((row["revision"], row["fetched_at"], part, right))
    with ledger.transaction():
        for story_id, found in places.items():
            _, _, newest, right = max(found)
            if len(found) == 1 and right:
                continue
            row = _story_in(dataset, ledger.site, newest, story_id)
            for _, _, part, _ in found:
                ledger.outbox.drop(_STORIES, part, story_id)
            ledger.outbox.put(_STORIES, _STORIES.part_of(row, ledger.zone), row)
            _remember(ledger, newest, row)


def _story_in(dataset: DataFolder, site: str, part: str, story_id: str) -> Row:
    rows = dataset.read(_STORIES, site, part)
    assert rows is not None
    found: list[Row] = rows.filter(pc.equal(rows["story_id"], story_id)).to_pylist()
    return max(found, key=lambda row: row["revision"])


def _remember_stories(dataset: DataFolder, ledger: Ledger) -> None:
    for part, rows in _rows(dataset, _STORIES, ledger.site):
        for batch in rows.to_batches(max_chunksize=1000):
            with ledger.transaction():
                for row in batch.to_pylist():
                    _remember(ledger, part, row)


def _remember(ledger: Ledger, part: str, row: Row) -> None:
    ledger.stories.upsert(
        Story(site=ledger.site, **row), part, body_hash=body_hash(row["body"]), state_hash=state_hash(row)
    )
    known = (row["cluster_id"], row["cluster_id"])
    at = row["published_at"] or row["first_seen_at"]
    ledger.clusters.place(row["story_id"], sketch(row["body"]), at, known_story=known)
    fetch = Fetch(
        key=row["story_id"],
        url=row["url"],
        story_id=row["story_id"],
        via=row["discovered_via"],
        depth=row["depth"],
        fetched_at=row["fetched_at"],
        outcome=Outcome.STORY,
        run_id=row["run_id"],
    )
    ledger.urls.upsert(fetch, next_revisit(row["published_at"], row["fetched_at"]), row["published_at"])


# The rest ------------------------------------------------------------------------------------------------------------


def _remember_aliases(dataset: DataFolder, ledger: Ledger) -> None:
    for _, rows in _rows(dataset, TABLES["aliases"], ledger.site):
        with ledger.transaction():
            for row in rows.to_pylist():
                ledger.stories.insert_alias(Alias(site=ledger.site, **row))


def _remember_sightings(dataset: DataFolder, ledger: Ledger) -> None:
    for _, rows in _rows(dataset, TABLES["sightings"], ledger.site):
        with ledger.transaction():
            for row in rows.select(["story_id", "via"]).to_pylist():
                ledger.stories.insert_sighting(row["story_id"], row["via"])


def _remember_snapshots(dataset: DataFolder, ledger: Ledger) -> None:
    """The last snapshot of each list; days come oldest first, so a later day's replaces an earlier one's."""
    for _, rows in _rows(dataset, TABLES["rankings"], ledger.site):
        with ledger.transaction():
            for name in pc.unique(rows["list"]).to_pylist():
                of_list = rows.filter(pc.equal(rows["list"], name))
                last = pc.max(of_list["observed_at"])
                snapshot = of_list.filter(pc.equal(of_list["observed_at"], last)).to_pylist()
                ledger.snapshots.upsert(name, last.as_py(), snapshot_digest(snapshot))
