"""`khobor` and `scrapy` commands as forks of one warm process, so that hundreds of commands cost one start.

:class:`Command` is a `subprocess.Popen` that starts such a command by a fork, and any other program as usual. A fork
has the arguments, directory, environment, session, streams and signal handlers that a new process would have, and its
runs and their programs are forked too. It is a child of the caller, so signals, waiting and exit codes are the usual
ones. Start a new process (`subprocess`) where a test is about imports, memory or the end of an interpreter.
"""

import atexit
import ctypes
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.project import PROJECT

_OURS = {(sys.executable, "-m", name) for name in ("khobor", "scrapy")}
_PACKAGES = ("crawler", "pipelines", "schedules")
_LIBRARIES = (
    *("scrapy.cmdline", "scrapy.commands.crawl", "scrapy.core.downloader.handlers.http11", "scrapy.core.scheduler"),
    *("scrapy.extensions.closespider", "scrapy.extensions.corestats", "scrapy.extensions.logcount"),
    *("scrapy.extensions.logstats", "scrapy.extensions.memusage", "scrapy.extensions.throttle", "scrapy.pqueues"),
    *("scrapy.downloadermiddlewares.defaultheaders", "scrapy.downloadermiddlewares.downloadtimeout"),
    *("scrapy.downloadermiddlewares.stats", "scrapy.downloadermiddlewares.useragent", "scrapy.squeues"),
    *("pandas", "pyarrow.dataset", "uvicorn", "duckdb"),  # pyarrow looks for pandas when it first makes an array
)
_PR_SET_CHILD_SUBREAPER = 36
_LOCK = threading.Lock()


class Command(subprocess.Popen[Any]):
    """Process of a command; forked if it is one of ours and needs nothing that a fork cannot have."""

    def _execute_child(self, args: Any, *more: Any) -> None:
        _, preexec, _, pass_fds, cwd, env, _, _, _, stdin, _, _, stdout, _, stderr, *_, new_session, _ = more
        is_ours = not isinstance(args, str) and tuple(args[:3]) in _OURS
        has_threads = _is_server() and threading.active_count() > 1
        if not is_ours or preexec or has_threads or _python(env) != _PYTHON:
            super()._execute_child(args, *more)  # type: ignore[misc]
            return
        streams = [own if given == -1 else given for own, given in enumerate((stdin, stdout, stderr))]
        order = (list(args), str(cwd or Path.cwd()), dict(os.environ if env is None else env), bool(new_session))
        self.pid = _fork(streams, order, pass_fds) if _is_server() else _request(streams, order)
        self._child_created = True
        self._close_pipe_fds(*more[9:15])  # type: ignore[attr-defined]


def run_command(
    command: Sequence[str], *, timeout: float = 200, forks: bool = True, **more: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a command in the checkout, forked or as a new process, and return its exit code and output."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": PROJECT}
    with (Command if forks else subprocess.Popen)(command, **pipes | more) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _python(environment: dict[str, str] | None) -> dict[str, str]:
    """Return the variables that an interpreter reads when it starts."""
    given = os.environ if environment is None else environment
    return {name: value for name, value in given.items() if value and name.startswith(("PYTHON", "LC_", "LANG"))}


_PYTHON = _python(None)


def _is_server() -> bool:
    return subprocess.Popen is Command


_Order = tuple[list[str], str, dict[str, str], bool]


@cache
def _server() -> socket.socket:
    mine, its = socket.socketpair()
    command = [sys.executable, "-m", "tests.support.forked_commands", str(its.fileno())]
    process = subprocess.Popen(command, cwd=PROJECT, pass_fds=[its.fileno()], start_new_session=True)
    its.close()

    def end() -> None:
        mine.close()
        process.wait()

    atexit.register(end)
    return mine


def _request(streams: list[int], order: _Order) -> int:
    with _LOCK:
        server, prctl = _server(), ctypes.CDLL(None).prctl
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # the fork of a fork becomes a child of this process
        try:
            message = json.dumps(order).encode()
            socket.send_fds(server, [len(message).to_bytes(4, "little")], streams)
            server.sendall(message)
            return int.from_bytes(server.recv(4), "little")
        finally:
            prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


# In the server -------------------------------------------------------------------------------------------------------


def _serve(link: socket.socket) -> None:
    _warm_up()
    subprocess.Popen = Command  # type: ignore[misc]
    while True:
        size, streams, *_ = socket.recv_fds(link, 4, 3)
        if not size:
            return
        order = json.loads(link.recv(int.from_bytes(size, "little"), socket.MSG_WAITALL))
        told, telling = os.pipe()
        if not (middle := os.fork()):
            os.write(telling, _fork(streams, order, waits=True).to_bytes(4, "little"))
            os._exit(0)
        child = os.read(told, 4)
        os.waitpid(middle, 0)
        link.sendall(child)
        for descriptor in (told, telling, *streams):
            os.close(descriptor)


def _warm_up() -> None:
    for package in map(importlib.import_module, _PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in ("khobor", *_LIBRARIES):
        importlib.import_module(name)
    assert "twisted.internet.reactor" not in sys.modules  # each command installs its own
    assert threading.active_count() == 1


def _fork(streams: list[int], order: _Order, pass_fds: Sequence[int] = (), *, waits: bool = False) -> int:
    parent = os.getpid()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if child := os.fork():
        return child
    status = 1
    try:
        while waits and os.getppid() == parent:
            time.sleep(0.0005)
        _become(streams, order, pass_fds)
        status = _run(order[0])
    except BaseException:  # noqa: BLE001 - the child ends here
        traceback.print_exc()
    finally:  # no code of the server may run in the child
        os._exit(status)


def _become(streams: list[int], order: _Order, pass_fds: Sequence[int]) -> None:
    """Give this fork the state of a new process."""
    command, folder, environment, new_session = order
    if new_session:
        os.setsid()
    copies = [os.dup(stream) for stream in streams]  # not overwritten by one another
    for own, copy in enumerate(copies):
        os.dup2(copy, own)
    for descriptor in {int(path.name) for path in Path("/proc/self/fd").iterdir()} - {0, 1, 2, *pass_fds}:
        with suppress(OSError):  # that of the listing
            os.close(descriptor)
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for name, mode, buffering in (("stdin", "r", -1), ("stdout", "w", -1), ("stderr", "w", 1)):
        old = getattr(sys, f"__{name}__")
        stream = os.fdopen(old.fileno(), mode, buffering, old.encoding, old.errors, closefd=False)
        setattr(sys, name, stream)
    sys.argv, sys.orig_argv = command[2:], list(command)
    # The modules that read the environment when they are imported.
    from crawler import clock
    from pipelines.storage import failpoint

    sys.modules.pop("crawler.settings", None)
    importlib.reload(clock)
    failpoint.arm(os.environ)


def _run(command: list[str]) -> int:
    status = 0
    try:
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
