"""A data folder with a ledger to keep rows in, without a crawl; run as a script, a server of publishes that crash.

The server is single-threaded and forks once per publish, so that hundreds of kills cost one start of an interpreter.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.items import Alias, Fetch, Ranking, Reject, Snapshot, Story, as_row
from pipelines.ledger import Ledger
from pipelines.publishing.publisher import publish
from pipelines.similarity.hashes import body_hash, hashes, snapshot_digest, state_hash
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from pipelines.storage.failpoint import arm
from pipelines.storage.tables import TABLES
from tests.support.project import PROJECT

SITE = "kalbela"
ZONE = ZoneInfo("Asia/Dhaka")
DAY = timedelta(days=1)
JANUARY = datetime(2025, 1, 10, 6, 30, 15, 250_000, tzinfo=UTC)
DECEMBER = datetime(2024, 12, 20, 6, 30, tzinfo=UTC)
NOVEMBER = datetime(2024, 11, 5, 6, 30, tzinfo=UTC)


def make_story(number: int, published_at: datetime | None = JANUARY, **changes: Any) -> Story:
    """A whole story; its words depend on its number alone."""
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
    return Fetch(**usual | {"attempts": 1, "run_id": "run-1", "key": f"{SITE}:{number}"} | changes)


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
        """Accept stories as the crawl does: each is a new one, or a new revision."""
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
            self.ledger.stories.add_alias(
                Alias(
                    site=SITE,
                    url=url,
                    story_id=f"{SITE}:{number}",
                    kind="url",
                    first_seen_at=JANUARY,
                    run_id="run-1",
                )
            )

    def publish(self, *stories: Story) -> None:
        """Accept stories, if any are given, and publish the outbox."""
        self.keep(*stories)
        publish(self.dataset, self.ledger)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, file by file, each with the ``part`` that it stands in."""
        return rows_of(self.dataset.root, table)

    def standing(self) -> dict[str, tuple[str, int]]:
        """The stories: in which month each stands, in which revision."""
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


class PublishServer:
    """Publishes in a child process that is stopped at a fail-point."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def publish(self, root: Path, failpoint: str = "") -> int:
        """Exit status: 0 published, 7 refused by the storage, -9 killed."""
        assert self._server.stdin and self._server.stdout
        print(json.dumps([str(root), failpoint]), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())


@contextmanager
def publish_server() -> Iterator[PublishServer]:
    """Start the server; its folder is the checkout's, so that it publishes with the code that is tested."""
    command = [sys.executable, "-m", "tests.support.builders"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    with server:
        yield PublishServer(server)
        assert server.stdin
        server.stdin.close()


def _serve() -> None:
    pa.Table.from_pylist([{"at": JANUARY}]).to_pylist()  # what this imports lazily, no child imports again
    for line in sys.stdin:
        root, failpoint = json.loads(line)
        if not (child := os.fork()):
            os._exit(_publish(Path(root), failpoint))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _publish(root: Path, failpoint: str) -> int:
    kept = LedgerFolder.at(root)
    arm({"KHOBOR_FAILPOINT": failpoint, "KHOBOR_TESTING": "1"})
    try:
        kept.publish()
    except StorageError:
        return 7
    kept.close()
    return 0


if __name__ == "__main__":
    _serve()
