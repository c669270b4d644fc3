"""A run of the past whose pages are read again: its spider, its item pipelines and its place in the ledger."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object
from twisted.python.failure import Failure

from crawler.clock import stopped_at
from crawler.items import Fetch
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines import ORDER, TEXT_STEPS
from pipelines.ledger import Ledger
from pipelines.runtime.crawl_memory import LedgerMemory
from pipelines.runtime.fatal_errors import fatal_error_in
from pipelines.runtime.rejects import RecordRejects
from pipelines.runtime.revisit import Revisits


class PastMemory(LedgerMemory):
    """Memory of a run, whose notes can be saved."""

    def noted(self) -> list[tuple[str, str, str]]:
        """Return the story URLs that become aliases at the end of the run, each with story id and time."""
        return [(story_id, url, at.isoformat()) for (story_id, url), at in self._story_urls.items()]


class WithoutHints(PastMemory):
    """Memory of a run that looks for no changes to request pages for."""

    def _is_hint(self, source: str, key: str, headline: str | None, updated_at: datetime | None) -> bool:
        return False


class PastRun:
    """The parts of :class:`pipelines.runtime.run.Run` that spider and item pipelines need, without a crawl.

    :ivar urls: URLs of the pages that were read again
    """

    memory_type: ClassVar[type[PastMemory]] = WithoutHints

    def __init__(self, ledger: Ledger, spider: type[NewspaperSpider], run_id: str, mode: str) -> None:
        self.ledger, self.run_id = ledger, run_id
        self.revisits = Revisits(ledger, run_id, spider.entry_point_intervals)
        self.memory = self.memory_type(ledger, run_id)
        self.revisits.on_new_url = self.memory.note_story_url
        self.headline: str | None = None
        self.urls: set[str] = set()
        self.spider = _NothingToRequest.of(spider)
        self.spider.run_id, self.spider.memory, self.spider.is_incremental = run_id, self.memory, mode == "incremental"
        crawler = cast(Crawler, _Crawler(self))
        self._steps = [load_object(name).from_crawler(crawler) for name in ORDER]
        self._rejects = RecordRejects(crawler)

    def discover(self, fetch: Fetch, position: str | None) -> None:
        """Record that the run requested a URL."""
        self.revisits.discover(fetch, position)

    def give_up(self, error: BaseException | None) -> bool:
        """Raise an error after which nothing more can be stored; return False for any other."""
        if error is not None and fatal_error_in(error) is not None:
            raise error
        return False

    def take(self, outputs: list[Any], response: Response, fetch: Fetch) -> None:
        """Store the items of a page as a crawl does, and note the story URLs that it would request."""
        for n, output in enumerate(outputs):
            if isinstance(output, Fetch) and output is not fetch:
                if output.story_id and output.outcome is None:
                    self.memory.note_story_url(output.story_id, output.normal_url, output.fetched_at)
                continue
            # Rejects of one page need different times.
            with stopped_at(fetch.fetched_at + timedelta(microseconds=n)):
                self.store(output, response)

    def store(self, item: Any, response: Response | None = None) -> None:
        """Pass an item through the item pipelines."""
        passed = item
        try:
            for step in self._steps:
                passed = step.process_item(passed)
        except DropItem as error:
            self._rejects.item_dropped(item, response, error)
        except Exception as error:  # noqa: BLE001 - as in Scrapy, it concerns this item only
            self._rejects.item_error(item, response, Failure(error))  # type: ignore[no-untyped-call]

    def crashed(self, error: Exception, response: Response) -> None:
        """Record that the spider raised an error at a page."""
        self._rejects.spider_error(Failure(error), response)  # type: ignore[no-untyped-call]

    def note_redirect(self, url: str, at: datetime) -> None:
        target = self.spider.url_rules.identify(url)
        if isinstance(target, SiteUrl) and target.story_id:
            self.memory.note_story_url(target.story_id, target.url, at)

    def close(self) -> None:
        self.memory.store()

    def state(self) -> dict[str, Any]:
        """Return what the run has noted and not stored yet, so that another process can continue it."""
        self.memory.store_sightings()
        return {"urls": sorted(self.urls), "noted": self.memory.noted()}

    def restore(self, state: dict[str, Any]) -> None:
        self.urls = set(state["urls"])
        for story_id, url, at in state["noted"]:
            self.memory.note_story_url(story_id, url, datetime.fromisoformat(at))


class _NothingToRequest:
    """Mixin of a spider that returns the fetch in place of a request, which would cost more than all the rest."""

    @staticmethod
    def of(spider: type[NewspaperSpider]) -> NewspaperSpider:
        return cast(NewspaperSpider, type(spider.__name__, (_NothingToRequest, spider), {})())

    def request(self, fetch: Fetch, *_: Any, **__: Any) -> Fetch:
        return fetch


class _Crawler:
    """The parts of a Scrapy crawler that the item pipelines use."""

    settings = BaseSettings({"KHOBOR_TEXT_STEPS": TEXT_STEPS})

    def __init__(self, run: PastRun) -> None:
        self._run = run

    def get_extension(self, kind: type) -> PastRun:
        return self._run
