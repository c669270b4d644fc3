"""Machine instructions of reading one page, a measure that does not depend on load."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.project import PROJECT

MAX_INSTRUCTIONS = 20_000_000
_FEW, _MANY = 10, 30


def instructions(folder: Path) -> str:
    """Return a sentence with the instructions per page and their limit, counted by callgrind."""
    if shutil.which("valgrind") is None:
        return "Instructions were not counted: valgrind is not installed."
    few, many = (_counted(folder, count) for count in (_FEW, _MANY))
    each = (many - few) / (_MANY - _FEW)
    verdict = "kept" if each <= MAX_INSTRUCTIONS else "NOT kept"
    limit = f"{MAX_INSTRUCTIONS / 1e6:.0f} million"
    return f"Instructions of reading one page: {each / 1e6:.1f} million; limit {limit}: {verdict}."


def _counted(folder: Path, count: int) -> int:
    print(f"counting the instructions of reading {count} pages", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                f"--callgrind-out-file={scratch}/out",
                sys.executable,
                *("-m", "benchmarks.instructions", str(folder), str(count)),
            ],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=True,
        )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected is not None, done.stderr
    return int(collected[1])


def _read(folder: Path, count: int) -> None:
    from benchmarks.reading_ours import read

    pages = sorted(folder.glob("*.html"), key=lambda path: int(path.stem))
    # The first pages repeatedly, so that every count reads the same ones.
    for number in range(count):
        page = pages[number % _FEW]
        read(page.read_bytes(), f"https://www.kalbela.com/national/{number + 1}")


if __name__ == "__main__":
    _read(Path(sys.argv[1]), int(sys.argv[2]))
