"""One run: its identity, its site's lock and ledger, its books, and what is seen of it while it goes on."""

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.core.engine import ExecutionEngine
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from crawler.clock import now
from crawler.downloader.politeness import impolite_settings
from crawler.items import Alias, Fetch, ParsedStory
from crawler.safe_text import one_line
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.ledger import Ledger
from pipelines.runtime.fatal_errors import FATAL_ERRORS, FatalError, fatal_error_in
from pipelines.runtime.field_stats import FieldStats
from pipelines.runtime.hinted_revisits import HintedRevisits
from pipelines.runtime.preflight import inspect
from pipelines.runtime.recovery import publish_run, recover_runs
from pipelines.runtime.revisit import Revisits
from pipelines.runtime.run_summary import FIELD_STATS, run_summary
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.site_lock import SiteLock

logger = logging.getLogger(__name__)

PAGES_KEPT = timedelta(days=30)
SECONDS_BETWEEN_COMMITS = 1.0
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9_]{1,32}-[0-9a-f]{4}")


class ImpoliteSettings(Exception):
    """The settings are not fit for a real newspaper; nothing was asked."""


class InvalidRunId(Exception):
    """The name that the run was given is not the name of a run."""


class Run:
    """Opens the site's ledger when the crawl starts and closes the books when it ends.

    Every step and the frontier reach the ledger through this extension, so there is one of it and one lock per crawl.
    """

    def __init__(self, crawler: Crawler, spider: NewspaperSpider, data: Path) -> None:
        self._crawler = crawler
        self.run_id = _run_id(crawler.settings.get("KHOBOR_RUN_ID"), spider.name)
        self.dataset = DataFolder(data)
        for warning in inspect(self.dataset, crawler.settings.getfloat("KHOBOR_MIN_FREE_MB")):
            logger.warning(warning)
        self._lock = _lock(self.dataset, spider.name, crawler.settings.getint("KHOBOR_LOCK_FD", -1))
        path, expected = self.dataset.ledger(spider.name), self.dataset.holds(spider.name)
        self.ledger = Ledger.open(path, spider.name, spider.zone, expected=expected)
        self.revisits = Revisits(self.ledger, self.run_id, spider.entry_point_intervals)
        self.hinted_revisits = HintedRevisits(self.ledger, self.run_id)
        self._knew_stories = self.ledger.stories.any()
        spider.begin_run(self.run_id, self, incremental=crawler.settings["KHOBOR_MODE"] == "incremental")
        # Told before the books are closed: whoever holds URLs back gives them their outcome.
        self.lets_go: Callable[[], None] = lambda: None
        self.reading: str | None = None
        self.field_stats = FieldStats(
            "incremental" if spider.is_incremental else "full", [ranked.name for ranked in spider.lists]
        )
        self.summary: Mapping[str, Any] | None = None
        #: Why nothing more can be kept, once that is so.
        self.fatal_error: FatalError | None = None
        self._state = "crawling"
        self._published = False
        self._closing: asyncio.Future[None] | None = None
        self._also_seen: dict[tuple[str, str], datetime] = {}
        self._asked_again: set[str] = set()
        self._ticking = create_looping_call(self._tick)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not isinstance(crawler.spider, NewspaperSpider):
            raise NotConfigured("not a newspaper")
        if wrong := impolite_settings(crawler.settings):
            raise ImpoliteSettings("; ".join(wrong))
        run = cls(crawler, crawler.spider, Path(crawler.settings["KHOBOR_DATA"]))
        crawler.signals.connect(run.spider_opened, signals.spider_opened)
        crawler.signals.connect(run.spider_closed, signals.spider_closed)
        # What a killed run left is published before anything new is asked for.
        recover_runs(run.dataset, run.ledger)
        run.ledger.runs.begin(run.run_id, now())
        run.ledger.change_hints.delete_old(now())
        run.dataset.forget_pages(crawler.spider.name, (now() - PAGES_KEPT).date())
        return run

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The run of a crawl, for its steps and its frontier."""
        run = crawler.get_extension(cls)
        assert run is not None
        return run

    def spider_opened(self) -> None:
        self._ticking.start(SECONDS_BETWEEN_COMMITS, now=False)

    @property
    def engine(self) -> ExecutionEngine | None:
        """Scrapy's engine, when the crawl has one."""
        return self._crawler.engine

    def settle(self, fetch: Fetch, born_at: datetime | None = None) -> None:
        """Enter what came of an address, whether it was asked for or not; belongs inside the page's transaction."""
        for name, snapshot in fetch.unchanged_lists.items():
            self.ledger.runs.count(self.run_id, f"list/{name}/seen")
            self.ledger.snapshots.extend(snapshot, fetch.fetched_at)
        if self.ledger.urls.is_pending(fetch.key):
            self.revisits.finish(fetch, born_at)
        else:
            self.revisits.note(fetch)
        if fetch.attempts:
            self.ledger.runs.count(self.run_id, "requests", fetch.attempts)

    def knows_stories(self) -> bool:
        """Report if an earlier run stored a story."""
        return self._knew_stories

    def note_link(self, via: str, target: SiteUrl, headline: str | None, updated_at: datetime | None) -> bool:
        """Record that a list or entry point links to a story; report if it hints at a change of the story."""
        return self.hinted_revisits.sees(via, target, headline, updated_at)

    def was_known(self, key: str) -> bool:
        """Whether an address had an outcome before this run."""
        return key in self._asked_again or self.ledger.urls.was_known(key, self.run_id)

    def note_known(self, key: str) -> None:
        """Keep in mind, when an address is about to be asked for, whether it was known before."""
        if self.ledger.urls.was_known(key, self.run_id):
            self._asked_again.add(key)

    def also_seen(self, story_id: str, url: str) -> None:
        """Remember another address of a story until the end of the run, when it is known whether the story is kept."""
        self._also_seen.setdefault((story_id, url), now())

    def _keep_addresses(self) -> None:
        with self.ledger.savepoint():
            for (story_id, url), at in self._also_seen.items():
                known = self.ledger.stories.get(story_id)
                if known is not None and known.url != url:
                    self.ledger.stories.add_alias(
                        Alias(
                            site=self.ledger.site,
                            url=url,
                            story_id=story_id,
                            kind="url",
                            first_seen_at=at,
                            run_id=self.run_id,
                        )
                    )

    def saw(self, parsed: ParsedStory) -> None:
        """Count the dates on a story's page that could not be read."""
        if parsed.unreadable_dates:
            self.ledger.runs.count(self.run_id, "unreadable/dates", len(parsed.unreadable_dates))
            logger.warning("unreadable date on %s: %s", parsed.story.url, one_line(parsed.unreadable_dates[0]))

    def publish(self) -> None:
        """Close the books and publish; the last step calls it when nothing is in flight any more."""
        self._state = "publishing"
        self.give_up(self.ledger.fault)
        try:
            self._tell_progress()
            self.lets_go()
            self._keep_addresses()
            self.hinted_revisits.keep()
            self.ledger.commit()
            publish_run(self.dataset, self.ledger, self.run_id)
        except FATAL_ERRORS as error:
            self.give_up(error)
            raise
        self._published = True

    def give_up(self, error: BaseException | None) -> bool:
        """End the run if the error means that nothing more can be kept; False if it means nothing of the kind.

        What is accepted stays. If it cannot be published now, whoever recovers the run does.
        """
        fatal = fatal_error_in(error)
        if fatal is not None and self.fatal_error is None:
            self.fatal_error = fatal
            logger.error("the run ends (%s): %s", fatal.reason, fatal.sentence)
            self._stats.set_value("khobor/trouble", fatal.sentence)
            if self.engine is not None and self.engine.running:
                self._closing = asyncio.ensure_future(self.engine.close_spider_async(reason=fatal.reason))
        return fatal is not None

    def spider_closed(self, reason: str) -> None:
        if self._ticking.running:
            self._ticking.stop()
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
        stats = json.dumps({**self._stats.get_stats(), FIELD_STATS: self.field_stats.as_dict()}, default=str)
        try:
            if not self.ledger.runs.counts(self.run_id):  # nothing was discovered: `scrapy parse`, not a run
                self.ledger.runs.delete(self.run_id)
            elif self._published:
                self.ledger.runs.end(self.run_id, now(), reason, stats)
                self.summary = run_summary(self.ledger, self.run_id)
            else:
                self.ledger.runs.end(self.run_id, None, reason, stats)
        finally:
            self.ledger.close()

    def _tick(self) -> None:
        try:
            self.give_up(self.ledger.fault)
            self.ledger.commit()
            self._tell_progress()
        except FATAL_ERRORS as error:
            if not self.give_up(error):
                raise

    def _tell_progress(self) -> None:
        progress = json.dumps(self.progress(), ensure_ascii=False)
        self.dataset.write_text(self.dataset.progress(self.ledger.site), progress, durable=False)

    @property
    def _stats(self) -> Any:
        return self._crawler.stats

    def progress(self) -> dict[str, Any]:
        """What an onlooker wants to know of a run that goes on."""
        counts = self.ledger.runs.counts(self.run_id)
        scheduler = self.engine.scheduler if self.engine else None
        return {
            "run_id": self.run_id,
            "site": self.ledger.site,
            "state": self._state,
            "at": now().isoformat(),
            "requests": counts.get("requests", 0),
            "stories": counts.get("story/new", 0) + counts.get("story/revised", 0),
            "discovered": counts.get("discovered", 0),
            "queued": len(scheduler) if scheduler else 0,  # type: ignore[arg-type]
            "reading": self.reading,
        }


def new_run_id(site: str) -> str:
    """A run's name: when it started, of which site, and four letters so that no two are equal. Sorts by time."""
    return f"{now():%Y%m%dT%H%M%SZ}-{site}-{secrets.token_hex(2)}"


def _run_id(given: str | None, site: str) -> str:
    """The name that whoever launched the run gave it, or a new one. It becomes the name of files."""
    if given and not _RUN_ID.fullmatch(given):
        raise InvalidRunId(f"KHOBOR_RUN_ID={one_line(given)!r} is no name of a run; leave it out, and it gets one")
    return given or new_run_id(site)


def _lock(dataset: DataFolder, site: str, inherited: int) -> SiteLock:
    path = dataset.lock(site)
    return SiteLock.adopt(path, inherited) if inherited >= 0 else SiteLock.take(path)
