"""Scrapy extension that manages a run: its id, site lock, SQLite ledger, data folder, progress file and end."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.core.engine import ExecutionEngine
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from crawler.clock import clock_offset, now
from crawler.downloader.politeness import impolite_settings
from crawler.spider import NewspaperSpider
from pipelines.archive.writer import ArchiveWriter
from pipelines.publishing.exchange import open_ledger
from pipelines.publishing.quick_check import lost_files
from pipelines.runtime.crawl_memory import LedgerMemory
from pipelines.runtime.fatal_errors import FATAL_ERRORS, FatalError, fatal_error_in
from pipelines.runtime.field_stats import FieldStats
from pipelines.runtime.preflight import check_clock, check_machine
from pipelines.runtime.recovery import publish_run, recover_runs
from pipelines.runtime.revisit import Revisits
from pipelines.runtime.run_summary import FIELD_STATS, OPTIONS, run_options, run_summary
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.run_ids import checked_run_id, new_run_id
from pipelines.storage.site_lock import SiteLock

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_COMMITS = 1.0
# Close reasons of a run that a signal has stopped.
STOPPED = ("interrupted", "shutdown")


class ImpoliteSettings(Exception):
    """A setting is below the politeness limits for real sites; the run ends before its first request."""


class Run:
    """Scrapy extension that locks a site for one run, opens its ledger and publishes the stored rows at the end.

    The ledger is an SQLite file with the crawl state of the site and the rows that are not yet in Parquet. The
    scheduler and the item pipelines get it from this object.

    :ivar before_publish: function to call after the last request, before URLs without a result are marked as pending
    :ivar headline: headline of the story that was stored last, for the progress file
    :ivar summary: summary of the run, or None until its rows have been published
    :ivar fatal_error: error that ends the run, or None
    """

    def __init__(self, crawler: Crawler, spider: NewspaperSpider, data: Path) -> None:
        self._crawler = crawler
        self.run_id = checked_run_id(crawler.settings.get("KHOBOR_RUN_ID")) or new_run_id(spider.name)
        self.dataset = DataFolder(data)
        for warning in check_machine(self.dataset, crawler.settings.getfloat("KHOBOR_MIN_FREE_MB")):
            logger.warning(warning)
        lock, inherited = self.dataset.lock(spider.name), crawler.settings.getint("KHOBOR_LOCK_FD", -1)
        self._lock = SiteLock.adopt(lock, inherited) if inherited >= 0 else SiteLock.take(lock)
        self.ledger = open_ledger(self.dataset, spider.name, spider.zone)
        self.revisits = Revisits(self.ledger, self.run_id, spider.entry_point_intervals)
        self.memory = LedgerMemory(self.ledger, self.run_id)
        self.revisits.on_new_url = self.memory.note_story_url
        mode = crawler.settings["KHOBOR_MODE"]
        spider.run_id, spider.memory, spider.is_incremental = self.run_id, self.memory, mode == "incremental"
        self.field_stats = FieldStats(spider.list_names())
        self.before_publish: Callable[[], None] = lambda: None
        self.headline: str | None = None
        self.summary: Mapping[str, Any] | None = None
        self.fatal_error: FatalError | None = None
        self._state = "crawling"
        self._clock_offset, self._identity = clock_offset(), self.dataset.identity()
        self._is_open = self._is_published = False
        self._closing: asyncio.Future[None] | None = None
        self._commits = create_looping_call(self._commit)
        self._archive: ArchiveWriter | None = None
        if crawler.settings.getbool("KHOBOR_ARCHIVE"):
            has_addresses = not crawler.settings.get("KHOBOR_MIRROR")
            self._archive = ArchiveWriter(
                self.dataset, self.ledger, self.run_id, has_addresses=has_addresses, give_up=self.give_up
            )
            spider.archive = self._archive.write

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not isinstance(crawler.spider, NewspaperSpider):
            raise NotConfigured("not a newspaper")
        if errors := impolite_settings(crawler.settings):
            raise ImpoliteSettings("; ".join(errors))
        run = cls(crawler, crawler.spider, Path(crawler.settings["KHOBOR_DATA"]))
        crawler.signals.connect(run.spider_opened, signals.spider_opened)
        crawler.signals.connect(run.spider_closed, signals.spider_closed)
        run._recover()
        run.ledger.runs.begin(run.run_id, now(), crawler.settings["KHOBOR_MODE"])
        if corrected := run.ledger.correct_future_times(now()):
            logger.warning("%d stored times lay in the future; they count as now", corrected)
            run.ledger.runs.count(run.run_id, "corrected_times", corrected)
        run.ledger.change_hints.delete_old(now())
        return run

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        run = crawler.get_extension(cls)
        assert run is not None
        return run

    @property
    def engine(self) -> ExecutionEngine | None:
        return self._crawler.engine

    def spider_opened(self) -> None:
        self._is_open = True
        self._commits.start(SECONDS_BETWEEN_COMMITS, now=False)

    def _recover(self) -> None:
        """Publish the rows of earlier runs that were killed.

        This may take long, so the progress file is updated to show that the run is alive.
        """
        self._state = "recovering"
        try:
            self._write_progress()
            recover_runs(self.dataset, self.ledger, current=self.run_id)
            self._state = "crawling"
            self._write_progress()
        except BaseException:
            with suppress(OSError):
                self.dataset.progress(self.ledger.site).unlink(missing_ok=True)
            raise

    def publish(self) -> None:
        """Mark URLs without a result as pending, and write the stored rows to Parquet.

        Call this when no request is in progress any more.
        """
        self._state = "publishing"
        self.give_up(self.ledger.fault)
        try:
            self.dataset.check_identity(self._identity)
            self._write_progress()
            self.before_publish()
            self.memory.store()
            self.ledger.commit()
            publish_run(self.dataset, self.ledger, self.run_id)
            self._check_files()
        except FATAL_ERRORS as error:
            self.give_up(error)
            raise
        self._is_published = True

    def _check_files(self) -> None:
        if lost := lost_files(self.dataset, self.ledger):
            assert self._crawler.stats is not None
            self._crawler.stats.set_value("khobor/lost_files", lost)
        self.ledger.commit()

    def give_up(self, error: BaseException | None) -> bool:
        """Stop the spider and return True if an error is fatal; otherwise return False.

        An error is fatal if nothing more can be stored after it. Rows that are already stored are kept. If they cannot
        be published now, the next run of the site publishes them.
        """
        fatal = fatal_error_in(error)
        if fatal is not None and self.fatal_error is None:
            self.fatal_error = fatal
            logger.error("the run ends (%s): %s", fatal.reason, fatal.sentence)
            assert self._crawler.stats is not None
            self._crawler.stats.set_value("khobor/fatal_error", fatal.sentence)
            if self.engine is not None and self.engine.running:
                self._closing = asyncio.ensure_future(self.engine.close_spider_async(reason=fatal.reason))
        return fatal is not None

    def spider_closed(self, reason: str) -> None:
        if self._commits.running:
            self._commits.stop()
        try:
            self._end(self.fatal_error.reason if self.fatal_error else reason)
        except FATAL_ERRORS as error:
            if not self.give_up(error):
                raise
        finally:
            with suppress(OSError):
                self.dataset.progress(self._crawler.spidercls.name).unlink(missing_ok=True)
            self._lock.release()

    def _end(self, reason: str) -> None:
        assert self._crawler.stats is not None
        stats = {
            **self._crawler.stats.get_stats(),
            FIELD_STATS: self.field_stats.as_dict(),
            OPTIONS: run_options(self._crawler),
        }
        try:
            if self._archive is not None:
                self._archive.close()
            # An operator who stops a run before its first discovery gets no report.
            if reason in STOPPED and not self.ledger.runs.counts(self.run_id):
                self.ledger.runs.delete(self.run_id)
                return
            ended_at = now() if self._is_published else None
            self.ledger.runs.end(self.run_id, ended_at, reason, json.dumps(stats, default=str))
            if self._is_published:
                self.summary = run_summary(self.ledger, self.run_id)
        finally:
            self.ledger.close()

    def _commit(self) -> None:
        try:
            self.give_up(self.ledger.fault)
            check_clock(self._clock_offset)
            self.dataset.check_identity(self._identity)
            self.ledger.commit()
            self._write_progress()
        except FATAL_ERRORS as error:
            if not self.give_up(error):
                raise

    def _write_progress(self) -> None:
        counts = self.ledger.runs.counts(self.run_id)
        scheduler = self.engine.scheduler if self._is_open and self.engine else None
        progress = {
            "run_id": self.run_id,
            "site": self.ledger.site,
            "state": self._state,
            "at": now().isoformat(),
            "requests": counts.get("requests", 0),
            "stories": counts.get("story/new", 0) + counts.get("story/revised", 0),
            "discovered": counts.get("discovered", 0),
            "queued": len(scheduler) if scheduler else 0,  # type: ignore[arg-type]
            "reading": self.headline,
        }
        path = self.dataset.progress(self.ledger.site)
        self.dataset.write_text(path, json.dumps(progress, ensure_ascii=False), durable=False)
