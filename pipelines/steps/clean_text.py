"""Clean the text: every text column in the one form that is stored, and absent where nothing is left to see."""

from dataclasses import replace
from typing import Any

from crawler.bengali.text import clean, clean_each, count_words
from crawler.items import Ranking, Snapshot, Story

_LINES = ("section", "headline", "kicker", "byline", "agency", "image_caption", "image_credit", "edition")
PARAGRAPH_BREAK = "\n\n"
LONGEST_LISTED = 1_000


def clean_story(story: Story) -> Story:
    """The story with all its text cleaned and its words counted."""
    changes: dict[str, Any] = {name: clean(getattr(story, name)) for name in _LINES}
    changes["headline"] = changes["headline"] or ""
    paragraphs = clean_each((story.body or "").split(PARAGRAPH_BREAK))
    changes["body"] = PARAGRAPH_BREAK.join(filter(None, paragraphs))
    changes["word_count"] = count_words(changes["body"])
    changes["tags"] = list(dict.fromkeys(tag for raw in story.tags or [] if (tag := clean(raw))))
    changes["image_url"] = (story.image_url or "").strip() or None
    return replace(story, **changes)


def clean_ranking(ranking: Ranking) -> Ranking:
    """The ranking with its headline cleaned; of one longer than any newspaper's, the beginning."""
    return replace(ranking, headline=(clean(ranking.headline) or "")[:LONGEST_LISTED] or None)


class CleanText:
    """Cleans stories and lists."""

    def process_item(self, item: Any) -> Any:
        if isinstance(item, Story):
            return item if item.is_prepared else clean_story(item)
        if isinstance(item, Snapshot):
            return replace(item, rows=[clean_ranking(ranking) for ranking in item.rows])
        return item
