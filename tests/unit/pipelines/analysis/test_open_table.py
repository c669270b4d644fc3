"""Tests of `open_table`, compared with reading the folders directly."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.analysis.data_card import Selection
from pipelines.analysis.export import export
from pipelines.analysis.open_table import QueryError, open_schema, open_table
from pipelines.analysis.runs_table import ALL
from pipelines.storage.tables import TABLES
from tests.support.builders import DECEMBER, JANUARY, LedgerFolder, make_snapshot, make_story
from tests.support.project import PROJECT
from tests.support.sample_data import SAMPLE

DHAKA = ZoneInfo("Asia/Dhaka")
SAMPLE_NOON = datetime(2026, 1, 11, 12, tzinfo=UTC)
MIDNIGHT = datetime(2025, 1, 1, tzinfo=DHAKA)  # 31 December, 18:00 in UTC


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stories around the end of a year, one without a date, and two lists around a midnight."""
    kept = LedgerFolder.at(tmp_path_factory.mktemp("data"))
    second = timedelta(seconds=1)
    kept.keep(make_story(1, DECEMBER), make_story(2, MIDNIGHT - second), make_story(3, MIDNIGHT))
    kept.keep(make_story(4, None, first_seen_at=JANUARY), make_story(5, datetime(2025, 2, 1, tzinfo=DHAKA)))
    kept.rank(make_snapshot(MIDNIGHT - second, "ক"))
    kept.rank(make_snapshot(MIDNIGHT, "খ"))
    kept.publish()
    kept.close()
    return kept.dataset.root


def numbers(data: Path, **chosen: Any) -> list[int]:
    frame = open_table("stories", data=data, columns=["story_id"], **chosen).to_pandas()
    return sorted(int(story_id.partition(":")[2]) for story_id in frame["story_id"])


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(None, None, [1, 2, 3, 4, 5]), (MIDNIGHT, None, [3, 4, 5]), (MIDNIGHT.astimezone(UTC), None, [3, 4, 5]),
     (MIDNIGHT.astimezone(ZoneInfo("Pacific/Kiritimati")), None, [3, 4, 5]),
     (pd.Timestamp("2025-01-01", tz="Asia/Dhaka"), None, [3, 4, 5]), (None, MIDNIGHT, [1, 2]),
     (MIDNIGHT, JANUARY, [3]), (JANUARY, JANUARY + timedelta(seconds=1), [4]),  # undated, so by first sight
     (datetime(2025, 2, 1, tzinfo=DHAKA), None, [5]), (datetime(2030, 1, 1, tzinfo=UTC), None, [])],
)  # fmt: skip
def test_period_includes_start_and_excludes_end(
    since: datetime | None, until: datetime | None, found: list[int], data: Path
) -> None:
    assert numbers(data, since=since, until=until) == found


def test_rankings_are_selected_by_observation_time(data: Path) -> None:
    found = open_table("rankings", data=data, since=MIDNIGHT).to_pandas()
    assert found[["headline", "date"]].values.tolist() == [["খ", "2025-01-01"]]


@pytest.mark.parametrize(
    ("since", "headlines"),
    [(0, "কখগ"), (119, "কখগ"), (120, "খগ"), (121, "খগ"), (180, "গ"), (25 * 60, "গ"), (28 * 60, "")],
)
def test_period_begins_with_current_snapshot(since: int, headlines: str, tmp_path: Path) -> None:
    kept = LedgerFolder.at(tmp_path)
    for minute, text in ((0, "ক"), (60, "ক"), (120, "খ"), (180, "গ")):
        kept.rank(make_snapshot(MIDNIGHT + timedelta(minutes=minute), text))
    kept.publish()
    kept.close()
    start, out = MIDNIGHT + timedelta(minutes=since), tmp_path.with_suffix(".out")
    export(tmp_path, out, Selection(since=start))
    for folder, chosen in ((tmp_path, start), (out, None)):
        found = open_table("rankings", data=folder, since=chosen, columns=["headline"]).to_arrow()
        assert "".join(sorted(found["headline"].to_pylist())) == headlines


def test_period_selects_overlapping_intervals() -> None:
    every = open_table("rank_intervals", data=SAMPLE).to_pandas()
    since, until = (SAMPLE_NOON + timedelta(hours=hours) for hours in (6, 9))
    found = open_table("rank_intervals", data=SAMPLE, since=since, until=until).to_pandas()
    inside = ~(every["left_by"] <= since) & (every["entered_by"] < until)
    assert 0 < len(found) == inside.sum() < len(every)


def test_irrelevant_partitions_are_not_opened(data: Path, tmp_path: Path) -> None:
    for path in data.rglob("stories.parquet"):
        copy = tmp_path / path.relative_to(data)
        copy.parent.mkdir(parents=True)
        copy.write_bytes(path.read_bytes() if "2024-12" in str(path) else b"no Parquet at all")
    until = MIDNIGHT - timedelta(days=3)
    assert numbers(tmp_path, site="kalbela", until=until) == [1]
    with pytest.raises(pa.ArrowInvalid, match="2025-0"):
        open_table("stories", data=tmp_path).to_arrow()


def test_column_missing_in_file_is_null(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "stories" / "site=kalbela" / "month=2024-12" / "stories.parquet"
    path.parent.mkdir(parents=True)
    with pq.ParquetFile(next(data.rglob("month=2024-12/stories.parquet"))) as file:
        rows = file.read()
    pq.write_table(rows.drop_columns(["gone_by", "layout"]), path)
    found = open_table("stories", data=tmp_path).to_arrow()
    assert found.schema.equals(open_schema(TABLES["stories"]))
    assert (len(found), found["layout"].null_count, found["gone_by"].null_count) == (2, 2, 2)


def test_columns_come_in_requested_order(data: Path) -> None:
    opened = open_table("stories", data=data, columns=["month", "headline"])
    assert opened.schema.names == opened.to_polars().columns == opened.duckdb().columns == ["month", "headline"]
    assert opened.schema.field("headline").metadata[b"meaning"] == b"as printed"
    assert opened.count_rows() == 5


def test_missing_table_has_columns_but_no_rows(tmp_path: Path) -> None:
    for name in ALL:
        opened = open_table(name, data=tmp_path)
        assert (opened.count_rows(), opened.duckdb().fetchall()) == (0, [])
        assert {"run_id", "site"} <= set(opened.to_pandas().columns)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"name": "storys"}, QueryError, "no table 'storys'; did you mean 'stories'"),
        (
            {"name": "zzz"},
            QueryError,
            "there are: stories, revisions, .*rejects, runs, rank_intervals",
        ),
        ({"columns": ["headlin"]}, QueryError, "no column 'headlin'; did you mean 'headline'"),
        ({"columns": "headline"}, QueryError, r"write columns=\['headline'\]"),
        ({"columns": []}, QueryError, "columns="),
        ({"site": "kalbla"}, QueryError, "'kalbla'.*did you mean 'kalbela'"),
        ({"site": "../kalbela"}, QueryError, "did you mean 'kalbela'"),
        ({"since": datetime(2025, 1, 1)}, QueryError, r"no time zone.*tzinfo=ZoneInfo\('Asia/Dhaka'\)"),  # noqa: DTZ001
        ({"until": "2025-01-01"}, QueryError, "until='2025-01-01' is not a datetime"),
        ({"until": date(2025, 1, 1)}, QueryError, "is not a datetime"),
        ({"name": "aliases", "since": JANUARY}, QueryError, "by time"),
        ({"data": SAMPLE / "stories"}, QueryError, "write data="),
        ({"data": "/nonexistent"}, FileNotFoundError, "there is no folder /nonexistent"),
    ],
)
def test_mistake_is_answered_with_a_correction(
    asked: dict[str, Any], error: type[Exception], message: str, data: Path
) -> None:
    with pytest.raises(error, match=message):
        open_table(**{"name": "stories", "data": data, **asked})


def test_open_table_imports_no_scrapy() -> None:
    code = (
        "import sys; from pipelines.analysis.open_table import open_table;"
        f"print(open_table('stories', data={str(SAMPLE)!r}).to_pandas().shape[0] > 0,"
        " sorted({'scrapy', 'twisted'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"


# As README.md shows them.
PLAIN_READERS: dict[str, Callable[[str], pa.Table]] = {
    "pandas": lambda folder: pa.Table.from_pandas(pd.read_parquet(folder), preserve_index=False),
    "polars": lambda folder: pl.read_parquet(
        f"{folder}/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=False
    ).to_arrow(),
    "DuckDB": lambda folder: duckdb.sql(
        f"FROM read_parquet('{folder}/**/*.parquet', hive_types_autocast = false)"
    ).to_arrow_table(),
    "PyArrow": lambda folder: pq.read_table(folder, partitioning=None).append_column("site", _none(folder)),
}


def _none(folder: str) -> pa.Array:
    return pa.nulls(sum(pq.read_metadata(path).num_rows for path in Path(folder).rglob("*.parquet")), pa.string())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("reader", PLAIN_READERS)
def test_libraries_read_the_same_from_bare_folder(reader: str, name: str) -> None:
    ours = open_table(name, data=SAMPLE).to_arrow()
    theirs = PLAIN_READERS[reader](str(SAMPLE / name))
    hidden = {"site", "month", "date"} if reader == "PyArrow" else set()
    columns = [column for column in ours.column_names if column not in hidden]
    assert set(columns) == set(theirs.column_names) - hidden
    assert len(ours) > 0
    assert rows_of(theirs, ours.schema, columns) == rows_of(ours, ours.schema, columns)


@pytest.mark.parametrize("name", ALL)
def test_opened_table_equals_in_all_libraries(name: str) -> None:
    opened = open_table(name, data=SAMPLE)
    ours = opened.to_arrow()
    frames = (
        pa.Table.from_pandas(opened.to_pandas(), preserve_index=False),
        opened.to_polars().to_arrow(),
        opened.duckdb(duckdb.connect()).to_arrow_table(),
    )
    for theirs in frames:
        assert theirs.column_names == ours.column_names
        assert rows_of(theirs, ours.schema, ours.column_names) == rows_of(ours, ours.schema, ours.column_names)


def rows_of(found: pa.Table, schema: pa.Schema, columns: list[str]) -> list[str]:
    """Return sorted rows as text, because libraries differ in types for text and nullable numbers."""
    wanted = pa.schema([schema.field(column) for column in columns])
    return sorted(str(row) for row in found.select(columns).cast(wanted).to_pylist())
