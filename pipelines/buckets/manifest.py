"""Manifest of a site in a bucket (`manifests/<site>.json`): the checksums of its published files at one moment.

An upload begins with a manifest that announces the files to be replaced, and ends with one that announces none. So at
every moment, each object is the one of the last complete upload or one that is announced.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pipelines.buckets.object_store import Bucket, BucketError

FOLDER = "manifests/"
#: Stands for an object that is to be deleted, in place of a SHA-256.
REMOVED = ""


def manifest_path(site: str) -> str:
    return f"{FOLDER}{site}.json"


def new_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    bytes: int
    sha256: str
    e_tag: str
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of a manifest.

    :ivar id: random identifier, new with each change
    :ivar at: time of the last complete upload in ISO 8601, or None before the first
    :ivar files: published files after the last complete upload, by path
    :ivar pending: SHA-256 of each content that an upload in progress may have written, by path
    """

    site: str
    id: str
    at: str | None = None
    files: Mapping[str, ManifestFile] = field(default_factory=dict)
    pending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def allowed(self, path: str) -> set[str]:
        """Return the SHA-256 of each content that the object may have; :data:`REMOVED` if it may be missing."""
        recorded = self.files.get(path)
        return {recorded.sha256 if recorded else REMOVED, *self.pending.get(path, ())}

    def paths(self) -> set[str]:
        return {*self.files, *self.pending}

    def to_json(self) -> bytes:
        files = {
            path: {"bytes": file.bytes, "sha256": file.sha256, "e_tag": file.e_tag, "rows": file.rows}
            for path, file in sorted(self.files.items())
        }
        pending = {path: list(found) for path, found in sorted(self.pending.items())}
        content = {"site": self.site, "id": self.id, "at": self.at, "files": files, "pending": pending}
        return json.dumps(content, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes, site: str) -> Self:
        """Parse a manifest; raises ValueError if it is not one of this site."""
        try:
            document: Any = json.loads(content)
            if document["site"] != site:
                raise ValueError(f"is of another site ({document['site']})")
            files = {
                _checked(path): ManifestFile(int(f["bytes"]), str(f["sha256"]), str(f["e_tag"]), int(f["rows"]))
                for path, f in document["files"].items()
            }
            pending = {_checked(path): tuple(map(str, found)) for path, found in document["pending"].items()}
            return cls(site, str(document["id"]), document["at"], files, pending)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("is not a manifest of Khobor") from error


def _checked(path: str) -> str:
    # Paths become file names when a data folder is restored.
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("names a path outside of the data folder")
    return path


def read_manifest(bucket: Bucket, site: str) -> tuple[Manifest, str] | None:
    """Return the manifest of a site and its etag, or None if the bucket has none.

    Raises :class:`BucketError` if it cannot be parsed.
    """
    if (found := bucket.get(manifest_path(site))) is None:
        return None
    content, e_tag = found
    try:
        return Manifest.from_json(content, site), e_tag
    except ValueError as error:
        raise BucketError(f"{manifest_path(site)} in {bucket.url} {error}; restore it from a version") from error
