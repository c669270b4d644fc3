"""Graceful stop of a run: queued requests fail at once, and downloads in progress may finish within a few seconds."""

from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from twisted.python.failure import Failure

from crawler.downloader.errors import RunEnded
from crawler.scrapy_internals import is_closing

POLL_SECONDS = 0.2

#: Signal sent once when the spider begins to close, without arguments. Scrapy only has a signal for the end of closing.
run_ending = object()
#: Signal sent at the second request to stop, without arguments; downloads in progress are cancelled.
run_must_end = object()


class GracefulStop:
    """Extension that fails all queued requests when the spider begins to close.

    The errback of each request is called with the outcome `pending`. Without this extension, Scrapy would first send
    the queued requests, each after the download delay.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._announced = False
        self._polling = create_looping_call(self._poll)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        self._polling.start(POLL_SECONDS, now=False)

    def spider_closed(self) -> None:
        if self._polling.running:
            self._polling.stop()

    def _poll(self) -> None:
        if not is_closing(self.crawler):
            return
        if not self._announced:
            self._announced = True
            self.crawler.signals.send_catch_log(run_ending)
        for slot in self.crawler.engine.downloader.slots.values():
            while slot.queue:
                _, deferred = slot.queue.popleft()
                deferred.errback(Failure(RunEnded("the run ended before the request was sent")))  # type: ignore[no-untyped-call]
