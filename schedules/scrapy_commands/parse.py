"""Command `scrapy parse`: print the columns of the story on a page, and the links to follow."""

import warnings
from typing import Any

from scrapy.commands.parse import Command as ScrapyParse
from scrapy.exceptions import ScrapyDeprecationWarning

from crawler.items import ParsedStory, as_row
from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyParse):
    """Download and parse one URL with its spider, and print the stories and links found.

    Other items, such as the records of requests and the ranked lists, are not printed.
    """

    takes_url = True

    def run(self, args: list[str], opts: Any) -> None:
        # Scrapy's own command still returns a Deferred, which causes this warning.
        warnings.filterwarnings("ignore", ".*returned a Deferred", ScrapyDeprecationWarning)
        super().run(args, opts)

    def add_items(self, lvl: int, new_items: list[Any]) -> None:
        super().add_items(lvl, [as_row(item.story) for item in new_items if isinstance(item, ParsedStory)])
