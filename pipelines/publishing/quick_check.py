"""Quick check of the published files in every run: presence and size, and the hash of files with a new time.

It reads no Parquet, so that it costs one call of the file system for each file. :mod:`pipelines.publishing.verify`
checks everything.
"""

from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors


def lost_files(data_folder: DataFolder, ledger: Ledger) -> list[str]:
    """Return a sentence for each recorded file that is missing, has another size or another content.

    A file whose modification time differs from the recorded one is hashed, and its time is recorded if the content is
    the published one. Raises :class:`StorageError` if a file cannot be read.
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
