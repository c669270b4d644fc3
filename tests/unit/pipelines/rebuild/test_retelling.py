"""Repetition of a site's history: what runs store at their end is stored when they ended."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crawler.spiders.kalbela import Kalbela
from pipelines.rebuild.retelling import Retelling
from pipelines.rebuild.stored_stories import StoredStories
from tests.support.builders import JANUARY, LedgerFolder, make_story

FIRST, SECOND = JANUARY, JANUARY + timedelta(minutes=10)
MOVED = "https://www.kalbela.com/sports/1"


def run_id(at: str, digits: str) -> str:
    return f"{at}-kalbela-{digits}"


@pytest.mark.parametrize(("began", "is_stored"), [(SECOND, True), (SECOND + timedelta(days=300), False)])
def test_crawl_ends_before_next_one(tmp_path: Path, began: datetime, is_stored: bool) -> None:
    """A link to another URL is an alias if the story moves there later; an imported page ends no crawl."""
    folder = LedgerFolder.at(tmp_path)
    folder.keep(make_story(1))
    retelling = Retelling(folder.ledger, Kalbela, StoredStories(tmp_path / "stories.sqlite"), lambda _: "full")
    crawl = retelling.run(run_id(f"{FIRST:%Y%m%dT%H%M%SZ}", "aaaa"), FIRST)
    crawl.memory.note_story_url("kalbela:1", MOVED, FIRST)
    retelling.run(run_id(f"{began:%Y%m%dT%H%M%SZ}", "bbbb"), SECOND)
    folder.keep(make_story(1, url=MOVED))
    retelling.close()
    folder.ledger.commit()
    assert [url for url, _ in folder.ledger.stories.aliases()] == [MOVED] * is_stored
