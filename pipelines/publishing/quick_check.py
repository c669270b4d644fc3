"""Quick check of a site's published files, made by every run: presence and size, and the hash of changed files.

No Parquet file is read, so the check costs one system call (``stat``) per unchanged file. A complete check is in
:mod:`pipelines.publishing.verify`.
"""

from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors


def lost_files(data_folder: DataFolder, ledger: Ledger) -> list[str]:
    """Return a sentence for each published file that is missing, or whose size or content is not the recorded one.

    A file is hashed only if its modification time differs from the recorded time. If the hash is the recorded one, the
    new time is recorded. Raises :class:`StorageError` if a file cannot be read.
    """
    lost = []
    announced = {file.path for file in ledger.outbox.prepared()}
    for record, modified in ledger.outbox.files_with_times():
        if record.path in announced:
            continue
        place = data_folder.root / record.path
        with storage_errors("read", place):
            try:
                stat = place.stat()
            except (FileNotFoundError, NotADirectoryError):
                lost.append(f"{record.path} is missing")
                continue
        if stat.st_size != record.bytes:
            lost.append(f"{record.path} has {stat.st_size:,} bytes, recorded {record.bytes:,}")
        elif stat.st_mtime_ns != modified:
            if data_folder.digest(record.path) == record.sha256:
                ledger.outbox.set_time(record.path, stat.st_mtime_ns)
            else:
                lost.append(f"{record.path} is not the file that was published")
    return lost
