"""Verification of a site's archive files against the ledger and the table `fetches`."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import pyarrow.compute as pc

from pipelines.archive.record_places import Place, whole_records
from pipelines.ledger import Ledger
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DataDamaged
from pipelines.storage.parquet import read_columns
from pipelines.storage.tables import TABLES

_FETCHES = TABLES["fetches"]


class ArchiveDamage(StrEnum):
    LOST = "archive_lost"
    UNRECORDED = "archive_unrecorded"


def archive_faults(data_folder: DataFolder, ledger: Ledger) -> Iterator[tuple[ArchiveDamage, str, str]]:
    """Yield (kind, path, description) of each problem of a site's archive files.

    Every record is read and its digest is compared. Each row of `fetches` must refer to a record, and each file must
    end with one. What a killed run left is no problem, because the next run of the site removes it.
    """
    recorded, unfinished = ledger.archive_files.sizes(), set(ledger.runs.ids(ended=False))
    announced = set(ledger.archive_files.announced())
    for day, names in groupby(recorded, key=lambda name: Path(name).parent.name.partition("=")[2]):
        references = _references(data_folder, ledger.site, date.fromisoformat(day))
        for name in names:
            is_unfinished = _run_of(Path(name)) in unfinished
            for problem in _problems(data_folder.root / name, recorded[name], references[name], is_unfinished):
                yield ArchiveDamage.LOST, name, problem
    for place in data_folder.archive_files(ledger.site):
        name = place.relative_to(data_folder.root).as_posix()
        if name not in recorded and name not in announced and _run_of(place) not in unfinished:
            yield ArchiveDamage.UNRECORDED, name, "is not in the ledger"


def _problems(place: Path, size: int, references: set[Place], is_unfinished: bool) -> Iterator[str]:
    if not place.exists():
        yield "is missing"
        return
    found = place.stat().st_size
    if found < size or (found > size and not is_unfinished):
        yield f"has {found:,} bytes, recorded {size:,}"
    records, damage = whole_records(place, min(found, size))
    if damage is not None:
        yield f"is damaged at byte {damage:,}"
    if lost := references - set(records):
        yield f"lacks {len(lost)} responses to which `fetches` refers (first: at byte {min(lost)[0]:,})"


def _references(data_folder: DataFolder, site: str, day: date) -> defaultdict[str, set[Place]]:
    """Return the places of the archive files of a day to which rows of `fetches` refer, by name of the file.

    A row may be of the next day, because its time is later than that of the response if the response was an error.
    """
    places: defaultdict[str, set[Place]] = defaultdict(set)
    for part in (day, day + timedelta(days=1)):
        path = _FETCHES.path(site, part.isoformat())
        if not (data_folder.root / path).exists():
            continue
        try:
            rows = read_columns(data_folder.root, path, ("archive_file", "archive_offset", "archive_length"))
        except DataDamaged:
            continue  # reported as a damaged table
        rows = rows.filter(pc.is_valid(rows["archive_file"]))
        for name, offset, length in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            places[name].add((offset, length))
    return places


def _run_of(place: Path) -> str:
    return place.name.removesuffix(".warc.gz")
