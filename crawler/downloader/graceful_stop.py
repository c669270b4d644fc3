"""How a run ends when it is told to: what waits is let go at once, what is being downloaded gets a few seconds."""

from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from twisted.python.failure import Failure

from crawler.downloader.errors import RunEnded
from crawler.scrapy_internals import is_closing

LOOK_EVERY = 0.2

#: Sent once, with no arguments, when the run begins to close (Scrapy itself only tells when it has closed).
run_ending = object()
#: Sent, with no arguments, when the run was told a second time to end: what is being downloaded is dropped at once.
run_must_end = object()


class PromptEnd:
    """Lets a closing run end at once, where Scrapy would first ask for all that is queued, at the slots' slow pace.

    A request that waits in a slot, for a delay or for a pause, goes to its errback as `RunEnded`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._told = False
        self._looking = create_looping_call(self._look)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The extension, looking from when the spider opens until it has closed."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        """Begin to look whether the run is closing."""
        self._looking.start(LOOK_EVERY, now=False)

    def spider_closed(self) -> None:
        """Stop looking."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        if not is_closing(self.crawler):
            return
        if not self._told:
            self._told = True
            self.crawler.signals.send_catch_log(run_ending)
        for slot in self.crawler.engine.downloader.slots.values():
            while slot.queue:
                _, answer = slot.queue.popleft()
                refusal = RunEnded("the run ended before its turn came")
                answer.errback(Failure(refusal))  # type: ignore[no-untyped-call]
