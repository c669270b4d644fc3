"""Publishing of stored rows: merge the outbox (rows not yet in Parquet) into the Parquet files of a site.

No row is lost or duplicated by a crash. After a crash at any step, publishing again completes the work:

1. Handle the files of an interrupted publish. A file that was renamed into place is recorded in the ledger; the
   announcement of any other file is deleted.
2. Replace rows that do not fit the schema of their table by rejects.
3. For each partition with changes, read its file, merge the changes, write the result to `.staging/`, announce it in
   the ledger, rename it into place, record it and delete the changes from the outbox. An old revision is published in
   the table `revisions` before the file that contained it is replaced.
4. Remove the stories that moved to another partition from their old one, after all of them are in their new partitions.
   A program that reads the files meanwhile may see such a story twice, but always sees it at least once.
5. After a release that adds a column to a table, rewrite once each of its files that lacks the column.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import pyarrow as pa

from crawler.clock import now
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import FileRecord
from pipelines.publishing.invalid_rows import reject_invalid_rows
from pipelines.publishing.merge import Merged, Row, merge, remove_rows
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.failpoint import reached
from pipelines.storage.parquet import column_names
from pipelines.storage.tables import TABLES, Table

_STORIES, _REVISIONS = TABLES["stories"], TABLES["revisions"]
#: Names of the tables in the order in which their files are written.
PUBLISH_ORDER = ("revisions", "stories", "aliases", "rankings", "sightings", "fetches", "rejects")


def publish(data_folder: DataFolder, ledger: Ledger) -> None:
    """Write all rows in the outbox (rows not yet in Parquet) to the Parquet files, and delete them from the outbox.

    A file that differs from its record in the ledger is not replaced, and the rows for it stay in the outbox. After all
    other files are published, :class:`DataDamaged` is raised for the first such file.
    """
    ledger.commit()
    _finish_interrupted(data_folder, ledger)
    publication = _Publication(data_folder, ledger)
    reject_invalid_rows(ledger)
    waiting = ledger.outbox.pending()
    for name in PUBLISH_ORDER:
        publication.merge_all(TABLES[name], _parts(waiting, name))
    reached("publish.merged")
    publication.remove_moved()
    for table in ledger.outbox.outdated():
        publication.add_columns(table)
    if publication.damaged:
        raise publication.damaged[0]


def remove_parts(data_folder: DataFolder, ledger: Ledger, table: Table, before: str) -> int:
    """Delete the partitions of a table that lie before the date ``before``; return the number of deleted partitions.

    The ledger records each deletion before and after it takes place, so that the next call completes it after a crash.
    """
    ledger.commit()
    _finish_interrupted(data_folder, ledger)
    publication = _Publication(data_folder, ledger)
    old = [part for part, _ in data_folder.published(table, ledger.site) if part < before]
    for part in old:
        publication.write(table, part, None)
        reached("prune.removed")
    return len(old)


def rewrite(
    data_folder: DataFolder, ledger: Ledger, table: Table, change: Callable[[pa.Table], pa.Table], until: str = "~"
) -> int:
    """Replace the rows of each partition of a table up to ``until`` by the result of a function.

    Returns the number of rows that were removed. Call :func:`publish` before, because the function is not applied to
    rows in the outbox.
    """
    publication, removed = _Publication(data_folder, ledger), 0
    for part, _ in ledger.outbox.files_of(table):
        if part <= until:
            before = publication._read(table, part)
            rows = change(before)
            if not rows.equals(before):
                publication.write(table, part, rows if len(rows) else None)
                removed += len(before) - len(rows)
    return removed


def fill_empty_tables(data_folder: DataFolder, ledger: Ledger) -> None:
    """Write a Parquet file without rows for each table that has none, so that any program can open the table.

    The file is in the partition of the current date, and is removed after rows are published in another partition.
    """
    publication = _Publication(data_folder, ledger)
    for table in TABLES.values():
        files = ledger.outbox.files_of(table)
        if not files:
            moments = dict.fromkeys(table.moments, now())
            publication.write(table, table.part_of(moments, ledger.zone), table.schema.empty_table())
        elif any(file.rows for _, file in files):
            for part in [part for part, file in files if not file.rows]:
                publication.write(table, part, None)
    for table in ledger.outbox.outdated():
        publication.add_columns(table)


def _finish_interrupted(data_folder: DataFolder, ledger: Ledger) -> None:
    """Complete or cancel the file replacements of an interrupted publish, and delete its files in `.staging/`.

    The rows stay in the outbox, because merging the same changes again gives the same rows.
    """
    for prepared in ledger.outbox.prepared():
        in_place = data_folder.digest(prepared.path) == prepared.sha256
        if in_place:  # its folder may not be synced
            data_folder.sync_place(prepared.path)
        reached("recover.synced")
        with ledger.transaction():
            ledger.outbox.settle(prepared if in_place else ledger.outbox.file(prepared.path))
        reached("recover.settled")
    data_folder.clear_staging(ledger.site)
    reached("recover.cleared")


def _parts(waiting: Mapping[tuple[str, str], list[int]], table: str) -> dict[str, list[int]]:
    return {part: seqs for (name, part), seqs in waiting.items() if name == table}


@dataclass(slots=True)
class _Publication:
    data_folder: DataFolder
    ledger: Ledger
    damaged: list[DataDamaged] = field(default_factory=list)

    def merge_all(self, table: Table, parts: Mapping[str, Sequence[int]]) -> None:
        for part, seqs in parts.items():
            try:
                self._merge(table, part, seqs)
            except DataDamaged as damage:
                self.damaged.append(damage)

    def _merge(self, table: Table, part: str, seqs: Sequence[int]) -> None:
        changes = self.ledger.outbox.changes(table, seqs)
        before = self._read(table, part)
        merged = merge(table, before, changes)
        if table is _STORIES:
            self._keep_revisions(merged)
        self._replace(
            table, part, before, merged.rows, [change.seq for change in changes if change.key not in merged.moved]
        )

    def _keep_revisions(self, merged: Merged) -> None:
        parts = defaultdict(list)
        with self.ledger.transaction():
            for row in merged.superseded:
                if not self._moved_unchanged(row, merged.moved):
                    part = _REVISIONS.part_of(row, self.ledger.zone)
                    parts[part].append(self.ledger.outbox.put(_REVISIONS, part, row))
        reached("publish.displaced")
        for part, seqs in sorted(parts.items()):
            self._merge(_REVISIONS, part, seqs)

    def _moved_unchanged(self, row: Row, moved: set[str]) -> bool:
        known = self.ledger.stories.get(row["story_id"]) if row["story_id"] in moved else None
        return known is not None and known.revision == row["revision"]

    def remove_moved(self) -> None:
        """Delete the stories that moved to another partition from their old partition.

        If a file of the table `stories` or `revisions` is damaged, nothing is deleted.
        """
        if any(damage.path.parts[0] in (_STORIES.name, _REVISIONS.name) for damage in self.damaged):
            return
        for part, seqs in _parts(self.ledger.outbox.pending(), _STORIES.name).items():
            changes = self.ledger.outbox.changes(_STORIES, seqs)
            before = self._read(_STORIES, part)
            rows = remove_rows(_STORIES, before, (change.key for change in changes))
            self._replace(_STORIES, part, before, rows, [change.seq for change in changes])
            reached("publish.emptied")

    def add_columns(self, table: Table) -> None:
        """Rewrite each file of a table that lacks one of its columns; the column is null in all rows of the file."""
        damaged = len(self.damaged)
        for part, file in self.ledger.outbox.files_of(table):
            path = PurePath(file.path)
            try:
                if column_names(self.data_folder.root / path, path) != table.columns:
                    self.write(table, part, self._read(table, part))
            except DataDamaged as damage:
                self.damaged.append(damage)
        if len(self.damaged) == damaged:
            with self.ledger.transaction():
                self.ledger.outbox.mark_current(table)

    def _read(self, table: Table, part: str) -> pa.Table:
        """Return the published rows of a partition.

        Raises :class:`DataDamaged` if the file is missing, or if its hash is not the one recorded when it was
        published.
        """
        path = table.path(self.ledger.site, part)
        recorded, digest = self.ledger.outbox.file(str(path)).sha256, self.data_folder.digest(path)
        if recorded != digest:
            raise DataDamaged(path, "is not the file that was published" if digest else "is missing")
        rows = self.data_folder.read(table, self.ledger.site, part)
        return table.schema.empty_table() if rows is None else rows

    def _replace(self, table: Table, part: str, before: pa.Table, rows: pa.Table, done: list[int]) -> None:
        """Replace the file of a partition if its rows changed, and delete the merged changes from the outbox.

        :param before: present rows of the file
        :param done: sequence numbers of the merged changes
        """
        if not rows.equals(before):
            self.write(table, part, rows if len(rows) else None, done)
            return
        with self.ledger.transaction():
            self.ledger.outbox.clear(done)
            reached("publish.settling")
        reached("publish.settled")

    def write(self, table: Table, part: str, rows: pa.Table | None, done: Sequence[int] = ()) -> None:
        """Write the file of a partition, or delete it if ``rows`` is None.

        :param done: sequence numbers of the merged changes, which are deleted from the outbox in the same transaction
        """
        path = str(table.path(self.ledger.site, part))
        staged = None if rows is None else self.data_folder.stage(table, self.ledger.site, rows)
        record = FileRecord(path, *(staged.rows, staged.bytes, staged.sha256) if staged else (0, 0, ""))
        with self.ledger.transaction():
            self.ledger.outbox.prepare(record)
            reached("publish.announcing")
        reached("publish.prepared")
        if staged:
            self.data_folder.commit(staged, path)
        else:
            self.data_folder.remove(path)
        with self.ledger.transaction():
            self.ledger.outbox.settle(record)
            self.ledger.outbox.clear(done)
            reached("publish.settling")
        reached("publish.settled")
