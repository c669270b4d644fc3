"""What counts as the same: hashes of a story's words, of its state and of a list.

Words are compared blind to what a reader cannot see (Unicode form, joiners, quotes, spacing); see
:func:`crawler.bengali.text.comparison_key`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from crawler.bengali.text import comparison_key, count_words

# Two flashes may share one sentence and be two stories; a body this long is not written twice by chance.
WORDS_OF_A_BODY = 40


def hashes(headline: str, body: str, words: int) -> tuple[str, str | None]:
    """Hash of headline and body, and of the body alone: equal for the same words, however they are coded.

    The second is None for a body of too few words to tell two stories apart.
    """
    blind = comparison_key(body)
    return _digest(comparison_key(headline), blind), _digest(blind) if words >= WORDS_OF_A_BODY else None


def content_hash(headline: str, body: str) -> str:
    """The first of them."""
    return _digest(comparison_key(headline), comparison_key(body))


def body_hash(body: str) -> str | None:
    """The second of them."""
    return _digest(comparison_key(body)) if count_words(body) >= WORDS_OF_A_BODY else None


def state_hash(row: Mapping[str, Any]) -> str:
    """Hash of everything whose change makes a new revision; furniture of the page is not in it."""
    picture = row["image_url"] and urlsplit(row["image_url"]).path
    moments = (_moment(row["published_at"]), _moment(row["updated_at"]))
    lines = (comparison_key(row[name] or "") for name in ("kicker", "byline"))
    return _digest(row["content_hash"], *lines, *moments, picture or "")


def snapshot_digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Hash of a list: its links, their ranks and the headlines that it printed."""
    return _digest(*(f"{r['rank']}\x1e{r['story_id'] or r['url']}\x1e{r['headline'] or ''}" for r in rows))


def _moment(value: datetime | None) -> str:
    return value.astimezone(UTC).isoformat() if value else ""


def _digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
