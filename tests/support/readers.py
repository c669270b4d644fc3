"""Readers of a table's folder, as an analyst would use them without Khobor."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds


def _pandas(folder: Path) -> pa.Table:
    return pa.Table.from_pandas(pd.read_parquet(folder), preserve_index=False)


def _polars(folder: Path) -> pa.Table:
    return pl.scan_parquet(folder / "**" / "*.parquet", hive_partitioning=True).collect().to_arrow()


def _duckdb(folder: Path) -> pa.Table:
    with duckdb.connect() as connection:
        return connection.sql(f"FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)").to_arrow_table()


def _pyarrow(folder: Path) -> pa.Table:
    return ds.dataset(folder, partitioning="hive").to_table()


READERS: dict[str, Callable[[Path], pa.Table]] = {
    "pandas": _pandas,
    "polars": _polars,
    "duckdb": _duckdb,
    "pyarrow": _pyarrow,
}
