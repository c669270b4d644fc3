"""What a run may be told to do with stories where their pages are read, so that it goes wrong or takes long."""

import time

from crawler.items import Story
from pipelines.prepare import prepared

SPOILT = "kalbela:5002"
SECONDS = 0.2


def spoils_one(story: Story) -> Story:
    """As it should be, but for an error of ours over one story."""
    if story.story_id == SPOILT:
        raise LookupError("no such thing")
    return prepared(story)


def takes_long(story: Story) -> Story:
    """As it should be, but not at once."""
    time.sleep(SECONDS)
    return prepared(story)
