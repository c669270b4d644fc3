"""Killed uploads: readers of a bucket always see whole tables, and the next upload completes the killed one."""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from crawler.items import as_row
from pipelines.publishing.publisher import fill_empty_tables
from tests.support.bucket_reader import BucketReader
from tests.support.bucket_server import BUCKET, BucketServer
from tests.support.builders import DAY, DECEMBER, JANUARY, NOVEMBER, LedgerFolder, digests, make_fetch, make_story
from tests.support.crash_store import SOAK
from tests.support.forked_commands import run_command

POINTS = ("manifest", "announced", "sent", "recorded", "deleted", "completed")
MONTHS = (NOVEMBER, DECEMBER, JANUARY)


@pytest.fixture
def server() -> Iterator[BucketServer]:
    with BucketServer() as server:
        server.on_change = BucketReader()
        yield server


class Newsroom:
    """Data folder whose stories move between months, and are revised, from edition to edition."""

    def __init__(self, root: Path, server: BucketServer) -> None:
        self.root, self._server = root, server
        self._editions = count(1)

    def next_edition(self) -> None:
        edition = next(self._editions)
        folder = LedgerFolder.at(self.root)
        at = JANUARY + edition * DAY
        moved = [make_story(n, self._month(n, edition), revision=edition, fetched_at=at) for n in range(6)]
        folder.keep(*moved, make_story(100 + edition, JANUARY))
        with folder.ledger.savepoint():
            folder.ledger.outbox.add_row("fetches", as_row(make_fetch(edition, at)))
        folder.publish()
        fill_empty_tables(folder.dataset, folder.ledger)
        folder.close()

    def _month(self, number: int, edition: int) -> datetime:
        return MONTHS[(number + edition * (1 + number % 2)) % (3 if edition % 2 else 2)]

    def upload(self, failpoint: str = "") -> int:
        return self.run("publish", "--data", str(self.root), failpoint=failpoint and f"bucket.{failpoint}")

    def run(self, *arguments: str, failpoint: str = "") -> int:
        killed = {"KHOBOR_FAILPOINT": f"{failpoint}=kill", "KHOBOR_TESTING": "1"} if failpoint else {}
        environment = {**os.environ, **self._server.environment, "KHOBOR_BUCKET": f"s3://{BUCKET}", **killed}
        return run_command([sys.executable, "-m", "khobor", *arguments], env=environment).returncode

    def assert_mirrored(self) -> None:
        found = {path for path in self._server.objects() if path.partition("/")[0] not in ("manifests", "runs")}
        assert found == set(digests(self.root))
        assert all(self._server.objects()[path] == (self.root / path).read_bytes() for path in found)


def test_killed_restore_is_completed_by_next(server: BucketServer, memory_folder: Path) -> None:
    newsroom, copy = Newsroom(memory_folder / "data", server), memory_folder / "copy"
    newsroom.next_edition()
    assert newsroom.upload() == 0
    killed = newsroom.run("restore", f"s3://{BUCKET}", "--data", str(copy), failpoint="bucket.downloaded:3")
    assert killed == -signal.SIGKILL
    assert newsroom.run("restore", f"s3://{BUCKET}", "--data", str(copy)) == 0
    tables = [path for path in digests(newsroom.root) if not path.startswith("state")]
    assert {path: digests(copy)[path] for path in tables} == {path: digests(newsroom.root)[path] for path in tables}


FEW = ("manifest:2", "announced:1", "sent:2", "sent:4", "recorded:5", "deleted:1", "completed:1")
EVERY = tuple(f"{point}:{hit}" for point in POINTS for hit in range(1, 15))


@pytest.mark.parametrize("places", [FEW, pytest.param(EVERY, marks=SOAK)], ids=["few", "every"])
def test_readers_see_whole_tables_after_kills(server: BucketServer, memory_folder: Path, places: tuple[str]) -> None:
    newsroom, killed = Newsroom(memory_folder / "data", server), 0
    for turn, place in enumerate(places):
        for _ in range(1 + turn % 2):  # every other time, two uploads of two publishes are killed
            newsroom.next_edition()
            killed += newsroom.upload(place) == -signal.SIGKILL
        assert newsroom.upload() == 0
        newsroom.assert_mirrored()
    assert not server.errors
    assert isinstance(server.on_change, BucketReader)
    print(f"{killed} kills, {server.on_change.states} states; ", end="")
    assert killed >= len(FEW)
