"""Text steps that fail, crash or sleep, and the real ones."""

import os
import signal
import time
from dataclasses import replace
from functools import reduce
from typing import Any

from scrapy.exceptions import DropItem
from scrapy.utils.misc import load_object

from crawler.items import ParsedStory
from pipelines import TEXT_STEPS

STEPS = [load_object(name) for name in TEXT_STEPS]
SPOILT = "kalbela:5002"
SECONDS = 0.2


def with_step(name: str) -> str:
    """Return the setting that adds a text step of this module."""
    return f"KHOBOR_TEXT_STEPS={','.join((*TEXT_STEPS, f'{__name__}.{name}'))}"


def after_text_steps(story: ParsedStory) -> ParsedStory:
    try:
        return replace(reduce(lambda item, step: step(item), STEPS, story), text_steps_done=True)
    except DropItem:
        return story


def fail_one_story(item: Any) -> Any:
    if isinstance(item, ParsedStory) and item.story.story_id == SPOILT:
        raise LookupError("no such thing")
    return item


def crash_on_one_story(item: Any) -> Any:
    """End the process at one story, like a fault in C code."""
    if isinstance(item, ParsedStory) and item.story.story_id == SPOILT:
        os.kill(os.getpid(), signal.SIGSEGV)
    return item


def delay_stories(item: Any) -> Any:
    if isinstance(item, ParsedStory):
        time.sleep(SECONDS)
    return item
