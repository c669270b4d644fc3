"""Differences between the tables of two data folders: rows added and removed, and changes per column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb

MAX_EXAMPLES, MAX_TEXT = 3, 200
# The time at which a row was dropped, and the file with its page, are of the run that dropped it.
_OF_RUN = {"rejects": ("rejected_at", "page")}


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """Rows in which a column differs.

    :ivar examples: some of them, each with the key of the row, the value before and the value after
    """

    column: str
    rows: int
    examples: Sequence[tuple[str, str | None, str | None]]


@dataclass(frozen=True, slots=True)
class TableDifference:
    table: str
    before: int
    after: int
    added: int
    removed: int
    columns: Sequence[ColumnDifference]


def differences(before: DataFolder, after: DataFolder, site: str) -> list[TableDifference]:
    """Compare all tables of a site; rows are matched by their key."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GiB", "temp_directory": str(after.staging)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        return [_difference(connection, table, before, after, site) for table in TABLES.values()]


def _difference(
    connection: "duckdb.DuckDBPyConnection", table: Table, before: DataFolder, after: DataFolder, site: str
) -> TableDifference:
    for name, data_folder in (("before", before), ("after", after)):
        files = [str(data_folder.root / path) for _, path in data_folder.published(table, site)]
        connection.register(name, _rows(table, files))
    ignored = _OF_RUN.get(table.name, ())
    columns = [name for name in table.columns if name not in ignored and name not in table.key]
    same = " AND ".join(f"b.{name} IS NOT DISTINCT FROM a.{name}" for name in table.key if name not in ignored)
    both = f"before b JOIN after a ON {same}"
    rows_before, rows_after, added, removed = _one(
        connection,
        f"SELECT (SELECT count(*) FROM before), (SELECT count(*) FROM after),"
        f" (SELECT count(*) FROM after a ANTI JOIN before b ON {same}),"
        f" (SELECT count(*) FROM before b ANTI JOIN after a ON {same})",
    )
    changed = _one(
        connection,
        f"SELECT {', '.join(f'count(*) FILTER (b.{n} IS DISTINCT FROM a.{n})' for n in columns)} FROM {both}",
    )
    found = [
        ColumnDifference(name, rows, _examples(connection, table, name, both, ignored))
        for name, rows in zip(columns, changed, strict=True)
        if rows
    ]
    return TableDifference(table.name, rows_before, rows_after, added, removed, found)


def _rows(table: Table, files: Sequence[str]) -> Any:
    import pyarrow.dataset as ds

    if not files:
        return table.schema.empty_table()
    return ds.dataset(files, schema=table.schema, format="parquet")


def _one(connection: "duckdb.DuckDBPyConnection", query: str) -> tuple[int, ...]:
    [row] = connection.execute(query).fetchall()
    return tuple(row)


def _examples(
    connection: "duckdb.DuckDBPyConnection", table: Table, column: str, both: str, ignored: Sequence[str]
) -> list[tuple[str, str | None, str | None]]:
    key = [f"a.{name}" for name in table.key if name not in ignored]
    text = ", ".join(f"left(CAST({side}.{column} AS VARCHAR), {MAX_TEXT})" for side in "ba")
    query = (
        f"SELECT concat_ws(' ', {', '.join(key)}), {text} FROM {both} WHERE b.{column} IS DISTINCT FROM a.{column}"
        f" ORDER BY {', '.join(key)} LIMIT {MAX_EXAMPLES}"
    )
    return [(str(row[0]), row[1], row[2]) for row in connection.execute(query).fetchall()]
