"""Scrapy with an empty callback: what its downloader and engine cost when nothing is read or kept."""

import sys
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.spiders import SitemapSpider


class Empty(SitemapSpider):
    """Asks for every page of the sitemaps."""

    name = "empty"
    sitemap_urls = (f"{sys.argv[1]}/sitemap.xml",)

    def parse(self, response: Any, **_: Any) -> None:
        """Nothing."""


if __name__ == "__main__":
    process = AsyncCrawlerProcess(
        {"CONCURRENT_REQUESTS": 16, "CONCURRENT_REQUESTS_PER_DOMAIN": 16, "LOG_LEVEL": "INFO"}
    )
    process.crawl(Empty)
    process.start()
