"""Rows that certain runs wrote, and their differences from those of the replay of these runs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.rebuild.differences import OF_RUN, TableDifference, compare_rows, comparing
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES, Table

#: Columns of these rows that later runs may have changed since.
_CHANGED_LATER = {
    "stories": ("fetched_at", "url", "section", "cluster_id", "gone_after", "gone_by"),
    "rankings": ("last_observed_at",),
}
_REVISION = ("story_id", "revision")
#: Arrow tables by name; `stories` has superseded revisions too.
Rows = Mapping[str, pa.Table]


def rows_of(data_folder: DataFolder, site: str, run_ids: Collection[str]) -> Rows:
    """Return the rows that some runs of a site wrote."""
    wanted = pa.array(sorted(run_ids), pa.string())
    found = {table.name: pa.concat_tables(_rows(data_folder, site, table, wanted)) for table in TABLES.values()}
    found["stories"] = pa.concat_tables([found["stories"], found.pop("revisions")])
    # The moment at which it was decided not to request a URL depends on the speed of the machine.
    fetches = found["fetches"]
    at = fetches.column_names.index("fetched_at")
    moments = pc.if_else(pc.equal(fetches["attempts"], 0), None, fetches["fetched_at"])
    found["fetches"] = fetches.set_column(at, "fetched_at", moments)
    return found


def _rows(data_folder: DataFolder, site: str, table: Table, wanted: Any) -> Iterator[pa.Table]:
    yield table.schema.empty_table().replace_schema_metadata()
    for part, _ in data_folder.published(table, site):
        rows = data_folder.read(table, site, part)
        assert rows is not None
        yield rows.filter(pc.is_in(rows["run_id"], value_set=wanted)).cast(table.schema).replace_schema_metadata()


def row_differences(before: Rows, after: Rows, scratch: DataFolder, *, is_newest: bool) -> list[TableDifference]:
    """Compare the rows of runs with those of their replay.

    :param is_newest: True if no run came after these runs, so that all columns are comparable
    """
    ignored: Mapping[str, Sequence[str]] = {**OF_RUN, **({} if is_newest else _CHANGED_LATER)}
    with comparing(scratch) as connection:
        return [compare_rows(connection, name, (before[name], after[name]), _key(name), ignored) for name in before]


def _key(name: str) -> Sequence[str]:
    return _REVISION if name == "stories" else TABLES[name].key
