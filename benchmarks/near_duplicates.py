"""Speed of clustering near-duplicates and size of the index, by the number of known stories.

    python -m benchmarks.near_duplicates 10000 100000 1000000

Stories are of 250 words drawn from 30,000, 400 a day; one in twenty is a retouched copy of an earlier one of that week.
All but the last 5,000 are unrelated stories with random bands; the last ones are generated, placed and timed in CPU
time.
"""

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from pipelines.ledger.lsh_index import SCHEMA as KEYS
from pipelines.ledger.lsh_index import key_of
from pipelines.ledger.near_duplicates import SCHEMA, Clusters
from pipelines.similarity.minhash import BANDS, sketch

_FIRST = datetime(2015, 1, 1, tzinfo=UTC)
_A_DAY, _WORDS, _KNOWN_WORDS = 400, 250, 30_000
_PLACED = 5_000
_PER_COMMIT = 50
_LETTERS = "কখগঘচছজটডতদনপবভমযরলশসহ"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A generated story; `is_copy` marks a retouched copy of an earlier one."""

    story_id: str
    body: str
    at: datetime
    is_copy: bool


def drawn(first: int, end: int) -> Iterator[Drawn]:
    """Yield stories by number, oldest first."""
    rng = Random(1)
    vocabulary = ["".join(rng.choices(_LETTERS, k=rng.randint(2, 7))) + "া" for _ in range(_KNOWN_WORDS)]
    recent: list[list[str]] = []
    for number in range(first, end):
        words = rng.choices(vocabulary, k=_WORDS)
        is_copy = bool(recent) and number % 20 == 7
        if is_copy:
            added, cut = rng.choices(vocabulary, k=rng.randint(0, 40)), rng.randint(1, 30)
            words = [*added, *rng.choice(recent)[:-cut]]
        elif number % 20 < 5:
            recent = [*recent[-500:], words]
        yield Drawn(f"kalbela:{number}", " ".join(words), _moment(number), is_copy)


def enter_strangers(connection: sqlite3.Connection, count: int) -> None:
    """Fill the index with unrelated stories, which have random bands and no text."""
    rng = Random(2)
    prints = [made.prints for story in drawn(0, 200) if (made := sketch(story.body))]
    for number in range(count):
        if number % 1000 == 0:
            connection.execute("BEGIN")
        at = int(_moment(number).timestamp())
        row = (number + 1, f"kalbela:{number}", at, rng.choice(prints))
        connection.execute("INSERT INTO sketches (number, story_id, at, prints) VALUES (?, ?, ?, ?)", row)
        keys = ((key_of(at, rng.getrandbits(24)), number + 1) for _ in range(BANDS))
        connection.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", keys)
        if number % 1000 == 999 or number == count - 1:
            connection.execute("COMMIT")


def measured(count: int, folder: Path) -> dict[str, float]:
    """Measure milliseconds and bytes per story, and the share of copies found, among `count` known stories."""
    path = folder / f"{count}.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(SCHEMA + KEYS)
    index, times, sketching, committing, copies, found = Clusters(connection), [], [], 0.0, 0, 0
    index.forget("kalbela:none")
    enter_strangers(connection, count - _PLACED)
    connection.execute("PRAGMA synchronous = FULL")
    for number, story in enumerate(drawn(count - _PLACED, count)):
        if number % _PER_COMMIT == 0:
            connection.execute("BEGIN")
        started = time.process_time()
        sketch(story.body)
        sketching.append(time.process_time() - started)
        started = time.process_time()
        heads = index.place(story.story_id, sketch(story.body), story.at)
        times.append(time.process_time() - started)
        copies += story.is_copy
        found += story.is_copy and heads[story.story_id] != story.story_id
        if (number + 1) % _PER_COMMIT == 0:
            started = time.process_time()
            connection.execute("COMMIT")
            committing += time.process_time() - started
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return {
        "place_ms_mean": sum(times) / len(times) * 1e3,
        "place_ms_median": _median(times) * 1e3,
        "of_it_sketch_ms_median": _median(sketching) * 1e3,
        "commit_ms_mean": committing / len(times) * 1e3,
        "bytes_a_story": path.stat().st_size / count,
        "open_and_first_ms": opened(path, _moment(count)) * 1e3,
        "copies_found": found / copies,
    }


def opened(path: Path, at: datetime) -> float:
    """Return the seconds from opening the index to the first placement."""
    started = time.perf_counter()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    Clusters(connection).place("kalbela:new", sketch(" ".join(f"শব্দ{n}" for n in range(_WORDS))), at)
    spent = time.perf_counter() - started
    connection.execute("ROLLBACK")
    connection.close()
    return spent


def _moment(number: int) -> datetime:
    return _FIRST + timedelta(days=number / _A_DAY)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def main(arguments: Sequence[str]) -> None:
    """Print one line for each count."""
    with tempfile.TemporaryDirectory() as folder:
        for count in map(int, arguments or ("10000", "100000")):
            figures = measured(count, Path(folder))
            print(f"{count:>9,}", *(f"{name}={value:.3f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
