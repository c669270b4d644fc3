"""Freshness: how new the newest story of a newspaper is, how long its lists are, and what waits to be published."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

# The newest story may stand in the month before, and a list that stood unchanged has no snapshot of today.
MONTHS, DAYS = 2, 7


@dataclass
class Freshness:
    """Of one data folder; what a file says is read once. Several threads may ask."""

    dataset: DataFolder
    _kept: dict[Path, tuple[tuple[int, int], Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def newest_story(self, site: str) -> dict[str, datetime]:
        """The latest `published_at` and `first_seen_at` of a site's stories, where they are known."""
        months = self.dataset.published(TABLES["stories"], site)[-MONTHS:]
        found: dict[str, datetime] = {}
        for _, path in months:
            for name, moment in self._once(self.dataset.root / path, _latest_in_footer).items():
                found[name] = max(moment, found.get(name, moment))
        return found

    def list_lengths(self, site: str) -> dict[str, int]:
        """How many entries the newest snapshot of each list has."""
        found: dict[str, int] = {}
        for _, path in reversed(self.dataset.published(TABLES["rankings"], site)[-DAYS:]):
            found = self._once(self.dataset.root / path, _lengths) | found
        return found

    def outbox(self, site: str) -> int | None:
        """How many accepted rows wait to be published; None where the ledger cannot be asked."""
        path = self.dataset.ledger(site)
        if not path.exists():
            return None
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=1, uri=True)) as ledger:
                return int(ledger.execute("SELECT count(*) FROM outbox").fetchone()[0])
        except sqlite3.Error:
            return None

    def _once(self, path: Path, read: Callable[[Path], Any]) -> Any:
        """What a file says, read again when it changed; nothing where it cannot be read, which `check` names."""
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            with self._lock:
                kept = self._kept.get(path)
            if kept is None or kept[0] != stamp:
                kept = (stamp, read(path))
                with self._lock:
                    self._kept[path] = kept
            return kept[1]
        except (OSError, ValueError):  # of Arrow's errors, too
            return {}


def _latest_in_footer(path: Path) -> dict[str, datetime]:
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    found: dict[str, datetime] = {}
    for group in range(footer.num_row_groups):
        for index in range(footer.num_columns):
            column = footer.row_group(group).column(index)
            name = column.path_in_schema
            if name in ("published_at", "first_seen_at") and column.statistics and column.statistics.has_min_max:
                found[name] = max(column.statistics.max, found.get(name, column.statistics.max))
    return found


def _lengths(path: Path) -> dict[str, int]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        rows = file.read(columns=["list", "observed_at", "rank"]).to_pydict()
    latest: dict[str, tuple[datetime, int]] = {}
    for name, at, rank in zip(rows["list"], rows["observed_at"], rows["rank"], strict=True):
        before = latest.get(name)
        if before is None or at > before[0]:
            latest[name] = (at, rank)
        elif at == before[0]:
            latest[name] = (at, max(rank, before[1]))
    return {name: rank for name, (_, rank) in latest.items()}
