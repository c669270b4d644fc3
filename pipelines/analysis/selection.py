"""Selection of tables and rows for an export, and checksums of its files."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

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


def checksums(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield path below the folder, bytes and SHA-256 of every file in it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield path.relative_to(folder).as_posix(), path.stat().st_size, digest
