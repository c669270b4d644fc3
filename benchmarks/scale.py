"""Scale benchmark: cost of start, look-up and publish with years of data: `make bench-scale`.

A ledger is filled with generated stories, 400 a day, as after years of crawling. Then real commands start on it, and
new stories are looked up, clustered and stored as in a run.
"""

import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.near_duplicates import Drawn, drawn
from benchmarks.report import table
from benchmarks.starting import until_first_request
from crawler.items import Ranking, Story
from crawler.spiders.kalbela import Kalbela
from pipelines.ledger import Ledger
from pipelines.ledger.lsh_index import key_of
from pipelines.similarity.hashes import hashes
from pipelines.similarity.minhash import BANDS, sketch
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

SITE, ZONE = Kalbela.name, Kalbela.zone
PER_DAY, NEW, WORDS = 400, 1_000, 480
IDENTITIES = 10_000_000
FIVE_YEARS = 500_000
_END = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 5_000


@dataclass(frozen=True)
class Known:
    """Measurements with a number of known stories, in seconds, milliseconds, bytes and MiB."""

    stories: int
    begin_cpu: float
    begin: float
    peak: float
    look_up: float
    accept: float
    bytes_each: float


def _moment(number: int, count: int) -> datetime:
    return _END - timedelta(days=(count - number) / PER_DAY)


def fill(ledger: Ledger, count: int) -> None:
    """Store generated stories with their URLs, hashes and sketches."""
    rng, sql = Random(1), ledger._sql  # a million of them, one by one, would take an hour
    sql.execute("PRAGMA synchronous = OFF")
    sql.execute("PRAGMA cache_size = -400000")
    ledger.clusters.forget("")  # an index that nobody has used would be emptied at its first use
    prints = [made.prints for story in drawn(0, 200) if (made := sketch(story.body))]
    for first in range(0, count, _BATCH):
        sql.execute("BEGIN")
        for name, rows in _rows(range(first, min(first + _BATCH, count)), count, rng, prints).items():
            sql.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        sql.execute("COMMIT")


def _rows(numbers: range, count: int, rng: Random, prints: list[bytes]) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[tuple[Any, ...]]] = {"urls": [], "stories": [], "sketches": [], "bands": []}
    for number in numbers:
        at = _moment(number, count)
        seen, seconds = at.isoformat(), int(at.timestamp())
        story_id, url = f"{SITE}:{number}", f"https://www.kalbela.com/country-news/{number}"
        run_id = f"{at:%Y%m%dT%H%M%SZ}-{SITE}-{rng.getrandbits(16):04x}"
        address = (story_id, url, story_id, "latest", "https://www.kalbela.com/", 1, 0, run_id, seen, None, seen)
        rows["urls"].append((*address, "story", f'"{rng.getrandbits(64):x}"', None, 0, None, seen, None))
        content, body, state = (f"{rng.getrandbits(128):032x}" for _ in range(3))
        place = (story_id, url, f"{at:%Y-%m}", 1, content, body, state)
        rows["stories"].append((*place, story_id, seen, seen, "latest", 1, None, "country-news"))
        rows["sketches"].append((number + 1, story_id, seconds, None, rng.choice(prints)))
        rows["bands"] += ((key_of(seconds, rng.getrandbits(24)), number + 1) for _ in range(BANDS))
    rows["bands"].sort()  # far faster, and the pages of the index are filled as they would be
    return rows


def known(count: int, folder: Path) -> Known:
    """Measure a ledger of `count` stories."""
    dataset = DataFolder(folder)
    dataset.prepare()
    ledger = Ledger.open(dataset.ledger(SITE), SITE, ZONE)
    fill(ledger, count)
    ledger.close()
    size = dataset.ledger(SITE).stat().st_size
    begun = _begun(folder)
    ledger = Ledger.open(dataset.ledger(SITE), SITE, ZONE)
    look_up, accept = _per_story(ledger, count)
    ledger.close()
    return Known(count, *begun, look_up, accept, size / count)


def _begun(folder: Path) -> tuple[float, float, float]:
    """Return CPU seconds, seconds and peak MiB of a crawl until its first request, the least of three."""

    def command(site: str, _: Path) -> list[str]:
        return [sys.executable, "-m", "khobor", "crawl", SITE, "--mirror", site, "--data", str(folder)]

    measured = []
    for _ in range(3):
        measured.append(until_first_request(command))
        _forget_run(folder)
    return min(cpu for cpu, _, _ in measured), min(took for _, took, _ in measured), min(peak for *_, peak in measured)


def _forget_run(folder: Path) -> None:
    """Delete a run that was killed at its first request, or the next one would publish its rows."""
    with closing(sqlite3.connect(DataFolder(folder).ledger(SITE))) as connection:
        for what in ("runs WHERE ended_at IS NULL", "urls WHERE open", "outbox"):
            connection.execute(f"DELETE FROM {what}")
        connection.commit()


def _per_story(ledger: Ledger, count: int) -> tuple[float, float]:
    """Return CPU milliseconds of looking up and clustering a story, and of storing it in all."""
    looking = accepting = 0.0
    stories = [*drawn(count, count + NEW)]
    for story in stories:
        both, alone = hashes(f"শিরোনাম {story.story_id}", story.body, WORDS)
        at = _END + (story.at - stories[0].at)
        began = time.process_time()
        with ledger.savepoint():
            assert ledger.stories.get(story.story_id) is None
            assert ledger.stories.by_content_hash(both) is None
            assert alone and ledger.stories.by_body_hash(alone) is None
            ledger.clusters.place(story.story_id, sketch(story.body), at)
            looking += time.process_time() - began
            row = _story(story, both, at)
            ledger.stories.store(row, body_hash=alone, state_hash=both, known=None)
        accepting += time.process_time() - began
    ledger.commit()
    return looking / NEW * 1000, accepting / NEW * 1000


def _story(story: Drawn, content_hash: str, at: datetime) -> Story:
    return Story(
        site=SITE,
        story_id=story.story_id,
        url=f"https://www.kalbela.com/national/{story.story_id.partition(':')[2]}",
        section="national",
        headline=f"শিরোনাম {story.story_id}",
        body=story.body,
        published_at=at,
        tags=[],
        language="bn",
        word_count=len(story.body.split()),
        revision=1,
        first_seen_at=at,
        fetched_at=at,
        content_hash=content_hash,
        cluster_id=story.story_id,
        discovered_via="latest",
        depth=1,
        layout="made-up",
        run_id=f"{at:%Y%m%dT%H%M%SZ}-{SITE}-0000",
    )


def identity(count: int, folder: Path) -> float:
    """Return microseconds of looking up one story among `count` that have only ids."""
    ledger = Ledger.open(folder / "identity.sqlite", SITE, ZONE)
    sql = ledger._sql
    sql.execute("PRAGMA synchronous = OFF")
    for first in range(0, count, 100_000):
        sql.execute("BEGIN")
        rows = ((f"{SITE}:{number:09}",) for number in range(first, first + 100_000))
        sql.executemany(
            "INSERT INTO stories (story_id, url, part, revision, content_hash, cluster_id, first_seen_at, fetched_at,"
            " discovered_via, depth) VALUES (?, '', '', 1, '', '', '2026-01-01', '2026-01-01', '', 1)",
            rows,
        )
        sql.execute("COMMIT")
    wanted = [f"{SITE}:{number:09}" for number in Random(3).choices(range(2 * count), k=20_000)]
    began = time.process_time()
    found = sum(ledger.stories.get(story_id) is not None for story_id in wanted)
    took = (time.process_time() - began) / len(wanted) * 1e6
    assert 0.45 < found / len(wanted) < 0.55
    ledger.close()
    return took


# Publishing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Night:
    """Publish of one day into years of data: seconds, CPU seconds, and bytes per row on disk."""

    seconds: float
    used: float
    story_bytes: float
    words: float
    ranking_bytes: float


def night(stories: int, folder: Path) -> Night:
    """Publish 400 new stories, 60 revised ones and a day of lists into existing stories of five years."""
    import pyarrow.parquet as pq

    from benchmarks.million import Synthetic
    from pipelines.ledger.outbox import FileRecord
    from pipelines.publishing.publisher import publish

    dataset = DataFolder(folder)
    dataset.prepare()
    ledger = Ledger.open(dataset.ledger(SITE), SITE, ZONE)
    rows = None
    of_all = Synthetic()
    for part, rows in of_all.stories(stories):
        path = str(TABLES["stories"].path(SITE, part))
        staged = dataset.stage(TABLES["stories"], SITE, rows)
        dataset.commit(staged, path)
        with ledger.transaction():
            ledger.outbox.settle(FileRecord(path, staged.rows, staged.bytes, staged.sha256))
    assert rows is not None
    _revise(ledger, rows.slice(0, 60).to_pylist())
    at = max(rows["published_at"].to_pylist())
    bodies = rows["body"].to_pylist()
    with ledger.transaction():
        for number in range(PER_DAY):
            story = Drawn(f"{SITE}:9{number:06}", bodies[-number - 1], at, False)
            ledger.outbox.put(TABLES["stories"], part, _row(_story(story, "0" * 32, at)))
    _keep_lists(ledger, at)
    began, used = time.perf_counter(), time.process_time()
    publish(dataset, ledger)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    ledger.close()
    sizes = [path.stat().st_size for path in (dataset.root / "stories").rglob("*.parquet")]
    lists = list((dataset.root / "rankings").rglob("*.parquet"))
    per_ranking = sum(path.stat().st_size for path in lists) / sum(pq.read_metadata(path).num_rows for path in lists)
    words = sum(rows["word_count"].to_pylist()) / len(rows)
    return Night(seconds, used, sum(sizes) / (stories + PER_DAY), words, per_ranking)


def _revise(ledger: Ledger, standing: list[dict[str, Any]]) -> None:
    with ledger.transaction():
        for row in standing:
            changed = row | {"body": row["body"] + " হালনাগাদ", "revision": row["revision"] + 1}
            part = TABLES["stories"].part_of(row, ZONE)
            ledger.outbox.put(TABLES["stories"], part, changed)


def _keep_lists(ledger: Ledger, at: datetime) -> None:
    """Add a day of two lists of 20 rows, with one new row every twenty minutes."""
    rng = Random(4)
    with ledger.transaction():
        for name in ("latest", "popular"):
            shown = [rng.randrange(10**6) for _ in range(20)]
            for turn in range(72):
                shown = [rng.randrange(10**6), *shown[:-1]]
                for rank, number in enumerate(shown, start=1):
                    ranking = _ranking(name, rank, number, at + timedelta(minutes=20 * turn))
                    ledger.outbox.add_row("rankings", _row(ranking))


def _ranking(name: str, rank: int, number: int, at: datetime) -> Ranking:
    url = f"https://www.kalbela.com/national/{number}"
    return Ranking(
        site=SITE,
        observed_at=at,
        list=name,
        rank=rank,
        story_id=f"{SITE}:{number}",
        url=url,
        headline=" ".join(Random(number).choices(_HEADLINE, k=8)),
        page_url=url,
        last_observed_at=at + timedelta(minutes=19),
        run_id=f"{at:%Y%m%d}T000000Z-{SITE}-0000",
    )


_HEADLINE = (
    *("ঢাকায়", "বৃষ্টি", "নদীর", "পানি", "বাড়ছে", "মন্ত্রী", "বলেন", "নতুন", "ভবন", "উদ্বোধন", "আজ", "কাল"),
    *("দেশের", "মানুষ", "খেলায়", "জয়", "বাজারে", "দাম", "কমেছে"),
)


def _row(record: Any) -> dict[str, Any]:
    from crawler.items import as_row

    return as_row(record)


# The report -----------------------------------------------------------------------------------------------------------


def scale(counts: Sequence[int], *, quick: bool = False) -> str:
    """Run the benchmark and return its report with limits; `quick` uses a tenth of the ids and stories."""
    identities, standing = (IDENTITIES // 10, FIVE_YEARS // 10) if quick else (IDENTITIES, FIVE_YEARS)
    parts = []
    with tempfile.TemporaryDirectory(prefix="khobor-scale-") as scratch:
        measured = [*_each((0, *counts), Path(scratch))]
        parts += [_table(measured)]
        print(f"scale: {identities:,} ids", file=sys.stderr)
        took = identity(identities, Path(scratch))
        parts.append(f"Looking up one id among {identities:,}: {took:.0f} µs of the processor (bound: 50).")
        (Path(scratch) / "identity.sqlite").unlink()
        print(f"scale: publishing into {standing:,} stories", file=sys.stderr)
        parts.append(_publish_text(night(standing, Path(scratch, "night")), standing))
    return "\n\n".join(parts)


def _each(counts: Sequence[int], scratch: Path) -> Iterator[Known]:
    for count in counts:
        print(f"scale: {count:,} stories known", file=sys.stderr)
        folder = scratch / str(count)
        folder.mkdir()
        if count:
            yield known(count, folder)
        else:
            DataFolder(folder).prepare()
            yield Known(0, *_begun(folder), 0, 0, 0)
        shutil.rmtree(folder)


def _table(measured: list[Known]) -> str:
    head = ["known", "CPU s to begin", "s to begin", "peak MiB", "look up ms", "accept ms", "bytes a story"]
    rows = []
    for each in measured:
        timed = [f"{each.look_up:.2f}", f"{each.accept:.2f}", f"{each.bytes_each:,.0f}"] if each.stories else ["–"] * 3
        rows.append([f"{each.stories:,}", f"{each.begin_cpu:.2f}", f"{each.begin:.2f}", f"{each.peak:.0f}", *timed])
    return table(head, rows)


def _publish_text(night: Night, standing: int) -> str:
    return (
        f"Publishing {PER_DAY} new stories, 60 revised ones and a day of lists into {standing:,} stories of five years:"
        f" {night.seconds:.2f} s, of the processor {night.used:.2f} (bound: 3).\n\n"
        f"A story of {night.words:.0f} words takes {night.story_bytes:,.0f} bytes on disk (bound: 2,000 at 480), a row"
        f" of a list {night.ranking_bytes:.1f} (bound: 20)."
    )
