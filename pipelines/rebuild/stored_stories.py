"""Scratch database with the stored revisions of all stories of a site, found by the time when each was first seen."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES, from_json, to_json

Row = dict[str, Any]
_SCHEMA = """
CREATE TABLE revisions (story_id TEXT, appeared TEXT, seen TEXT, revision INTEGER, row TEXT,
    PRIMARY KEY (story_id, appeared)) WITHOUT ROWID;
CREATE INDEX by_appearance ON revisions (appeared);
CREATE INDEX by_sight ON revisions (seen);
CREATE TABLE kept (story_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class StoredStories:
    """The stored revisions of stories, in an SQLite file, because they may be more than fit in memory."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._sql = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            self._sql.execute(f"PRAGMA {pragma}")
        self._sql.executescript(_SCHEMA)

    def fill(self, data_folder: DataFolder, site: str) -> None:
        self._sql.execute("BEGIN")
        for name in ("revisions", "stories"):
            for part, _ in data_folder.published(TABLES[name], site):
                rows = data_folder.read(TABLES[name], site, part)
                assert rows is not None
                for row in chain.from_iterable(batch.to_pylist() for batch in rows.to_batches(1_000)):
                    appeared = row["appeared_by"] or row["first_seen_at"]
                    values = (row["story_id"], _text(appeared), _text(row["fetched_at"]), row["revision"], to_json(row))
                    self._sql.execute("INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?)", values)
        self._sql.execute("COMMIT")

    def close(self) -> None:
        self._sql.close()

    def appearances(self) -> Iterator[tuple[datetime, Row]]:
        """Yield the story id of each revision with the time when it was first seen, in the order of these times."""
        return self._times("appeared")

    def sights(self) -> Iterator[tuple[datetime, Row]]:
        """Yield the story id of each revision with the time when it was last seen, in the order of these times."""
        return self._times("seen")

    def _times(self, column: str) -> Iterator[tuple[datetime, Row]]:
        for at, story_id in self._sql.execute(f"SELECT {column}, story_id FROM revisions ORDER BY {column}, story_id"):
            yield datetime.fromisoformat(at), {"story_id": story_id}

    def first_seen_at(self, story_id: str, at: datetime) -> Row | None:
        """Return the revision of a story that was first seen at ``at``, or None."""
        return self._first("appeared = ?", story_id, at)

    def standing_at(self, story_id: str, at: datetime) -> Row | None:
        """Return the revision of a story that was the newest at ``at``, or None."""
        return self._first("appeared <= ? ORDER BY appeared DESC", story_id, at)

    def _first(self, condition: str, story_id: str, at: datetime) -> Row | None:
        query = f"SELECT row FROM revisions WHERE story_id = ? AND {condition} LIMIT 1"
        row = self._sql.execute(query, (story_id, _text(at))).fetchone()
        return from_json(TABLES["stories"], row[0]) if row else None

    def keep(self, story_id: str, *, is_kept: bool) -> None:
        """Note if the current revision of a story is a stored row, and not the result of reading a page again."""
        query = "INSERT OR IGNORE INTO kept VALUES (?)" if is_kept else "DELETE FROM kept WHERE story_id = ?"
        self._sql.execute(query, (story_id,))

    def is_kept(self, story_id: str) -> bool:
        return self._sql.execute("SELECT 1 FROM kept WHERE story_id = ?", (story_id,)).fetchone() is not None


def _text(at: datetime) -> str:
    return at.isoformat()
