"""Tests of the scale benchmark: its generated stories fit a ledger and the tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.scale import SITE, ZONE, fill, night
from pipelines.ledger import Ledger
from pipelines.similarity.minhash import BANDS


def test_ledger_finds_generated_stories(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite", SITE, ZONE)
    fill(ledger, 300)
    story, address = ledger.stories.get(f"{SITE}:7"), ledger.urls.get(f"{SITE}:7")
    assert story is not None
    assert address is not None
    assert (ledger.stories.size(), story.url, address.open) == (300, address.url, False)
    ledger.clusters.forget(f"{SITE}:7")
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as file:
        assert file.execute("SELECT count(*), (SELECT count(*) FROM bands) FROM sketches").fetchone() == (
            299,
            300 * BANDS,
        )


def test_generated_night_is_published(tmp_path: Path) -> None:
    assert night(1_000, tmp_path).story_bytes > 0
