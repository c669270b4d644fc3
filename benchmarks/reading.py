"""Parse benchmark: CPU and correctness of reading a stored page."""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import fmean, median

from benchmarks.correctness import Right, right, rows_of_lines
from benchmarks.environment import FOLDER, python_of
from benchmarks.instructions import instructions
from benchmarks.measuring import Spread
from benchmarks.pages import ORIGIN, Pages
from benchmarks.report import table
from tests.support.project import PROJECT

MAX_MILLISECONDS = 1.5  # for all columns and both lists of a page of so many bytes
OF_BYTES = 122_000
OURS = "khobor"
READ_OURS = [sys.executable, "-m", "benchmarks.reading_ours"]
_MOMENTS = 20


def reading(count: int, rounds: int, *, counted: bool) -> str:
    """Run the benchmark and return its report; `counted` adds the instructions per page, which takes minutes."""
    pages = Pages.generated(count)
    measured: dict[str, list[float]] = defaultdict(list)
    rights: dict[str, Right] = {}
    with tempfile.TemporaryDirectory(prefix="khobor-bench-") as scratch:
        folder, new_lists_folder = Path(scratch, "pages"), Path(scratch, "apart")
        size = written(folder, ((f"{ORIGIN}{path}", pages.html(path)) for path in pages.paths(count)))
        truth = pages.truth(pages.paths(count))
        written(new_lists_folder, _pages_of_their_own(pages))
        for number in range(rounds):
            for name, command in _readers().items():
                print(f"reading, round {number + 1} of {rounds}: {name}", file=sys.stderr)
                rows = Path(scratch, "rows.jsonl")
                measured[name].append(milliseconds(command, new_lists_folder if name == _NEW_LISTS else folder, rows))
                rights[name] = right(rows_of_lines(rows), truth)
        counted_text = instructions(folder) if counted else ""
    bound = MAX_MILLISECONDS * size / OF_BYTES
    ours = median(measured[OURS])
    verdict = "kept" if ours <= bound else "NOT kept"
    return "\n\n".join(
        (
            f"CPU of reading one page of {size / 1000:.0f} KB, {rounds} rounds over {count} pages (median, least and"
            " most).",
            _table(measured, rights),
            f"Bound: {bound:.2f} ms for a page of this size, into all columns and both lists: {verdict}"
            f" ({ours:.2f} ms).",
            *([counted_text] if counted_text else []),
        )
    )


_NEW_LISTS = f"{OURS}, lists new on each page"


def _readers() -> dict[str, list[str]]:
    peers = {
        "parsel, naive": "read_parsel.py",
        "newspaper4k": "read_newspaper4k.py",
        "trafilatura": "read_trafilatura.py",
    }
    theirs = {name: [str(python_of("peers")), str(FOLDER / "peers" / script)] for name, script in peers.items()}
    return {OURS: READ_OURS, _NEW_LISTS: READ_OURS, **theirs}


def milliseconds(command: list[str], folder: Path, rows: Path) -> float:
    """Return the CPU milliseconds that a reader needs for each page of a folder that :func:`written` has written."""
    output = subprocess.run(
        [*command, folder, rows],
        cwd=PROJECT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    passes: list[float] = json.loads(output.stdout.splitlines()[-1])
    return median(passes)


def written(folder: Path, pages: Iterator[tuple[str, bytes]]) -> float:
    """Write pages and their index for the readers; return the mean size in bytes."""
    folder.mkdir()
    index, sizes = [], []
    for number, (url, html) in enumerate(pages):
        (folder / f"{number}.html").write_bytes(html)
        index.append((f"{number}.html", url))
        sizes.append(len(html))
    (folder / "index.json").write_text(json.dumps(index))
    return fmean(sizes)


def _pages_of_their_own(pages: Pages) -> Iterator[tuple[str, bytes]]:
    """Yield pages fetched hours apart, so that no two have the same lists."""
    began = pages.paper.now
    for number in range(_MOMENTS):
        pages.paper.set(began - timedelta(hours=3 * number))
        path = pages.paths(number % 10 + 1)[-1]
        yield f"{ORIGIN}{path}", pages.html(path)
    pages.paper.set(began)


def _table(measured: dict[str, list[float]], rights: dict[str, Right]) -> str:
    rows = []
    for name, every in measured.items():
        pairs = [theirs / ours for theirs, ours in zip(every, measured[OURS], strict=True)]
        ratio = "1" if name == OURS else Spread.of(pairs).text()
        fields = ["–"] * 5 if name == _NEW_LISTS else rights[name].cells()
        rows.append([name, Spread.of(every).text(), ratio, *fields])
    return table(["", "CPU ms a page", "times ours", "headline", "byline", "day", "body", "body alike"], rows)
