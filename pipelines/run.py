"""One run: its identity, its site's lock and ledger, its books, and what is seen of it while it goes on."""

import json
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.core.engine import ExecutionEngine
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import create_looping_call

from crawler.clock import now
from crawler.manners import faults
from crawler.newspaper import Newspaper
from crawler.records import Alias, Fetch, Story, columns_of
from crawler.refusals import one_line
from pipelines.account import account_of
from pipelines.books import Books
from pipelines.closing import publish_run, recover
from pipelines.ledger import Ledger
from pipelines.lock import SiteLock
from pipelines.storage import Dataset

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_COMMITS = 1.0


class BadManners(Exception):
    """The settings are not fit for a real newspaper; nothing was asked."""


class Run:
    """Opens the site's ledger when the crawl starts and closes the books when it ends.

    Every step and the frontier reach the ledger through this extension, so there is one of it and one lock per crawl.
    """

    def __init__(self, crawler: Crawler, spider: Newspaper, data: Path) -> None:
        self._crawler = crawler
        self.run_id = spider.run_id = crawler.settings.get("KHOBOR_RUN_ID") or new_run_id(spider.name)
        self.dataset = Dataset(data)
        self.dataset.prepare()
        self._lock = _lock(self.dataset, spider.name, crawler.settings.getint("KHOBOR_LOCK_FD", -1))
        path, expected = self.dataset.ledger(spider.name), self.dataset.holds(spider.name)
        self.ledger = Ledger.open(path, spider.name, spider.zone, expected=expected)
        self.books = Books(self.ledger, self.run_id, spider.door_rests)
        spider.is_pulse = crawler.settings["KHOBOR_KIND"] == "pulse"
        spider.known_at_all = self.ledger.size() > 0
        spider.was_known = lambda key: self.ledger.was_known(key, self.run_id)
        self.reading: str | None = None
        self.account: Mapping[str, Any] | None = None
        self._also_seen: dict[tuple[str, str], datetime] = {}
        self._ticking = create_looping_call(self._tick)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not isinstance(crawler.spider, Newspaper):
            raise NotConfigured("not a newspaper")
        if wrong := faults(crawler.settings):
            raise BadManners("; ".join(wrong))
        run = cls(crawler, crawler.spider, Path(crawler.settings["KHOBOR_DATA"]))
        crawler.signals.connect(run.spider_opened, signals.spider_opened)
        crawler.signals.connect(run.spider_closed, signals.spider_closed)
        # What a killed run left is published before anything new is asked for.
        recover(run.dataset, run.ledger)
        run.ledger.begin_run(run.run_id, now())
        return run

    def spider_opened(self) -> None:
        self._ticking.start(SECONDS_BETWEEN_COMMITS, now=False)

    @property
    def engine(self) -> ExecutionEngine | None:
        """Scrapy's engine, when the crawl has one."""
        return self._crawler.engine

    def settle(self, fetch: Fetch, born_at: datetime | None = None) -> None:
        """Enter what came of an address, whether it was asked for or not; belongs inside the page's transaction."""
        if self.ledger.is_open(fetch.key):
            self.books.finish(fetch, born_at)
        else:
            self.books.note(fetch)
        if fetch.attempts:
            self.ledger.count(self.run_id, "requests", fetch.attempts)

    def also_seen(self, story_id: str, url: str) -> None:
        """Remember another address of a story until the end of the run, when it is known whether the story is kept."""
        self._also_seen.setdefault((story_id, url), now())

    def _keep_addresses(self) -> None:
        with self.ledger.page():
            for (story_id, url), at in self._also_seen.items():
                known = self.ledger.story(story_id)
                if known is not None and known.url != url:
                    self.ledger.keep_alias(
                        Alias(
                            site=self.ledger.site,
                            url=url,
                            story_id=story_id,
                            kind="address",
                            first_seen_at=at,
                            run_id=self.run_id,
                        )
                    )

    def saw(self, story: Story) -> None:
        """Count which fields a story has, and the dates on its page that could not be read."""
        for column in columns_of(Story):
            if getattr(story, column.name) not in (None, "", []):
                self.ledger.count(self.run_id, f"field/{column.name}")
        if story.unreadable:
            self.ledger.count(self.run_id, "unreadable/dates", len(story.unreadable))
            logger.warning("unreadable date on %s: %s", story.url, one_line(story.unreadable[0]))

    def publish(self) -> None:
        """Close the books and publish; the last step calls it when nothing is in flight any more."""
        self._keep_addresses()
        self.ledger.commit()
        publish_run(self.dataset, self.ledger, self.run_id)

    def spider_closed(self, reason: str) -> None:
        if self._ticking.running:
            self._ticking.stop()
        stats = json.dumps(self._crawler.stats.get_stats(), default=str)
        if self.ledger.counts(self.run_id):
            self.ledger.end_run(self.run_id, now(), reason, stats)
            self.account = account_of(self.ledger, self.run_id)
        else:  # nothing was discovered: `scrapy parse`, not a run
            self.ledger.forget_run(self.run_id)
        self.ledger.close()
        self.dataset.progress(self._crawler.spidercls.name).unlink(missing_ok=True)
        self._lock.release()

    def _tick(self) -> None:
        self.ledger.commit()
        progress = json.dumps(self.progress(), ensure_ascii=False)
        self.dataset.write_text(self.dataset.progress(self.ledger.site), progress, durable=False)

    def progress(self) -> dict[str, Any]:
        """What an onlooker wants to know of a run that goes on."""
        counts = self.ledger.counts(self.run_id)
        scheduler = self.engine.scheduler if self.engine else None
        return {
            "run_id": self.run_id,
            "site": self.ledger.site,
            "at": now().isoformat(),
            "requests": counts.get("requests", 0),
            "stories": counts.get("story/new", 0) + counts.get("story/revised", 0),
            "discovered": counts.get("discovered", 0),
            "waiting": len(scheduler) if scheduler else 0,  # type: ignore[arg-type]
            "reading": self.reading,
        }


def new_run_id(site: str) -> str:
    """A run's name: when it started, of which site, and four letters so that no two are equal. Sorts by time."""
    return f"{now():%Y%m%dT%H%M%SZ}-{site}-{secrets.token_hex(2)}"


def _lock(dataset: Dataset, site: str, inherited: int) -> SiteLock:
    path = dataset.lock(site)
    return SiteLock.adopt(path, inherited) if inherited >= 0 else SiteLock.take(path)
