"""Differences between the tables of two data folders: rows added and removed, and changes per column."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb

MAX_EXAMPLES, MAX_TEXT = 3, 200
# The time at which a row was dropped, and the file with its page, are of the run that dropped it.
OF_RUN: Mapping[str, Sequence[str]] = {"rejects": ("rejected_at", "page")}


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
    with comparing(after) as connection:
        return [
            compare_rows(
                connection, table.name, (_rows(table, before, site), _rows(table, after, site)), table.key, OF_RUN
            )
            for table in TABLES.values()
        ]


@contextmanager
def comparing(scratch: DataFolder) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Yield a connection to DuckDB, which may use the folder for temporary files of ``scratch``."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GiB", "temp_directory": str(scratch.staging)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        yield connection


def compare_rows(
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    rows: tuple[Any, Any],
    key: Sequence[str],
    not_compared: Mapping[str, Sequence[str]],
) -> TableDifference:
    """Compare the rows of a table before and after, which are matched by the columns of ``key``.

    :param rows: two Arrow tables or datasets
    :param not_compared: columns that are left out, by table
    """
    for view, each in zip(("before", "after"), rows, strict=True):
        connection.register(view, each)
    ignored = not_compared.get(name, ())
    columns = [each for each in TABLES[name].columns if each not in ignored and each not in key]
    compared_key = [each for each in key if each not in ignored]
    same = " AND ".join(f"b.{each} IS NOT DISTINCT FROM a.{each}" for each in compared_key)
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
        ColumnDifference(column, n, _examples(connection, column, both, compared_key))
        for column, n in zip(columns, changed, strict=True)
        if n
    ]
    return TableDifference(name, rows_before, rows_after, added, removed, found)


def _rows(table: Table, data_folder: DataFolder, site: str) -> Any:
    import pyarrow.dataset as ds

    files = [str(data_folder.root / path) for _, path in data_folder.published(table, site)]
    if not files:
        return table.schema.empty_table()
    return ds.dataset(files, schema=table.schema, format="parquet")


def _one(connection: "duckdb.DuckDBPyConnection", query: str) -> tuple[int, ...]:
    [row] = connection.execute(query).fetchall()
    return tuple(row)


def _examples(
    connection: "duckdb.DuckDBPyConnection", column: str, both: str, key: Sequence[str]
) -> list[tuple[str, str | None, str | None]]:
    shown = ", ".join(f"a.{name}" for name in key)
    text = ", ".join(f"CAST({side}.{column} AS VARCHAR)" for side in "ba")
    query = (
        f"SELECT concat_ws(' ', {shown}), {text} FROM {both} WHERE b.{column} IS DISTINCT FROM a.{column}"
        f" ORDER BY {shown} LIMIT {MAX_EXAMPLES}"
    )
    return [(str(name), *excerpts(before, after)) for name, before, after in connection.execute(query).fetchall()]


def excerpts(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    """Return at most ``MAX_TEXT`` characters of two values, beginning a little before their first difference."""
    pairs = zip(before or "", after or "", strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = max(0, same - MAX_TEXT // 4) if same > MAX_TEXT // 2 else 0
    cut = [text and "…" * bool(start) + text[start : start + MAX_TEXT] for text in (before, after)]
    return cut[0], cut[1]
