"""Replay of some runs of a site into a new folder: what it needs before the first crawl, and its result."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from crawler import settings
from crawler.spider import NewspaperSpider
from pipelines.ledger import Ledger
from pipelines.publishing.exchange import is_announced
from pipelines.rebuild.differences import TableDifference
from pipelines.rebuild.rebuild import Progress, Rebuilt
from pipelines.rebuild.rebuilt_ledger import RebuiltLedger
from pipelines.rebuild.reread import processes
from pipelines.rebuild.selection import Selection
from pipelines.replay.night_rows import Rows, row_differences, rows_of
from pipelines.replay.recorded_run import RecordedRun
from pipelines.replay.state_before import READ_AGAIN, StateBefore
from pipelines.storage.atomic_write import write_file
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_reports import file_ids, read_report, run_ids, site_of
from pipelines.storage.site_lock import SiteLock

#: File in a folder that replays write; it names the data folder.
MARK = "replay.json"
# Settings of the past that a replay does not take over: those that slow it down, and those of a process.
_OWN = re.compile(r"DOWNLOAD_|CONCURRENT_|AUTOTHROTTLE_|CLOSESPIDER_|LOG_|KHOBOR_(LOG|ARCHIVE|MIN_FREE|STALL|SHUTDOWN)")
# Delays of a crawl after which a failed request is repeated, if no setting gives the seconds.
_PAUSES = {"KHOBOR_FIRST_PAUSE_SECONDS": 30, "KHOBOR_FIRST_BACKOFF_SECONDS": 5}


class NotReplayable(Exception):
    """A run cannot be replayed, or not into this folder; the message is one sentence."""


def crawl_settings(data_folder: DataFolder, report: Mapping[str, Any]) -> dict[str, str]:
    """Return the Scrapy settings with which a run is replayed: mode and limits are its own.

    :param report: report of the run
    """
    given = (report.get("options") or {}).get("settings", {})
    delay = min(1.0, float(given.get("DOWNLOAD_DELAY", settings.DOWNLOAD_DELAY)))
    pauses = {name: given.get(name, delays * delay) for name, delays in _PAUSES.items()}
    kept = {name: value for name, value in given.items() if not _OWN.match(name)}
    own = {"KHOBOR_REPLAY": data_folder.root, "KHOBOR_MODE": report["mode"] or "full", "CLOSESPIDER_TIMEOUT": 0}
    return {name: str(value) for name, value in {**kept, **pauses, **own}.items()}


class Replay:
    """Replay of runs of one site.

    The runs between the first and the last are replayed too, because each decides what the next one requests.

    :param wanted: ids of runs
    :ivar runs: ids of the runs to replay, oldest first
    :ivar not_named: ids of those between the wanted ones
    """

    def __init__(
        self, data_folder: DataFolder, spider: type[NewspaperSpider], wanted: Sequence[str], out: Path
    ) -> None:
        self.source, self.spider, self.target = data_folder, spider, DataFolder(out)
        own = [run_id for run_id in run_ids(data_folder) if site_of(run_id) == spider.name]
        self.runs = [run_id for run_id in own if min(wanted) <= run_id <= max(wanted)]
        self.not_named = [run_id for run_id in self.runs if run_id not in wanted]
        self._earlier = [run_id for run_id in own if run_id < self.runs[0]]
        self._is_newest = self.runs[-1] == own[-1]
        self._before: Rows = {}

    def count(self) -> int:
        """Return the number of pages that :meth:`prepare` reads, at most."""
        at = datetime.fromisoformat(read_report(self.source, self.runs[0])["started_at"])
        return Selection(at - READ_AGAIN, at).count(self.source, self.spider.name)

    def prepare(self, progress: Progress = lambda done: None) -> Rebuilt:
        """Rebuild the state before the first run in the new folder; no run of the site can start meanwhile."""
        site = self.spider.name
        lock = self.source.lock(site)
        with SiteLock.hold(lock) if lock.exists() else nullcontext():  # a restored copy has none
            self._check()
            first = RecordedRun(self.source, self.runs[0], self.spider)
            self._before = rows_of(self.source, site, self.runs)
            self._clear()
            result = StateBefore(
                self.source, self.target, self.spider, self.runs[0], first.started_at, processes(), progress
            ).run()
        with closing(RebuiltLedger.of(self.target, self.spider)) as ledger:
            ledger.end()
        for run_id in {*self._earlier} & {*file_ids(self.source)}:
            shutil.copy(self.source.run(run_id), self.target.run(run_id))
        return result

    def differences(self) -> list[TableDifference]:
        """Return the differences between the rows of the runs and those of their replay."""
        after = rows_of(self.target, self.spider.name, self.runs)
        return row_differences(self._before, after, self.target, is_newest=self._is_newest)

    def _check(self) -> None:
        site, path = self.spider.name, self.source.ledger(self.spider.name)
        journal = path.with_name(f"{path.name}-wal")
        is_whole = not (is_announced(self.source, site) or (journal.exists() and journal.stat().st_size))
        if is_whole:
            ledger = Ledger.read_only(path, site, self.spider.zone)
            is_whole = not (ledger.runs.ids(ended=False) or ledger.outbox.size())
            ledger.close_unchanged()
        if not is_whole:
            raise NotReplayable(f"a command on {site} was killed before it ended: run `khobor publish` first")
        if not any(self.source.archive_files(site, run_id) for run_id in self.runs):
            raise NotReplayable(f"nothing of {' and '.join(self.runs)} is in {self.source.archive}")

    def _clear(self) -> None:
        """Delete what an earlier replay has left, unless it is a state that is still being rebuilt."""
        mark, site = self.target.root / MARK, self.spider.name
        self.target.root.mkdir(parents=True, exist_ok=True)
        about = {"data": str(self.source.root)}
        is_own = json.loads(mark.read_bytes()) == about if mark.exists() else not any(self.target.root.iterdir())
        if not is_own:
            raise NotReplayable(f"{self.target.root} has other data: give a new folder to --out")
        write_file(mark, json.dumps(about).encode())
        for path in (*self.target.runs.glob(f"*-{site}-*.json"), *self.target.state.glob(f"logs/*-{site}-*.log")):
            path.unlink()
