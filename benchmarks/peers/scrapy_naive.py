"""A naive Scrapy spider: `response.css` and JSON lines; no memory of what it saw, no check of what it read."""

import sys
from collections.abc import Iterator
from typing import Any

from naive import story
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.spiders import SitemapSpider


class Naive(SitemapSpider):
    """Reads every page of the sitemaps."""

    name = "naive"
    sitemap_urls = (f"{sys.argv[1]}/sitemap.xml",)

    def parse(self, response: Any, **_: Any) -> Iterator[dict[str, Any]]:
        """One page."""
        yield {"url": response.url, **story(response)}


if __name__ == "__main__":
    settings = {
        "CONCURRENT_REQUESTS": 16,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
        "LOG_LEVEL": "INFO",
        "FEEDS": {sys.argv[2]: {"format": "jsonlines", "encoding": "utf-8"}},
    }
    process = AsyncCrawlerProcess(settings)
    process.crawl(Naive)
    process.start()
