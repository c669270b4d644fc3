"""Details of one run from the tables: the slowest pages and the new stories."""

from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.parquet import read_columns
from pipelines.storage.tables import TABLES

# Only the latest months are read, because they contain the newest stories.
MAX_MONTHS = 24
_DAY = timedelta(days=1)


def slowest_pages(
    data_folder: DataFolder, site: str, run_id: str, started: datetime, ended: datetime, limit: int
) -> list[dict[str, Any]]:
    """Return `url`, `milliseconds`, `bytes`, `outcome` and `attempts` of the slowest pages of a run, slowest first.

    Raises :class:`DataDamaged` for an unreadable file.
    """
    first, last = f"{started - _DAY:%Y-%m-%d}", f"{ended + _DAY:%Y-%m-%d}"
    columns = ("url", "milliseconds", "bytes", "outcome", "attempts")
    of_run = (pc.field("run_id") == run_id) & pc.field("milliseconds").is_valid()
    pages: list[dict[str, Any]] = []
    for part, path in data_folder.published(TABLES["fetches"], site):
        if first <= part <= last:
            rows = read_columns(data_folder.root, path, columns, of_run)
            pages += rows.sort_by([("milliseconds", "descending")]).slice(0, limit).to_pylist()
    return sorted(pages, key=lambda page: -page["milliseconds"])[:limit]


def new_stories(
    data_folder: DataFolder, site: str, started: datetime, ended: datetime, limit: int
) -> list[dict[str, Any]]:
    """Return `story_id`, `published_at`, `section` and `headline` of stories first seen in a period, newest first.

    Raises :class:`DataDamaged` for an unreadable file.
    """
    columns = ("story_id", "published_at", "section", "headline")
    seen, published = pc.field("first_seen_at"), pc.field("published_at")
    in_run = (seen >= pa.scalar(started)) & (seen <= pa.scalar(ended))
    dated, undated = list[dict[str, Any]](), list[dict[str, Any]]()
    for _, path in reversed(data_folder.published(TABLES["stories"], site)[-MAX_MONTHS:]):
        rows = read_columns(data_folder.root, path, columns, in_run).sort_by([("published_at", "descending")])
        dated += rows.filter(published.is_valid()).slice(0, limit).to_pylist()
        undated += rows.filter(published.is_null()).slice(0, limit).to_pylist()
        if len(dated) >= limit:
            break
    return [*dated, *undated][:limit]
