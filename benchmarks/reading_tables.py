"""Query benchmark: three analyst questions on many stories in Parquet, JSON lines and CSV."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Spread
from benchmarks.report import table

if TYPE_CHECKING:
    import duckdb

MANY, FEW = 1_000_000, 100_000  # JSON lines and CSV hold only the few: a million would fill 20 GB
MAX_BYTES, MAX_BYTES_PER_RANK = 2_000, 20
_TEXT_COLUMNS = "story_id, published_at, section, headline, body"

# Question, SQL over a source, and limit in seconds; always for the same month and story.
QUESTIONS: dict[str, tuple[str, float]] = {
    "a day's count by section": (
        "SELECT section, count(*) FROM {source} WHERE CAST(published_at AS TIMESTAMPTZ) >= '2016-02-10 00:00+06'"
        " AND CAST(published_at AS TIMESTAMPTZ) < '2016-02-11 00:00+06' GROUP BY section",
        0.2,
    ),
    "one story by its id": (f"SELECT {_TEXT_COLUMNS} FROM {{source}} WHERE story_id = 'kalbela:112345'", 0.05),
    "words in a month's bodies": (
        "SELECT count(*) FROM {source} WHERE month = '2016-02' AND contains(body, 'উদ্‌যাপন করার')",
        1.0,
    ),
}


def reading_tables(stories: int, rounds: int) -> str:
    """Run the benchmark and return its report with the limits for Parquet."""
    from benchmarks.million import write_stories

    with tempfile.TemporaryDirectory(prefix="khobor-bench-") as scratch:
        free, needed = shutil.disk_usage(scratch).free, 2_200 * stories + 30_000 * min(stories, FEW)
        if free < needed:
            raise SystemExit(
                f"{scratch} has {free:,} bytes free, and {needed:,} are needed: set TMPDIR to another place"
            )
        many, few = Path(scratch, "many"), Path(scratch, "few")
        print(f"reading tables: writing {stories:,} stories", file=sys.stderr)
        write_stories(many, stories)
        write_stories(few, min(stories, FEW))
        sizes = _sizes(many, stories)
        _as_text(few)
        return "\n\n".join((*_timed(many, few, stories, rounds), sizes))


def _timed(many: Path, few: Path, stories: int, rounds: int) -> tuple[str, str]:
    contestants: dict[str, Callable[[], duckdb.DuckDBPyConnection]] = {
        f"Parquet, {stories:,}": lambda: _session(f"read_parquet('{many}/stories/**/*.parquet')"),
        f"`khobor query`, {stories:,}": lambda: _ours(many),
        f"Parquet, {min(stories, FEW):,}": lambda: _session(f"read_parquet('{few}/stories/**/*.parquet')"),
        f"JSON lines, {min(stories, FEW):,}": lambda: _session(
            f"read_json('{few}/jsonl/**/*.json', hive_partitioning = true)"
        ),
        f"CSV, {min(stories, FEW):,}": lambda: _session(f"read_csv('{few}/csv/**/*.csv', hive_partitioning = true)"),
    }
    first: dict[tuple[str, str], list[float]] = {}
    again: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for name, begin in contestants.items():
            if number and name.startswith(("JSON", "CSV")):
                continue  # once is enough: it takes minutes
            print(f"reading tables, round {number + 1} of {rounds}: {name}", file=sys.stderr)
            for question, (sql, _) in QUESTIONS.items():
                with begin() as session:
                    first.setdefault((name, question), []).append(_seconds(session, sql))
                    again.setdefault((name, question), []).append(_seconds(session, sql))
    rows = [
        [name, *(f"{Spread.of(took[name, question]).text(3)}" for question in QUESTIONS for took in (first, again))]
        for name in contestants
    ]
    heads = ["", *(f"{question}{when}" for question in QUESTIONS for when in (", s", ", again"))]
    return table(heads, rows), _verdict(next(iter(contestants)), first, again)


def _verdict(ours: str, first: dict[tuple[str, str], list[float]], again: dict[tuple[str, str], list[float]]) -> str:
    lines = []
    for question, (_, most) in QUESTIONS.items():
        begun, later = (Spread.of(took[ours, question]).middle for took in (first, again))
        verdict = (
            "kept"
            if begun <= most
            else "kept from the second question of a session on"
            if later <= most
            else "NOT kept"
        )
        lines.append(f"- {question}, {most:g} s: {verdict} ({begun:.3f} s, again {later:.3f} s)")
    return f"Bounds, for {ours}:\n\n" + "\n".join(lines)


def _session(source: str) -> "duckdb.DuckDBPyConnection":
    """Open DuckDB on a source; it caches the Parquet footers from the second question on."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET parquet_metadata_cache = true; SET enable_progress_bar = false")
    connection.execute(f"CREATE VIEW stories AS FROM {source}")
    return connection


def _ours(data: Path) -> "duckdb.DuckDBPyConnection":
    from pipelines.analysis.query import connect

    return connect(data, {"kalbela": "Asia/Dhaka"})


def _seconds(session: "duckdb.DuckDBPyConnection", sql: str) -> float:
    began = time.perf_counter()
    session.sql(sql.format(source="stories")).to_arrow_table()
    return time.perf_counter() - began


def _as_text(data: Path) -> None:
    """Write the same stories by month as JSON lines and CSV, with the queried columns."""
    for path in sorted(data.glob("stories/*/*/*.parquet")):
        with _session(f"read_parquet('{path}', hive_partitioning = false)") as session:
            for kind, ending in (("jsonl", "json"), ("csv", "csv")):
                place = data / kind / path.parent.name / f"stories.{ending}"
                place.parent.mkdir(parents=True, exist_ok=True)
                session.execute(f"COPY (SELECT {_TEXT_COLUMNS} FROM stories) TO '{place}' (FORMAT {ending})")


def _sizes(data: Path, stories: int) -> str:
    from benchmarks.million import WORDS_PER_STORY, ZONE, Synthetic, write_partition
    from pipelines.storage.tables import TABLES

    size = sum(path.stat().st_size for path in data.rglob("stories.parquet")) / stories
    rows = Synthetic(2).rankings(datetime(2026, 1, 11, tzinfo=ZONE))
    rank = write_partition(data, TABLES["rankings"], "2026-01-11", rows).stat().st_size / len(rows)
    return "\n".join(
        (
            f"- A story of {WORDS_PER_STORY} words takes {size:,.0f} bytes, at most {MAX_BYTES:,}:"
            f" {_kept(size <= MAX_BYTES)}",
            f"- A row of `rankings`, on a day of {len(rows):,}, takes {rank:.1f} bytes, at most {MAX_BYTES_PER_RANK}:"
            f" {_kept(rank <= MAX_BYTES_PER_RANK)}",
        )
    )


def _kept(so: bool) -> str:
    return "kept" if so else "NOT kept"
