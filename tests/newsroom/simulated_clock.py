"""Clock of a simulated crawl: it stands still, and the Date header of each response advances it."""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler import clock

_seconds = 0.0


class FollowServerDate:
    """Scrapy extension that sets the time to the newspaper's; it begins at `KHOBOR_CLOCK`."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        clock._began, clock.monotonic = 0.0, lambda: _seconds  # type: ignore[attr-defined]
        crawler.signals.connect(extension.response_downloaded, signals.response_downloaded)
        return extension

    def response_downloaded(self, response: Response) -> None:
        global _seconds
        date = response.headers.get("Date")
        if date and clock._start is not None:
            _seconds = max(_seconds, (parsedate_to_datetime(date.decode()) - clock._start) / timedelta(seconds=1))
