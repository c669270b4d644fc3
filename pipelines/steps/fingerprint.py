"""Text step that adds the hashes by which exact duplicates are found and the MinHash sketch for near-duplicates."""

from dataclasses import replace
from typing import Any

from crawler.items import ParsedStory
from pipelines.similarity.hashes import hashes
from pipelines.similarity.minhash import sketch


def fingerprint(item: Any) -> Any:
    if not isinstance(item, ParsedStory):
        return item
    story = item.story
    assert story.word_count is not None
    content_hash, body_hash = hashes(story.headline, story.body, story.word_count)
    story = replace(story, content_hash=content_hash)
    return replace(item, story=story, body_hash=body_hash, sketch=sketch(story.body))
