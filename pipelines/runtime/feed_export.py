"""Scrapy extension for feed exports (`scrapy crawl -O FILE`) that writes only stories."""

from typing import Any

from scrapy import Spider
from scrapy.extensions.feedexport import FeedExporter

from crawler.items import ParsedStory, as_row


class StoryFeedExporter(FeedExporter):
    """Scrapy feed exporter that writes the table columns of each story and omits all other items."""

    def item_scraped(self, item: Any, spider: Spider) -> None:
        if isinstance(item, ParsedStory):
            super().item_scraped(as_row(item.story), spider)
