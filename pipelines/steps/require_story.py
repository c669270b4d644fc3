"""Text step that drops pages without a known layout, headline or body, and stories with implausibly long fields."""

from typing import Any

from crawler.items import ParsedStory
from pipelines.drop_reasons import NoBody, NoHeadline, TooLong, UnknownLayout

MAX_LENGTHS = {
    "headline": 1_000,
    "kicker": 500,
    "subtitle": 1_000,
    "byline": 500,
    "image_caption": 5_000,
    "body": 200_000,
}
MAX_ENTRIES, MAX_ENTRY_LENGTH = 200, 200


def require_story(item: Any) -> Any:
    """Return a complete story, or any other item, unchanged; raise a :class:`DropReason` for an incomplete story.

    A story is dropped if its page matches no layout of the site, if it has no headline or body, or if a field is longer
    than its limit.
    """
    if not isinstance(item, ParsedStory):
        return item
    story = item.story
    if story.layout is None:
        raise UnknownLayout("no layout fits the page, and it has no article that can be read without one")
    if not story.headline:
        raise NoHeadline(f"layout {story.layout} found no headline")
    if not story.body or not story.word_count:
        raise NoBody(f"layout {story.layout} found no text")
    for name, limit in MAX_LENGTHS.items():
        if len(getattr(story, name) or "") > limit:
            raise TooLong(f"{name} has more than {limit} characters")
    for name, texts in (("tags", story.tags or ()), ("authors", story.authors or ())):
        # The only author may be a byline as printed, which has a limit of its own.
        if len(texts) > MAX_ENTRIES or any(len(text) > MAX_ENTRY_LENGTH and text != story.byline for text in texts):
            raise TooLong(f"more than {MAX_ENTRIES} {name}, or one of more than {MAX_ENTRY_LENGTH} characters")
    return item
