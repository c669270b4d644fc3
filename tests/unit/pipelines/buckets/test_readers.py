"""Reading of the tables in a bucket, as docs/analyse.md shows it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from pipelines.dataset import open_table
from pipelines.publishing.bucket import upload_site
from tests.support.bucket_server import BUCKET, BucketServer
from tests.support.builders import DECEMBER, SITE, LedgerFolder, make_story

URL = f"s3://{BUCKET}/khobor"
READERS: dict[str, Callable[[], int]] = {
    "pandas": lambda: len(pd.read_parquet(f"{URL}/stories", columns=["story_id", "headline"])),
    "polars": lambda: len(pl.scan_parquet(f"{URL}/stories/**/*.parquet", hive_partitioning=True).collect()),
    "open_table": lambda: len(open_table("stories", data=URL, site=SITE).to_pandas()),
    "duckdb": lambda: len(open_table("stories", data=URL).duckdb(duckdb.connect()).fetchall()),
    "no rows": lambda: 4 + open_table("rank_intervals", data=URL).count_rows(),
}


@pytest.fixture(scope="module")
def server() -> Iterator[BucketServer]:
    with BucketServer() as server:
        yield server


@pytest.fixture
def bucket(server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    kept = LedgerFolder.at(tmp_path / "data")
    kept.publish(*(make_story(number) for number in range(3)), make_story(9, DECEMBER))
    done: Any = upload_site(kept.dataset, SITE, URL, take_over=True)
    assert done.error is None
    kept.close()


@pytest.mark.parametrize("reader", READERS)
def test_reader_finds_all_stories_in_bucket(bucket: None, reader: str) -> None:
    assert READERS[reader]() == 4


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "runs", "data": URL},
        {"name": "stories", "data": f"{URL}/stories"},
        {"name": "stories", "data": "az://press/khobor"},
        {"name": "stories", "data": f"s3://{BUCKET}/nothing"},
        {"name": "stories", "data": URL, "site": "kalbel"},
    ],
)
def test_wrong_place_is_one_sentence(bucket: None, wanted: dict[str, str]) -> None:
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        open_table(**wanted)
    assert "\n" not in str(error.value)
