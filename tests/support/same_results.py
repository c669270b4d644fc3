"""Record the results of Khobor and compare two recordings: a safety net for changes that must not alter behaviour.

Run `python -m tests.support.same_results record DIR` before the change (twice, to find what varies) and after it; then
`python -m tests.support.same_results compare A B --volatile C`, where A and C are from before. Intended renames are
listed in `docs/renames.md`; a recording translates the command lines by it too.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.command_lines import CLOCK, CommandLines
from tests.support.digests import document, normal, tables
from tests.support.facts import Comparison, facts_of
from tests.support.project import PROJECT
from tests.support.rename_map import Renames, RenamesFaulty

RENAMES = PROJECT / "docs" / "renames.md"
# Each run of the newsroom costs half a second or more, and there are 144 pulses a day.
DAYS, STORIES_A_DAY = 2.0, 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Record or compare; 1 if there is a difference."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except (OSError, RenamesFaulty) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.same_results", description=__doc__)
    acts = parser.add_subparsers(required=True, metavar="COMMAND")
    recording = acts.add_parser("record", help="run the demo, a newsroom and the commands, and record their results")
    recording.add_argument("folder", type=Path, metavar="DIR", help="a folder to make")
    recording.add_argument("--days", type=float, default=DAYS, help="days of the newsroom (%(default)s)")
    recording.set_defaults(act=record)
    comparing = acts.add_parser("compare", help="compare two recordings")
    comparing.add_argument("before", type=Path, metavar="A")
    comparing.add_argument("after", type=Path, metavar="B")
    comparing.add_argument(
        "--volatile", type=Path, action="append", default=[], metavar="C", help="another from before (repeatable)"
    )
    comparing.add_argument("--renames", type=Path, default=RENAMES, metavar="FILE", help="(%(default)s)")
    comparing.add_argument("--list-columns", action="store_true", help="show how each column is compared")
    comparing.set_defaults(act=compare)
    return parser


def record(options: argparse.Namespace) -> int:
    """Run everything and write `record.json`."""
    began, folder = time.monotonic(), options.folder.absolute()
    folder.mkdir(parents=True)
    renames = Renames.read(RENAMES)
    demo = renames.arguments(["khobor", "demo", "--json", "--data", str(folder / "demo")]) or []
    exits = {"demo": _run(folder, "demo", ["khobor", *demo], CLOCK)}
    newsroom = ["tests.newsroom", "--days", str(options.days), "--seed", "11", "--per-day", str(STORIES_A_DAY)]
    newsroom += ["--keep", str(folder / "newsroom"), "--quiet"]
    with ThreadPoolExecutor(1) as pool, tempfile.TemporaryDirectory() as scratch:
        played = pool.submit(_run, folder, "newsroom", newsroom, {})
        commands = CommandLines(folder / "demo", Path(scratch), renames).run()
        exits["newsroom"] = played.result()
    found: dict[str, Any] = {"tables": {}, "reports": {}, "files": {}, "exits": exits, "commands": commands}
    for name, data in (("demo", folder / "demo"), ("newsroom", folder / "newsroom" / "data")):
        reports = [json.loads(path.read_bytes()) for path in sorted(data.glob("runs/*.json"))]
        found["tables"][name] = tables(data)
        found["reports"][name] = document("report", *reports)
        found["files"][name] = _files(data)
    (folder / "record.json").write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    columns = sum(len(table["columns"]) for each in found["tables"].values() for table in each.values())
    print(f"{folder}: {columns} columns, {len(commands)} command lines, {time.monotonic() - began:.0f} s")
    return 0


def _run(folder: Path, name: str, words: Sequence[str], environment: dict[str, str]) -> int:
    """Run a module to its end with its output in a log; returns its exit code."""
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", *words]
        return subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **environment}, stdout=log, stderr=log
        ).returncode


def _files(data: Path) -> dict[str, int]:
    """Count the files by their names without run ids, moments and hashes."""
    names = (normal(path.relative_to(data).as_posix()) for path in data.rglob("*") if path.is_file())
    return dict(sorted(Counter(names).items()))


def compare(options: argparse.Namespace) -> int:
    """Print each difference in one line; 1 if there are any."""
    renames = Renames.read(options.renames)
    before, *repeats = (facts_of(_recorded(folder), renames) for folder in (options.before, *options.volatile))
    comparison = Comparison(before, facts_of(_recorded(options.after), Renames()), repeats, renames)
    lines = comparison.differences()
    for line in lines:
        print(line)
    columns = comparison.columns()
    if options.list_columns:
        print("\n".join(f"{manner}\t{name}" for name, manner in sorted(columns.items())))
    manners = ", ".join(f"{count} by {manner}" for manner, count in sorted(Counter(columns.values()).items()))
    volatile = sum(map(comparison.is_volatile, before))
    print(
        f"{len(lines)} differences; {len(columns)} columns ({manners}); {len(before)} facts, {volatile} volatile",
        file=sys.stderr,
    )
    return 1 if lines else 0


def _recorded(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "record.json").read_bytes()))


if __name__ == "__main__":
    sys.exit(main())
