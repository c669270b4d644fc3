"""Item pipeline that applies the text steps to items which the parse worker has not processed."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.utils.misc import load_object

from crawler.items import ParsedStory


class ApplyTextSteps:
    """Apply the functions of ``KHOBOR_TEXT_STEPS`` to each item in order; a step may drop the item by an exception.

    The parse worker has already applied the steps to most stories. If a step rejected a story there, the steps are
    repeated, and raise the same exception here, where the reject is recorded.
    """

    def __init__(self, steps: Sequence[Callable[[Any], Any]]) -> None:
        self._steps = steps

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls([load_object(name) for name in crawler.settings.getlist("KHOBOR_TEXT_STEPS")])

    def process_item(self, item: Any) -> Any:
        if not (isinstance(item, ParsedStory) and item.text_steps_done):
            for step in self._steps:
                item = step(item)
        return item
