"""Summary of a data folder: the size of each table, and a sample of stories and ranked lists."""

from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES


def table_sizes(data_folder: DataFolder) -> list[dict[str, Any]]:
    """Return, for each table and site, the number of rows, files and bytes and the first and last partition.

    Only the footers of the Parquet files are read.
    """
    sizes = []
    for table in TABLES.values():
        for folder in sorted((data_folder.root / table.name).glob("site=*")):
            site = folder.name.partition("=")[2]
            if published := data_folder.published(table, site):
                paths = [data_folder.root / path for _, path in published]
                sizes.append(
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
    return sizes


def data_sample(data_folder: DataFolder, site: str, limit: int) -> dict[str, list[dict[str, Any]]]:
    """Return the newest dated stories of a site under `stories`, and the last snapshot of each ranked list by its name.

    :param limit: maximum number of rows of each
    """
    columns = ["published_at", "section", "headline", "byline", "word_count", "agency"]
    stories = pq.read_table(data_folder.root / "stories" / f"site={site}", columns=columns)
    stories = stories.filter(pc.field("published_at").is_valid())
    sample = {"stories": stories.sort_by([("published_at", "descending")]).slice(0, limit).to_pylist()}
    rankings = pq.read_table(data_folder.root / "rankings" / f"site={site}")
    for name in sorted(set(rankings["list"].to_pylist())):
        rows = rankings.filter(pc.field("list") == name)
        last = rows.filter(pc.field("observed_at") == pc.max(rows["observed_at"]))
        sample[name] = last.sort_by("rank").slice(0, limit).to_pylist()
    return sample
