"""The history of a site in the order of time: fetches, and the stored rows that no longer have one."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.rebuild.stored_stories import StoredStories
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

Row = dict[str, Any]
#: Kinds of events, in the order in which those of one moment are handled. Each page comes before the rows it gave.
FETCH, APPEARED, RANKINGS, ALIASES, SIGHTINGS, REJECTS, SEEN = KINDS = (
    "fetches",
    "appeared",
    "rankings",
    "aliases",
    "sightings",
    "rejects",
    "seen",
)


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    kind: str
    row: Row
    number: int


def history(data_folder: DataFolder, site: str, stories: StoredStories) -> Iterator[Event]:
    """Yield all events of a site in the order of time, numbered from 0; the same data gives the same numbers."""
    streams = [
        *(_rows(data_folder, site, name) for name in (FETCH, RANKINGS, ALIASES, SIGHTINGS, REJECTS)),
        ((at, APPEARED, row) for at, row in stories.appearances()),
        ((at, SEEN, row) for at, row in stories.sights()),
    ]
    merged = heapq.merge(*streams, key=lambda event: (event[0], KINDS.index(event[1])))
    for number, (at, kind, row) in enumerate(merged):
        yield Event(at, kind, row, number)


def _rows(data_folder: DataFolder, site: str, name: str) -> Iterator[tuple[datetime, str, Row]]:
    table = TABLES[name]
    moment = table.order[0]
    for part, _ in data_folder.published(table, site):
        rows = data_folder.read(table, site, part)
        assert rows is not None
        for batch in rows.to_batches(1_000):
            for row in batch.to_pylist():
                yield row[moment], name, row
