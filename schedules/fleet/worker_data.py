"""Data folder of a worker: its place, its id, and the generation of each site's data in it."""

import os
import secrets
from pathlib import Path

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import is_site


def data_of_worker(data: Path) -> Path:
    return Path(os.environ.get("KHOBOR_DATA") or data)


def folder_id(dataset: DataFolder) -> str:
    """Return the random id of a data folder, by which it is recognised on whatever worker it is."""
    path = dataset.state / "folder-id"
    if not path.exists():
        dataset.write_text(path, secrets.token_hex(8))
    return path.read_text().strip()


def generation_file(dataset: DataFolder, site: str) -> Path:
    return dataset.state / f"{site}.generation"


def generation_of(dataset: DataFolder, site: str) -> str:
    """Return the time at which the latest run that has begun in a data folder was claimed; empty if none has."""
    try:
        return generation_file(dataset, site).read_text().strip()
    except FileNotFoundError:
        return ""


def crawled_sites(dataset: DataFolder) -> dict[str, str]:
    """Return the sites of which a data folder has a ledger (SQLite crawl state), each with its generation."""
    sites = [path.stem for path in dataset.state.glob("*.sqlite") if is_site(path.stem)]
    return {site: generation_of(dataset, site) for site in sites if dataset.lock(site).exists()}
