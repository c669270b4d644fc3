"""Traces: what one run left in the tables, its slowest pages and the stories that it saw first."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.tables import TABLES, Table

# Of a run that met old stories, the newest are of interest, and to look through all months of many years is not.
MOST_MONTHS = 24
_DAY = timedelta(days=1)


def slowest_pages(
    dataset: DataFolder, site: str, run_id: str, began: datetime, ended: datetime, most: int
) -> list[dict[str, Any]]:
    """The pages that took longest from request to last byte: `url`, `milliseconds`, `bytes`, `outcome`, `attempts`.

    Raises :class:`pipelines.storage.errors.DataDamaged` for a file that is torn.
    """
    table = TABLES["fetches"]
    days = [f"{began - _DAY:%Y-%m-%d}", f"{ended + _DAY:%Y-%m-%d}"]
    parts = [part for part, _ in dataset.published(table, site) if days[0] <= part <= days[1]]
    found: list[dict[str, Any]] = []
    for rows in _rows(dataset, table, site, parts, ["run_id", "url", "milliseconds", "bytes", "outcome", "attempts"]):
        mine = rows.filter((pc.field("run_id") == run_id) & pc.field("milliseconds").is_valid())
        found += mine.sort_by([("milliseconds", "descending")]).slice(0, most).drop_columns("run_id").to_pylist()
    return sorted(found, key=lambda row: -row["milliseconds"])[:most]


def new_stories(dataset: DataFolder, site: str, began: datetime, ended: datetime, most: int) -> list[dict[str, Any]]:
    """The newest stories that were first seen between two moments: `story_id`, `published_at`, `section`, `headline`.

    Raises :class:`pipelines.storage.errors.DataDamaged` for a file that is torn.
    """
    table, dated, undated = TABLES["stories"], list[dict[str, Any]](), list[dict[str, Any]]()
    parts = [part for part, _ in reversed(dataset.published(table, site))][:MOST_MONTHS]
    for rows in _rows(
        dataset, table, site, parts, ["first_seen_at", "story_id", "published_at", "section", "headline"]
    ):
        seen = pc.field("first_seen_at")
        mine = rows.filter((seen >= pa.scalar(began)) & (seen <= pa.scalar(ended)))
        newest = mine.sort_by([("published_at", "descending")]).drop_columns("first_seen_at")
        dated += newest.filter(pc.field("published_at").is_valid()).slice(0, most).to_pylist()
        # They stand in the month in which they were found, whenever they were published.
        undated += newest.filter(pc.field("published_at").is_null()).slice(0, most).to_pylist()
        if len(dated) >= most:
            break
    return [*dated, *undated][:most]


def _rows(
    dataset: DataFolder, table: Table, site: str, parts: Sequence[str], columns: Sequence[str]
) -> Iterator[pa.Table]:
    for part in parts:
        path = table.path(site, part)
        try:
            with pq.ParquetFile(dataset.root / path) as file:
                rows = file.read(columns=list(columns))
        except FileNotFoundError:
            continue  # its rows all went elsewhere just now
        except (pa.ArrowException, OSError) as error:
            raise DataDamaged(path, f"cannot be read ({str(error).splitlines()[0]})") from error
        yield rows
