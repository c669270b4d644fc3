"""Readers that never stop: the four ways in which people open the data, in a process of their own."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.project import PROJECT


class ConcurrentReaders:
    """Readers of one table, for the time of a block."""

    def __init__(self, folder: Path, told: Path) -> None:
        """:param told: a file that they write down in what they saw"""
        self._folder, self._told = folder, told

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.concurrent_readers", str(self._folder)]
        with self._told.open("wb") as told:  # a panic is loud
            ends = {"stdin": subprocess.PIPE, "stdout": told, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, cwd=PROJECT, **ends)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()  # they end with the look that they are at
        self._process.wait()
        self._all = self._lines()

    def _lines(self) -> list[dict[str, Any]]:
        lines = self._told.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def fewest_looks(self) -> int:
        """How often each of them has looked by now, at the least."""
        assert self._process.poll() is None
        looks = [line["engine"] for line in self._lines()]
        return min(looks.count(name) for name in ENGINES)

    def looks(self) -> dict[str, list[tuple[int, int]]]:
        """What each saw, in order: rows, and different stories among them."""
        found = defaultdict(list)
        for line in self._all:
            if "rows" in line:
                found[line["engine"]].append((line["rows"], line["stories"]))
        return found

    def troubles(self) -> list[str]:
        return [f"{line['engine']}: {line['trouble']}" for line in self._all if "trouble" in line]

    def repeated(self) -> dict[str, int]:
        """How often each had to look again: polars asks for a file's size twice, and minds that it was replaced."""
        return dict(Counter(line["engine"] for line in self._all if line.get("again")))


def _by_pyarrow(folder: str) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_table(folder, columns=["story_id"])["story_id"].to_pylist())


def _by_pandas(folder: str) -> list[str]:
    import pandas as pd

    return list(pd.read_parquet(folder, columns=["story_id"])["story_id"])


def _by_polars(folder: str) -> list[str]:
    import polars as pl

    try:
        return list(pl.read_parquet(folder, columns=["story_id"])["story_id"])
    except pl.exceptions.PanicException as panic:  # which no `except Exception` catches
        raise OSError(str(panic)) from panic


def _by_duckdb(folder: str) -> list[str]:
    import duckdb

    with duckdb.connect() as connection:
        query = f"SELECT story_id FROM read_parquet('{folder}/**/*.parquet')"
        return [story_id for (story_id,) in connection.execute(query).fetchall()]


ENGINES: dict[str, Callable[[str], list[str]]] = {
    "pyarrow": _by_pyarrow,
    "pandas": _by_pandas,
    "polars": _by_polars,
    "duckdb": _by_duckdb,
}


def _read(folder: str) -> None:
    import select

    while not select.select([sys.stdin], [], [], 0)[0]:
        for name, look in ENGINES.items():
            print(json.dumps({"engine": name} | _seen(look, folder)), flush=True)


def _seen(look: Callable[[str], list[str]], folder: str) -> dict[str, Any]:
    """What a look saw. One that failed is taken again, as a person would: on a busy machine, that may fail as well."""
    for again in range(5):
        try:
            found = look(folder)
        except Exception as error:  # noqa: BLE001 - each engine has its own, and each is told
            trouble = f"{type(error).__name__}: {error}"
        else:
            return {"rows": len(found), "stories": len(set(found)), "again": again > 0}
    return {"trouble": trouble}


if __name__ == "__main__":
    _read(sys.argv[1])
