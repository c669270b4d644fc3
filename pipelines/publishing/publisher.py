"""Publish: the outbox goes into the partition files that it touches, and not a row is lost or doubled on the way.

Every step can be the last one before a crash, and publishing again puts it right:

1. What an earlier publish left: a file that was put in place is recorded, a file that was not is forgotten.
2. Rows that no file can hold become rejects, so that one bad row never stops the others.
3. Per partition: read, lay the changes over, write aside, announce in the ledger, rename, record and clear the outbox.
   A revision that no longer stands in `stories` is in `revisions` before the file that held it is replaced.
4. Last of all, and only when every story stands where it belongs, it is taken out of where it stood. So it may for a
   moment stand twice, but there is no moment in which it stands nowhere. (Who reads many files sees each at another
   moment; that the old place is emptied last makes it hard to come too early for the one and too late for the other.)
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.publishing.invalid_rows import divert_bad_rows
from pipelines.publishing.merge import Merged, Row, lay_over, take_out
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.failpoint import reached
from pipelines.storage.tables import TABLES, Table

_STORIES, _REVISIONS = TABLES["stories"], TABLES["revisions"]


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish did, by table: rows put into files, files written or removed; and rows diverted to rejects."""

    rows: dict[str, int]
    files: dict[str, int]
    diverted: int


def publish(dataset: DataFolder, ledger: Ledger) -> Published:
    """Move everything in the outbox into Parquet.

    Raises :class:`DataDamaged` for the first file that is not what the ledger says it is, after everything that does
    not depend on such a file has been published; what does waits in the outbox.
    """
    ledger.commit()
    reached("publish.begun")
    recover(dataset, ledger)
    publication = _Publication(dataset, ledger, divert_bad_rows(ledger))
    waiting = ledger.outbox.pending()
    for name in ("revisions", "stories", "aliases", "rankings", "sightings", "fetches", "rejects"):
        publication.merge_all(TABLES[name], _parts(waiting, name))
    reached("publish.merged")
    publication.take_out_what_moved()
    reached("publish.done")
    if publication.damaged:
        raise publication.damaged[0]
    return Published(dict(+publication.rows), dict(publication.files), publication.diverted)


def recover(dataset: DataFolder, ledger: Ledger) -> None:
    """Bring the ledger's record of files in line with what a killed publish left, and clear its staged files.

    Nothing is cleared from the outbox: laying the same changes over a file that has them already changes nothing.
    """
    for prepared in ledger.outbox.prepared():
        in_place = dataset.digest(prepared.path) == prepared.sha256
        if in_place:  # but perhaps not for good: whoever put it there may not have come to sync it
            dataset.sync_place(prepared.path)
        reached("recover.synced")
        with ledger.transaction():
            ledger.outbox.settle(prepared if in_place else ledger.outbox.file(prepared.path))
        reached("recover.settled")
    dataset.clear_staging(ledger.site)
    reached("recover.cleared")


def _parts(waiting: Mapping[tuple[str, str], list[int]], table: str) -> dict[str, list[int]]:
    """Of all that waits the partitions of one table."""
    return {part: seqs for (name, part), seqs in waiting.items() if name == table}


@dataclass(slots=True)
class _Publication:
    """One publish under way."""

    dataset: DataFolder
    ledger: Ledger
    diverted: int
    rows: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    damaged: list[DataDamaged] = field(default_factory=list)

    def merge_all(self, table: Table, parts: Mapping[str, Sequence[int]]) -> None:
        """Publish the changes of a table, by partition, but for the rows that are leaving one."""
        for part, seqs in parts.items():
            try:
                self._merge(table, part, seqs)
            except DataDamaged as damage:
                self.damaged.append(damage)

    def _merge(self, table: Table, part: str, seqs: Sequence[int]) -> None:
        changes = self.ledger.outbox.changes(table, seqs)
        standing = self._standing(table, part)
        merged = lay_over(table, standing, changes)
        if table is _STORIES:
            self._keep_revisions(merged)
        done = [change.seq for change in changes if change.key not in merged.leaving]
        self._replace(table, part, standing, merged.rows, done)
        self.rows[table.name] += merged.put

    def _keep_revisions(self, merged: Merged) -> None:
        parts = defaultdict(list)
        with self.ledger.transaction():
            for row in merged.displaced:
                if not self._still_stands(row, merged.leaving):
                    part = _REVISIONS.part_of(row, self.ledger.zone)
                    parts[part].append(self.ledger.outbox.put(_REVISIONS, part, row))
        reached("publish.displaced")
        for part, seqs in sorted(parts.items()):
            self._merge(_REVISIONS, part, seqs)

    def _still_stands(self, row: Row, leaving: set[str]) -> bool:
        """Whether a row that leaves a partition moved as it was: then it is no superseded revision."""
        known = self.ledger.stories.get(row["story_id"]) if row["story_id"] in leaving else None
        return known is not None and known.revision == row["revision"]

    def take_out_what_moved(self) -> None:
        """Take stories out of the partitions that they left, if all that is new of them is in place."""
        if any(damage.path.parts[0] in (_STORIES.name, _REVISIONS.name) for damage in self.damaged):
            return
        for part, seqs in _parts(self.ledger.outbox.pending(), _STORIES.name).items():
            changes = self.ledger.outbox.changes(_STORIES, seqs)
            standing = self._standing(_STORIES, part)
            rows = take_out(_STORIES, standing, (change.key for change in changes))
            self._replace(_STORIES, part, standing, rows, [change.seq for change in changes])
            reached("publish.emptied")

    def _standing(self, table: Table, part: str) -> pa.Table:
        """The partition as it is on disk, which must be what the ledger recorded; no rows where there is no file."""
        path = table.path(self.ledger.site, part)
        recorded, found = self.ledger.outbox.file(str(path)).sha256, self.dataset.digest(str(path))
        if recorded != found:
            raise DataDamaged(path, "is missing" if not found else "is not the file that was published")
        rows = self.dataset.read(table, self.ledger.site, part)
        return table.schema.empty_table() if rows is None else rows

    def _replace(self, table: Table, part: str, before: pa.Table, rows: pa.Table, done: list[int]) -> None:
        """Make a partition hold exactly these rows and clear the outbox of what is done with that."""
        path = table.path(self.ledger.site, part)
        record = self.ledger.outbox.file(str(path))
        if not rows.equals(before):
            record = self._put_in_place(table, FileRecord(str(path), 0, 0, ""), rows)
            self.files[table.name] += 1
        with self.ledger.transaction():
            self.ledger.outbox.settle(record)
            self.ledger.outbox.clear(done)
            reached("publish.settling")
        reached("publish.settled")

    def _put_in_place(self, table: Table, record: FileRecord, rows: pa.Table) -> FileRecord:
        staged = self.dataset.stage(table, self.ledger.site, rows) if len(rows) else None
        if staged:
            record = FileRecord(record.path, staged.rows, staged.bytes, staged.sha256)
        with self.ledger.transaction():
            self.ledger.outbox.prepare(record)
            reached("publish.announcing")
        reached("publish.prepared")
        if staged:
            self.dataset.commit(staged, record.path)
        else:
            self.dataset.remove(record.path)
        return record
