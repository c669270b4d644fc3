"""Apply the text steps to the items that no parse worker has processed."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.utils.misc import load_object

from crawler.items import ParsedStory


class ApplyTextSteps:
    """Run ``KHOBOR_TEXT_STEPS`` in order; a drop reason raised by a step ends the item.

    Stories arrive processed from the parse worker, except for those that a step rejected there: repeating the steps
    raises the same reason here, where the reject is recorded.
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
