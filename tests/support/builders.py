"""Builders of rows, and a data folder with a ledger, without a crawl."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from crawler.downloader.archive import HttpExchange
from crawler.items import Alias, Fetch, Ranking, Reject, Snapshot, Story, as_row
from pipelines.ledger import Ledger
from pipelines.publishing.publisher import publish
from pipelines.similarity.hashes import body_hash, hashes, snapshot_digest, state_hash
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

SITE = "kalbela"
ZONE = ZoneInfo("Asia/Dhaka")
DAY = timedelta(days=1)
JANUARY = datetime(2025, 1, 10, 6, 30, 15, 250_000, tzinfo=UTC)
DECEMBER = datetime(2024, 12, 20, 6, 30, tzinfo=UTC)
NOVEMBER = datetime(2024, 11, 5, 6, 30, tzinfo=UTC)


def make_story(number: int, published_at: datetime | None = JANUARY, **changes: Any) -> Story:
    """Return a complete story; its text depends only on its number."""
    story = Story(
        site=SITE,
        story_id=f"{SITE}:{number}",
        url=f"https://www.kalbela.com/world/{number}",
        section="world",
        headline=f"র‍্যাবের অভিযান {number}",
        body=f"উদ্‌যাপনের খবর {number}।\n\nদ্বিতীয় অনুচ্ছেদ।",
        published_at=published_at,
        tags=["র‍্যাব", "ঢাকা"],
        language="bn",
        word_count=5,
        revision=1,
        first_seen_at=JANUARY,
        fetched_at=JANUARY,
        cluster_id=f"{SITE}:{number}",
        discovered_via="latest",
        depth=1,
        layout="kalbela-2025",
        run_id="run-1",
    )
    for name, value in changes.items():
        setattr(story, name, value)
    story.content_hash = hashes(story.headline, story.body or "", 0)[0]
    return story


def make_snapshot(observed_at: datetime, *headlines: str, name: str = "latest") -> Snapshot:
    rows = [
        Ranking(
            site=SITE,
            observed_at=observed_at,
            list=name,
            rank=rank,
            url=f"https://www.kalbela.com/x/{rank}",
            headline=headline,
            page_url="https://www.kalbela.com/",
            last_observed_at=observed_at,
            run_id="run-1",
        )
        for rank, headline in enumerate(headlines, start=1)
    ]
    return Snapshot(site=SITE, name=name, observed_at=observed_at, rows=rows)


def make_reject(at: datetime, **changes: Any) -> Reject:
    usual: dict[str, Any] = {"site": SITE, "rejected_at": at, "reason": "NoBody", "run_id": "run-1"}
    return Reject(**usual | changes)


def make_fetch(number: int, at: datetime = JANUARY, **changes: Any) -> Fetch:
    url = f"https://www.kalbela.com/world/{number}"
    usual: dict[str, Any] = {
        "site": SITE,
        "fetched_at": at,
        "url": url,
        "via": "latest",
        "depth": 1,
        "outcome": "story",
    }
    return Fetch(**usual | {"attempts": 1, "run_id": "run-1", "key": f"{SITE}:{number}", "normal_url": url} | changes)


def make_exchange(url: str, at: datetime = JANUARY, **changes: Any) -> HttpExchange:
    usual: dict[str, Any] = {"method": "GET", "protocol": "HTTP/1.1", "status": 200, "body": b"<p>page</p>"}
    usual |= {"request_headers": [(b"User-Agent", b"Khobor")], "headers": [(b"Content-Type", b"text/html")]}
    usual |= {"address": "192.0.2.7", "is_chunked": False, "truncated": None}
    return HttpExchange(url=url, received_at=at, **usual | changes)


@dataclass
class LedgerFolder:
    """A data folder and the ledger of its one site."""

    dataset: DataFolder
    ledger: Ledger

    @classmethod
    def at(cls, root: Path) -> "LedgerFolder":
        dataset = DataFolder(root)
        dataset.prepare()
        return cls(dataset, Ledger.open(dataset.ledger(SITE), SITE, ZONE))

    def keep(self, *stories: Story) -> None:
        """Store stories as the crawl does: as new stories or new revisions."""
        for story in stories:
            words = body_hash(story.body) if story.body else None  # a bad story may lack its body
            state = state_hash(as_row(story))
            with self.ledger.savepoint():
                known = self.ledger.stories.get(story.story_id)
                self.ledger.stories.store(story, body_hash=words, state_hash=state, known=known)
        self.ledger.commit()

    def see(self, number: int, at: datetime) -> None:
        known = self.ledger.stories.get(f"{SITE}:{number}")
        assert known is not None
        with self.ledger.transaction():
            self.ledger.stories.mark_seen(known, at)

    def rank(self, snapshot: Snapshot) -> None:
        with self.ledger.transaction():
            self.ledger.snapshots.store(snapshot, snapshot_digest([as_row(row) for row in snapshot.rows]))

    def alias(self, url: str, number: int) -> None:
        with self.ledger.transaction():
            story_id = f"{SITE}:{number}"
            alias = Alias(site=SITE, url=url, story_id=story_id, kind="url", first_seen_at=JANUARY, run_id="run-1")
            self.ledger.stories.add_alias(alias)

    def publish(self, *stories: Story) -> None:
        """Store the stories and publish the outbox."""
        self.keep(*stories)
        publish(self.dataset, self.ledger)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table, file by file, each with its ``part``."""
        return rows_of(self.dataset.root, table)

    def standing(self) -> dict[str, tuple[str, int]]:
        """Return the month and the revision of each story."""
        rows = self.rows("stories")
        found = {row["story_id"]: (row["part"], row["revision"]) for row in rows}
        assert len(found) == len(rows), "a story stands twice"
        return found

    def superseded(self) -> set[tuple[str, int]]:
        rows = self.rows("revisions")
        found = {(row["story_id"], row["revision"]) for row in rows}
        assert len(found) == len(rows), "a revision stands twice"
        return found

    def close(self) -> None:
        self.ledger.close()


def rows_of(root: Path, table: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((root / table).rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            part = path.parent.name.partition("=")[2]
            found += [row | {"part": part} for row in file.read().to_pylist()]
    return found


def digests(root: Path) -> dict[str, str]:
    paths = (path for name in TABLES for path in sorted((root / name).rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
