"""Selection of the archived pages of a site that are read again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

Row = dict[str, Any]
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Selection:
    """Limits on the fetches whose pages are read again; of all others, the stored rows are kept.

    :ivar since: earliest time of a fetch
    :ivar until: time of a fetch from which on none is selected
    :ivar outcome: only fetches with this outcome
    """

    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None

    def includes(self, row: Row) -> bool:
        """Return True if a fetch of the table `fetches` is selected and had a response that a run would parse.

        A redirect is no such response, because it leads to another fetch.
        """
        if row["status"] is None or (row["status"] in _REDIRECTS and row["status"] != 304):
            return False
        if self.outcome is not None and row["outcome"] != self.outcome:
            return False
        at = row["fetched_at"]
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def count(self, data_folder: DataFolder, site: str) -> int:
        """Return the number of archived pages that are selected."""
        return sum(1 for row in self._archived(data_folder, site) if self.includes(row))

    def _archived(self, data_folder: DataFolder, site: str) -> Iterator[Row]:
        table = TABLES["fetches"]
        for part, _ in data_folder.published(table, site):
            rows = data_folder.read(table, site, part)
            assert rows is not None
            archived = rows.filter(pc.is_valid(rows["archive_file"]))
            yield from archived.select(["status", "outcome", "fetched_at"]).to_pylist()
