"""Re-reading of a site's archived pages into a new folder, or in the place of its tables."""

import os
import shutil
from contextlib import closing
from pathlib import Path

from crawler.spider import NewspaperSpider
from pipelines.publishing.exchange import exchange, open_ledger, rebuilt_folder
from pipelines.rebuild.differences import TableDifference, differences
from pipelines.rebuild.rebuild import Progress, Rebuild, Rebuilt
from pipelines.rebuild.rebuilt_ledger import RebuiltLedger, is_rebuilding
from pipelines.rebuild.selection import Selection
from pipelines.runtime.recovery import recover_runs
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import file_ids, site_of
from pipelines.storage.tables import TABLES


class TargetInUse(Exception):
    """The folder for rebuilt data has other data of the site already."""


def processes() -> int:
    """Return the number of processes that read pages: one per core, of which the parent leaves a part unused."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Reread:
    """Re-reading of one site; the caller holds its lock.

    :param out: data folder for the result; None replaces the tables and the ledger of ``data_folder``
    """

    def __init__(
        self, data_folder: DataFolder, spider: type[NewspaperSpider], selection: Selection, out: Path | None = None
    ) -> None:
        self._source, self._spider, self._selection, self._out = data_folder, spider, selection, out
        self._target = DataFolder(out if out is not None else rebuilt_folder(data_folder, spider.name))
        with closing(open_ledger(data_folder, spider.name, spider.zone)) as ledger:
            recover_runs(data_folder, ledger)
        if out is not None and self._target.holds(spider.name) and not is_rebuilding(self._target, spider):
            raise TargetInUse(f"{out} has data of {spider.name} already: give a new folder to --out")

    def count(self) -> int:
        """Return the number of pages to read."""
        return self._selection.count(self._source, self._spider.name)

    def rows(self) -> dict[str, int]:
        """Return the number of stories and of superseded revisions in the tables."""
        with closing(open_ledger(self._source, self._spider.name, self._spider.zone)) as ledger:
            return {
                name: sum(file.rows for _, file in ledger.outbox.files_of(TABLES[name]))
                for name in ("stories", "revisions")
            }

    def build(self, progress: Progress = lambda done: None) -> Rebuilt:
        """Build the new tables without changing the present ones; a later call does only what is left."""
        return Rebuild(self._source, self._target, self._spider, self._selection, processes(), progress).run()

    def differences(self) -> list[TableDifference]:
        """Return what the new tables change, after :meth:`build`."""
        return differences(self._source, self._target, self._spider.name)

    def finish(self) -> None:
        """Put the new tables in the place of the present ones, or complete the new folder."""
        site = self._spider.name
        with closing(RebuiltLedger.open(self._target.ledger(site), site, self._spider.zone)) as ledger:
            ledger.end()
        if self._out is None:
            exchange(self._source, site)
            return
        for run_id in file_ids(self._source):
            if site_of(run_id) == site:
                shutil.copy(self._source.run(run_id), self._target.run(run_id))
