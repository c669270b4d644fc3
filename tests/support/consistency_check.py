"""Check of the files and the ledger against the acknowledged pages."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from warcio.archiveiterator import ArchiveIterator

from pipelines.ledger import Ledger
from pipelines.publishing.verify import check
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES
from tests.support.archived_pages import body_of
from tests.support.synthetic_site import SITE, AcknowledgedUrl, SyntheticSite

Row = dict[str, Any]
_VERSION = "story_id revision run_id headline body published_at first_seen_at fetched_at gone_after gone_by"
_NEEDED = {
    "stories": _VERSION,
    "revisions": _VERSION,
    "aliases": "url kind",
    "rankings": "list observed_at rank url headline last_observed_at",
    "fetches": "run_id url outcome archive_file archive_offset archive_length",
    "rejects": "run_id url reason rejected_at",
    "sightings": "story_id via",
}


class ConsistencyCheck:
    """Checks of a data folder; an unchanged file is read once."""

    def __init__(self, root: Path, acks: Path, world: SyntheticSite) -> None:
        self.root, self.world = root, world
        self.forgetful = False  # after a reindex, the ledger has no earlier runs
        self._acks = acks
        self._read: dict[Path, tuple[tuple[int, int, int], list[Row]]] = {}
        self._archived: dict[Path, tuple[int, dict[tuple[int, int], str]]] = {}
        self._stood: set[str] = set()

    def acknowledged(self) -> list[AcknowledgedUrl]:
        lines = self._acks.read_text().splitlines() if self._acks.exists() else []
        return [AcknowledgedUrl(**json.loads(line)) for line in lines]

    def rows(self, table: str) -> list[Row]:
        """Return all rows of a table, each with its partition; a file that does not open is an error."""
        found = []
        for path in sorted((self.root / table).rglob("*.parquet")):
            status = path.stat()
            state = status.st_ino, status.st_mtime_ns, status.st_size
            if self._read.get(path, (None,))[0] != state:
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    part = path.parent.name.partition("=")[2]
                    rows = file.read(_NEEDED[table].split()).to_pylist()
                self._read[path] = state, [row | {"part": part} for row in rows]
            found += self._read[path][1]
        return found

    def whole(self) -> None:
        """Check what holds at any time: every file opens, and no story disappears."""
        standing = {row["story_id"] for row in self.rows("stories")}
        assert self._stood <= standing, f"a reader misses {sorted(self._stood - standing)}"
        for table in TABLES:
            self.rows(table)

    def exact(self) -> None:
        """Check that nothing is lost, duplicated or invented, and that the counts are exact."""
        versions = self._versions()
        fetches = _by(self.rows("fetches"), "run_id", "url")
        self._texts_are_right(versions)
        self._came_of_a_fetch(versions, fetches)
        self._acknowledged_is_there(versions, fetches)
        self._archive_is_whole(fetches)
        self._lists_are_whole()
        self._sightings_are_remembered()
        self._books_are_exact(fetches)
        self._stood = set(versions)

    def checked(self) -> None:
        """Check that `khobor check` finds no fault."""
        dataset = DataFolder(self.root)
        with closing(Ledger.open(dataset.ledger(SITE), SITE, self.world.zone, expected=dataset.holds(SITE))) as ledger:
            assert [str(fault) for fault in check(dataset, ledger)] == []
        assert [path.name for path in dataset.staging.iterdir() if path.name.startswith(f"{SITE}-")] == []

    def _versions(self) -> dict[str, dict[int, Row]]:
        """Return the revisions of each story: numbered from 1, the last in `stories`, the others in `revisions`."""
        versions: dict[str, dict[int, Row]] = defaultdict(dict)
        for (story_id, revision), row in _by(self.rows("revisions"), "story_id", "revision").items():
            versions[story_id][revision] = row
        for story_id, row in _by(self.rows("stories"), "story_id").items():
            assert row["revision"] == len(versions[story_id]) + 1, (story_id, row["revision"], list(versions[story_id]))
            versions[story_id][row["revision"]] = row
        for story_id, found in versions.items():
            assert sorted(found) == list(range(1, len(found) + 1)), (story_id, sorted(found))
        return versions

    def _texts_are_right(self, versions: dict[str, dict[int, Row]]) -> None:
        for story_id, found in versions.items():
            number = int(story_id.rpartition(":")[2])
            for row in found.values():
                edition = self.world.edition(row["run_id"])
                for name in ("headline", "body", "published_at"):
                    assert row[name] == getattr(self.world, name)(number, edition), (story_id, row["revision"], name)
                assert row["part"] == TABLES["stories"].part_of(row, self.world.zone), (story_id, row["part"])

    def _came_of_a_fetch(self, versions: dict[str, dict[int, Row]], fetches: dict[tuple[Any, ...], Row]) -> None:
        """Check that each row has its fetch, and each fetch its row."""
        url = "https://www.kalbela.com/world/{}"
        kept = Counter((row["run_id"], url.format(i[8:])) for i, found in versions.items() for row in found.values())
        assert not (twice := [page for page, times in kept.items() if times > 1]), twice
        assert kept.keys() == {page for page, row in fetches.items() if row["outcome"] == "story"}
        refused = _by(self.rows("rejects"), "run_id", "url")
        assert refused.keys() == {page for page, row in fetches.items() if row["outcome"] == "rejected"}

    def _acknowledged_is_there(self, versions: dict[str, dict[int, Row]], fetches: dict[tuple[Any, ...], Row]) -> None:
        copies = _by(self.rows("aliases"), "url").keys()
        for page in self.acknowledged():
            assert (fetch := fetches.get((page.run_id, page.url))), f"lost: {page}"
            assert fetch["outcome"] == page.outcome, page
            if page.outcome == "exact_duplicate":
                assert page.url in copies, f"lost: {page}"  # type: ignore[comparison-overlap]
            elif page.outcome == "unchanged" and (found := versions.get(page.story_id or "")):
                assert max(row["fetched_at"] for row in found.values()) >= datetime.fromisoformat(page.at), (
                    f"lost: {page}"
                )

    def _archive_is_whole(self, fetches: dict[tuple[Any, ...], Row]) -> None:
        """Check that each fetch refers to its page, and that the files contain whole records and nothing else."""
        found = dict[tuple[str, int, int], tuple[str, str]]()
        for path in sorted((self.root / "archive").rglob("*.gz")):
            if self._archived.get(path, (0,))[0] != path.stat().st_size:
                self._archived[path] = path.stat().st_size, _responses(path)
            name, run_id = path.relative_to(self.root).as_posix(), path.name.partition(".")[0]
            found |= {(name, *place): (run_id, url) for place, url in self._archived[path][1].items()}
        pages = {key: row for key, row in fetches.items() if row["archive_file"] is not None}
        assert {page for page, row in fetches.items() if row["outcome"] == "story"} <= pages.keys()
        for key, row in pages.items():
            assert found[row["archive_file"], row["archive_offset"], row["archive_length"]] == key

    def _lists_are_whole(self) -> None:
        rankings = _by(self.rows("rankings"), "list", "observed_at", "rank", "url")
        snapshots: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
        for row in rankings.values():
            snapshots[row["list"], row["observed_at"]].append(row)
        for rows in snapshots.values():
            assert sorted(row["rank"] for row in rows) == [1, 2, 3]
            assert len({row["last_observed_at"] for row in rows}) == 1
        for page in self.acknowledged():
            if page.outcome == "list":
                at, edition = datetime.fromisoformat(page.at), self.world.edition(page.run_id)
                for name in ("latest", "popular"):
                    seen = [rows for (of, since), rows in snapshots.items() if of == name and since <= at]
                    last = max(seen, key=lambda rows: rows[0]["observed_at"])
                    last.sort(key=lambda row: int(row["rank"]))
                    assert [row["headline"] for row in last] == self.world.ranks(name, edition), page
                    assert last[0]["last_observed_at"] >= at, page

    def _sightings_are_remembered(self) -> None:
        """Check that the ledger and the files have the same sightings."""
        with closing(sqlite3.connect(DataFolder(self.root).ledger(SITE))) as ledger:
            known = set(ledger.execute("SELECT story_id, via FROM sightings"))
        assert _by(self.rows("sightings"), "story_id", "via").keys() == known

    def _books_are_exact(self, fetches: dict[tuple[Any, ...], Row]) -> None:
        asked = Counter(run_id for run_id, _ in fetches)
        with closing(sqlite3.connect(DataFolder(self.root).ledger(SITE))) as ledger:
            assert ledger.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
            assert ledger.execute("SELECT count(*) FROM files WHERE prepared_sha256 IS NOT NULL").fetchone() == (0,)
            assert ledger.execute("SELECT run_id FROM runs WHERE ended_at IS NULL").fetchall() == []
            query = "SELECT run_id, sum(n) FROM counts WHERE name {} GROUP BY run_id"
            discovered = dict(ledger.execute(query.format("= 'discovered'")))
            outcomes = dict(ledger.execute(query.format("LIKE 'outcome/%'")))
        if self.forgetful:
            asked = Counter({run_id: times for run_id, times in asked.items() if run_id in discovered})
        assert discovered == outcomes == asked


def _by(rows: Iterable[Row], *key: str) -> dict[tuple[Any, ...], Row]:
    """Index rows by a unique key; a key of one column is the value itself."""
    found: dict[Any, Row] = {}
    for row in rows:
        values = tuple(row[name] for name in key)
        name = values if len(key) > 1 else values[0]
        assert name not in found, f"twice: {row}"
        found[name] = row
    return found


def _responses(path: Path) -> dict[tuple[int, int], str]:
    """Return the URL of each response in an archive file, by offset and length, after a check of its body."""
    found = {}
    with path.open("rb") as file:
        records = ArchiveIterator(file)
        for record in records:
            if record.rec_type == "response":
                url = record.rec_headers.get_header("WARC-Target-URI")
                assert body_of(record) == url.encode() * 50
                found[records.get_record_offset(), records.get_record_length()] = url
        assert records.get_record_offset() + records.get_record_length() == path.stat().st_size, path
    return found
