"""The libraries of an analyst read the folders as data/README.md says."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from pipelines.analysis.open_table import open_table
from pipelines.analysis.query import connect
from pipelines.storage.tables import TABLES
from tests.support.project import PROJECT
from tests.support.readers import READERS
from tests.support.sample_data import SAMPLE

RANKINGS, STORIES = SAMPLE / "rankings", SAMPLE / "stories"


def first(rows: pa.Table) -> dict[str, Any]:
    return dict(
        rows.select([name for name in ("site", "month", "date") if name in rows.schema.names])[:1].to_pylist()[0]
    )


def sql(text: str) -> pa.Table:
    return duckdb.sql(text).to_arrow_table()


def lazily(folder: Path, **options: Any) -> pa.Table:
    return pl.scan_parquet(folder / "**" / "*.parquet", hive_partitioning=True, **options).collect().to_arrow()


def queried(text: str) -> pa.Table:
    with connect(SAMPLE, {"kalbela": "Asia/Dhaka"}) as connection:
        return connection.sql(text).to_arrow_table()


@pytest.mark.parametrize(
    ("read", "as_day"),
    [
        (lambda name: open_table(name, data=SAMPLE).to_arrow(), False),
        (lambda name: queried(f"FROM {name}"), False),
        (lambda name: pa.Table.from_pandas(pd.read_parquet(SAMPLE / name)), False),
        (lambda name: lazily(SAMPLE / name), True),
        (lambda name: lazily(SAMPLE / name, try_parse_hive_dates=False), False),
        (lambda name: sql(f"FROM read_parquet('{SAMPLE / name}/**/*.parquet')"), True),
        (lambda name: sql(f"FROM read_parquet('{SAMPLE / name}/**/*.parquet', hive_types_autocast = false)"), False),
        (lambda name: ds.dataset(SAMPLE / name, partitioning="hive").to_table(), False),
    ],
    ids=["open_table", "query", "pandas", "polars", "polars text", "duckdb", "duckdb text", "pyarrow"],
)
def test_folder_names_are_typed_as_documented(read: Callable[[str], pa.Table], as_day: bool) -> None:
    story, ranking = first(read("stories")), first(read("rankings"))
    assert (story["site"], type(story["month"]), story["month"][:2]) == ("kalbela", str, "20")
    assert type(ranking["date"]) is (date if as_day else str)


def test_categories_of_pandas_become_texts() -> None:
    frame = pd.read_parquet(RANKINGS)
    assert isinstance(frame["date"].dtype, pd.CategoricalDtype)
    assert set(frame["date"].astype(str)) == set(open_table("rankings", data=SAMPLE).to_pandas()["date"])


@pytest.mark.parametrize("table", TABLES)
def test_readers_agree_on_every_table(table: str) -> None:
    key = [*TABLES[table].key]
    counts = {name: read(SAMPLE / table).select(key).num_rows for name, read in READERS.items()}
    assert set(counts.values()) == {open_table(table, data=SAMPLE).count_rows()}


def test_duckdb_fetches_times() -> None:
    [(moment,)] = open_table("stories", data=SAMPLE).duckdb().aggregate("max(fetched_at)").fetchall()
    assert moment == open_table("stories", data=SAMPLE).to_pandas()["fetched_at"].max()
    assert "\npytz==" in Path(PROJECT, "requirements.lock").read_text()  # the demo's environment has no pandas


def test_nulls_join_as_documented() -> None:
    rankings = open_table("rankings", data=SAMPLE, columns=["story_id", "url"]).to_arrow()
    nulls = pa.table({"story_id": pa.array([None], pa.string()), "found": [1]})
    assert rankings["story_id"].null_count
    assert len(pl.DataFrame(rankings).join(pl.DataFrame(nulls), on="story_id")) == 0
    assert duckdb.sql("FROM rankings JOIN nulls USING (story_id)").fetchall() == []
    assert len(rankings.to_pandas().merge(nulls.to_pandas(), on="story_id")) == rankings["story_id"].null_count


@pytest.mark.skipif(shutil.which("java") is None, reason="PySpark needs Java, which is not installed")
def test_spark_reads_every_column() -> None:
    spark = pytest.importorskip("pyspark.sql", reason="PySpark is not installed")
    session = spark.SparkSession.builder.master("local[1]").getOrCreate()
    assert {*TABLES["stories"].columns, "site", "month"} == set(session.read.parquet(str(STORIES)).columns)
