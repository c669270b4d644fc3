"""Require what a story must have: an address with an id, a layout that read it, a headline and a text."""

from typing import Any

from crawler.items import Story
from pipelines.drop_reasons import NoBody, NoHeadline, Refused, TooLong, UnknownLayout

LONGEST = {"headline": 1_000, "kicker": 500, "byline": 500, "image_caption": 5_000, "body": 200_000}
MOST_TAGS, LONGEST_TAG = 200, 200


def refusal_of(story: Story) -> Refused | None:
    """Why this is not a story, or None."""
    if story.layout is None:
        return UnknownLayout("no layout of the newspaper fits the page")
    if not story.headline:
        return NoHeadline(f"layout {story.layout} found no headline")
    if not story.body or not story.word_count:
        return NoBody(f"layout {story.layout} found no text")
    for name, most in LONGEST.items():
        if len(getattr(story, name) or "") > most:
            return TooLong(f"{name} has more than {most} characters")
    if len(story.tags or ()) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in story.tags or ()):
        return TooLong(f"more than {MOST_TAGS} tags, or one of more than {LONGEST_TAG} characters")
    return None


class RequireStory:
    """Refuses what has no headline or no text."""

    def process_item(self, item: Any) -> Any:
        if isinstance(item, Story) and (refusal := refusal_of(item)):
            raise refusal
        return item
