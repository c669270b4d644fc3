"""Download of a site from a bucket into a data folder that has no ledger (SQLite crawl state) of the site yet."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.buckets.contents import object_digest
from pipelines.buckets.manifest import FOLDER, REMOVED, Manifest, read_manifest
from pipelines.buckets.object_store import Bucket, BucketError, StoredObject
from pipelines.buckets.upload_records import ObjectRecord, Records
from pipelines.storage.atomic_write import atomic_path
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached
from pipelines.storage.fsync import make_folder
from pipelines.storage.run_reports import site_of
from pipelines.storage.tables import TABLES, is_site

_ATTEMPTS = 3


@dataclass
class Downloaded:
    """Result of a download.

    :ivar damaged: path and fault of each object that was not taken over, because it is missing or is not one of those
        that the manifest names
    """

    site: str
    files: int = 0
    bytes: int = 0
    damaged: dict[str, str] = field(default_factory=dict)


def sites_in(bucket: Bucket) -> list[str]:
    """Return the sites of which a bucket has a manifest."""
    names = (found.path.removeprefix(FOLDER).removesuffix(".json") for found in bucket.list(FOLDER.rstrip("/")))
    return sorted(name for name in names if is_site(name))


def objects_of(bucket: Bucket, site: str, *, archives: bool = True) -> Iterator[StoredObject]:
    """Yield the objects of a site: tables in the order of publishing, then reports, then archives."""
    for name in TABLES:
        yield from bucket.list(f"{name}/site={site}")
    for found in bucket.list("runs"):
        run_id = found.path.removeprefix("runs/").removesuffix(".json")
        if site_of(run_id) == site or found.path.startswith(f"runs/site={site}/"):
            yield found
    yield from (found for found in bucket.list("state") if found.path == f"state/{site}.acknowledged.json")
    if archives:
        yield from bucket.list(f"archive/site={site}")


def download(bucket: Bucket, records: Records, data_folder: DataFolder, site: str) -> Downloaded:
    """Copy all objects of a site into a data folder, which then is the one that may upload the site.

    A file that is already there and equal is not copied again, so that a download can be repeated after a crash. Raises
    :class:`BucketError` if the bucket has no manifest of the site, or is changed again and again meanwhile.
    """
    for _ in range(_ATTEMPTS):
        if (held := read_manifest(bucket, site)) is None:
            raise BucketError(f"{bucket.url} has no manifest of {site}: nothing was uploaded there")
        result = _download(bucket, records, data_folder, held[0])
        if (again := read_manifest(bucket, site)) is not None and again[0].id == held[0].id:
            records.set_manifest_ids(held[0].id)
            return result
    raise BucketError(f"{site} in {bucket.url} is being uploaded by another machine: stop it first")


def _download(bucket: Bucket, records: Records, data_folder: DataFolder, manifest: Manifest) -> Downloaded:
    result, found = Downloaded(manifest.site), set[str]()
    for stored in objects_of(bucket, manifest.site):
        found.add(stored.path)
        is_table = stored.path.partition("/")[0] in TABLES
        allowed = manifest.allowed(stored.path) if is_table else None
        sha256 = _copy(bucket, data_folder, stored.path, allowed)
        reached("bucket.downloaded")
        if sha256 is None:
            result.damaged[stored.path] = "is not an object that the manifest names"
            continue
        modified = (data_folder.root / stored.path).stat().st_mtime_ns
        records.put(ObjectRecord(stored.path, stored.bytes, sha256, stored.e_tag, modified))
        result.files += 1
        result.bytes += stored.bytes
    for path in manifest.paths() - found:
        if REMOVED not in manifest.allowed(path):
            result.damaged[path] = "is missing"
    return result


def _copy(bucket: Bucket, data_folder: DataFolder, path: str, allowed: set[str] | None) -> str | None:
    """Copy one object, and return its SHA-256; return None and keep no file if it is damaged.

    :param allowed: SHA-256 of each content that the object may have; without it, a JSON file must be readable
    """
    target = data_folder.root / path
    if allowed and (sha256 := data_folder.digest(path)) in allowed - {REMOVED}:
        return sha256
    digest = hashlib.sha256()
    with storage_errors("write", target):
        make_folder(target.parent)
    try:
        with atomic_path(target, staging=data_folder.staging) as temporary:
            with temporary.open("wb") as file:
                for chunk in bucket.chunks(path):
                    digest.update(chunk)
                    file.write(chunk)
            if allowed is not None and digest.hexdigest() not in allowed:
                raise ValueError("is damaged")
            if path.endswith(".json"):
                json.loads(temporary.read_bytes())
    except ValueError:
        return None
    return digest.hexdigest()


def check_objects(bucket: Bucket, site: str, local: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Compare the objects of the tables of a site with its manifest; return the fault of each object, by path.

    The second result is the paths of local files of which the bucket has not the current content yet. An object is
    downloaded only if its etag is not the recorded one.

    :param local: path and SHA-256 of each published file of the local data folder
    """
    if (held := read_manifest(bucket, site)) is None:
        return {}, [path for path, _ in local]
    manifest, faults, found = held[0], dict[str, str](), set[str]()
    for table in TABLES:
        for stored in bucket.list(f"{table}/site={site}"):
            found.add(stored.path)
            recorded = manifest.files.get(stored.path)
            if recorded is not None and recorded.e_tag == stored.e_tag:
                continue
            if stored.path not in manifest.paths():
                faults[stored.path] = "was not uploaded by Khobor"
                continue
            if object_digest(bucket, stored.path) not in manifest.allowed(stored.path):
                faults[stored.path] = "is not the object that was uploaded"
    for path in manifest.paths() - found:
        if REMOVED not in manifest.allowed(path):
            faults[path] = "was uploaded and is missing"
    current = {path: file.sha256 for path, file in manifest.files.items() if path not in manifest.pending}
    return faults, [path for path, sha256 in local if current.get(path) != sha256]
