"""Removal of archive files, with the references to them in `fetches` and `rejects`.

The references are removed first. A process that is killed in between leaves files that the next removal deletes.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ledger import Ledger
from pipelines.publishing.publisher import rewrite
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.failpoint import reached
from pipelines.storage.tables import TABLES

PLACE = ("archive_file", "archive_offset", "archive_length")


def remove_archives(data_folder: DataFolder, ledger: Ledger, before: date) -> int:
    """Delete the archive files of the days before ``before``; return the number of deleted files.

    The caller must hold the lock of the site.
    """
    last = f"date={before:%Y-%m-%d}"
    places = [path for path in data_folder.archive_files(ledger.site) if path.parent.name < last]
    files = {path.relative_to(data_folder.root).as_posix() for path in places}
    files |= {name for name in ledger.archive_files.sizes() if name.split("/")[-2] < last}
    if not files:
        return 0
    # The time of a row may be a day later than that of its response.
    until = (before + timedelta(days=1)).isoformat()
    rewrite(data_folder, ledger, TABLES["fetches"], lambda rows: _without_places(rows, files), until)
    rewrite(data_folder, ledger, TABLES["rejects"], lambda rows: _without_pages(rows, files), until)
    with ledger.transaction():
        for name in files:
            ledger.archive_files.forget(name)
    for name in sorted(files):
        reached("prune.archive")
        data_folder.remove(name)
    return len(places)


def _without_places(rows: pa.Table, files: Collection[str]) -> pa.Table:
    """Set the columns of the archive to null in the rows that refer to one of the files."""
    return nulled(rows, PLACE, pc.is_in(rows["archive_file"], value_set=pa.array(sorted(files), pa.string())))


def _without_pages(rows: pa.Table, files: Collection[str]) -> pa.Table:
    names = pc.replace_substring_regex(rows["page"], r":\d+$", "")
    return nulled(rows, ("page",), pc.is_in(names, value_set=pa.array(sorted(files), pa.string())))


def nulled(rows: pa.Table, names: Iterable[str], where: pa.ChunkedArray) -> pa.Table:
    """Set columns to null in the rows in which ``where`` is true."""
    for name in names:
        index, field = rows.schema.get_field_index(name), rows.schema.field(name)
        rows = rows.set_column(index, field, pc.if_else(where, pa.scalar(None, field.type), rows[name]))
    return rows
