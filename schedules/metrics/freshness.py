"""Metrics of the stored data: age of the newest story, length of the ranked lists, and number of unpublished rows.

A Parquet file is read again only if its size or modification time has changed.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

# The newest story may be in the previous month, and a list that did not change has no snapshot of today.
MONTHS, DAYS = 2, 7


def newest_story(dataset: DataFolder, site: str) -> dict[str, datetime]:
    """Return the latest `published_at` and the latest `first_seen_at` of the stories of a site.

    A key is missing if no stored story has this time.
    """
    newest: dict[str, datetime] = {}
    for _, path in dataset.published(TABLES["stories"], site)[-MONTHS:]:
        for name, time in _read(_newest_in_footer, dataset.root / path).items():
            newest[name] = max(time, newest.get(name, time))
    return newest


def list_lengths(dataset: DataFolder, site: str) -> dict[str, int]:
    """Return the number of entries of each ranked list of a site, in its newest stored snapshot."""
    lengths: dict[str, int] = {}
    for _, path in dataset.published(TABLES["rankings"], site)[-DAYS:]:
        lengths |= _read(_lengths, dataset.root / path)
    return lengths


def outbox_rows(dataset: DataFolder, site: str) -> int | None:
    """Return the number of stored rows of a site that are not in the Parquet files yet.

    They are counted in the ledger, the SQLite database of the site. Returns None if it is missing or cannot be read.
    """
    path = dataset.ledger(site)
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=1, uri=True)) as ledger:
            return int(ledger.execute("SELECT count(*) FROM outbox").fetchone()[0])
    except sqlite3.Error:
        return None


def _read(read: Callable[[Path, int, int], Mapping[str, Any]], path: Path) -> Mapping[str, Any]:
    """Call ``read`` with a path and its modification time and size, by which the results of ``read`` are cached.

    Returns an empty mapping for a file that cannot be read; the command `khobor check` reports such files.
    """
    try:
        stat = path.stat()
        return read(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError):  # ValueError includes Arrow's errors
        return {}


@lru_cache(1024)
def _newest_in_footer(path: Path, _modified: int, _size: int) -> Mapping[str, datetime]:
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    newest: dict[str, datetime] = {}
    for group in range(footer.num_row_groups):
        for index in range(footer.num_columns):
            column = footer.row_group(group).column(index)
            name = column.path_in_schema
            if name in ("published_at", "first_seen_at") and column.statistics and column.statistics.has_min_max:
                newest[name] = max(column.statistics.max, newest.get(name, column.statistics.max))
    return newest


@lru_cache(1024)
def _lengths(path: Path, _modified: int, _size: int) -> Mapping[str, int]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows = file.read(columns=["list", "observed_at", "rank"]).to_pydict()
    # In this order, the last rank of the newest snapshot of each list remains.
    ordered = sorted(zip(rows["list"], rows["observed_at"], rows["rank"], strict=True))
    return {name: rank for name, _, rank in ordered}
