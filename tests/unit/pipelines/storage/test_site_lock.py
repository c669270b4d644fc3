"""Tests of the site lock."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.storage.site_lock import SiteLock, SiteLocked
from tests.support.project import PROJECT

TAKE = (
    "import sys; from pathlib import Path; path = Path(sys.argv[1]);"
    "from pipelines.storage.site_lock import SiteLock, SiteLocked"
)
HOLD = f"{TAKE}; lock = SiteLock.take(path); print('held', flush=True); sys.stdin.read()"
RACE = f"""{TAKE}
sys.stdin.read()
try:
    lock = SiteLock.take(path)
except SiteLocked:
    print("locked")
else:
    print("held", flush=True)
    import time
    time.sleep(1)
"""
ADOPT = f"{TAKE}; lock = SiteLock.adopt(path, int(sys.argv[2])); print('adopted', flush=True); sys.stdin.read()"


def child(code: str, *arguments: object, pass_fds: tuple[int, ...] = ()) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=PROJECT, pass_fds=pass_fds, **pipes)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kalbela.lock"


def test_second_holder_is_refused_with_first(path: Path) -> None:
    with SiteLock.take(path), pytest.raises(SiteLocked) as refused:
        SiteLock.take(path)
    assert refused.value.holder["pid"] == os.getpid()
    who = rf"kalbela is held by process {os.getpid()} on {re.escape(socket.gethostname())}, since 20\d\d-.*\+00:00"
    assert re.match(who, str(refused.value))


def test_longer_name_of_old_holder_is_overwritten(path: Path) -> None:
    path.write_text('{"pid": 1, "host": "' + "a-long-name" * 20 + '", "since": "then"}')
    with SiteLock.take(path), pytest.raises(SiteLocked, match=f"process {os.getpid()} on {socket.gethostname()}"):
        SiteLock.take(path)


def test_readers_share_lock_and_change_nothing(path: Path) -> None:
    SiteLock.take(path).release()
    before = path.read_bytes()
    with SiteLock.hold(path), SiteLock.hold(path), pytest.raises(SiteLocked, match="held by another process"):
        SiteLock.take(path)
    assert path.read_bytes() == before
    with SiteLock.take(path), pytest.raises(SiteLocked, match=f"held by process {os.getpid()}"):
        SiteLock.hold(path)


def test_released_lock_can_be_taken_again(path: Path) -> None:
    SiteLock.take(path).release()
    with SiteLock.take(path) as lock:
        assert lock.fileno() > 2
    with pytest.raises(ValueError, match="released"):
        lock.fileno()


def test_lock_of_killed_process_is_free(path: Path) -> None:
    with child(HOLD, path) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SiteLocked, match=f"process {holder.pid} "):
            SiteLock.take(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        SiteLock.take(path).release()


def test_one_of_many_processes_gets_lock(path: Path) -> None:
    racers = [child(RACE, path) for _ in range(8)]
    for racer in racers:
        assert racer.stdin
        racer.stdin.close()
    results = []
    for racer in racers:
        with racer:
            assert racer.stdout
            results.append(racer.stdout.read().strip())
    assert sorted(results) == ["held"] + ["locked"] * 7


def test_child_holds_lock_that_parent_released(path: Path) -> None:
    lock = SiteLock.take(path)
    with child(ADOPT, path, lock.fileno(), pass_fds=(lock.fileno(),)) as heir:
        assert heir.stdout
        assert heir.stdin
        assert heir.stdout.readline() == "adopted\n"
        lock.release()
        with pytest.raises(SiteLocked, match=f"process {heir.pid} "):
            SiteLock.take(path)
        heir.stdin.close()
        heir.wait()
    SiteLock.take(path).release()


def test_lock_is_not_inherited_by_accident(path: Path) -> None:
    with SiteLock.take(path) as lock:
        assert not os.get_inheritable(lock.fileno())
        passed_on = os.dup(lock.fileno())
        os.set_inheritable(passed_on, True)
        with SiteLock.adopt(path, passed_on) as adopted:
            assert not os.get_inheritable(adopted.fileno())


def test_only_the_lock_can_be_adopted(path: Path, tmp_path: Path) -> None:
    SiteLock.take(path).release()
    with (tmp_path / "other").open("w") as other, pytest.raises(ValueError, match="another file"):
        SiteLock.adopt(path, other.fileno())
    with pytest.raises(ValueError, match="not a lock"):
        SiteLock.adopt(path, 999)


def test_lock_without_written_holder_is_held(path: Path) -> None:
    with SiteLock.take(path) as lock:
        os.ftruncate(lock.fileno(), 0)
        with pytest.raises(SiteLocked, match="held by another process"):
            SiteLock.take(path)
