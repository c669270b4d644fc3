"""The selection of tables and rows for an export."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.storage.tables import Table

USUAL = ("stories", "revisions", "aliases", "rankings")
FORMATS = ("parquet", "jsonl")


@dataclass(frozen=True)
class Selection:
    """What is to be exported: tables, newspapers (all where none is named), from when until before when, columns."""

    tables: Sequence[str] = USUAL
    sites: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    columns: Sequence[str] = ()

    @property
    def is_part(self) -> bool:
        """Whether stories are left out."""
        return bool(self.sites or self.since or self.until)


@dataclass(frozen=True)
class Exported:
    """One table as it was written."""

    table: Table
    columns: tuple[str, ...]
    rows: int
    first: datetime | None
    last: datetime | None
    files: tuple[Path, ...]


def checksums(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Path below the folder, bytes and SHA-256 of every file in it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            yield (
                path.relative_to(folder).as_posix(),
                path.stat().st_size,
                hashlib.file_digest(file, "sha256").hexdigest(),
            )
