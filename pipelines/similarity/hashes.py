"""Hashes that detect changes in the text of a story, in its other columns, or in a ranked list.

Differences that a reader cannot see (Unicode form, joiners, quotes and spacing) do not change a hash; see
:func:`crawler.bengali.text.comparison_key`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from crawler.bengali.text import comparison_key, count_words

# Two different short stories may consist of the same sentence, but no two bodies of this length are equal by chance.
MIN_BODY_WORDS = 40


def hashes(headline: str, body: str, words: int) -> tuple[str, str | None]:
    """Return the hash of headline and body together, and the hash of the body alone.

    The latter is None if the body has fewer than 40 words, which are too few to identify a story.

    :param words: number of words of the body
    """
    text = comparison_key(body)
    return _digest(comparison_key(headline), text), _digest(text) if words >= MIN_BODY_WORDS else None


def body_hash(body: str) -> str | None:
    """Return the hash of a body, or None if it has fewer than 40 words, which are too few to identify a story."""
    return hashes("", body, count_words(body))[1]


def state_hash(row: Mapping[str, Any]) -> str:
    """Return a hash of those columns of a story whose change makes a new revision of the story."""
    picture = row["image_url"] and urlsplit(row["image_url"]).path
    texts = (comparison_key(row[name] or "") for name in ("kicker", "byline"))
    times = (at.astimezone(UTC).isoformat() if at else "" for at in (row["published_at"], row["updated_at"]))
    return _digest(row["content_hash"], *texts, *times, picture or "")


def snapshot_digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a hash of the links of a ranked list, including their ranks and headlines."""
    return _digest(*(f"{r['rank']}\x1e{r['story_id'] or r['url']}\x1e{r['headline'] or ''}" for r in rows))


def _digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
