"""Merge of pending row changes into the published rows of a partition, in memory and without access to any file.

Merging the same changes a second time gives the same rows, so the merge can be repeated after a crash at any moment.
Only rows whose key occurs in a change are converted to Python objects; the others stay in Arrow tables.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger.outbox import Change
from pipelines.storage.tables import KEY_SEPARATOR, Table

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """Result of merging changes into the rows of a partition.

    :ivar rows: all rows of the partition, sorted
    :ivar superseded: old revisions that were replaced by newer ones
    :ivar moved: keys of rows that now belong to another partition. These rows are still in ``rows``; they are removed
        only after the other partition has been published.
    """

    rows: pa.Table
    superseded: list[Row]
    moved: set[str]


def merge(table: Table, published: pa.Table, changes: Sequence[Change]) -> Merged:
    """Apply changes, given oldest first, to the published rows of a partition; return the resulting rows."""
    named = _named(table, key_column(table, published), changes)
    merger = _Merger(table, {table.key_of(row): row for row in published.filter(named).to_pylist()})
    for change in changes:
        if change.act == "put":
            merger.put(change.key, change.row)
        elif change.act == "drop":
            merger.drop(change.key)
        else:
            merger.touch(change.key, change.row)
    changed = pa.Table.from_pylist(list(merger.finish().values()), schema=table.schema)
    rows = sort_rows(table, pa.concat_tables([published.filter(pc.invert(named)), changed]))
    return Merged(rows, list(merger.superseded.values()), merger.moved)


def remove_rows(table: Table, rows: pa.Table, keys: Iterable[str]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(key_column(table, rows), value_set=pa.array(sorted(set(keys)), pa.string()))))


def sort_rows(table: Table, rows: pa.Table) -> pa.Table:
    """Sort rows by the table's sort columns and then by its key, with nulls last.

    The order is unique, so that equal rows give an identical file.
    """
    names = dict.fromkeys((*table.order, *table.key))
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending", "at_end") for name in names]))


def key_column(table: Table, rows: pa.Table) -> pa.ChunkedArray:
    """Return an Arrow column with the key of each row as text, in the same form as :meth:`Table.key_of`."""
    parts = [_as_text(rows[name]) for name in table.key]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, KEY_SEPARATOR)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_timestamp(column.type):
        return pc.fill_null(column.cast(pa.string()), "None")
    # Same text as from `isoformat`, which omits a fraction of zero. The cast removes the time zone, because formatting
    # with one would need a time zone database.
    text = pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%S")
    text = pc.replace_substring_regex(text, r"\.000000$", "")
    return pc.fill_null(pc.binary_join_element_wise(text, "+00:00", ""), "None")


def _named(table: Table, keys: pa.ChunkedArray, changes: Sequence[Change]) -> pa.ChunkedArray:
    """Return a Boolean mask of the rows that some change applies to, because it has their key or a prefix of it."""
    names = {change.key for change in changes}
    mask = pc.is_in(keys, value_set=pa.array(sorted(names), pa.string()))
    for prefix in sorted(name for name in names if _is_prefix(table, name)):
        mask = pc.or_(mask, pc.starts_with(keys, prefix + KEY_SEPARATOR))
    return mask


def _is_prefix(table: Table, key: str) -> bool:
    return key.count(KEY_SEPARATOR) < len(table.key) - 1


@dataclass(slots=True)
class _Merger:
    """Accumulator that applies changes one by one to the rows that have the keys of the changes.

    :ivar published: rows of the published file, by key
    :ivar new: rows inserted by the changes, by key
    :ivar superseded: old revisions that were replaced, by key and revision number
    :ivar moved: keys of rows that now belong to another partition
    """

    table: Table
    published: dict[str, Row]
    new: dict[str, Row] = field(default_factory=dict)
    superseded: dict[tuple[str, int], Row] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)

    def put(self, key: str, row: Row) -> None:
        before = self.new.get(key)
        if before is not None and _revision(before) > _revision(row):
            self._supersede(key, row)
            return
        if before is not None and _revision(before) < _revision(row):
            self._supersede(key, before)
        self.new[key] = dict(row)

    def drop(self, key: str) -> None:
        """Mark a row as moved to another partition.

        If a later change inserts a row with this key again, the inserted row supersedes the published one as usual.
        """
        if key in self.new:
            self._supersede(key, self.new.pop(key))
        self.moved.add(key)

    def touch(self, key: str, columns: Row) -> None:
        """Update columns of the row with this key; if ``key`` is only the first part of a key, update all rows with it.

        If a row has both a published and a new revision, only the newer one is updated.
        """
        names = {key}
        if _is_prefix(self.table, key):
            names = {name for name in (*self.new, *self.published) if name.startswith(key + KEY_SEPARATOR)}
        for name in names:
            new, old = self.new.get(name), self.published.get(name)
            if new is not None:
                _set_columns(new, columns)
            if old is not None and (new is None or _revision(old) > _revision(new)):
                _set_columns(old, columns)

    def _supersede(self, key: str, row: Row) -> None:
        self.superseded[key, _revision(row)] = row

    def finish(self) -> dict[str, Row]:
        """Return the resulting rows by key, including those that belong to another partition now."""
        self.moved -= self.new.keys()
        rows = dict(self.published)
        for key, row in self.new.items():
            if key in rows and _revision(rows[key]) > _revision(row):
                self._supersede(key, row)
            else:
                rows[key] = row
        for key, old in self.published.items():
            if key in self.moved or rows[key] is not old:
                self.superseded.setdefault((key, _revision(old)), old)  # a new row of the same revision is newer
        for key in rows.keys() - self.moved:
            self.superseded.pop((key, _revision(rows[key])), None)
        return rows


def _revision(row: Row) -> int:
    return row.get("revision") or 0


def _set_columns(row: Row, columns: Row) -> None:
    """Update columns of a row; a time is replaced only by a later time."""
    for name, value in columns.items():
        before = row[name]
        row[name] = max(before, value) if isinstance(before, datetime) and isinstance(value, datetime) else value
