"""What a partition becomes when its waiting changes are laid over the rows that stand: pure, no files, no ledger.

Laying the same changes over the result changes nothing: that is what makes a publish safe to repeat after a crash at
any moment. Only the rows that a change names are handled one by one.
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
    """A partition with its changes in it.

    ``displaced`` are the revisions that no longer stand anywhere in it; ``leaving`` are the keys of rows that moved to
    another partition. Those are still in ``rows`` and are taken out when the other partition has them.
    """

    rows: pa.Table
    put: int
    displaced: list[Row]
    leaving: set[str]


def lay_over(table: Table, standing: pa.Table, changes: Sequence[Change]) -> Merged:
    """Lay changes, oldest first, over the rows that stand (both in the table's schema)."""
    keys = key_column(table, standing)
    named = _named(table, keys, changes)
    old = standing.filter(named).to_pylist()
    fold = _Fold(table, {table.key_of(row): row for row in old})
    for change in changes:
        if change.act == "put":
            fold.put(change.key, change.row)
        elif change.act == "drop":
            fold.drop(change.key)
        else:
            fold.touch(change.key, change.row)
    final = fold.final()
    fresh = pa.Table.from_pylist(list(final.values()), schema=table.schema)
    rows = in_order(table, pa.concat_tables([standing.filter(pc.invert(named)), fresh]))
    return Merged(rows, len(fold.new), list(fold.displaced.values()), fold.leaving)


def take_out(table: Table, standing: pa.Table, keys: Iterable[str]) -> pa.Table:
    """The rows without those of the given keys."""
    leaving = pa.array(sorted(set(keys)), pa.string())
    return standing.filter(pc.invert(pc.is_in(key_column(table, standing), value_set=leaving)))


def in_order(table: Table, rows: pa.Table) -> pa.Table:
    """The rows in the table's order, nulls last, ties by key: the same rows always come in the same order."""
    names = (*table.order, *(name for name in table.key if name not in table.order))
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending", "at_end") for name in names]))


def key_column(table: Table, rows: pa.Table) -> pa.ChunkedArray:
    """What :meth:`Table.key_of` gives for each row."""
    parts = [_as_text(rows[name]) for name in table.key]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, KEY_SEPARATOR)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_timestamp(column.type):
        return pc.fill_null(column.cast(pa.string()), "None")
    # As `isoformat` writes it: no fraction where there is none. Without a zone, so that no zone database is needed.
    text = pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%S")
    text = pc.replace_substring_regex(text, r"\.000000$", "")
    return pc.fill_null(pc.binary_join_element_wise(text, "+00:00", ""), "None")


def _named(table: Table, keys: pa.ChunkedArray, changes: Sequence[Change]) -> pa.ChunkedArray:
    """Which rows a change names, by key or by the first parts of it."""
    names = {change.key for change in changes}
    found = pc.is_in(keys, value_set=pa.array(sorted(names), pa.string()))
    for name in sorted(name for name in names if _is_prefix(table, name)):
        found = pc.or_(found, pc.starts_with(keys, name + KEY_SEPARATOR))
    return found


def _is_prefix(table: Table, key: str) -> bool:
    return key.count(KEY_SEPARATOR) < len(table.key) - 1


@dataclass(slots=True)
class _Fold:
    """The rows that changes name: those that stand, and those that were put since, by key."""

    table: Table
    standing: dict[str, Row]
    new: dict[str, Row] = field(default_factory=dict)
    displaced: dict[tuple[str, int], Row] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)

    def put(self, key: str, row: Row) -> None:
        before = self.new.get(key)
        if before is not None and _revision(before) > _revision(row):
            self._displace(key, row)
            return
        if before is not None and _revision(before) < _revision(row):
            self._displace(key, before)
        self.new[key] = dict(row)

    def drop(self, key: str) -> None:
        """The row goes; one that is put later comes back, and then what stood is displaced by it like any other."""
        if key in self.new:
            self._displace(key, self.new.pop(key))
        self.leaving.add(key)

    def touch(self, key: str, columns: Row) -> None:
        # A row that stands is only touched where no newer one hides it: the newer one replaces it whole.
        for name in self._matching(key):
            fresh, old = self.new.get(name), self.standing.get(name)
            if fresh is not None:
                _set_later(fresh, columns)
            if old is not None and (fresh is None or _revision(old) > _revision(fresh)):
                _set_later(old, columns)

    def _matching(self, key: str) -> set[str]:
        if not _is_prefix(self.table, key):
            return {key}
        return {name for name in (*self.new, *self.standing) if name.startswith(key + KEY_SEPARATOR)}

    def _displace(self, key: str, row: Row) -> None:
        self.displaced[key, _revision(row)] = row

    def final(self) -> dict[str, Row]:
        """The rows of the named keys as they end, those that are leaving included."""
        self.leaving -= self.new.keys()
        rows = dict(self.standing)
        for key, row in self.new.items():
            if key in rows and _revision(rows[key]) > _revision(row):
                self._displace(key, row)
            else:
                rows[key] = row
        for key, old in self.standing.items():
            if key in self.leaving or rows[key] is not old:
                self.displaced.setdefault((key, _revision(old)), old)  # a put of the same revision is the later word
        for key in rows.keys() - self.leaving:
            self.displaced.pop((key, _revision(rows[key])), None)
        return rows


def _revision(row: Row) -> int:
    return row.get("revision") or 0


def _set_later(row: Row, columns: Row) -> None:
    """Set columns; a moment never goes back."""
    for name, value in columns.items():
        before = row[name]
        row[name] = max(before, value) if isinstance(before, datetime) and isinstance(value, datetime) else value
