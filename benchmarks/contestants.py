"""Contestants of the crawl benchmark: command line and location of the results."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.correctness import Row, rows_of_lines, rows_of_parquet
from benchmarks.environment import FOLDER, python_of

OURS = "khobor"
IN_ONE_PROCESS = f"{OURS}, in one process"
WITHOUT_ARCHIVE = f"{OURS}, without the archive"
_AT_ONCE = 16  # concurrent requests of every contestant; the local server needs no politeness


@dataclass(frozen=True)
class Contestant:
    """One way to crawl a site.

    :param command: command line for the URL of the site and a working folder
    :param rows: rows read, from that folder; None for a contestant that reads nothing
    :param goal: pairs of our variant and the factor by which it must be faster
    """

    name: str
    command: Callable[[str, Path], list[str]]
    rows: Callable[[Path], list[Row]] | None
    goal: tuple[tuple[str, float], ...] = ()


def _ours(site: str, folder: Path) -> list[str]:
    settings = {
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "CONCURRENT_REQUESTS": _AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": _AT_ONCE,
    }
    chosen = [word for name, value in settings.items() for word in ("-s", f"{name}={value}")]
    return [sys.executable, "-m", "khobor", "crawl", "kalbela", "--mirror", site, "--data", str(folder), *chosen]


def _in_one_process(site: str, folder: Path) -> list[str]:
    return [*_ours(site, folder), "-s", "KHOBOR_PARSE_IN_WORKER=False"]


def _without_archive(site: str, folder: Path) -> list[str]:
    return [*_ours(site, folder), "-s", "KHOBOR_ARCHIVE=False"]


def _peer(script: str, environment: str = "peers") -> Callable[[str, Path], list[str]]:
    def command(site: str, folder: Path) -> list[str]:
        return [str(python_of(environment)), str(FOLDER / "peers" / script), site, str(folder / "rows.jsonl")]

    return command


def _lines(folder: Path) -> list[Row]:
    return rows_of_lines(folder / "rows.jsonl")


CONTESTANTS = (
    Contestant(OURS, _ours, lambda folder: rows_of_parquet(folder / "stories")),
    Contestant(IN_ONE_PROCESS, _in_one_process, lambda folder: rows_of_parquet(folder / "stories")),
    Contestant(WITHOUT_ARCHIVE, _without_archive, lambda folder: rows_of_parquet(folder / "stories")),
    Contestant("Scrapy, empty callback", _peer("scrapy_empty.py"), None, ((OURS, 1.0), (IN_ONE_PROCESS, 0.85))),
    Contestant("Scrapy, naive spider", _peer("scrapy_naive.py"), _lines, ((OURS, 2.6),)),
    Contestant("Crawlee", _peer("crawlee_naive.py"), _lines, ((OURS, 1.4),)),
    Contestant("Fundus", _peer("fundus_naive.py", "fundus"), _lines, ((OURS, 4.0),)),
)
