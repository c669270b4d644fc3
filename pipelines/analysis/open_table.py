"""Lazy opening of a table for analysis, with a selection of sites, period and columns.

This module needs PyArrow but not Scrapy. The Parquet files can also be opened without it, by any Parquet library.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import is_normalized

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from crawler.suggestions import suggestion
from pipelines.analysis.location import Location, locate
from pipelines.analysis.period import period_condition
from pipelines.analysis.rank_intervals import RANK_INTERVALS, rank_intervals
from pipelines.analysis.runs_table import ALL, RUNS, run_rows
from pipelines.storage.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl

_EXAMPLE = "write datetime(2026, 1, 11, tzinfo=ZoneInfo('Asia/Dhaka')), for example"


class QueryError(ValueError):
    """The table, site, column, time, output format or SQL of a query is invalid; the message lists valid values."""


@dataclass(frozen=True)
class OpenTable:
    """Table with a selection of rows and columns; no rows are read before one of the methods is called.

    :ivar dataset: PyArrow dataset with the selected rows
    :ivar columns: names of the selected columns, in order
    """

    name: str
    dataset: ds.Dataset
    columns: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the selected columns; the metadata of each field contains its meaning."""
        return pa.schema([self.dataset.schema.field(name) for name in self.columns])

    def count_rows(self) -> int:
        return int(self.dataset.count_rows())

    def to_arrow(self, condition: pc.Expression | None = None) -> pa.Table:
        """Read the selected rows, or only those that satisfy a condition, which may use any column of the table.

        All stored text is in Unicode normal form C (NFC), so a condition with text in another form would match no row.
        :class:`QueryError` is raised for such a condition.
        """
        if condition is not None and not is_normalized("NFC", str(condition)):
            raise QueryError(f"{condition} is not in NFC, as the data is: write unicodedata.normalize('NFC', text)")
        return self.dataset.to_table(columns=list(self.columns), filter=condition)

    def to_pandas(self) -> pd.DataFrame:
        """Read the selected rows into pandas; times have a time zone, and numbers become floats if any is null."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Read the selected rows into polars; for lazy reading, use `polars.scan_pyarrow_dataset(table.dataset)`."""
        import polars as pl

        return pl.DataFrame(self.to_arrow())

    def duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """Return a lazy DuckDB relation with the selected rows, by default on DuckDB's default connection."""
        import duckdb

        return duckdb.from_arrow(self.dataset, connection=connection or duckdb.default_connection()).project(
            ", ".join(f'"{name}"' for name in self.columns)
        )

    def __repr__(self) -> str:
        return f"<table {self.name}, {len(self.columns)} columns; to_pandas(), to_polars(), duckdb() or to_arrow()>"


def open_table(
    name: str,
    *,
    data: Path | str = "data",
    site: str | Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    columns: Sequence[str] | None = None,
) -> OpenTable:
    """Open a table of a data folder without reading it.

    Files of partitions outside the selection are not opened. A column that a file lacks is null. Raises
    :class:`QueryError` for an unknown name or a time without a time zone, and FileNotFoundError if the data folder does
    not exist.

    :param data: data folder, or the bucket of `KHOBOR_BUCKET` (`s3://…` or `gs://…`)
    :param name: stories, revisions, aliases, rankings, sightings, fetches, rejects, runs or rank_intervals
    :param site: one newspaper or several; by default all
    :param since: select rows from this time on, by the time column that decides the partition (`published_at` of a
        story, or `first_seen_at` if that is null; `observed_at` of a ranking, and so on). The state of each ranked list
        at this time is included too: its newest earlier snapshot in `rankings`, and the unfinished stays in
        `rank_intervals`.
    :param until: select rows before this time
    :param columns: names in the wanted order; by default all, including `site` and `month` or `date`
    """
    readable = {**ALL, RANK_INTERVALS.name: RANK_INTERVALS}
    if name not in readable:
        raise QueryError(f"there is no table {name!r}; {suggestion(name, list(readable))}")
    table = readable[name]
    location = _location(data)
    if table is RUNS:
        if location.folder is None:
            raise QueryError("the table runs is made of the reports in a data folder: `khobor restore` makes one")
        dataset: ds.Dataset = ds.dataset(pa.Table.from_pylist(run_rows(location.folder), schema=open_schema(RUNS)))
    else:
        dataset = _files(TABLES["rankings"] if table is RANK_INTERVALS else table, location)
    if site is not None:
        dataset = dataset.filter(pc.field("site").isin(_sites(location, site)))
    if table is RANK_INTERVALS:
        dataset = ds.dataset(rank_intervals(dataset))
    since, until = _require_zone("since", since), _require_zone("until", until)
    if since or until:
        if not table.moments:
            raise QueryError(f"{table.name} is not partitioned by time: filter the rows by one of its columns")
        dataset = dataset.filter(period_condition(table, dataset, since, until))
    return OpenTable(name, dataset, _columns(table, dataset.schema.names, columns))


def open_schema(table: Table) -> pa.Schema:
    """Return the schema of a table with its partition columns; every column is nullable, because a file may lack it."""
    partitions = [pa.field(key, pa.string(), True, {"meaning": meaning}) for key, meaning in table.partitions.items()]
    return pa.schema([*(field.with_nullable(True) for field in table.schema), *partitions])


def _files(table: Table, location: Location) -> ds.Dataset:
    schema = open_schema(table)
    if not location.is_folder(table.name):
        return ds.dataset(schema.empty_table())
    return ds.dataset(
        f"{location.path}/{table.name}",
        filesystem=location.filesystem,
        schema=schema,
        format=ds.ParquetFileFormat(page_checksum_verification=True),
        partitioning=ds.partitioning(pa.schema([schema.field(key) for key in table.partitions]), flavor="hive"),
        exclude_invalid_files=False,
    )


def _location(data: Path | str) -> Location:
    try:
        location = locate(data)
    except ValueError as error:
        raise QueryError(str(error)) from error
    path, _, name = location.path.rpartition("/")
    if name in TABLES and location.sites(""):
        raise QueryError(f"{location} is the folder of a table: write data={path!r}")
    return location


def _sites(location: Location, site: str | Iterable[str]) -> list[str]:
    wanted = [site] if isinstance(site, str) else list(site)
    known = sorted({each for name in TABLES for each in location.sites(name)})
    if unknown := next((name for name in wanted if name not in known), None):
        raise QueryError(f"there is no data of {unknown!r} in {location}; {suggestion(unknown, known)}")
    return wanted


def _require_zone(name: str, time: Any) -> datetime | None:
    if time is None:
        return None
    if not isinstance(time, datetime):
        raise QueryError(f"{name}={time!r} is not a datetime: {_EXAMPLE}")
    if time.tzinfo is None or time.utcoffset() is None:
        raise QueryError(f"{name}={time} has no time zone: {_EXAMPLE}")
    return time.astimezone(UTC)


def _columns(table: Table, known: list[str], columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return tuple(known)
    if isinstance(columns, str):
        raise QueryError(f"columns={columns!r} must be a list: write columns=[{columns!r}]")
    if not columns:
        raise QueryError("columns=[] is empty: name some, or omit it for all")
    if unknown := next((name for name in columns if name not in known), None):
        raise QueryError(f"{table.name} has no column {unknown!r}; {suggestion(unknown, known)}")
    return tuple(dict.fromkeys(columns))
