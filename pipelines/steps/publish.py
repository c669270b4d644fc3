"""Item pipeline that writes the stored rows of a run to Parquet when the spider closes."""

from typing import Any, Self

from scrapy.crawler import Crawler

from pipelines.runtime.run import Run


class Publish:
    """Item pipeline that, when the spider closes, writes the stored rows to Parquet.

    Before that, it marks the URLs without a result as pending. Scrapy closes all item pipelines in parallel, so no
    other pipeline may use the stored rows when the spider closes.
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
