"""The data as an analyst opens it: one table, lazily, with only the partitions, rows and columns that were asked for.

It needs PyArrow and nothing that crawls. Everything works without it too, by reading the folders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from crawler.suggestions import suggestion
from pipelines.analysis.runs_table import RUNS, run_rows
from pipelines.storage.tables import TABLES, Table, is_site

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl

# No zone is further from UTC than 14 hours: a moment's partition is that of the day before, of its own or the next.
_FURTHEST = timedelta(days=1)
NAMES = (*TABLES, RUNS.name)


class QueryError(ValueError):
    """What was asked for is not there; the sentence says what is."""


@dataclass(frozen=True)
class OpenTable:
    """A table that was opened and not read yet.

    ``dataset`` is the PyArrow dataset, its rows already chosen; ``columns`` are the names that are read, in order.
    """

    name: str
    dataset: ds.Dataset
    columns: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns that are read, each with its meaning."""
        return pa.schema([self.dataset.schema.field(name) for name in self.columns])

    def count_rows(self) -> int:
        """How many rows there are."""
        return int(self.dataset.count_rows())

    def to_arrow(self) -> pa.Table:
        """All rows as a PyArrow table."""
        return self.dataset.to_table(columns=list(self.columns))

    def to_pandas(self) -> pd.DataFrame:
        """All rows as pandas reads them: moments with their zone, a number that may be null as float."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """All rows as a polars frame; `polars.scan_pyarrow_dataset(table.dataset)` stays lazy."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation, read when it is asked; on DuckDB's default connection where none is given."""
        import duckdb

        relation = duckdb.from_arrow(self.dataset, connection=connection or duckdb.default_connection())
        return relation.project(", ".join(f'"{name}"' for name in self.columns))

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

    :param name: stories, revisions, aliases, rankings, fetches, rejects or runs
    :param site: one newspaper or several; all by default
    :param since: rows from this moment on, by what decides the table's partition: a story by `published_at`, and where
        that is null by `first_seen_at`; a ranking by `observed_at`, and so on
    :param until: rows before this moment
    :param columns: names in the order that is wanted; all, and `site` and `month` or `date`, by default

    Partitions that cannot hold such rows are not opened. A column that a file does not have yet is null. Raises
    :class:`QueryError` for a name that is not there or a moment without a zone, :class:`FileNotFoundError` for a
    folder.
    """
    if name not in NAMES:
        raise QueryError(f"there is no table {name!r}; {suggestion(name, NAMES)}")
    table = RUNS if name == RUNS.name else TABLES[name]
    root = _folder(Path(data))
    sites = _sites(root, site)
    dataset = _runs(root) if table is RUNS else _files(table, root)
    chosen = [*_of_sites(sites), *_within(table, _moment("since", since), _moment("until", until))]
    if chosen:
        dataset = dataset.filter(reduce(and_, chosen))
    return OpenTable(name, dataset, _columns(table, dataset.schema.names, columns))


def open_schema(table: Table) -> pa.Schema:
    """What an opened table has: the columns of its files, any of which an older file may lack, and its partitions."""
    partitions = [pa.field(key, pa.string(), True, {"meaning": meaning}) for key, meaning in table.partitions.items()]
    return pa.schema([*(field.with_nullable(True) for field in table.schema), *partitions])


def _files(table: Table, root: Path) -> ds.Dataset:
    schema = open_schema(table)
    if not (root / table.name).is_dir():
        return ds.dataset(schema.empty_table())
    keys = pa.schema([schema.field(key) for key in table.partitions])
    return ds.dataset(
        root / table.name,
        schema=schema,
        format=ds.ParquetFileFormat(page_checksum_verification=True),
        partitioning=ds.partitioning(keys, flavor="hive"),
        exclude_invalid_files=False,
    )


def _runs(root: Path) -> ds.Dataset:
    return ds.dataset(pa.Table.from_pylist(run_rows(root), schema=open_schema(RUNS)))


# What was asked for --------------------------------------------------------------------------------------------------


def _folder(root: Path) -> Path:
    if root.is_dir() and not (root.name in TABLES and any(root.glob("site=*"))):
        return root
    if root.is_dir():
        raise QueryError(f"{root} is the table {root.name} itself: write data={str(root.parent)!r}")
    raise FileNotFoundError(f"there is no folder {root.absolute()}; data= names the one that a crawl or export wrote")


def _sites(root: Path, site: str | Iterable[str] | None) -> list[str] | None:
    if site is None:
        return None
    wanted = [site] if isinstance(site, str) else list(site)
    if unknown := next((name for name in wanted if not is_site(name) or not _holds(root, name)), None):
        there = sorted({folder.name.partition("=")[2] for name in TABLES for folder in (root / name).glob("site=*")})
        raise QueryError(f"there is nothing of {unknown!r} in {root}; {suggestion(unknown, there)}")
    return wanted


def _holds(root: Path, site: str) -> bool:
    return any((root / name / f"site={site}").is_dir() for name in TABLES)


def _of_sites(sites: list[str] | None) -> list[pc.Expression]:
    return [] if sites is None else [pc.field("site").isin(sites)]


def _moment(name: str, moment: Any) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise QueryError(f"{name}={moment!r} is no datetime: {_EXAMPLE}")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise QueryError(f"{name}={moment} has no time zone, so it could mean many moments: {_EXAMPLE}")
    return moment.astimezone(UTC)


_EXAMPLE = "write datetime(2026, 1, 11, tzinfo=ZoneInfo('Asia/Dhaka')), say"


def _within(table: Table, since: datetime | None, until: datetime | None) -> list[pc.Expression]:
    if since is None and until is None:
        return []
    if not table.moments:
        raise QueryError(f"{table.name} is not parted by time: filter what comes back by a column of it")
    chosen = [_at(table.moments, since, until)]
    if table.partition and since is not None:
        chosen.append(pc.field(table.partition) >= _part(table, since - _FURTHEST))
    if table.partition and until is not None:
        chosen.append(pc.field(table.partition) <= _part(table, until + _FURTHEST))
    return chosen


def _part(table: Table, moment: datetime) -> str:
    return table.part_of({table.moments[0]: moment}, ZoneInfo("UTC"))


def _at(moments: Sequence[str], since: datetime | None, until: datetime | None) -> pc.Expression:
    """Whether the first of these columns that is not null lies within, so put that statistics can rule files out."""
    first, *others = moments
    within = pc.field(first).is_valid()
    if since is not None:
        within = within & (pc.field(first) >= pa.scalar(since, pa.timestamp("us", "UTC")))
    if until is not None:
        within = within & (pc.field(first) < pa.scalar(until, pa.timestamp("us", "UTC")))
    return within | (pc.field(first).is_null() & _at(others, since, until)) if others else within


def _columns(table: Table, known: list[str], columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return tuple(known)
    if isinstance(columns, str):
        raise QueryError(f"columns={columns!r} is one text: write columns=[{columns!r}]")
    if not columns:
        raise QueryError("columns=[] asks for nothing: name some, or leave it out for all")
    if unknown := next((name for name in columns if name not in known), None):
        raise QueryError(f"{table.name} has no column {unknown!r}; {suggestion(unknown, known)}")
    return tuple(dict.fromkeys(columns))
