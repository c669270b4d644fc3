"""Standard streams: a command does its work and returns its exit code, whatever happens to its output."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from khobor import main
from tests.newspaper import Newspaper
from tests.support.commands import QUICK, khobor
from tests.support.forked_commands import run_command
from tests.support.sample_data import SAMPLE

FAULTS = ("no reader", "full", "closed")


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def buffering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


@contextmanager
def broken_stream(fault: str) -> Iterator[int]:
    """Open a descriptor that cannot be written to."""
    if fault == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def run(*arguments: str, broken: str, fault: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with a fault of one of its streams, or both (`stdout stderr`)."""
    command = [sys.executable, "-m", "khobor", *arguments]
    if fault == "closed":
        closing = " ".join({"stdout": ">&-", "stderr": "2>&-"}[name] for name in broken.split())
        command = ["sh", "-c", f'"$@" {closing}', "sh", *command]
    with broken_stream(fault) as descriptor:
        streams = {name: descriptor if name in broken else subprocess.PIPE for name in ("stdout", "stderr")}
        if fault == "closed":
            streams = dict.fromkeys(streams, subprocess.PIPE)
        return run_command(command, **streams)


@pytest.mark.usefixtures("buffering")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("broken", ["stderr", "stdout stderr"])
def test_usage_error_keeps_its_exit_code(broken: str, fault: str, tmp_path: Path) -> None:
    for arguments in (["runs", "--data", str(tmp_path / "nowhere")], ["nonsense"]):
        done = run(*arguments, broken=broken, fault=fault)
        assert (done.returncode, done.stdout or "", done.stderr or "") == (2, "", ""), arguments


@pytest.mark.usefixtures("buffering")
@pytest.mark.parametrize("fault", FAULTS)
def test_found_fault_keeps_its_exit_code(fault: str, tmp_path: Path) -> None:
    stranger = tmp_path / "stories" / "notes.txt"
    stranger.parent.mkdir()
    stranger.write_text("mine")
    done = run("check", "kalbela", "--data", str(tmp_path), broken="stdout", fault=fault)
    if fault == "full":
        assert (done.returncode, done.stderr) == (7, "khobor: No space left on device\n")
    else:
        assert (done.returncode, done.stderr) == (8, "")


@pytest.mark.usefixtures("buffering")
def test_full_stdout_is_reported(tmp_path: Path) -> None:
    for arguments in (["runs", "--json"], ["dictionary"]):
        done = run(*arguments, "--data", str(tmp_path), broken="stdout", fault="full")
        assert (done.returncode, done.stderr) == (7, "khobor: No space left on device\n")


@pytest.mark.parametrize(
    ("broken", "fault"), [*(("stderr", fault) for fault in FAULTS), ("stdout stderr", "no reader")]
)
def test_crawl_goes_on_without_output(broken: str, fault: str, tmp_path: Path) -> None:
    with Newspaper(stories=60).serve() as mirror:
        arguments = ["crawl", "kalbela", "--mirror", mirror, "--data", str(tmp_path), *QUICK, "--max-pages", "5"]
        done = run(*arguments, broken=broken, fault=fault)
    assert done.returncode == 0
    [report] = json.loads(khobor("runs", "--json", "--data", str(tmp_path)).stdout)
    assert (report["requests"], report["urls"]["complete"]) == (5, True)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "SELECT headline, '\U0001f600' AS face FROM stories LIMIT 2", "--json"],
        ["query", "SELECT headline FROM stories LIMIT 2"],
        ["query", "SELECT headline FROM stories LIMIT 2", "--format", "csv"],
        ["ranks", "--top", "--limit", "2"],
        ["dictionary"],
        ["tables"],
        ["runs"],
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[2:]),
)
def test_output_is_escaped_where_encoding_lacks_it(
    arguments: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    if arguments != ["dictionary"]:
        arguments = [*arguments, "--data", str(SAMPLE)]
    assert main(arguments) == 0
    text = written.getvalue().decode(encoding)
    assert text
    if "--json" in arguments:
        [first, _] = json.loads(text)
        assert first["face"] == "\U0001f600"
        assert "\u0995" <= first["headline"][0] <= "\u09ef"
