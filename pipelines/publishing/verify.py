"""Check: is every published file what the ledger says it is, and is nothing else where readers look?

Nothing is ever deleted or repaired here. What readers would trip over can be set aside in `quarantine/`, under the path
it had; then `reindex` accepts what is left, and the next runs ask again for what is not.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from crawler.clock import now
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.publishing.merge import key_column
from pipelines.storage.atomic_write import UNFINISHED
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES, Table, is_site


class Damage(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    MISPLACED = "misplaced"
    DOUBLED = "doubled"
    LEFTOVER = "leftover"
    LOST = "lost"

    @property
    def remedy(self) -> str:
        """What to do about it, in one clause."""
        return _REMEDIES[self]


_ASIDE = "`khobor check --quarantine` moves it out of the readers' way"
_REMEDIES = {
    Damage.MISSING: "put it back, or let `khobor reindex` forget it, and its stories are asked for again",
    Damage.FOREIGN: _ASIDE,
    Damage.UNREADABLE: f"{_ASIDE}; then `khobor reindex`, and its stories are asked for again",
    Damage.CHANGED: f"{_ASIDE}; then `khobor reindex`, and its stories are asked for again; where you changed it"
    " yourself, `khobor reindex` alone accepts it",
    Damage.MISPLACED: "`khobor reindex` puts stories where they belong",
    Damage.DOUBLED: "`khobor reindex` lets the newest revision of a story stand",
    Damage.LEFTOVER: "`khobor publish` clears it",
    Damage.LOST: "`khobor reindex` forgets them, so that they are asked for again",
}

_MOVABLE = {Damage.FOREIGN, Damage.UNREADABLE, Damage.CHANGED, Damage.LEFTOVER}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; ``path`` is relative to the data folder."""

    damage: Damage
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


def check(dataset: DataFolder, ledger: Ledger) -> list[Fault]:
    """Compare the folder with the ledger's record, file by file and row by row; an empty list is good news.

    A publish that was killed is no fault: the next one finishes it.
    """
    faults = [*_leftovers(dataset, ledger.site), *_strangers(dataset, ledger)]
    announced = {file.path: file.sha256 for file in ledger.outbox.prepared()}
    leaving = _leaving(ledger)
    stories: set[str] = set()
    for table in TABLES.values():
        keys: dict[str, pa.ChunkedArray] = {}
        for part, record in _recorded(table, ledger):
            try:
                rows = _verified(dataset, ledger.site, table, part, record, announced.get(record.path))
            except _Faulty as faulty:
                faults.append(Fault(faulty.damage, record.path, faulty.detail))
                continue
            keys[record.path] = key_column(table, rows)
            faults += _misplaced(table, part, ledger.zone, record.path, rows)
        faults += _doubled(keys, leaving if table.name == "stories" else set())
        if table.name == "stories":
            stories = {key for column in keys.values() for key in column.to_pylist()}
    return faults + _lost(dataset, ledger, stories)


def quarantine(dataset: DataFolder, faults: Iterable[Fault]) -> list[str]:
    """Move what readers would trip over to `quarantine/<moment>/`, keeping its path; returns where it went."""
    moment = now().strftime("%Y%m%dT%H%M%S.%fZ")
    moved = []
    for path in sorted({fault.path for fault in faults if fault.damage in _MOVABLE}):
        if os.path.lexists(dataset.root / path):
            aside = PurePosixPath(dataset.quarantine.name, moment, path)
            dataset.move(PurePosixPath(path), aside)
            moved.append(str(aside))
    return moved


# One file ------------------------------------------------------------------------------------------------------------


class _Faulty(Exception):
    def __init__(self, damage: Damage, detail: str) -> None:
        super().__init__(detail)
        self.damage = damage
        self.detail = detail


def _recorded(table: Table, ledger: Ledger) -> Iterator[tuple[str, FileRecord]]:
    for record in ledger.outbox.files():
        path = PurePosixPath(record.path)
        if path.parts[0] == table.name:
            yield path.parent.name.partition("=")[2] if table.partition else "", record


def _verified(
    dataset: DataFolder, site: str, table: Table, part: str, record: FileRecord, announced: str | None
) -> pa.Table:
    """The file's rows, if it is the one that was published (or the one that a killed publish announced)."""
    found = dataset.digest(record.path)
    if not found:
        if announced == "":
            return table.schema.empty_table()
        raise _Faulty(Damage.MISSING, "was published and is not there")
    try:
        rows = dataset.read(table, site, part) or table.schema.empty_table()
    except DataDamaged as damage:
        raise _Faulty(Damage.UNREADABLE, damage.reason) from damage
    if found not in (record.sha256, announced):
        size = (dataset.root / record.path).stat().st_size
        length = "as long, with other bytes" if size == record.bytes else f"{size:,} bytes, were {record.bytes:,}"
        raise _Faulty(Damage.CHANGED, f"is not the file that was published ({length})")
    if found == record.sha256 and len(rows) != record.rows:
        raise _Faulty(Damage.CHANGED, f"has {len(rows)} rows, recorded were {record.rows}")
    return rows


def _misplaced(table: Table, part: str, zone: ZoneInfo, path: str, rows: pa.Table) -> list[Fault]:
    """Rows whose moment is of another partition."""
    if table.partition is None:
        return []
    first, end = _bounds(table, part, zone)
    moments = pc.coalesce(*(rows[name] for name in table.moments))
    inside = pc.and_(pc.greater_equal(moments, pa.scalar(first)), pc.less(moments, pa.scalar(end)))
    wrong = rows.filter(pc.invert(pc.fill_null(inside, False)))
    if not len(wrong):
        return []
    detail = f"{len(wrong)} rows are of another {table.partition} (first: {key_column(table, wrong)[0]})"
    return [Fault(Damage.MISPLACED, path, detail)]


def _bounds(table: Table, part: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    if table.partition == "date":
        first = datetime.strptime(part, "%Y-%m-%d").replace(tzinfo=zone)
        return first, first + timedelta(days=1)
    first = datetime.strptime(part, "%Y-%m").replace(tzinfo=zone)
    return first, (first + timedelta(days=31)).replace(day=1)


# All files -----------------------------------------------------------------------------------------------------------


def _doubled(keys: dict[str, pa.ChunkedArray], leaving: set[str]) -> list[Fault]:
    """Keys that stand twice in a table, one fault for each set of files that share some."""
    if not keys:
        return []
    counts = pc.value_counts(pa.chunked_array([chunk for column in keys.values() for chunk in column.chunks]))
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    shared = defaultdict(list)
    for key in set(twice.to_pylist()) - leaving:
        shared[tuple(path for path, column in keys.items() if pc.any(pc.equal(column, key)).as_py())].append(key)
    faults = []
    for (first, *others), found in shared.items():
        where = f"also in {', '.join(others)}" if others else "twice in it"
        faults.append(Fault(Damage.DOUBLED, first, f"{len(found)} rows stand {where} (first: {min(found)})"))
    return faults


def _leaving(ledger: Ledger) -> set[str]:
    """Stories that a publish has yet to take out of the partition that they moved from."""
    return {key for act, key in ledger.outbox.keys(TABLES["stories"]) if act == "drop"}


def _lost(dataset: DataFolder, ledger: Ledger, stories: set[str]) -> list[Fault]:
    """Stories that the ledger remembers and no file or outbox holds: they would never be asked for as new again."""
    waiting = {key for _, key in ledger.outbox.keys(TABLES["stories"])}
    lost = ledger.stories.ids() - stories - waiting
    if not lost:
        return []
    path = str(dataset.ledger(ledger.site).relative_to(dataset.root))
    return [Fault(Damage.LOST, path, f"remembers {len(lost)} stories that no file holds (first: {min(lost)})")]


def _leftovers(dataset: DataFolder, site: str) -> list[Fault]:
    names = sorted(path.name for path in dataset.staging.glob(f"{site}-*{UNFINISHED}"))
    return [Fault(Damage.LEFTOVER, f"{dataset.staging.name}/{n}", "was left by a killed publish") for n in names]


def _strangers(dataset: DataFolder, ledger: Ledger) -> Iterator[Fault]:
    """What lies where readers look and no publish put there; other sites' folders are their own ledgers' business."""
    files = {file.path for file in (*ledger.outbox.files(), *ledger.outbox.prepared())}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}

    def strangers(folder: Path) -> Iterator[str]:
        for path in sorted(folder.iterdir()):
            relative = path.relative_to(dataset.root).as_posix()
            if path.is_symlink() or not (path.is_dir() or relative in files):
                yield relative
            elif relative in folders:
                yield from strangers(path)
            elif path.is_dir() and not _of_another_site(path, ledger.site) and _holds_anything(path):
                yield relative

    for table in TABLES.values():
        if (dataset.root / table.name).is_dir():
            for relative in strangers(dataset.root / table.name):
                yield Fault(Damage.FOREIGN, relative, "is nothing that was published")


def _of_another_site(folder: Path, site: str) -> bool:
    key, _, name = folder.name.partition("=")
    return key == "site" and is_site(name) and name != site


def _holds_anything(folder: Path) -> bool:
    """A folder without files is what a killed publish may leave; no reader minds it."""
    return any(not path.is_dir() for path in folder.rglob("*"))
