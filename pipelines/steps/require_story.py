"""Require what makes a page a story: a layout that fits, a headline and a body, all of plausible length."""

from typing import Any

from crawler.items import Story
from pipelines.drop_reasons import NoBody, NoHeadline, TooLong, UnknownLayout

MAX_LENGTHS = {"headline": 1_000, "kicker": 500, "byline": 500, "image_caption": 5_000, "body": 200_000}
MAX_TAGS, MAX_TAG_LENGTH = 200, 200


def require_story(item: Any) -> Any:
    """Reject a story that lacks a layout, headline or body, or has an oversized field."""
    if not isinstance(item, Story):
        return item
    if item.layout is None:
        raise UnknownLayout("no layout of the newspaper fits the page")
    if not item.headline:
        raise NoHeadline(f"layout {item.layout} found no headline")
    if not item.body or not item.word_count:
        raise NoBody(f"layout {item.layout} found no text")
    for name, limit in MAX_LENGTHS.items():
        if len(getattr(item, name) or "") > limit:
            raise TooLong(f"{name} has more than {limit} characters")
    if len(item.tags or ()) > MAX_TAGS or any(len(tag) > MAX_TAG_LENGTH for tag in item.tags or ()):
        raise TooLong(f"more than {MAX_TAGS} tags, or one of more than {MAX_TAG_LENGTH} characters")
    return item
