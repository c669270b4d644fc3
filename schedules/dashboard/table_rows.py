"""Rows of the Parquet tables of one site, for the pages of the dashboard; unreadable files are skipped and listed."""

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import Table

Bounds = tuple[tuple[str, str] | None, ...]
#: Files of which the lowest and highest story ids are kept; some 25 sites with a file for each day of two years.
MAX_BOUNDS = 20_000
#: Files of one day of which all story ids are kept, some 5 KB for each.
MAX_DAYS = 4_000


@dataclass(frozen=True, slots=True)
class TableRows:
    """Reader of the tables of a site; paths that cannot be read are added to ``unreadable`` with the reason."""

    folder: DataFolder
    site: str
    unreadable: MutableMapping[str, str]

    def read(self, table: Table, columns: Sequence[str], since: str, until: str) -> Any:
        """Read columns from the partitions ``since`` to ``until`` of a table, as an Arrow table."""
        import pyarrow as pa

        schema = pa.schema([table.schema.field(name) for name in columns])
        tables = [rows for _, rows in self._files(table, schema, since, until)]
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def _files(self, table: Table, schema: Any, since: str, until: str) -> Iterator[tuple[str, Any]]:
        import pyarrow.parquet as pq

        for part, path in self._paths(table, since, until):
            with self._reading(path), pq.ParquetFile(path) as file:
                yield part, _columns(file, schema)

    def of_story(self, table: Table, story_id: str, since: str, until: str) -> dict[str, Any]:
        """Read the rows of one story with all columns, as an Arrow table for each partition that has some.

        Files and groups of rows are skipped by their lowest and highest id; of the others, the ids are read first. Ids
        without an order are everywhere between the lowest and the highest, so those in a file of one day are kept.
        """
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        found: dict[str, Any] = {}
        for part, path in self._paths(table, since, until):
            with self._reading(path):
                found_at = path.stat()
                version = path, found_at.st_mtime_ns, found_at.st_size
                if not _groups_with(story_id, _id_bounds(*version)):
                    continue
                if table.partition == "date" and f"\n{story_id}\n" not in _ids_of_day(*version):
                    continue
                with pq.ParquetFile(path) as file:
                    groups = _groups_with(story_id, _bounds_in(file))
                    ids = file.read_row_groups(groups, columns=["story_id"], use_threads=False)["story_id"]
                    if pc.any(pc.equal(ids, story_id)).as_py():
                        rows = _columns(file, table.schema, groups)
                        found[part] = rows.filter(pc.equal(rows["story_id"], story_id))
        return found

    def _paths(self, table: Table, since: str, until: str) -> Iterator[tuple[str, Path]]:
        for part, relative in self.folder.published(table, self.site, since, until):
            yield part, self.folder.root / relative

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except FileNotFoundError:
            pass
        except (pa.ArrowException, OSError, DataDamaged) as error:
            self.unreadable[path.relative_to(self.folder.root).as_posix()] = str(error).splitlines()[0]


def to_rows(table: Any) -> list[dict[str, Any]]:
    """Convert an Arrow table to dictionaries; a value that a column has many times is converted once."""
    columns = []
    for column in table.columns:
        encoded = column.combine_chunks().dictionary_encode()
        values = encoded.dictionary.to_pylist()
        columns.append([None if index is None else values[index] for index in encoded.indices.to_pylist()])
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _columns(file: Any, schema: Any, groups: Sequence[int] | None = None) -> Any:
    """Read columns of an open Parquet file, or of some groups of its rows; those that it lacks are null."""
    import pyarrow as pa

    present = [name for name in schema.names if name in file.schema_arrow.names]
    groups = range(file.num_row_groups) if groups is None else groups
    rows = file.read_row_groups(list(groups), columns=present, use_threads=False)
    for index, column in enumerate(schema):
        if column.name not in present:  # the file is older than the column
            rows = rows.add_column(index, column, pa.nulls(len(rows), column.type))
    return rows.cast(schema.remove_metadata())


@lru_cache(MAX_BOUNDS)
def _id_bounds(path: Path, _modified: int, _size: int) -> Bounds:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return _bounds_in(file)


@lru_cache(MAX_DAYS)
def _ids_of_day(path: Path, _modified: int, _size: int) -> str:
    """Return the different story ids in a file, each on a line of its own, which takes less memory than a set."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        ids = file.read(columns=["story_id"], use_threads=False)["story_id"].unique().drop_null()
    return "\n".join(("", *ids.to_pylist(), ""))


def _bounds_in(file: Any) -> Bounds:
    """Return the lowest and highest story id of each group of rows in an open Parquet file; None if it is unknown."""
    place = file.schema_arrow.names.index("story_id")  # no column of a table is nested before it
    found = []
    for number in range(file.num_row_groups):
        known = file.metadata.row_group(number).column(place).statistics
        found.append((known.min, known.max) if known is not None and known.has_min_max else None)
    return tuple(found)


def _groups_with(story_id: str, bounds: Bounds) -> list[int]:
    return [number for number, each in enumerate(bounds) if each is None or each[0] <= story_id <= each[1]]
