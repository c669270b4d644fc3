"""A run that hangs in C code, holding the interpreter, ends soon after its parent has, or its lease is over."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schedules.runner.orphan_guard import LEASE_CHECK_SECONDS, boot_time
from tests.support.processes import process_ended
from tests.support.project import PROJECT

LIMIT = 10.0
HANGS = {
    "sleep": "ctypes.PyDLL(None).sleep(600)",
    "pattern": "re.match('(?:a|a)*$', 'a' * 100 + '!')",
}
# The first process starts the second, which limits itself as a run does, prints its number and hangs.
LAUNCHER = """
import subprocess, sys
run = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
run.wait()
"""
RUN = """
import asyncio, ctypes, os, re, signal
from schedules.runner.resource_limits import ResourceLimits
signal.signal(signal.SIGTERM, lambda *_: None)
ResourceLimits(0, os.getppid(), 1.0, lambda: False, {lease})
def hang(*_):
    {hang}
"""
HANGS_ITSELF = "print(os.getpid(), flush=True); hang()"
HANGS_WITH_WORKER = """
from crawler.worker.process import ChildProcess
async def start():
    child = await ChildProcess.start(hang, 2**30)
    print(os.getpid(), child._pid, flush=True)
    hang()
asyncio.run(start())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the exit of a parent")
@pytest.mark.parametrize("hang", HANGS)
@pytest.mark.parametrize("program", [HANGS_ITSELF, HANGS_WITH_WORKER], ids=["run", "worker"])
def test_hung_run_dies_with_its_parent(program: str, hang: str) -> None:
    command = [sys.executable, "-c", LAUNCHER, RUN.format(hang=HANGS[hang], lease=None) + program]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        processes = [int(number) for number in launcher.stdout.readline().split()]
        assert processes
        assert all(Path(f"/proc/{number}").exists() for number in processes)
        launcher.kill()
        assert all(process_ended(number, LIMIT) for number in processes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the end of a process")
@pytest.mark.parametrize("content", [None, "", "soon"])
def test_run_dies_without_lease_while_parent_lives(tmp_path: Path, content: str | None) -> None:
    lease = tmp_path / "kalbela.lease"
    lease.write_text(str(boot_time() + 600))
    program = RUN.format(hang=HANGS["sleep"], lease=f"__import__('pathlib').Path({str(lease)!r})") + HANGS_ITSELF
    with subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert int(run.stdout.readline()) == run.pid
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(2 * LEASE_CHECK_SECONDS)
        if content is None:
            lease.unlink()
        else:
            lease.write_text(content and str(boot_time() + 0.5))
        assert run.wait(LIMIT) == -signal.SIGKILL
