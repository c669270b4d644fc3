"""Results of the last upload of each site to a bucket, for alarms."""

import sqlite3
from contextlib import suppress
from typing import Any

from pipelines.buckets.upload_records import SUFFIX, LastUpload, Records, records_file
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged
from schedules.reports.site_alarms import site_alarms


def write_upload(dataset: DataFolder, upload: LastUpload) -> None:
    """Record the result of an upload that was made from another data folder."""
    # An alarm reports a damaged database.
    with suppress(DatabaseDamaged), Records.open(records_file(dataset, upload.site)) as records:
        records.end(upload.site, upload.at, upload.error)


def upload_alarms(dataset: DataFolder) -> list[dict[str, Any]]:
    """Return an alarm for each site whose last upload was not complete, or whose record of uploads is unreadable."""
    sentences: dict[str, str] = {}
    for path in sorted(dataset.state.glob(f"*{SUFFIX}")):
        site = path.name.removesuffix(SUFFIX)
        try:
            with Records.read_only(path) as records:
                last = records.last(site)
        except DatabaseDamaged as error:
            sentences[site] = str(error)
        except sqlite3.Error as error:
            sentences[site] = f"{path} cannot be read ({error})"
        else:
            if last and last.error:
                sentences[site] = f"{last.error}; last complete upload: {last.complete_at or 'never'}"
    return site_alarms("bucket", sentences)
