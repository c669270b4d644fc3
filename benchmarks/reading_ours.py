"""Parse stored pages with Khobor into all columns of a story and both ranked lists."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.parsing.parser import PageResponse
from crawler.spiders.kalbela import Kalbela
from schedules.scrapy_commands.crawl import GC_THRESHOLD

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from timing import timed  # type: ignore[import-not-found]

_PARSER = Kalbela().page_parser
_AT = datetime(2026, 1, 11, 14, tzinfo=UTC)


def read(html: bytes, url: str) -> dict[str, Any]:
    """Parse one page as the spider does."""
    answer = PageResponse(url=url, body=html, fetched_at=_AT, content_type="text/html; charset=UTF-8", is_story=True)
    reading = _PARSER.parse(answer)
    assert len(reading.lists) == len(Kalbela.lists)
    assert reading.story is not None
    story = reading.story.story
    return {
        "headline": story.headline,
        "byline": story.byline,
        "published_at": story.published_at and story.published_at.isoformat(),
        "body": story.body,
    }


if __name__ == "__main__":
    gc.set_threshold(*GC_THRESHOLD)  # as in a run
    timed(read)
