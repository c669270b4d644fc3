"""All rows of all tables of a site, for comparison of data folders."""

from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.storage.tables import TABLES

#: The time of a reject is that of the run which dropped the item.
OF_RUN = {"rejects": ["rejected_at"]}


def rows(data: Path, site: str = "kalbela", run_ids: Collection[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables with all columns, as text.

    :param run_ids: only the rows that these runs wrote; empty for all
    """
    tables = {}
    for name in TABLES:
        found = pd.read_parquet(data / name / f"site={site}").drop(columns=OF_RUN.get(name, []))
        if run_ids:
            found = found[found["run_id"].isin(run_ids)]
        tables[name] = sorted(found.astype(str).to_dict("records"), key=str)
    return tables


def hashes(folder: Path) -> dict[Path, str]:
    """Return the hash of each file in a folder."""
    return {path: sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}
