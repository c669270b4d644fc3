"""Item pipeline that publishes the rows of a run to Parquet when the spider closes."""

from typing import Any, Self

from scrapy.crawler import Crawler

from pipelines.runtime.run import Run


class Publish:
    """Record an outcome for each open URL and write the stored rows to Parquet when the spider closes.

    Scrapy closes all item pipelines in parallel, so no other step may do anything when the spider closes.
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
