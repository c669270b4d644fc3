"""Alarms for sites whose last upload to a bucket failed, read from the records of their uploads."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pipelines.buckets.upload_records import SUFFIX, LastUpload, Records
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged


def last_uploads(dataset: DataFolder) -> Iterator[LastUpload]:
    """Yield the result of the last upload of each site that has one."""
    for path in sorted(dataset.state.glob(f"*{SUFFIX}")):
        with suppress(sqlite3.Error, DatabaseDamaged), Records.read_only(path) as records:
            if last := records.last(path.name.removesuffix(SUFFIX)):
                yield last


def upload_alarms(dataset: DataFolder) -> list[dict[str, Any]]:
    """Return an alarm for each site whose last upload was not complete."""
    return [
        {
            "key": f"{upload.site}/bucket",
            "kind": "bucket",
            "site": upload.site,
            "sentence": f"{upload.error}; last complete upload: {upload.complete_at or 'never'}",
        }
        for upload in last_uploads(dataset)
        if upload.error
    ]
