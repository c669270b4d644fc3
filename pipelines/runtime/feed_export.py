"""Feed exports of Scrapy (`scrapy crawl -O FILE`)."""

from typing import Any

from scrapy import Spider
from scrapy.extensions.feedexport import FeedExporter

from crawler.items import ParsedStory, as_row


class StoryFeedExporter(FeedExporter):
    """Export the columns of stories; fetches and ranked lists are in the tables only."""

    def item_scraped(self, item: Any, spider: Spider) -> None:
        if isinstance(item, ParsedStory):
            super().item_scraped(as_row(item.story), spider)
