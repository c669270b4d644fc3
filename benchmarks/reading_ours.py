"""Ours, reading alone: one stored page into all columns of a story and both of its lists."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.addresses import Address
from crawler.layouts import choose
from crawler.lists import read_list
from crawler.sources import Page
from crawler.spiders.kalbela import Kalbela
from schedules.launching.lean import OBJECTS_BETWEEN_SEARCHES

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from timing import timed  # type: ignore[import-not-found]

_ADDRESSES = Kalbela.identities()
_AT = datetime(2026, 1, 11, 14, tzinfo=UTC)


def read(html: bytes, url: str) -> dict[str, Any]:
    """One page, as the spider reads it."""
    page = Page(html, url, _AT, "text/html; charset=UTF-8")
    page.look_for(Kalbela.landmarks())
    lists = [read_list(page, ranked, _ADDRESSES) for ranked in Kalbela.lists]
    target, layout = _ADDRESSES.identify(url), choose(Kalbela.layouts, page)
    assert isinstance(target, Address)
    assert layout is not None
    assert all(lists)
    story = layout.read(page, target, _ADDRESSES, Kalbela.zone)
    return {
        "headline": story.headline,
        "byline": story.byline,
        "published_at": story.published_at and story.published_at.isoformat(),
        "body": story.body,
    }


if __name__ == "__main__":
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES, 10, 10)  # as in a run
    timed(read)
