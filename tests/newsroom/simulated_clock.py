"""The clock of a crawl that is played: it stands, and each answer's Date puts it on."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler import clock

_seconds = 0.0


def begin(at: datetime) -> None:
    global _seconds
    _seconds = 0.0
    clock._start, clock._began = at.astimezone(UTC), 0.0
    clock.monotonic = lambda: _seconds  # type: ignore[attr-defined]


class FollowServerDate:
    """A Scrapy extension: what the newspaper's clock says is what time it is."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        followed = cls()
        crawler.signals.connect(followed.response_downloaded, signals.response_downloaded)
        return followed

    def response_downloaded(self, response: Response) -> None:
        global _seconds
        said = response.headers.get("Date")
        if said and clock._start is not None:
            ahead = (parsedate_to_datetime(said.decode()) - clock._start) / timedelta(seconds=1)
            _seconds = max(_seconds, ahead)
