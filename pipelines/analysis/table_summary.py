"""Contents: what is in the data folder, from the footers of its files."""

from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES


def contents_of(dataset: DataFolder) -> list[dict[str, Any]]:
    """One dict per table and newspaper: rows, files, bytes, first and last partition."""
    found = []
    for table in TABLES.values():
        for folder in sorted((dataset.root / table.name).glob("site=*")):
            site = folder.name.partition("=")[2]
            published = dataset.published(table, site)
            if not published:
                continue
            paths = [dataset.root / path for _, path in published]
            found.append(
                {
                    "table": table.name,
                    "site": site,
                    "rows": sum(pq.read_metadata(path).num_rows for path in paths),
                    "files": len(paths),
                    "bytes": sum(path.stat().st_size for path in paths),
                    "first": published[0][0] or None,
                    "last": published[-1][0] or None,
                }
            )
    return found


def glimpse_of(dataset: DataFolder, site: str, most: int) -> dict[str, list[dict[str, Any]]]:
    """What a person would look at first: the newest stories, and each list as it stood when it was last seen."""
    stories = pq.read_table(dataset.root / "stories" / f"site={site}", columns=_STORY_COLUMNS)
    newest = stories.sort_by([("published_at", "descending")]).slice(0, most).to_pylist()
    rankings = pq.read_table(dataset.root / "rankings" / f"site={site}")
    glimpse = {"stories": newest}
    for name in sorted(set(rankings["list"].to_pylist())):
        rows = rankings.filter(pc.field("list") == name)
        last = rows.filter(pc.field("observed_at") == pc.max(rows["observed_at"]))
        glimpse[name] = last.sort_by("rank").slice(0, most).to_pylist()
    return glimpse


_STORY_COLUMNS = ["published_at", "section", "headline", "byline", "word_count", "agency"]
