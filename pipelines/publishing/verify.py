"""Verification of the published files of a site, for `khobor check`.

Every file is compared with its record in the ledger (the site's SQLite crawl state), and the folders of the tables are
searched for files without a record. Nothing is deleted or repaired. Files that a program could not read as part of a
table can be moved to `quarantine/`, where they keep their relative path. `khobor reindex` then accepts the remaining
files, and the next runs fetch the missing stories again.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from crawler.clock import now
from pipelines.analysis.runs_table import ROLLED_UP
from pipelines.archive.archive_check import ArchiveDamage, archive_faults
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.publishing.merge import key_column
from pipelines.storage.atomic_write import UNFINISHED
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES, Table, is_site


class Damage(StrEnum):
    MISSING = "missing"
    FOREIGN = "foreign"
    UNRECORDED = "unrecorded"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    MISPLACED = "misplaced"
    DOUBLED = "doubled"
    LEFTOVER = "leftover"
    LOST = "lost"


_QUARANTINE = "`khobor check --quarantine` moves it away"
REMEDIES = {
    Damage.MISSING: "restore it, or run `khobor reindex` to fetch its stories again",
    Damage.FOREIGN: _QUARANTINE,
    Damage.UNRECORDED: "after a restore, run `khobor reindex`, which takes it in; if it is not yours, move it away",
    Damage.UNREADABLE: f"{_QUARANTINE}; then run `khobor reindex` to fetch its stories again",
    Damage.CHANGED: "after a restore, or if you changed it yourself, run `khobor reindex`, which accepts it; otherwise"
    f" {_QUARANTINE}, and `khobor reindex` fetches its stories again",
    Damage.MISPLACED: "`khobor reindex` moves stories to their month",
    Damage.DOUBLED: "`khobor reindex` keeps the newest revision of a story",
    Damage.LEFTOVER: "`khobor publish` clears it",
    Damage.LOST: "run `khobor reindex` to fetch them again",
    ArchiveDamage.LOST: "restore it from a backup; no table is affected, and `khobor reindex` accepts a missing file",
    ArchiveDamage.UNRECORDED: "run `khobor reindex`, which takes it in; if it is not yours, move it away",
}

_MOVABLE = {Damage.FOREIGN, Damage.UNREADABLE, Damage.CHANGED, Damage.LEFTOVER}


@dataclass(frozen=True, slots=True)
class Fault:
    """Problem found by the check of the published files; ``path`` is relative to the data folder."""

    damage: Damage | ArchiveDamage
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


def check(data_folder: DataFolder, ledger: Ledger) -> list[Fault]:
    """Compare the published files and the archive of a site with its ledger; return all differences.

    Files that an interrupted publish left are not faults, because the next publish completes or removes them.
    """
    faults = [*_leftovers(data_folder, ledger.site), *_foreign(data_folder, ledger)]
    try:
        data_folder.read(ROLLED_UP, ledger.site, "")
    except DataDamaged as error:
        faults.append(Fault(Damage.UNREADABLE, str(error.path), error.reason))
    announced = {file.path: file.sha256 for file in ledger.outbox.prepared()}
    waiting = list(ledger.outbox.keys(TABLES["stories"]))
    stories: set[str] = set()
    for table in TABLES.values():
        keys: dict[str, pa.ChunkedArray] = {}
        for part, record in ledger.outbox.files_of(table):
            rows = _verified(data_folder, ledger.site, table, part, record, announced.get(record.path))
            if isinstance(rows, Fault):
                faults.append(rows)
                continue
            keys[record.path] = key_column(table, rows)
            faults += _misplaced(table, part, ledger.zone, record.path, rows)
        faults += _doubled(keys, {key for act, key in waiting if act == "drop"} if table.name == "stories" else set())
        if table.name == "stories":
            stories = {key for column in keys.values() for key in column.to_pylist()}
    if lost := ledger.stories.ids() - stories - {key for _, key in waiting}:
        path = str(data_folder.ledger(ledger.site).relative_to(data_folder.root))
        faults.append(Fault(Damage.LOST, path, f"lists {len(lost)} stories that are in no file (first: {min(lost)})"))
    return [*faults, *(Fault(*found) for found in archive_faults(data_folder, ledger))]


def quarantine(data_folder: DataFolder, faults: Iterable[Fault]) -> list[str]:
    """Move files that could not be read as part of a table to `quarantine/<time>/`; return their new paths.

    The files keep their path relative to the data folder.
    """
    moment = now().strftime("%Y%m%dT%H%M%S.%fZ")
    moved = []
    for path in sorted({fault.path for fault in faults if fault.damage in _MOVABLE}):
        if os.path.lexists(data_folder.root / path):
            target = PurePosixPath(data_folder.quarantine.name, moment, path)
            data_folder.move(path, target)
            moved.append(str(target))
    return moved


# One file ------------------------------------------------------------------------------------------------------------


def _verified(
    data_folder: DataFolder, site: str, table: Table, part: str, record: FileRecord, announced: str | None
) -> pa.Table | Fault:
    """Return the rows of a file, or a fault if the file is missing, unreadable or differs from its record.

    :param announced: SHA-256 that an interrupted publish announced for the file, which is accepted too
    """
    digest = data_folder.digest(record.path)
    if not digest:
        if announced == "":
            return table.schema.empty_table()
        return Fault(Damage.MISSING, record.path, "was published and is missing")
    try:
        rows = data_folder.read(table, site, part) or table.schema.empty_table()
    except DataDamaged as damage:
        return Fault(Damage.UNREADABLE, record.path, damage.reason)
    if digest not in (record.sha256, announced):
        size = (data_folder.root / record.path).stat().st_size
        length = "same length" if size == record.bytes else f"{size:,} bytes, recorded {record.bytes:,}"
        return Fault(Damage.CHANGED, record.path, f"is not the file that was published ({length})")
    if digest == record.sha256 and len(rows) != record.rows:
        return Fault(Damage.CHANGED, record.path, f"has {len(rows)} rows, recorded {record.rows}")
    return rows


def _misplaced(table: Table, part: str, zone: ZoneInfo, path: str, rows: pa.Table) -> list[Fault]:
    if table.partition is None:
        return []
    first = datetime.fromisoformat(part if table.partition == "date" else f"{part}-01").replace(tzinfo=zone)
    end = first + timedelta(days=1) if table.partition == "date" else (first + timedelta(days=31)).replace(day=1)
    moments = pc.coalesce(*(rows[name] for name in table.moments))
    inside = pc.and_(pc.greater_equal(moments, pa.scalar(first)), pc.less(moments, pa.scalar(end)))
    misplaced = rows.filter(pc.invert(pc.fill_null(inside, False)))
    if not len(misplaced):
        return []
    detail = f"{len(misplaced)} rows are of another {table.partition} (first: {key_column(table, misplaced)[0]})"
    return [Fault(Damage.MISPLACED, path, detail)]


# All files -----------------------------------------------------------------------------------------------------------


def _doubled(keys: dict[str, pa.ChunkedArray], moved: set[str]) -> list[Fault]:
    """Return a fault for each file that contains a row key twice, and for each group of files with a common key.

    :param keys: row keys of each file, by path
    :param moved: keys that may be in two files, because a publish in progress moves them
    """
    if not keys:
        return []
    counts = pc.value_counts(
        pa.chunked_array([chunk for column in keys.values() for chunk in column.chunks], pa.string())
    )
    shared = defaultdict(list)
    for key in set(counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()) - moved:
        shared[tuple(path for path, column in keys.items() if pc.any(pc.equal(column, key)).as_py())].append(key)
    faults = []
    for (first, *others), found in shared.items():
        where = f"also in {', '.join(others)}" if others else "in it twice"
        faults.append(Fault(Damage.DOUBLED, first, f"{len(found)} rows are {where} (first: {min(found)})"))
    return faults


def _leftovers(data_folder: DataFolder, site: str) -> list[Fault]:
    return [
        Fault(Damage.LEFTOVER, f"{data_folder.staging.name}/{n}", "is left from an interrupted publish")
        for n in sorted(path.name for path in data_folder.staging.glob(f"{site}-*{UNFINISHED}"))
    ]


def _foreign(data_folder: DataFolder, ledger: Ledger) -> Iterator[Fault]:
    """Yield a fault for each file or link in the folders of the tables that was not published by a run.

    The folders of other sites are not searched.
    """
    published = {file.path for file in (*ledger.outbox.files(), *ledger.outbox.prepared())}
    for table in TABLES.values():
        for path in sorted((data_folder.root / table.name).rglob("*")):
            relative = path.relative_to(data_folder.root)
            key, _, site = relative.parts[1].partition("=")
            is_other_site = len(relative.parts) > 2 and key == "site" and is_site(site) and site != ledger.site
            is_ours = path.is_dir() or relative.as_posix() in published
            if not is_other_site and (path.is_symlink() or not is_ours):
                is_whole = not path.is_symlink() and _is_partition(data_folder, table, ledger.site, relative)
                damage = Damage.UNRECORDED if is_whole else Damage.FOREIGN
                yield Fault(damage, relative.as_posix(), "is not in the ledger" if is_whole else "was not published")


def _is_partition(data_folder: DataFolder, table: Table, site: str, path: Path) -> bool:
    """Return True if a file without a record is a readable partition of the site, as after a restore of a backup."""
    for part, place in data_folder.published(table, site):
        if place == PurePosixPath(path):
            with suppress(DataDamaged):
                return data_folder.read(table, site, part) is not None
    return False
