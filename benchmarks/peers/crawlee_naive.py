"""Crawlee with the selectors of the naive spider, its own storage and its own concurrency of at most 16."""

import asyncio
import json
import re
import sys
import urllib.request
from pathlib import Path

from crawlee import ConcurrencySettings
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from naive import story


def named_by(sitemap: str) -> list[str]:
    """The pages that a sitemap or an index of them names."""
    with urllib.request.urlopen(sitemap) as answer:
        urls = re.findall("<loc>(.*?)</loc>", answer.read().decode())
    return [page for url in urls for page in (named_by(url) if url.endswith(".xml") else [url])]


async def crawl(site: str, output: Path) -> None:
    """Read every page of the sitemaps; the rows go to Crawlee's dataset, and from there to one file."""
    crawler = ParselCrawler(
        concurrency_settings=ConcurrencySettings(desired_concurrency=16, max_concurrency=16, min_concurrency=16)
    )

    @crawler.router.default_handler
    async def read(context: ParselCrawlingContext) -> None:
        await context.push_data({"url": context.request.url, **story(context.selector)})

    await crawler.run(named_by(f"{site}/sitemap.xml"))
    data = await crawler.get_data()
    output.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in data.items))


if __name__ == "__main__":
    asyncio.run(crawl(sys.argv[1], Path(sys.argv[2])))
