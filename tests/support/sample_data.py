"""Make the sample data (`make sample`): a day of hourly crawls of the bundled newspaper, by its own clock."""

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from pipelines.analysis.runs_table import ALL
from tests.newspaper import Newspaper
from tests.support.commands import QUICK
from tests.support.project import PROJECT

SAMPLE = PROJECT / "data" / "sample"
STORIES, PER_DAY, VISITS, BETWEEN = 60, 60, 24, timedelta(hours=1)


def make(place: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="khobor-sample-") as folder:
        data, whole = Path(folder, "data"), Path(folder, "sample")
        visit(data, VISITS)
        take(data, whole)
        shutil.rmtree(place, ignore_errors=True)
        shutil.move(whole, place)


def take(data: Path, place: Path) -> None:
    """Export all tables without the few old stories, so that the sample stays small."""
    chosen = [f"--table={name}" for name in ALL]
    _khobor("export", "--data", str(data), "--out", str(place), "--since", "2026-01-01", *chosen)


def visit(data: Path, visits: int) -> None:
    """Crawl the paper each hour: every twelfth run is full, the others incremental."""
    paper = Newspaper(stories=STORIES, per_day=PER_DAY)
    with paper.serve() as mirror:
        for number in range(visits):
            clock = {"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": paper.now.isoformat()}
            mode = "incremental" if number % 12 else "full"
            crawl = ("crawl", "kalbela", "--data", str(data), "--mirror", mirror, *QUICK, "-s", f"KHOBOR_MODE={mode}")
            crawl += ("-s", "KHOBOR_ARCHIVE=False")  # the sample has tables only
            _khobor(*crawl, clock=clock)
            paper.advance(BETWEEN)
            print(f"visit {number + 1} of {visits}", file=sys.stderr)


def _khobor(*arguments: str, clock: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "khobor", *arguments]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, **(clock or {})}, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    make(SAMPLE)
