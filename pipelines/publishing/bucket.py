"""Copy of a site's published files in a bucket: upload after a publish, restore, and verification."""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import PurePath
from zoneinfo import ZoneInfo

from crawler.clock import now
from pipelines.analysis.runs_table import ROLLED_UP
from pipelines.buckets.addresses import open_bucket
from pipelines.buckets.contents import Superseded
from pipelines.buckets.download import Downloaded, check_objects, download
from pipelines.buckets.held_manifest import HeldManifest
from pipelines.buckets.manifest import read_manifest
from pipelines.buckets.object_store import BucketError
from pipelines.buckets.upload import LocalFiles, TableFile, Upload
from pipelines.buckets.upload_records import LastUpload, Records, records_file
from pipelines.ledger import published_files
from pipelines.publishing.publisher import PUBLISH_ORDER
from pipelines.publishing.reindex import reindex
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged, FolderInUse, StorageError
from pipelines.storage.fsync import make_folder
from pipelines.storage.run_reports import file_ids, rolled_up_ids, run_ids
from pipelines.storage.site_lock import SiteLock, SiteLocked
from pipelines.storage.sqlite import move_database
from pipelines.storage.tables import TABLES

_ERRORS = (StorageError, DatabaseDamaged, OSError, sqlite3.Error, MemoryError)
#: Longest time of an upload; the next one continues.
UPLOAD_SECONDS = 900.0
#: Times that an upload begins, if a run replaces files meanwhile.
ATTEMPTS = 4


def upload_site(
    data_folder: DataFolder, site: str, url: str, *, seconds: float = UPLOAD_SECONDS, take_over: bool = False
) -> LastUpload | None:
    """Send the changed files of a site to a bucket and return the result; return None if another process is doing so.

    The site is not locked, because no run may wait for a bucket. A file that a run replaces meanwhile is recognised by
    its checksum, and the upload begins again. An error is recorded and returned, and never raised.
    """
    until = time.monotonic() + seconds
    try:
        with (
            SiteLock.take(data_folder.state / f"{site}.upload.lock"),
            Records.open(records_file(data_folder, site)) as records,
        ):
            records.use(url)
            error = None
            try:
                _upload(data_folder, records, site, url, until, take_over)
            except _ERRORS as failure:
                error = str(failure)
            ended: LastUpload = records.end(site, now().isoformat(), error)
            return ended
    except SiteLocked:
        return None
    except _ERRORS as failure:
        return LastUpload(site, now().isoformat(), None, str(failure))


def _upload(data_folder: DataFolder, records: Records, site: str, url: str, until: float, take_over: bool) -> None:
    for attempt in range(ATTEMPTS):
        files = local_files(data_folder, site)
        sizes = [file.bytes for file in files.tables]
        sizes += [size for path in (*files.reports, *files.archives) if (size := _size(data_folder, path))]
        bucket = open_bucket(url, largest=max(sizes, default=0))
        try:
            Upload(bucket, records, data_folder, site, until, take_over=take_over).run(files)
            return
        except Superseded:
            time.sleep(2.0**attempt)  # a publish is in progress
    raise BucketError(f"files of {site} were replaced again and again during the upload; the next upload continues")


def _size(data_folder: DataFolder, path: str) -> int:
    try:
        return (data_folder.root / path).stat().st_size
    except FileNotFoundError:
        return 0


def local_files(data_folder: DataFolder, site: str) -> LocalFiles:
    """Return the files of a site that belong into a bucket, as its ledger (SQLite crawl state) records them now."""
    records = published_files(data_folder.ledger(site))
    tables = sorted(records, key=lambda file: (PUBLISH_ORDER.index(file.path.partition("/")[0]), file.path))
    ids = sorted(file_ids(data_folder, site))
    rolled_up = str(ROLLED_UP.path(site, ""))
    others = [rolled_up, f"state/{site}.acknowledged.json"]
    reports = [path for path in others if (data_folder.root / path).is_file()]
    # That of a run in progress still grows, and may be truncated.
    ended = set(run_ids(data_folder, site=site))
    archive = (data_folder.root / "archive" / f"site={site}").glob("date=*/*.warc.gz")
    archives = [path for path in archive if path.name.removesuffix(".warc.gz") in ended]
    return LocalFiles(
        [TableFile(file.path, file.bytes, file.sha256, file.rows) for file in tables],
        [*reports, *(f"runs/{run_id}.json" for run_id in ids)],
        [f"runs/{run_id}.json" for run_id in rolled_up_ids(data_folder, site).difference(ids)],
        sorted(path.relative_to(data_folder.root).as_posix() for path in archives),
    )


def restore_site(data_folder: DataFolder, site: str, zone: ZoneInfo, url: str, *, claim: bool = False) -> Downloaded:
    """Copy a site from a bucket into a data folder, and build its ledger (SQLite crawl state) from the Parquet files.

    Raises :class:`FolderInUse` if the folder has a ledger of the site. After a crash, the restore can be repeated.

    :param claim: make this data folder the only one that may upload the site from now on
    """
    if data_folder.ledger(site).exists():
        raise FolderInUse(f"{data_folder.root} has a ledger of {site}: restore into an empty folder (--data)")
    data_folder.prepare()
    with SiteLock.take(data_folder.lock(site)), Records.open(records_file(data_folder, site)) as records:
        records.use(url)
        bucket = open_bucket(url)
        result = download(bucket, records, data_folder, site)
        reindex(data_folder, site, zone).close()
        if claim:
            held = HeldManifest(bucket, records, site, take_over=False)
            held.write(held.current)
    return result


def is_current(data_folder: DataFolder, site: str, url: str) -> bool:
    """Return True if a data folder may upload a site: it wrote the site's manifest last, or there is none."""
    if (held := read_manifest(open_bucket(url), site)) is None:
        return True
    if not data_folder.ledger(site).exists():
        return False
    with Records.open(records_file(data_folder, site)) as records:
        records.use(url)
        return held[0].id in records.manifest_ids()


def set_aside(data_folder: DataFolder, site: str) -> None:
    """Move the tables and the ledger (SQLite crawl state) of a site to `quarantine/`, because they are out of date."""
    target = PurePath(data_folder.quarantine.name, now().strftime("%Y%m%dT%H%M%S.%fZ"))
    with SiteLock.take(data_folder.lock(site)):
        for name in TABLES:
            folder = PurePath(name, f"site={site}")
            if (data_folder.root / folder).exists():
                data_folder.move(folder, target / folder)
        make_folder(data_folder.root / target / "state")
        for path in (data_folder.ledger(site), records_file(data_folder, site)):
            move_database(path, data_folder.root / target / "state" / path.name)


def check_remote(data_folder: DataFolder, site: str, url: str) -> tuple[Mapping[str, str], list[str]]:
    """Verify the objects of a site; return their faults by path, and the local files that are still to be uploaded."""
    local = [(file.path, file.sha256) for file in published_files(data_folder.ledger(site))]
    return check_objects(open_bucket(url), site, local)
