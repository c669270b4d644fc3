"""SQL schema of the ledger (the site's crawl state), with functions to create it and to check an existing file."""

from pipelines.ledger.archive_files import SCHEMA as _ARCHIVE_FILES
from pipelines.ledger.change_hints import SCHEMA as _CHANGE_HINTS
from pipelines.ledger.changes import SCHEMA as _CHANGES
from pipelines.ledger.connection import Connection
from pipelines.ledger.lsh_index import SCHEMA as _LSH_INDEX
from pipelines.ledger.near_duplicates import SCHEMA as _CLUSTERS
from pipelines.storage.errors import DatabaseDamaged, storage_errors
from pipelines.storage.fsync import sync
from pipelines.storage.sqlite import Format

#: Stories that were removed on request.
_REMOVED = "CREATE TABLE IF NOT EXISTS removed (story_id TEXT PRIMARY KEY) WITHOUT ROWID;"
_SCHEMA = """
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, mode TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT, reason TEXT, stats TEXT,
    schedule TEXT
) WITHOUT ROWID;
CREATE INDEX runs_unfinished ON runs (started_at) WHERE ended_at IS NULL;
CREATE TABLE counts (run_id TEXT, name TEXT, n INTEGER NOT NULL, PRIMARY KEY (run_id, name)) WITHOUT ROWID;
CREATE TABLE urls (
    key TEXT PRIMARY KEY, url TEXT NOT NULL, story_id TEXT, via TEXT NOT NULL, referrer TEXT, depth INTEGER NOT NULL,
    open INTEGER NOT NULL, run_id TEXT NOT NULL, born_at TEXT, due_at TEXT, fetched_at TEXT, outcome TEXT, etag TEXT,
    last_modified TEXT, failures INTEGER NOT NULL DEFAULT 0, position TEXT,
    alive_at TEXT, missing_since TEXT
) WITHOUT ROWID;
CREATE INDEX urls_open ON urls (run_id) WHERE open;
CREATE INDEX urls_due ON urls (due_at) WHERE due_at IS NOT NULL AND story_id IS NOT NULL;
CREATE TABLE stories (
    story_id TEXT PRIMARY KEY, url TEXT NOT NULL, part TEXT NOT NULL, revision INTEGER NOT NULL,
    content_hash TEXT NOT NULL, body_hash TEXT, state_hash TEXT, cluster_id TEXT NOT NULL, first_seen_at TEXT NOT NULL,
    fetched_at TEXT NOT NULL, discovered_via TEXT NOT NULL, depth INTEGER NOT NULL, gone_by TEXT, section TEXT
) WITHOUT ROWID;
CREATE INDEX stories_content ON stories (content_hash);
CREATE INDEX stories_body ON stories (body_hash) WHERE body_hash IS NOT NULL;
CREATE TABLE aliases (url TEXT PRIMARY KEY, story_id TEXT NOT NULL, kind TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sightings (story_id TEXT, via TEXT, PRIMARY KEY (story_id, via)) WITHOUT ROWID;
CREATE TABLE snapshots (
    list TEXT PRIMARY KEY, observed_at TEXT NOT NULL, digest TEXT NOT NULL, last_observed_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, part TEXT NOT NULL, key TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('put', 'touch', 'drop')), row TEXT NOT NULL
);
CREATE TABLE columns (name TEXT PRIMARY KEY, columns TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    prepared_rows INTEGER, prepared_bytes INTEGER, prepared_sha256 TEXT, modified INTEGER
) WITHOUT ROWID;
"""
#: Statements that create the tables which a ledger of an earlier release lacks.
ADDED = (_ARCHIVE_FILES, _REMOVED)
REMEDY = "`khobor reindex` rebuilds it from the Parquet"
FORMAT = Format(
    "ledger of khobor",
    0x4B484F42,
    _SCHEMA + _CLUSTERS + _LSH_INDEX + _CHANGE_HINTS + _CHANGES + _ARCHIVE_FILES + _REMOVED,
    REMEDY,
)  # "KHOB"

# Checking a ledger of a million stories takes seconds. In a large one, only the tables that cannot be rebuilt from
# Parquet are checked; damage in other tables is reported when they are read.
_READ_WHOLE = 32 * 2**20
_IRREPLACEABLE = ("outbox", "files", "archive_files", "snapshots")


def create(connection: Connection) -> None:
    connection.reached("ledger.opened")
    connection.create()
    connection.reached("ledger.created")
    with storage_errors("sync", connection.path):
        sync(connection.path.parent)


def check(connection: Connection) -> None:
    """Raise :class:`DatabaseDamaged` if the ledger (the site's SQLite crawl state) cannot be used.

    This is so if the file is damaged, or was made by another program or a later version.
    """
    connection.check_format()
    whole = connection.path.stat().st_size <= _READ_WHOLE
    for part in ("1",) if whole else (f"'{name}'" for name in _IRREPLACEABLE):
        [verdict] = connection.execute(f"PRAGMA quick_check({part})").fetchone()
        if verdict != "ok":
            raise DatabaseDamaged(f"{connection.path} is damaged ({verdict}); {REMEDY}")
