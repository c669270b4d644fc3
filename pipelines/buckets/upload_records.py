"""SQLite database of the objects that a data folder has written to a bucket (`state/<site>.bucket.sqlite`).

It says which files need not be sent again, and with which etag an object can be replaced. Everything in it except the
ids of the manifests can be read from the bucket again.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.storage.paths import DataPaths
from pipelines.storage.sqlite import Database, Format

SUFFIX = ".bucket.sqlite"
_SCHEMA = """
CREATE TABLE objects (
    path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, e_tag TEXT NOT NULL, modified INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def records_file(data_folder: DataPaths, site: str) -> Path:
    return data_folder.state / f"{site}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """Object in the bucket; ``modified`` is the modification time (ns) of the local file when it was sent."""

    path: str
    bytes: int
    sha256: str
    e_tag: str
    modified: int


@dataclass(frozen=True, slots=True)
class LastUpload:
    """Result of the last upload of a site; ``error`` is None if it was complete.

    Times are in ISO 8601: ``at`` of the last upload, ``complete_at`` of the last complete one, which may be None.
    """

    site: str
    at: str
    complete_at: str | None
    error: str | None


class Records(Database):
    """SQLite database of the objects of one site in one bucket."""

    form = Format(
        "record of uploads of khobor",
        0x4B484F55,  # "KHOU"
        _SCHEMA,
        "move it aside, and `khobor publish --take-over` compares the files with the bucket again",
    )

    def use(self, url: str) -> None:
        """Forget everything if the records are of another bucket than ``url``."""
        if self._get("url") != url:
            with self._sql.immediate():
                self._sql.execute("DELETE FROM objects")
                self._sql.execute("DELETE FROM state")
                self._set("url", url)

    def get(self, path: str) -> ObjectRecord | None:
        row = self._sql.execute("SELECT * FROM objects WHERE path = ?", (path,)).fetchone()
        return ObjectRecord(*row) if row else None

    def put(self, record: ObjectRecord) -> None:
        values = (record.path, record.bytes, record.sha256, record.e_tag, record.modified)
        self._sql.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, path: str) -> None:
        self._sql.execute("DELETE FROM objects WHERE path = ?", (path,))

    def clear(self) -> None:
        self._sql.execute("DELETE FROM objects")

    def manifest_ids(self) -> tuple[str, ...]:
        """Return the ids of the manifest that was last written and of the one that was about to be written."""
        return tuple(json.loads(self._get("manifests") or "[]"))

    def set_manifest_ids(self, *ids: str) -> None:
        self._set("manifests", json.dumps(ids))

    def end(self, site: str, at: str, error: str | None) -> LastUpload:
        """Record the end of an upload, and return its result."""
        with self._sql.immediate():
            self._set("at", at)
            self._set("error", error or "")
            if error is None:
                self._set("complete_at", at)
        return LastUpload(site, at, self._get("complete_at"), error)

    def last(self, site: str) -> LastUpload | None:
        if (at := self._get("at")) is None:
            return None
        return LastUpload(site, at, self._get("complete_at"), self._get("error") or None)

    def _get(self, name: str) -> str | None:
        row = self._sql.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _set(self, name: str, value: str) -> None:
        self._sql.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))
