"""Concurrent readers of a table in their own process: pyarrow, pandas, polars and DuckDB."""

import json
import select
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

from tests.support.project import PROJECT


class ConcurrentReaders:
    """Readers of one table, for the time of a block; they write their observations to `log`."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder, self._log = folder, log

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.concurrent_readers", str(self._folder)]
        with self._log.open("wb") as log:
            ends = {"stdin": subprocess.PIPE, "stdout": log, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, cwd=PROJECT, **ends)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # closes stdin: the readers end after the current read

    def _lines(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def fewest_looks(self) -> int:
        assert self._process.poll() is None
        looks = [line["engine"] for line in self._lines()]
        return min(looks.count(name) for name in ENGINES)

    def looks(self) -> dict[str, list[tuple[int, int]]]:
        """Return for each engine the numbers of rows and of distinct stories, in order."""
        found = defaultdict(list)
        for line in self._lines():
            if "rows" in line:
                found[line["engine"]].append((line["rows"], line["stories"]))
        return found

    def saw_growth(self) -> bool:
        """Report if each engine saw more rows than at its first look."""
        looks = self.looks()
        return all(seen and seen[-1] > seen[0] for seen in (looks[name] for name in ENGINES))

    def troubles(self) -> list[str]:
        return [f"{line['engine']}: {line['trouble']}" for line in self._lines() if "trouble" in line]


def _by_polars(folder: str) -> list[str]:
    try:
        return list(pl.read_parquet(folder, columns=["story_id"])["story_id"])
    except pl.exceptions.PanicException as panic:  # not an Exception
        raise OSError(str(panic)) from panic


def _by_duckdb(folder: str) -> list[str]:
    with duckdb.connect() as connection:
        query = f"SELECT story_id FROM read_parquet('{folder}/**/*.parquet')"
        return [story_id for (story_id,) in connection.execute(query).fetchall()]


ENGINES: dict[str, Callable[[str], list[str]]] = {
    "pyarrow": lambda folder: list(pq.read_table(folder, columns=["story_id"])["story_id"].to_pylist()),
    "pandas": lambda folder: list(pd.read_parquet(folder, columns=["story_id"])["story_id"]),
    "polars": _by_polars,
    "duckdb": _by_duckdb,
}


def _read(folder: str) -> None:
    while not select.select([sys.stdin], [], [], 0)[0]:
        for name, look in ENGINES.items():
            print(json.dumps({"engine": name} | _seen(look, folder)), flush=True)


def _seen(look: Callable[[str], list[str]], folder: str) -> dict[str, Any]:
    """Read the table; try up to five times, as a file may be replaced between two system calls of an engine."""
    for _ in range(5):
        try:
            found = look(folder)
        except Exception as error:  # noqa: BLE001 - each engine has its own errors; all are reported
            trouble = f"{type(error).__name__}: {error}"
        else:
            return {"rows": len(found), "stories": len(set(found))}
    return {"trouble": trouble}


if __name__ == "__main__":
    _read(sys.argv[1])
