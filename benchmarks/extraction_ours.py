"""Read the text of stored pages with Khobor, without a site file."""

import gc
import sys
from pathlib import Path
from typing import Any

from benchmarks.extraction import read_page
from schedules.scrapy_commands.crawl import GC_THRESHOLD

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from timing import timed  # type: ignore[import-not-found]


def read(html: bytes, url: str) -> dict[str, Any]:
    """Parse one page into all columns."""
    story = read_page(html, url)
    at = story.published_at or story.published_after
    fields = {name: getattr(story, name) for name in ("headline", "byline", "agency", "body")}
    return {**fields, "published_at": at and at.isoformat()}


if __name__ == "__main__":
    gc.set_threshold(*GC_THRESHOLD)  # as in a run
    timed(read)
