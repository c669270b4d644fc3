"""Selection of tables and rows for an export, and its result."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.storage.tables import Table

DEFAULT_TABLES = ("stories", "revisions", "aliases", "rankings")


@dataclass(frozen=True)
class Selection:
    """Tables, sites, period and columns of an export; no sites or columns means all of them."""

    tables: Sequence[str] = DEFAULT_TABLES
    sites: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    columns: Sequence[str] = ()

    @property
    def is_partial(self) -> bool:
        """True if some stories are not exported."""
        return bool(self.sites or self.since or self.until)


@dataclass(frozen=True)
class Exported:
    """A table as it was written; ``first`` and ``last`` are its earliest and latest time."""

    table: Table
    columns: tuple[str, ...]
    rows: int
    first: datetime | None
    last: datetime | None
    files: tuple[Path, ...]


def checksums(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield path below the folder, bytes and SHA-256 of every file in it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield path.relative_to(folder).as_posix(), path.stat().st_size, digest
