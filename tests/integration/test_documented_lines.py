"""Each line of Python and each query that the documents show runs on the sample data."""

import io
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from khobor import main
from schedules.cli.crawl import next_command
from tests.support.project import PROJECT
from tests.support.sample_data import SAMPLE

PAGES = ("README.md", "docs/analyse.md", "data/README.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
READING = re.compile(r"^\.venv/bin/khobor ((?:query|export|tables|history|ranks|dictionary)\b.*)", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which `data`, `data/demo` and `data/sample` are the sample."""
    (tmp_path / "data").mkdir()
    for path in SAMPLE.iterdir():
        (tmp_path / "data" / path.name).symlink_to(path)
    for name in ("demo", "sample"):
        (tmp_path / "data" / name).symlink_to(SAMPLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(page: str, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall((PROJECT / page).read_text()) if found == language]


@pytest.mark.parametrize("page", PAGES)
def test_documented_python_runs(page: str, checkout: Path) -> None:
    names: dict[str, Any] = {}
    own = [block for block in blocks(page, "python") if "s3://" not in block]  # the tests of buckets run those lines
    for number, block in enumerate(own):
        script = checkout / f"{number}.py"
        script.write_text(block)
        names = runpy.run_path(str(script), names)
    assert names


@pytest.mark.parametrize("page", ["README.md", "docs/analyse.md"])
def test_documented_commands_run(page: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for block in blocks(page, "") for line in READING.findall(block)]
    assert lines
    for line in lines:
        arguments = shlex.split(line, comments=True)
        if "<" in arguments:  # by the shell
            del arguments[arguments.index("<") : arguments.index("<") + 2]
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 1 AS one")))
        data = () if "--data" in arguments else ("--data", "data")
        assert main([*arguments, *data]) == 0, line


def test_documented_sql_runs(checkout: Path) -> None:
    for block in blocks("docs/analyse.md", "sql"):
        assert main(["query", block, "--data", "data"]) == 0, block


def test_last_line_of_demo_runs_as_printed() -> None:
    done = subprocess.run(["sh", "-c", next_command(SAMPLE)], capture_output=True, text=True, check=True)
    assert "world/" in done.stdout
