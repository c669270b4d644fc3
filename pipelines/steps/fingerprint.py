"""Fingerprint a story: the hashes and the MinHash sketch by which duplicates and near-duplicates are found."""

from dataclasses import replace
from typing import Any

from crawler.items import Story
from pipelines.similarity.hashes import hashes
from pipelines.similarity.minhash import sketch


def fingerprint(item: Any) -> Any:
    """Hash and sketch a cleaned story."""
    if not isinstance(item, Story):
        return item
    assert item.word_count is not None
    content_hash, body_hash = hashes(item.headline, item.body, item.word_count)
    return replace(item, content_hash=content_hash, body_hash=body_hash, sketch=sketch(item.body))
