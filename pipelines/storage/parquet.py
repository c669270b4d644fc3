"""How rows become a Parquet file and come back: explicit schema, checksums, and no guess about a file that is wrong."""

import errno
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import Table

# A reader decodes whole groups: few rows where a row is long, so that one story is found without a month of bodies.
_ROWS_PER_GROUP, _STORIES_PER_GROUP = 10_000, 1_000
# Nobody looks for a range of these, and the least and greatest of them would make up most of a footer, which every
# reader of the table parses for every file.
_WITHOUT_STATISTICS = {
    "url", "headline", "kicker", "byline", "image_url", "image_caption", "image_credit", "body", "tags.list.element",
    "content_hash", "referrer", "page_url", "detail", "record", "page",
}  # fmt: skip
# Only what repeats: a dictionary of texts that never do is written for nothing.
_REPEATING = {
    "section", "kicker", "byline", "edition", "agency", "image_credit", "tags.list.element", "language", "revision",
    "discovered_via", "depth", "layout", "run_id", "kind", "list", "rank", "page_url", "observed_at",
    "last_observed_at", "via", "referrer", "status", "outcome", "reason", "attempts",
}  # fmt: skip
# What says nothing about a file: too many are open, or there is no memory.
_OF_THE_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def write_rows(table: Table, rows: pa.Table, file: BinaryIO) -> None:
    """Write the rows, in the table's order and in its columns or some of them; equal rows make equal bytes."""
    order = [(name, "ascending") for name in takewhile(rows.schema.names.__contains__, table.order)]
    group = _STORIES_PER_GROUP if "body" in rows.schema.names else _ROWS_PER_GROUP
    leaves = _leaves(rows.schema)
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 3,
        "row_group_size": group,
        "write_statistics": [name for name in leaves if name not in _WITHOUT_STATISTICS],
        "use_dictionary": [name for name in leaves if name in _REPEATING],
        "write_page_index": True,
        "write_page_checksum": True,
        "sorting_columns": pq.SortingColumn.from_ordering(rows.schema, order, null_placement="at_end"),
    }
    if table.bloom:
        options["bloom_filter_options"] = {table.bloom: {"ndv": min(len(rows), group)}}
    pq.write_table(rows.combine_chunks(), file, **options)  # one chunk a column: chunks would show in the pages


def _leaves(schema: pa.Schema) -> list[str]:
    """The columns as Parquet names them."""
    return [f"{each.name}.list.element" if pa.types.is_list(each.type) else each.name for each in schema]


def read_rows(table: Table, file: Path, path: PurePath) -> pa.Table:
    """The rows of a file in the table's schema; a file from before a column was added has nulls there.

    Raises :class:`DataDamaged`, which calls the file ``path``, where it is torn, fails its checksums or is not of
    this table.
    """
    try:
        # Not `read_table`: that would add columns from the folders' names.
        with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
            found = parquet.read()
    except (PermissionError, MemoryError):
        raise
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) in _OF_THE_MACHINE:
            raise
        if "thread" in str(error):
            raise MemoryError(str(error)) from error
        raise DataDamaged(path, f"cannot be read ({str(error).splitlines()[0]})") from error
    return conform(table, found, path)


def conform(table: Table, found: pa.Table, path: PurePath) -> pa.Table:
    """Rows of this or an earlier schema, in the table's columns; raises :class:`DataDamaged` for any other."""
    if foreign := [name for name in found.column_names if name not in table.schema.names]:
        raise DataDamaged(path, f"has columns that {table.name} does not know ({', '.join(foreign)})")
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
