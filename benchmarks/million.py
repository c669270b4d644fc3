"""Synthetic stories and a day of rankings, written as Khobor writes them, to measure reading and size.

A body has random words with the frequencies of the bundled newspaper. It compresses worse than prose, so measured
sizes are upper bounds.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.storage.parquet import write_rows
from pipelines.storage.tables import TABLES, Table
from tests.newspaper import Newspaper

SITE, ZONE = "kalbela", ZoneInfo("Asia/Dhaka")
WORDS_PER_STORY, STORIES_PER_MONTH = 480, 8_000
_STORIES, _RANKINGS = TABLES["stories"], TABLES["rankings"]
_FIRST_YEAR, _FIRST_NUMBER = 2016, 100_000
_SECOND = 1_000_000  # in microseconds
_LIST_ROWS, _SNAPSHOTS_A_DAY = 20, 72


class Synthetic:
    """Generator of the stories and lists of a site, determined by its seed."""

    def __init__(self, seed: int = 1, site: str = SITE) -> None:
        self._site, self._address = site, f"https://www.{site}.com"
        truth = Newspaper(seed=seed).truth().values()
        counted = Counter(word for story in truth for word in story.body.split())
        self._words, often = pa.array(list(counted)), np.array(list(counted.values()), float)
        self._often = np.cumsum(often / often.sum())
        self._sections = pa.array(sorted({story.section for story in truth}))
        self._chance = np.random.default_rng(seed)

    def stories(self, count: int) -> Iterator[tuple[str, pa.Table]]:
        """Yield the name and the rows of each month's partition, in the schema and order of the table."""
        for at, first in enumerate(range(0, count, STORIES_PER_MONTH)):
            year, month = divmod(_FIRST_YEAR * 12 + at, 12)
            rows = self.month(first, min(STORIES_PER_MONTH, count - first), datetime(year, month + 1, 1, tzinfo=ZONE))
            yield f"{year}-{month + 1:02}", rows

    def month(self, first: int, count: int, begin: datetime) -> pa.Table:
        """Generate the stories of a month, numbered from ``first``."""
        chance = self._chance
        numbers = pa.array(np.arange(first, first + count) + _FIRST_NUMBER).cast(pa.string())
        section = self._of(self._sections, count)
        story_id = pc.binary_join_element_wise(self._site, numbers, ":")
        length = np.clip(chance.normal(WORDS_PER_STORY, 160, count), 60, None).astype("int32")
        minutes = np.sort(chance.integers(0, 28 * 1440, count)) * 60
        published = (int(begin.timestamp()) + minutes) * _SECOND
        seen = _moments(published + chance.integers(60 * _SECOND, 3600 * _SECOND, count))
        hashes = chance.bytes(16 * count).hex()
        columns = {
            "story_id": story_id,
            "url": pc.binary_join_element_wise(self._address, section, numbers, "/"),
            "section": section,
            "headline": self._texts(np.full(count, 8)),
            "byline": self._of(pa.array([f"প্রতিনিধি {number}" for number in range(400)]), count),
            "published_at": _moments(published),
            "updated_at": self._some(0.5, _moments(published + 3600 * _SECOND)),
            "edition": self._of(pa.array(["online", "print"]), count),
            "agency": self._of(pa.array(["AFP", "Reuters", None, None, None, None]), count),
            "image_url": pc.binary_join_element_wise(
                f"{self._address}/assets/news_photos/{begin:%Y/%m}/", numbers, ".webp", ""
            ),
            "image_caption": self._some(0.4, self._texts(np.full(count, 6))),
            "image_credit": self._of(pa.array(["সংগৃহীত", "কালবেলা গ্রাফিক্স", None]), count),
            "body": self._texts(length),
            "tags": pa.ListArray.from_arrays(np.arange(count + 1) * 3, self._of(self._words[:600], 3 * count)),
            "language": pa.repeat("bn", count),
            "word_count": pa.array(length),
            "revision": self._of(pa.array([1, 1, 2], pa.int32()), count),
            "first_seen_at": seen,
            "fetched_at": seen,
            "appeared_by": seen,
            "content_hash": pa.array([hashes[at : at + 32] for at in range(0, 32 * count, 32)]),
            "cluster_id": story_id,
            "discovered_via": self._of(pa.array(["latest", "category", "sitemap"]), count),
            "depth": self._of(pa.array([1, 2, 3], pa.int32()), count),
            "layout": pa.repeat("kalbela-2023", count),
            "run_id": pc.strftime(seen.cast(pa.timestamp("s"), safe=False), f"%Y%m%dT%H0000Z-{self._site}-0001"),
        }
        return _table(_STORIES, columns, count)

    def rankings(self, day: datetime, first: int = 0) -> pa.Table:
        """Generate a day of both lists: new headlines on top of the one, swapped places in the other.

        :param first: number of the first story of the lists
        """
        headlines = self._texts(np.full(1000, 8)).to_pylist()
        lists = {"latest": list(range(_LIST_ROWS)), "popular": list(range(_LIST_ROWS))}
        newest, rows = _LIST_ROWS, []
        for look in range(_SNAPSHOTS_A_DAY):
            at = day + look * timedelta(minutes=20, microseconds=123_457)
            for name, numbers in lists.items():
                rows += [self._ranking(name, at, rank, number + first, headlines[number])
                         for rank, number in enumerate(numbers, 1)]  # fmt: skip
            fresh = int(self._chance.integers(1, 3))
            lists["latest"] = [*range(newest + fresh - 1, newest - 1, -1), *lists["latest"]][:_LIST_ROWS]
            newest += fresh
            place = int(self._chance.integers(0, _LIST_ROWS - 1))
            popular = lists["popular"]
            popular[place], popular[place + 1] = popular[place + 1], popular[place]
            if look % 3 == 0:
                popular[-1] = lists["latest"][-1]
        return pa.Table.from_pylist(rows, schema=_RANKINGS.schema)

    def _ranking(self, name: str, at: datetime, rank: int, number: int, headline: str) -> dict[str, object]:
        return {
            "observed_at": at.astimezone(UTC),
            "list": name,
            "rank": rank,
            "story_id": f"{self._site}:{_FIRST_NUMBER + number}",
            "url": f"{self._address}/national/{_FIRST_NUMBER + number}",
            "headline": headline,
            "page_url": f"{self._address}/national/{_FIRST_NUMBER + int(at.timestamp()) % 997}",
            "last_observed_at": (at + timedelta(minutes=5)).astimezone(UTC),
            "run_id": f"{at:%Y%m%dT%H%M%SZ}-{self._site}-0001",
        }

    def _texts(self, lengths: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> pa.Array:
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype("int32")
        drawn = np.searchsorted(self._often, self._chance.random(int(ends[-1]))).clip(max=len(self._words) - 1)
        return pc.binary_join(pa.ListArray.from_arrays(ends, self._words.take(pa.array(drawn))), " ")

    def _of(self, values: pa.Array, count: int) -> pa.Array:
        return values.take(pa.array(self._chance.integers(0, len(values), count)))

    def _some(self, share: float, values: pa.Array) -> pa.Array:
        return pc.if_else(pa.array(self._chance.random(len(values)) < share), values, None)


def write_stories(root: Path, count: int, seed: int = 1) -> None:
    """Fill the table `stories` of a data folder as a publish does."""
    for part, rows in Synthetic(seed).stories(count):
        write_partition(root, _STORIES, part, rows)


def write_partition(root: Path, table: Table, part: str, rows: pa.Table, site: str = SITE) -> Path:
    """Write one file of a table in its place."""
    path = root / table.path(site, part)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_rows(table, rows, file)
    return path


def _moments(microseconds: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Array:
    return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))


def _table(table: Table, columns: dict[str, pa.Array], count: int) -> pa.Table:
    arrays = [columns.get(each.name, pa.nulls(count, each.type)) for each in table.schema]
    return pa.Table.from_arrays(
        [array.cast(each.type) for array, each in zip(arrays, table.schema, strict=True)], schema=table.schema
    )
