"""Rows of the Parquet tables of one site, for the pages of the dashboard; unreadable files are skipped and listed."""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import Table


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

    def _files(self, table: Table, schema: Any, since: str, until: str) -> Iterator[tuple[Path, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for part, relative in self.folder.published(table, self.site):
            if part and not since <= part <= until:
                continue
            path = self.folder.root / relative
            try:
                with pq.ParquetFile(path) as file:
                    present = [name for name in schema.names if name in file.schema_arrow.names]
                    rows = file.read(columns=present, use_threads=False)
                for index, column in enumerate(schema):
                    if column.name not in present:  # the file is older than the column
                        rows = rows.add_column(index, column, pa.nulls(len(rows), column.type))
                yield path, rows.cast(schema.remove_metadata())
            except FileNotFoundError:
                continue
            except (pa.ArrowException, OSError, DataDamaged) as error:
                self.unreadable[str(relative)] = str(error).splitlines()[0]

    def of_story(self, table: Table, story_id: str, since: str, until: str) -> list[dict[str, Any]]:
        """Read the rows of one story, with all columns.

        The id column of each file is read first. The other columns are read only if the file contains the story.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        key = pa.schema([table.schema.field("story_id")])
        found: list[dict[str, Any]] = []
        for path, ids in self._files(table, key, since, until):
            if pc.any(pc.equal(ids["story_id"], story_id)).as_py():
                part = path.parent.name.partition("=")[2]
                for _, rows in self._files(table, table.schema, part, part):
                    found += rows.filter(pc.equal(rows["story_id"], story_id)).to_pylist()
        return found
