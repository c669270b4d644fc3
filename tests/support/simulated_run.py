"""Runs on a synthetic site, without a network; run, queue, steps and ledger are the real ones."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.settings import Settings
from scrapy.utils.misc import build_from_crawler, load_object
from twisted.python.failure import Failure

import crawler.settings
from crawler import clock
from crawler.clock import now
from crawler.downloader.errors import FetchError
from crawler.items import Fetch, ParsedStory, Snapshot, Story
from crawler.outcomes import Outcome
from crawler.spiders.kalbela import Kalbela
from crawler.urls import SiteUrl
from pipelines import ORDER
from pipelines.ledger import Ledger
from pipelines.publishing.reindex import reindex
from pipelines.runtime.fatal_errors import FATAL_ERRORS
from pipelines.runtime.recovery import recover_runs
from pipelines.runtime.rejects import RecordRejects
from pipelines.runtime.run import Run
from pipelines.runtime.scheduler import LedgerScheduler
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from pipelines.storage.site_lock import SiteLock
from schedules.monitoring.verdict import EvaluateRun, evaluate_ended_runs, expectations_of
from tests.support.builders import LedgerFolder, make_exchange, make_snapshot
from tests.support.durability_mutants import MISTAKES
from tests.support.synthetic_site import SITE, AcknowledgedUrl, SyntheticSite

_WITHOUT_PAGE = {Outcome.GONE: 404, Outcome.UNREACHABLE: None}


class SimulatedRun:
    def __init__(self, root: Path, world: SyntheticSite, edition: int, acks: Path) -> None:
        self.world, self.edition = world, edition
        self._acks, self._waiting = acks, list[AcknowledgedUrl]()
        self._chance = Random(f"{world.seed}/{edition}/commits")
        settings = Settings()
        settings.setmodule(crawler.settings, priority="project")
        own: dict[str, Any] = {"KHOBOR_DATA": str(root), "KHOBOR_RUN_ID": world.run_id(edition), "LOG_ENABLED": False}
        own |= {"KHOBOR_MIRROR": "http://127.0.0.1:9", "KHOBOR_MIN_FREE_MB": 0, "TWISTED_REACTOR_ENABLED": False}
        settings.setdict(own, priority="cmdline")
        self.crawler = Crawler(Kalbela, settings)
        self.spider = cast(Kalbela, self.crawler._create_spider())
        self.crawler.spider = self.spider
        self.crawler._apply_settings()
        self.crawler.engine = self.crawler._create_engine()
        extensions: list[Any] = [self.crawler.get_extension(kind) for kind in (Run, RecordRejects, EvaluateRun)]
        self.run, self._rejects, self._verdict = extensions
        self._steps = [build_from_crawler(load_object(step), self.crawler) for step in ORDER]
        self._frontier = LedgerScheduler.from_crawler(self.crawler)

    def play(self) -> int:
        """Run to the end: requests left by earlier runs and requests of this edition."""
        self._verdict.spider_opened()
        self._frontier.open(self.spider)
        for link in self.world.asks(self.edition):
            address = self.spider.url_rules.identify(link, f"https://{self.spider.hosts[0]}/")
            if isinstance(address, SiteUrl) and address.story_id:
                self.spider.memory.note_link("latest", address, None, None)
            fetch = self.spider.new_fetch(address, via="seed", referrer=None, depth=0)
            self._frontier.enqueue_request(self.spider.request(fetch, priority=0))
        while self.run.fatal_error is None and (request := self._frontier.next_request()) is not None:
            self._answer(request.meta["fetch"])
            if self._chance.random() < 0.35:
                self._acknowledge()
        with suppress(*FATAL_ERRORS):  # Scrapy logs it and goes on closing
            self.run.publish()
            self._acknowledge()
        self.run.spider_closed("finished")
        self._verdict.engine_stopped()
        return 7 if self.run.fatal_error else 0

    def _acknowledge(self) -> None:
        """Commit, as happens every second; the acknowledged pages must then be durable."""
        self.run._commit()
        if self.run.fatal_error is None:
            lines = "".join(json.dumps(asdict(page)) + "\n" for page in self._waiting)
            descriptor = os.open(self._acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, lines.encode())
            os.close(descriptor)
            self._waiting.clear()

    def _answer(self, fetch: Fetch) -> None:
        fetch.fetched_at, fetch.attempts, fetch.status = now(), 1, 200
        try:
            assert self.spider.archive is not None
            place = self.spider.archive(make_exchange(fetch.url, fetch.fetched_at, body=fetch.url.encode() * 50))
        except FetchError:
            assert self.run.fatal_error is not None
            return
        fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
        for item in self._page(fetch):
            try:
                self._process(item)
            except FATAL_ERRORS as error:
                assert self.run.give_up(error)
                return
        self._waiting.append(
            AcknowledgedUrl(fetch.run_id, fetch.url, fetch.story_id, str(fetch.outcome), fetch.fetched_at.isoformat())
        )

    def _process(self, item: Any) -> None:
        record = item
        try:
            for step in self._steps:
                record = step.process_item(record)
        except DropItem as refusal:
            self._rejects.item_dropped(item, None, refusal)
        except FATAL_ERRORS as error:
            self._rejects.item_error(item, None, Failure(error))

    def _page(self, fetch: Fetch) -> Iterator[Any]:
        number = int(fetch.story_id.rpartition(":")[2]) if fetch.story_id else None
        if number is None:
            yield from (self._snapshot(name, fetch) for name in ("latest", "popular"))
            fetch.outcome = Outcome.LIST
            yield fetch
        elif (outcome := self.world.outcome(number, self.edition)) in _WITHOUT_PAGE:
            fetch.outcome, fetch.status = outcome, _WITHOUT_PAGE[outcome]
            yield fetch
        else:
            yield self._story(number, fetch, self.world.body(number, self.edition) if outcome is Outcome.STORY else "")

    def _story(self, number: int, fetch: Fetch, body: str) -> ParsedStory:
        story = Story(
            site=SITE,
            story_id=f"{SITE}:{number}",
            url=fetch.url,
            headline=self.world.headline(number, self.edition),
            body=body,
            published_at=self.world.published_at(number, self.edition),
            fetched_at=fetch.fetched_at,
            discovered_via=fetch.via,
            depth=fetch.depth,
            layout="a rule",
            run_id=fetch.run_id,
        )
        return ParsedStory(story=story, fetch=fetch)

    def _snapshot(self, name: str, fetch: Fetch) -> Snapshot:
        snapshot = make_snapshot(fetch.fetched_at, *self.world.ranks(name, self.edition), name=name)
        for row in snapshot.rows:
            row.page_url, row.run_id = fetch.url, fetch.run_id
        return snapshot


def set_clock(moment: datetime) -> None:
    """Start the clock of this process at a moment."""
    clock._start, clock._began = moment, monotonic()


def warm_up() -> None:
    """Do what happens on first use, so that no fork repeats it."""
    with TemporaryDirectory() as folder:
        root, acks = Path(folder, "data"), Path(folder, "acks")
        for edition in range(2):
            carry_out("play", root, SyntheticSite(1), edition, acks)
        carry_out("recover", root, SyntheticSite(1), 2, acks)
        carry_out("reindex", root, SyntheticSite(1), 3, acks)


def carry_out(do: str, root: Path, world: SyntheticSite, edition: int, acks: Path, without: str = "") -> int:
    """Do the task at the time of the edition; returns 0, or 7 for a storage error.

    :param without: a mutant of :mod:`tests.support.durability_mutants`
    """
    logging.disable(logging.CRITICAL)
    set_clock(world.moment(edition))
    Kalbela.zone = world.zone
    if without:
        MISTAKES[without]()
    try:
        return _TASKS[do](root, world, edition, acks)
    except StorageError:
        return 7


def _play(root: Path, world: SyntheticSite, edition: int, acks: Path) -> int:
    async def play() -> int:
        return SimulatedRun(root, world, edition, acks).play()

    return asyncio.run(play())


def _recover(root: Path, *_: Any) -> int:
    dataset = DataFolder(root)
    dataset.prepare()
    with SiteLock.take(dataset.lock(SITE)):
        expected = dataset.holds(SITE)
        with closing(Ledger.open(dataset.ledger(SITE), SITE, Kalbela.zone, expected=expected)) as ledger:
            recover_runs(dataset, ledger)
            evaluate_ended_runs(dataset, ledger, expectations_of(Kalbela))
    return 0


def _reindex(root: Path, *_: Any) -> int:
    dataset = DataFolder(root)
    dataset.prepare()
    with SiteLock.take(dataset.lock(SITE)):
        reindex(dataset, SITE, Kalbela.zone).close()
    return 0


def _publish(root: Path, *_: Any) -> int:
    folder = LedgerFolder.at(root)
    folder.publish()
    folder.close()
    return 0


_TASKS: dict[str, Callable[[Path, SyntheticSite, int, Path], int]] = {
    "play": _play,
    "recover": _recover,
    "reindex": _reindex,
    "publish": _publish,
}
