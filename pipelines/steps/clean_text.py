"""Text step that normalises the text in every column of a story, and replaces empty values by null."""

from dataclasses import replace
from typing import Any
from unicodedata import normalize

from crawler.bengali.text import clean, count_words
from crawler.items import ParsedStory, Ranking, Snapshot, Story

_SINGLE_LINE = (
    *("section", "headline", "kicker", "subtitle", "byline", "agency", "image_caption", "image_credit", "edition"),
)
PARAGRAPH_BREAK = "\n\n"
MAX_RANKED_HEADLINE_LENGTH = 1_000


def clean_text(item: Any) -> Any:
    if isinstance(item, ParsedStory):
        return replace(item, story=clean_story(item.story))
    if isinstance(item, Snapshot):
        return replace(item, rows=[_clean_ranking(row) for row in item.rows])
    return item


def clean_story(story: Story) -> Story:
    """Return a copy of a story with cleaned text in all columns and the number of words of its body."""
    changes: dict[str, Any] = {name: clean(getattr(story, name)) for name in _SINGLE_LINE}
    changes["headline"] = changes["headline"] or ""
    changes["body"] = PARAGRAPH_BREAK.join(filter(None, map(clean, (story.body or "").split(PARAGRAPH_BREAK))))
    changes["word_count"] = count_words(changes["body"])
    changes["tags"], authors = (
        list(dict.fromkeys(text for raw in texts or [] if (text := clean(raw))))
        for texts in (story.tags, story.authors)
    )
    changes["authors"] = authors or None
    changes["image_url"] = normalize("NFC", (story.image_url or "").strip()) or None
    return replace(story, **changes)


def _clean_ranking(ranking: Ranking) -> Ranking:
    headline = (clean(ranking.headline) or "")[:MAX_RANKED_HEADLINE_LENGTH]
    return replace(ranking, headline=headline or None)
