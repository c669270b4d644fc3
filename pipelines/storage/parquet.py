"""Writing and reading of Parquet files, with explicit schemas and page checksums."""

import errno
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES, Table

# Rows per row group. Parquet libraries decode whole row groups, so small ones make it faster to find a single story.
_ROWS_PER_GROUP, _STORIES_PER_GROUP = 10_000, 1_000
# Columns without statistics, because no query filters them by range. Their minima and maxima would make up most of the
# footer, which must be parsed to open a file.
_WITHOUT_STATISTICS = {
    "url", "headline", "kicker", "subtitle", "byline", "authors.list.element", "image_url", "image_caption",
    "image_credit", "body", "tags.list.element", "content_hash", "referrer", "page_url", "detail", "record", "page",
    "report",
}  # fmt: skip
# Dictionary encoding saves space only for columns with repeated values.
_REPEATING = {
    "section", "kicker", "byline", "authors.list.element", "edition", "agency", "image_credit", "tags.list.element",
    "language", "revision", "discovered_via", "depth", "layout", "run_id", "kind", "list", "rank", "page_url",
    "observed_at", "last_observed_at", "via", "referrer", "status", "outcome", "reason", "attempts", "archive_file",
}  # fmt: skip
# Errors caused by the machine, which do not mean that the file is damaged.
_MACHINE_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)


def write_rows(table: Table, rows: pa.Table, file: BinaryIO) -> None:
    """Write sorted rows to a Parquet file; equal rows always give the same bytes.

    :param rows: rows with all or some of the columns of the table
    """
    order = [(name, "ascending") for name in takewhile(rows.schema.names.__contains__, table.order)]
    group = _STORIES_PER_GROUP if "body" in rows.schema.names else _ROWS_PER_GROUP
    leaves = [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in rows.schema]
    pq.write_table(
        rows.combine_chunks(),  # the chunks of a column would show in the pages
        file,
        compression="zstd",
        compression_level=3,
        row_group_size=group,
        write_statistics=[name for name in leaves if name not in _WITHOUT_STATISTICS],
        use_dictionary=[name for name in leaves if name in _REPEATING],
        write_page_index=True,
        write_page_checksum=True,
        sorting_columns=pq.SortingColumn.from_ordering(rows.schema, order, null_placement="at_end"),
        bloom_filter_options={table.bloom: {"ndv": min(max(len(rows), 1), group)}} if table.bloom else None,
    )


def read_rows(table: Table, file: Path, path: PurePath) -> pa.Table:
    """Read a Parquet file and return its rows in the schema of a table; a column that the file lacks is null.

    Raises :class:`DataDamaged` if the file is truncated, has a wrong checksum or belongs to another table.

    :param path: path to name in the error message
    """
    try:
        # `read_table` would add columns from the names of the folders.
        with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
            found = parquet.read()
    except (PermissionError, MemoryError):
        raise
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) in _MACHINE_ERRORS:
            raise
        if "thread" in str(error):
            raise MemoryError(str(error)) from error
        raise DataDamaged(path, f"cannot be read ({str(error).splitlines()[0]})") from error
    return conform(table, found, path)


def column_names(file: Path, path: PurePath) -> list[str]:
    """Return the names of the columns of a Parquet file, read from its footer.

    Raises :class:`DataDamaged` if the footer cannot be read.

    :param path: path to name in the error message
    """
    try:
        return list(pq.read_schema(file).names)
    except (pa.ArrowException, OSError) as error:
        raise DataDamaged(path, f"cannot be read ({str(error).splitlines()[0]})") from error


def read_columns(root: Path, path: PurePath, columns: Sequence[str], filters: Any = None) -> pa.Table:
    """Return some columns of a published Parquet file; if it has been deleted since it was listed, return no rows.

    Raises :class:`DataDamaged` if the file cannot be read.
    """
    try:
        return pq.read_table(root / path, columns=list(columns), partitioning=None, filters=filters)
    except FileNotFoundError:
        return TABLES[path.parts[0]].schema.empty_table().select(columns)
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) in _MACHINE_ERRORS:
            raise
        raise DataDamaged(path, f"cannot be read ({str(error).splitlines()[0]})") from error


def conform(table: Table, found: pa.Table, path: PurePath) -> pa.Table:
    """Convert rows in the current or an earlier schema of a table to the current schema.

    Raises :class:`DataDamaged` for rows in any other schema.
    """
    if foreign := [name for name in found.column_names if name not in table.schema.names]:
        raise DataDamaged(path, f"has columns that {table.name} does not have ({', '.join(foreign)})")
    columns = []
    for field in table.schema:
        if field.name in found.column_names:
            column = found[field.name]
        elif field.nullable:
            column = pa.nulls(len(found), field.type)
        else:
            raise DataDamaged(path, f"lacks the column {field.name}")
        if column.type != field.type or (column.null_count and not field.nullable):
            raise DataDamaged(path, f"has another type, or nulls, in the column {field.name}")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=table.schema)
