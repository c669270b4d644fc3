"""Item pipeline that applies the text steps (cleaning and checks of a story) to items that still need them."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.utils.misc import load_object

from crawler.items import ParsedStory


class ApplyTextSteps:
    """Item pipeline that calls the functions listed in ``KHOBOR_TEXT_STEPS`` in order; each may drop the item.

    The worker process that parses pages normally applies these steps itself, and its stories are passed on unchanged
    here. If a step dropped a story there, the steps are applied again here, so that the same exception is raised in the
    process that records dropped items.
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
