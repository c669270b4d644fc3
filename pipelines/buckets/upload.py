"""Upload of the changed files of a site to a bucket, so that its readers see whole tables in a consistent order.

1. Announce all changes in the manifest of the site, by a conditional PUT. From here on, no other writer can begin.
2. Send the tables in the order in which they are published. A story that moved to another month stays in the object of
   its old month until its new month is sent, as it does in the local files (:mod:`pipelines.publishing.publisher`).
3. Delete the objects of removed partitions, and send the run reports.
4. Write the manifest without announcements, which ends the upload. Then send the archives.

An upload that was killed at any point is completed by the next one: each object is either the recorded one or one of
those announced. Any other object was written by somebody else. The upload then stops, and nothing is overwritten.
"""

import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crawler.clock import now
from pipelines.buckets.contents import mapped, object_digest
from pipelines.buckets.held_manifest import HeldManifest
from pipelines.buckets.manifest import REMOVED, ManifestFile
from pipelines.buckets.moved_rows import staged_with_moved_rows
from pipelines.buckets.object_store import Bucket, BucketError, PreconditionFailed
from pipelines.buckets.upload_records import ObjectRecord, Records
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached


@dataclass(frozen=True, slots=True)
class TableFile:
    """Published file, as recorded in the ledger (the site's SQLite crawl state)."""

    path: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files of a site at one moment.

    :ivar tables: published files in the order of publishing
    :ivar reports: paths of the reports of runs and of what the operator acknowledged
    :ivar rolled_up: paths of reports that were deleted after they were moved to the table `runs`
    :ivar archives: paths of archives, oldest first
    """

    tables: Sequence[TableFile]
    reports: Sequence[str]
    rolled_up: Collection[str] = ()
    archives: Sequence[str] = ()


class Upload:
    """Upload of one site; only one process may upload a site at a time.

    Raises :class:`AnotherWriter` if another data folder has written the site.

    :param until: time of the monotonic clock at which the upload stops; the next one continues
    :param take_over: continue also if another data folder has written the objects, and compare all of them anew
    """

    def __init__(
        self,
        bucket: Bucket,
        records: Records,
        data_folder: DataFolder,
        site: str,
        until: float,
        *,
        take_over: bool = False,
    ) -> None:
        self._bucket, self._records, self._data_folder, self._site = bucket, records, data_folder, site
        self._until = until
        self._manifest = HeldManifest(bucket, records, site, take_over=take_over)
        self._sent_objects = self._sent_bytes = 0

    def run(self, files: LocalFiles) -> None:
        """Send all files that differ from those in the bucket.

        Raises :class:`BucketError`, and :class:`Superseded` if a run replaces a file meanwhile.
        """
        manifest, wanted = self._manifest.current, {file.path for file in files.tables}
        changed = [file for file in files.tables if manifest.allowed(file.path) != {file.sha256}]
        removed = sorted(manifest.paths() - wanted)
        if changed or removed or self._manifest.is_new:
            self._replace_tables(files, changed, removed)
        else:
            self._send_reports(files)
        for path in files.archives:
            self._send_loose(path)

    # Tables ----------------------------------------------------------------------------------------------------------

    def _replace_tables(self, files: LocalFiles, changed: Sequence[TableFile], removed: Sequence[str]) -> None:
        stories = {file.path: file for file in changed if file.path.startswith("stories/")}
        pending = {path: [*contents] for path, contents in self._manifest.current.pending.items()}
        for file in changed:
            pending.setdefault(file.path, []).append(file.sha256)
        for path in removed:
            pending.setdefault(path, []).append(REMOVED)
        with staged_with_moved_rows(self._bucket, self._data_folder, self._site, [*stories]) as staged:
            for path, first in staged.items():
                pending[path].append(first.sha256)
            announced = {path: tuple(dict.fromkeys(contents)) for path, contents in pending.items()}
            self._manifest.write(replace(self._manifest.current, pending=announced))
            reached("bucket.announced")
            for file in changed:
                if earlier := staged.get(file.path):
                    with mapped(earlier.path, earlier.sha256) as content:
                        self._replace(file.path, content, earlier.sha256)
                else:
                    self._send_table(file)
                if file.path == next(reversed(stories), None):
                    for path in staged:
                        self._send_table(stories[path])
        for path in removed:
            self._delete(path)
        self._send_reports(files)
        current = {path: file for path, file in self._manifest.current.files.items() if path not in removed}
        for file in changed:
            e_tag = self._manifest.e_tag(file.path) or ""
            current[file.path] = ManifestFile(file.bytes, file.sha256, e_tag, file.rows)
        self._manifest.write(replace(self._manifest.current, at=now().isoformat(), files=current, pending={}))
        reached("bucket.completed")

    def _send_table(self, file: TableFile) -> None:
        record = self._records.get(file.path)
        if record is None or record.sha256 != file.sha256:  # otherwise sent by an upload that was interrupted
            with mapped(self._data_folder.root / file.path, file.sha256) as content:
                self._replace(file.path, content, file.sha256)

    def _replace(self, path: str, content: Any, sha256: str) -> None:
        self._check_time()
        try:
            e_tag = self._bucket.put(path, content, self._manifest.e_tag(path))
        except PreconditionFailed:
            found, found_tag = self._manifest.examine(path)
            try:
                e_tag = found_tag if found_tag and found == sha256 else self._bucket.put(path, content, found_tag)
            except PreconditionFailed:
                raise self._manifest.another_writer(path) from None
        reached("bucket.sent")
        self._note(path, len(content), sha256, e_tag, 0)
        reached("bucket.recorded")

    def _delete(self, path: str) -> None:
        self._check_time()
        if (e_tag := self._bucket.e_tag(path)) is not None:
            if e_tag != self._manifest.e_tag(path):
                self._manifest.examine(path)
            self._bucket.delete(path)
        reached("bucket.deleted")
        self._records.remove(path)

    # Other files -----------------------------------------------------------------------------------------------------

    def _send_reports(self, files: LocalFiles) -> None:
        for path in files.reports:
            self._send_loose(path)
        for path in files.rolled_up:
            if self._records.get(path):
                self._bucket.delete(path)
                self._records.remove(path)

    def _send_loose(self, path: str) -> None:
        """Send a file that has a name of its own (a report or an archive), if it is new or changed."""
        place, record = self._data_folder.root / path, self._records.get(path)
        try:
            stat = place.stat()
        except FileNotFoundError:  # it has been removed since it was listed
            return
        if record and (record.bytes, record.modified) == (stat.st_size, stat.st_mtime_ns):
            return
        self._check_time()
        with mapped(place) as content:
            sha256 = hashlib.sha256(content).hexdigest()
            is_sent = record is not None and record.sha256 == sha256
            e_tag = record.e_tag if record else None
            if not is_sent:
                e_tag = self._put_loose(path, content, sha256, e_tag)
            self._note(path, len(content), sha256, e_tag or "", stat.st_mtime_ns)

    def _put_loose(self, path: str, content: Any, sha256: str, e_tag: str | None) -> str:
        try:
            return self._bucket.put(path, content, e_tag)
        except PreconditionFailed:  # sent by an upload that was killed before it recorded this
            found = self._bucket.e_tag(path)
            if found and object_digest(self._bucket, path) == sha256:
                return found
            try:
                return self._bucket.put(path, content, found)
            except PreconditionFailed:
                raise self._manifest.another_writer(path) from None

    # Bookkeeping -----------------------------------------------------------------------------------------------------

    def _note(self, path: str, size: int, sha256: str, e_tag: str, modified: int) -> None:
        self._records.put(ObjectRecord(path, size, sha256, e_tag, modified))
        self._sent_objects += 1
        self._sent_bytes += size

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise BucketError(
                f"the upload of {self._site} to {self._bucket.url} takes long: {self._sent_objects:,} objects"
                f" ({self._sent_bytes:,} bytes) were sent, and the next upload continues"
            )
