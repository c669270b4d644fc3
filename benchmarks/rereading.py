"""Benchmark of `khobor reread`: pages a second of the whole command, on all cores and on one, and its memory."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.archived_site import PAGES_A_DAY, fill, generated_pages, small_pages
from benchmarks.environment import FOLDER, python_of
from benchmarks.measuring import Cost, Spread, cost_of
from benchmarks.pages import ORIGIN, Pages
from benchmarks.process_memory import peak_of
from benchmarks.reading import READ_OURS, milliseconds, written
from benchmarks.report import table
from tests.support.project import PROJECT

_ALL, _ONE, _THEIRS, _READING = "khobor reread", "khobor reread, one core", "trafilatura, one process", "reading alone"
_MIN_TIMES_THEIRS, _MIN_OF_READING, _MIN_SPEEDUP = 20.0, 0.8, 1.8
_MAX_GROWTH = 1.1
_PAGES_TEXT = f"one run of {PAGES_A_DAY} a day"
_PAGES_READ = 60  # of the archive by trafilatura, and by the benchmark of reading


def rereading(sizes: tuple[int, int], rounds: int) -> str:
    """Run the benchmark and return its report: medians and extremes over the rounds, ratios within each round.

    :param sizes: pages of two archives; one further page costs the difference, without start and end
    """
    measured: dict[str, list[_Round]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="khobor-bench-") as scratch:
        folders = [Path(scratch, str(size)) for size in sizes]
        for folder, size in zip(folders, sizes, strict=True):
            print(f"archiving {size} pages", file=sys.stderr)
            of_archive = fill(folder, generated_pages(size))
        pages, html = Pages.generated(_PAGES_READ), Path(scratch, "html")
        written(html, ((ORIGIN + path, pages.html(path)) for path in pages.paths(_PAGES_READ)))
        for number in range(rounds):
            print(f"rereading, round {number + 1} of {rounds}", file=sys.stderr)
            for name, prefix in ((_ALL, ()), (_ONE, _pinned())):
                costs = [_reread(folder, prefix) for folder in folders]
                measured[name].append(_Round(costs, sizes))
            command = [python_of("peers"), FOLDER / "peers" / "read_warc_trafilatura.py", folders[-1], _PAGES_READ]
            measured[_THEIRS].append(_Round([_cost(command, folders[-1])], (_PAGES_READ,)))
            measured[_READING].append(_Round.of_cpu(milliseconds(READ_OURS, html, Path(scratch, "rows")) / 1000))
    return _report(measured, sizes, of_archive / sizes[-1])


class _Round:
    """Seconds and CPU seconds of one page in one round, of the whole command and of one further page."""

    def __init__(self, costs: Sequence[Cost], sizes: Sequence[int]) -> None:
        self.wall, self.cpu, self.peak = costs[-1].wall / sizes[-1], costs[-1].cpu / sizes[-1], costs[-1].peak
        self.further_wall, self.further_cpu = self.wall, self.cpu
        if len(costs) > 1:
            few, many = costs
            more = sizes[1] - sizes[0]
            self.further_wall, self.further_cpu = (many.wall - few.wall) / more, (many.cpu - few.cpu) / more

    @classmethod
    def of_cpu(cls, seconds: float) -> "_Round":
        return cls([Cost(seconds, seconds, 0, 0)], (1,))


def _reread(folder: Path, prefix: Sequence[str] = ()) -> Cost:
    out = folder.with_name(f"{folder.name}-out")
    shutil.rmtree(out, ignore_errors=True)
    return _cost([*prefix, *_command(folder, out)], folder)


def _command(folder: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "khobor", "reread", "--data", str(folder), "--out", str(out)]


def _cost(command: Sequence[object], folder: Path) -> Cost:
    log = folder.with_name("log")
    cost = cost_of([str(word) for word in command], folder=PROJECT, log=log)
    if cost.code:
        raise RuntimeError(f"{command} ended with {cost.code}: {log.read_text()[-2000:]}")
    return cost


def _pinned() -> tuple[str, ...]:
    return ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))


def _report(measured: dict[str, list[_Round]], sizes: tuple[int, int], bytes_a_page: float) -> str:
    rows = []
    for name, every in measured.items():
        is_whole = name != _READING
        rows.append(
            [
                name,
                Spread.of([1 / one.wall for one in every]).text(1) if is_whole else "–",
                Spread.of([1000 * one.cpu for one in every]).text() if is_whole else "–",
                Spread.of([1000 * one.further_cpu for one in every]).text() if name != _THEIRS else "–",
                Spread.of([one.peak for one in every]).text(0) if is_whole else "–",
            ]
        )
    heads = ["", "pages a second", "CPU ms a page", "CPU ms a further page", "peak MiB of a process"]
    ours, one, other, alone = (measured[name] for name in (_ALL, _ONE, _THEIRS, _READING))

    def ratio(pairs: list[float], goal: float, text: str) -> str:
        found = Spread.of(pairs)
        return f"- {text}: {'kept' if found.middle >= goal else 'NOT kept'} ({found.text()})"

    def pairs(of: str, first: list[_Round], second: list[_Round]) -> list[float]:
        return [getattr(b, of) / getattr(a, of) for a, b in zip(first, second, strict=True)]

    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[1]
    return "\n\n".join(
        (
            f"`khobor reread --out` of {sizes[1]:,} pages of {bytes_a_page / 1000:.1f} KB in the archive,"
            f" {_PAGES_TEXT}; trafilatura, {_PAGES_READ} of them. {len(ours)} rounds (median, least and most),"
            f" {cores} cores, a load of {load:.1f} in the last five minutes.",
            table(heads, rows),
            "Bounds, by ratios within each round:",
            "\n".join(
                (
                    ratio(pairs("wall", ours, other), _MIN_TIMES_THEIRS, "20 times as fast as trafilatura"),
                    ratio(pairs("wall", one, other), _MIN_TIMES_THEIRS, "the same on one core"),
                    ratio(pairs("cpu", ours, other), _MIN_TIMES_THEIRS, "the same in pages a CPU second"),
                    ratio(
                        pairs("further_cpu", ours, alone),
                        _MIN_OF_READING,
                        f"{_MIN_OF_READING} of the pages that reading alone reads in a CPU second",
                    ),
                    ratio(pairs("wall", ours, one), _MIN_SPEEDUP, f"{_MIN_SPEEDUP} times as fast as on one core"),
                    ratio(pairs("further_wall", ours, one), _MIN_SPEEDUP, "the same for one further page"),
                )
            ),
        )
    )


def rereading_memory(sizes: tuple[int, int]) -> str:
    """Measure the memory of all processes for archives of two sizes, with small pages and stories of 480 words."""
    rows, peaks = [], []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="khobor-bench-") as scratch:
            folder, out = Path(scratch, "data"), Path(scratch, "out")
            fill(folder, small_pages(size))
            command = _command(folder, out)
            print(f"rereading {size} pages", file=sys.stderr)
            with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
                peaks.append(peak_of(run) / 2**20)
            if run.returncode:
                raise RuntimeError(f"{command} ended with {run.returncode}")
        rows.append([f"{size:,}", f"{peaks[-1]:.0f}"])
    growth = peaks[1] / peaks[0]
    verdict = "kept" if growth <= _MAX_GROWTH else "NOT kept"
    return "\n\n".join(
        (
            f"Small pages with stories of 480 words, {_PAGES_TEXT}: peak of the memory of all processes together.",
            table(["pages", "MiB"], rows),
            f"Bound: at most {_MAX_GROWTH} times as much for {sizes[1]:,} pages: {verdict} ({growth:.2f}).",
        )
    )
