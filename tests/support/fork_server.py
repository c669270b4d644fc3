"""Server that forks a process for each run, so that hundreds of killed runs cost one start of an interpreter."""

import atexit
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from tests.support.project import PROJECT

KILLED = -signal.SIGKILL
REFUSED = 7


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """Task of a forked process: `play` an edition, `recover`, `reindex` or `publish`."""

    root: str
    acks: str
    seed: int
    edition: int = 0
    do: str = "play"
    world: str = "rule"
    moving: bool = True
    failpoint: str = ""
    kill_after: float | None = None  # seconds
    hold: bool = False  # wait for SIGCONT before the start
    without: str = ""  # name of a mutant
    count: bool = False  # count the passes of each fail-point


@dataclass(frozen=True)
class RunResult:
    """Result of a run; `status` is 0, 7 (storage error), -9 (killed) or 1 (any error; traceback on standard error)."""

    status: int
    seconds: float
    hits: dict[str, int]


class ForkServer:
    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def run(self, **order: Any) -> RunResult:
        self.begin(**order)
        return self.end()

    def publish(self, root: Path, failpoint: str = "") -> int:
        return self.run(root=root, acks="", seed=0, do="publish", failpoint=failpoint).status

    def begin(self, **order: Any) -> int:
        assert self._server.stdin
        places = {name: str(order.pop(name)) for name in ("root", "acks")}
        print(json.dumps(asdict(RunRequest(**places, **order))), file=self._server.stdin, flush=True)
        return int(self._answer())

    def end(self) -> RunResult:
        return RunResult(**self._answer())

    def _answer(self) -> Any:
        assert self._server.stdout
        return json.loads(self._server.stdout.readline())


@cache
def fork_server() -> ForkServer:
    """Start the server on first use; it ends with this process."""
    command = [sys.executable, "-m", "tests.support.fork_server"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    atexit.register(server.communicate)  # closes its standard input and waits
    return ForkServer(server)


def _serve() -> None:
    from tests.support import simulated_run

    simulated_run.warm_up()
    for line in sys.stdin:
        order = RunRequest(**json.loads(line))
        told, telling = os.pipe()
        began = time.monotonic()
        if not (child := os.fork()):
            os.close(told)
            _carry_out(order, telling)
        os.close(telling)
        print(child, flush=True)
        if order.kill_after is not None:
            time.sleep(order.kill_after)
            os.kill(child, signal.SIGKILL)  # not yet reaped, so the pid is still valid
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with os.fdopen(told) as hits:
            ended = RunResult(status, time.monotonic() - began, json.loads(hits.read() or "{}"))
        print(json.dumps(asdict(ended)), flush=True)


def _carry_out(order: RunRequest, telling: int) -> NoReturn:
    from pipelines.storage import failpoint
    from tests.support import simulated_run, synthetic_site

    hits, status = _Counted(), None
    if order.hold:
        with suppress(OSError, AttributeError):  # allow a process that is not our ancestor to trace this one
            ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
    if order.count:
        failpoint._armed = hits
    else:
        failpoint.arm({"KHOBOR_FAILPOINT": order.failpoint, "KHOBOR_TESTING": "1"})
    try:
        rule = synthetic_site.SITES[order.world](order.seed, order.moving)
        root, acks = Path(order.root), Path(order.acks)
        status = simulated_run.carry_out(order.do, root, rule, order.edition, acks, order.without)
    finally:  # the child must not return
        if status is None:
            traceback.print_exc()
        os.write(telling, json.dumps(hits.counted).encode())
        os._exit(1 if status is None else status)


class _Counted(dict[str, tuple[int, str]]):
    """Replacement of the armed fail-points that counts passes."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()

    def pop(self, name: str, *default: Any) -> Any:  # type: ignore[override]
        self.counted[name] += 1
        return default[0]


if __name__ == "__main__":
    _serve()
