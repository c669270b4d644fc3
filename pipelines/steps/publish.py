"""Publish a run when all of its items are stored."""

from typing import Any, Self

from scrapy.crawler import Crawler

from pipelines.runtime.run import Run


class Publish:
    """Give open URLs their outcome and write the outbox to Parquet when the spider closes.

    Scrapy closes all item pipelines in parallel, so no other step acts then.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Run.of(crawler))

    def process_item(self, item: Any) -> Any:
        return item

    def close_spider(self) -> None:
        self._run.publish()
