"""Publish: when nothing is in flight any more, the run's books are closed and its outbox goes into Parquet."""

from typing import Any, Self

from scrapy.crawler import Crawler

from pipelines.runtime.run import Run


class PublishRun:
    """The last step; it acts once, at the end. It is the only step that does anything at the end."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(Run.of(crawler))

    def process_item(self, item: Any) -> Any:
        return item

    def close_spider(self) -> None:
        self._run.publish()
