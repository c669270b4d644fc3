"""Manifest of a site during an upload: it shows who may write the site, and what each object may contain."""

from dataclasses import replace

from pipelines.buckets.contents import object_digest
from pipelines.buckets.manifest import REMOVED, Manifest, manifest_path, new_id, read_manifest
from pipelines.buckets.object_store import AnotherWriter, Bucket, PreconditionFailed
from pipelines.buckets.upload_records import Records
from pipelines.storage.failpoint import reached
from pipelines.storage.tables import TABLES


class HeldManifest:
    """Manifest in a bucket, replaced by conditional PUTs only.

    Raises :class:`AnotherWriter` if another data folder has written it, unless the site is taken over.

    :param take_over: continue from whatever objects the bucket has
    """

    def __init__(self, bucket: Bucket, records: Records, site: str, *, take_over: bool) -> None:
        self._bucket, self._records, self._site = bucket, records, site
        held = read_manifest(bucket, site)
        self.is_new = held is None
        self.current: Manifest = held[0] if held else Manifest(site, "")
        self._e_tag: str | None = held[1] if held else None
        if take_over:
            self._adopt_objects()
        elif held and self.current.id not in records.manifest_ids():
            raise self.another_writer("its manifest")

    def write(self, manifest: Manifest) -> None:
        written, path = replace(manifest, id=new_id()), manifest_path(self._site)
        self._records.set_manifest_ids(*filter(None, (self.current.id, written.id)))
        reached("bucket.manifest")
        try:
            self._e_tag = self._bucket.put(path, written.to_json(), self._e_tag)
        except PreconditionFailed:
            # The PUT may have succeeded, and its response may have been lost.
            held = read_manifest(self._bucket, self._site)
            if held is None or held[0].id != written.id:
                raise self.another_writer("its manifest") from None
            self._e_tag = held[1]
        self.current = written

    def e_tag(self, path: str) -> str | None:
        """Return the etag that an object should have, or None if there should be none."""
        if record := self._records.get(path):
            return record.e_tag
        recorded = self.current.files.get(path)
        return recorded.e_tag if recorded else None

    def examine(self, path: str) -> tuple[str, str | None]:
        """Return the SHA-256 and the etag of an object that has not the etag it should have.

        Raises :class:`AnotherWriter` unless it is one that this data folder may have written.
        """
        e_tag = self._bucket.e_tag(path)
        found = object_digest(self._bucket, path) if e_tag else REMOVED
        if found not in self.current.allowed(path) | {REMOVED}:
            raise self.another_writer(path)
        return found, e_tag

    def another_writer(self, what: str) -> AnotherWriter:
        return AnotherWriter(
            f"another writer holds {self._site} in {self._bucket.url} ({what} is not from this data folder): nothing"
            " was overwritten; stop one of the two, then `khobor publish --take-over` in the right data folder"
        )

    def _adopt_objects(self) -> None:
        """Read which objects the bucket really has, so that each of them can be replaced."""
        self._records.clear()
        kept, pending = {}, {}
        for table in TABLES:
            for found in self._bucket.list(f"{table}/site={self._site}"):
                recorded = self.current.files.get(found.path)
                if recorded and recorded.e_tag == found.e_tag:
                    kept[found.path] = recorded
                else:
                    pending[found.path] = (object_digest(self._bucket, found.path),)
        self.current = replace(self.current, files=kept, pending=pending)
