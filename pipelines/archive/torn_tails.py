"""Removal of the torn tails of archive files: what a killed run appended and did not commit."""

import os
from pathlib import Path

from pipelines.archive.record_places import whole_records
from pipelines.archive.warc_file import next_record
from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import storage_errors
from pipelines.storage.failpoint import reached


def cut_torn_tails(data_folder: DataFolder, ledger: Ledger, run_id: str) -> None:
    """Cut the archive files of a killed run back to their recorded sizes, and delete those without a record.

    The recorded size is the end of the last record that was committed; nothing refers to what follows it.
    """
    for place in data_folder.archive_files(ledger.site, run_id):
        _cut(data_folder, place, ledger.archive_files.size(place.relative_to(data_folder.root).as_posix()))
        reached("archive.cut")


def remove_announced(data_folder: DataFolder, ledger: Ledger) -> None:
    """Delete the archive files that a killed import has announced, and in which nothing was committed."""
    for path in ledger.archive_files.announced():
        if (place := data_folder.root / path).exists():
            _cut(data_folder, place, 0)
        with ledger.transaction():
            ledger.archive_files.forget(path)


def record_archive_files(data_folder: DataFolder, ledger: Ledger) -> None:
    """Record the sizes of the archive files of a site in a new ledger.

    A record that is cut off at the end of a file, which a killed run may have left, is removed. A damaged record before
    other records stays, and `khobor check` names it.
    """
    for place in data_folder.archive_files(ledger.site):
        _, damage = whole_records(place)
        if damage is not None:
            with storage_errors("read", place), place.open("rb") as file:
                is_torn = next_record(file, damage + 1) is None
            if is_torn:
                _cut(data_folder, place, damage)
        if place.exists():
            with ledger.savepoint():
                ledger.archive_files.record(place.relative_to(data_folder.root).as_posix(), place.stat().st_size)


def _cut(data_folder: DataFolder, place: Path, size: int) -> None:
    with storage_errors("cut", place):
        if not size:
            data_folder.remove(place)
        elif place.stat().st_size > size:
            with place.open("rb+") as file:
                file.truncate(size)
                os.fsync(file.fileno())
