"""Stamps: whether anything changed since a page was made, from the times of files and folders alone.

A published file and a report are renamed into place, which moves the time of their folder.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES
from schedules.timetable.occurrences import occurrences_file


@dataclass(frozen=True, slots=True)
class Stamp:
    """What differs whenever the data differs; `live` while a run goes on, 0 where none does."""

    data: int = 0
    live: int = 0


def stamp_of(dataset: DataFolder, timetable: Path) -> Stamp:
    """The stamp of a data folder as it is now."""
    occurrences = occurrences_file(dataset)
    files = [timetable, dataset.runs, occurrences, occurrences.with_name(f"{occurrences.name}-wal")]
    folders = (dataset.root / name for name in TABLES)
    marks = [mark for path in files for mark in _mark(str(path))]
    marks += [mark for folder in folders for mark in _partitions(str(folder), 2)]
    progress = tuple(mark for path in sorted(dataset.state.glob("*.progress.json")) for mark in _mark(str(path)))
    return Stamp(hash(tuple(marks)), hash(progress) if progress else 0)


def _mark(path: str) -> Iterator[tuple[str, int, int]]:
    with suppress(OSError):
        stat = os.stat(path)  # noqa: PTH116 - of thousands of folders, which a Path each would make slow
        yield path, stat.st_mtime_ns, stat.st_ino


def _partitions(folder: str, depth: int) -> Iterator[tuple[str, int, int]]:
    yield from _mark(folder)
    if depth:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from _partitions(entry.path, depth - 1)
