"""The streams: a command does what it is told, and says by its code how that went, whoever reads what it prints."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.newspaper import Newspaper
from tests.support.commands import QUICK, khobor
from tests.support.project import PROJECT

ENDS = ("left", "full", "closed")  # the reader left; a disk that is full; the caller closed the stream


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def buffering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether what is printed waits until there is more of it."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


@contextmanager
def nobody(end: str) -> Iterator[int]:
    """A stream that nothing can be written to."""
    if end == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def told(*arguments: str, unheard: str, end: str) -> "subprocess.CompletedProcess[str]":
    """What came of a command one of whose streams, or both (`stdout stderr`), ends like that."""
    command = [sys.executable, "-m", "khobor", *arguments]
    if end == "closed":
        closing = " ".join({"stdout": ">&-", "stderr": "2>&-"}[name] for name in unheard.split())
        command = ["sh", "-c", f'"$@" {closing}', "sh", *command]
    with nobody(end) as descriptor:
        streams = {name: descriptor if name in unheard else subprocess.PIPE for name in ("stdout", "stderr")}
        if end == "closed":
            streams = dict.fromkeys(streams, subprocess.PIPE)
        return subprocess.run(command, cwd=PROJECT, text=True, timeout=100, check=False, **streams)


@pytest.mark.usefixtures("buffering")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("unheard", ["stderr", "stdout stderr"])
def test_a_mistake_that_nobody_hears_of_has_its_code_all_the_same(unheard: str, end: str, tmp_path: Path) -> None:
    for arguments in (["runs", "--data", str(tmp_path / "nowhere")], ["nonsense"]):
        done = told(*arguments, unheard=unheard, end=end)
        assert (done.returncode, done.stdout or "", done.stderr or "") == (2, "", ""), arguments


@pytest.mark.usefixtures("buffering")
@pytest.mark.parametrize("end", ENDS)
def test_a_fault_that_is_found_has_its_code_whoever_reads_the_answer(end: str, tmp_path: Path) -> None:
    stranger = tmp_path / "stories" / "notes.txt"
    stranger.parent.mkdir()
    stranger.write_text("mine")
    done = told("check", "kalbela", "--data", str(tmp_path), unheard="stdout", end=end)
    if end == "full":  # an answer that was asked for and is lost
        assert (done.returncode, done.stderr) == (7, "khobor: No space left on device\n")
    else:
        assert (done.returncode, done.stderr) == (8, "")


@pytest.mark.usefixtures("buffering")
def test_an_answer_that_fits_nowhere_is_told_in_one_sentence(tmp_path: Path) -> None:
    for arguments in (["tables"], ["tables", "--json"], ["dictionary"]):
        done = told(*arguments, "--data", str(tmp_path), unheard="stdout", end="full")
        assert (done.returncode, done.stderr) == (7, "khobor: No space left on device\n")


@pytest.mark.parametrize("end", ENDS)
def test_a_crawl_that_nobody_watches_goes_on(end: str, tmp_path: Path) -> None:
    with Newspaper(stories=60).serve() as mirror:
        order = ["crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path), *QUICK, "--max-pages", "5"]
        done = told(*order, unheard="stderr", end=end)
    assert done.returncode == 0
    [report] = json.loads(khobor("runs", "--json", "--data", str(tmp_path)).stdout)
    assert (report["requests"], report["urls"]["complete"]) == (5, True)
