"""A full disk: what was accepted stays, the run ends in order, and with room again everything goes on."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.storage.errors import StorageError
from pipelines.storage.fsync import RESERVE_BYTES, give_up_reserve, keep_reserve
from tests.support.crash_store import CrashStore
from tests.support.fork_server import REFUSED, ForkServer, fork_server
from tests.support.synthetic_site import SyntheticSite

ROOM = 8 * 2**20


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with fork_server() as server:
        yield server


@pytest.fixture
def small_disk(memory_folder: Path) -> Iterator[Path]:
    """A file system with room for the reserve and a little more."""
    disk = memory_folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={RESERVE_BYTES + ROOM},nr_inodes=2000", "tmpfs", str(disk)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk is filled: that takes root and a file system of one's own")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, but: int) -> None:
    """Take all the room but so many bytes."""
    (disk / "filler").write_bytes(bytes(max(shutil.disk_usage(disk).free - but, 0)))


def take_the_names(disk: Path, but: int) -> None:
    (disk / "names").mkdir()
    for number in range(os.statvfs(disk).f_favail - but):
        (disk / "names" / str(number)).touch()


def test_a_disk_that_fills_up_during_a_run_costs_nothing_that_was_accepted(
    server: ForkServer, small_disk: Path
) -> None:
    """Filled up a little less each time, so that it is full at another moment of the run."""
    world = SyntheticSite(int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6)))
    print(f"KHOBOR_SEED={world.seed}")
    store = CrashStore(server, small_disk, world)
    acknowledged = small_disk.parent / "acknowledged"
    store.reckoning = type(store.reckoning)(store.root, acknowledged, world)
    store.run(acks=acknowledged)
    gave_up = 0
    for left in range(0, 480 * 1024, 32 * 1024):
        fill(small_disk, left)
        store.next_edition(acks=acknowledged)
        gave_up += not (store.root / "state" / ".reserve").exists()
        (small_disk / "filler").unlink()
        store.settled()
    store.reckoning.checked()
    assert store.ended[REFUSED] >= 3, store.ended
    assert gave_up >= 1


def test_a_disk_without_inodes_costs_nothing_that_was_accepted(server: ForkServer, small_disk: Path) -> None:
    store = CrashStore(server, small_disk, SyntheticSite(secrets.randbelow(10**6)))
    acknowledged = small_disk.parent / "acknowledged"
    store.reckoning = type(store.reckoning)(store.root, acknowledged, store.world)
    store.run(acks=acknowledged)
    for left in (0, 1, 2, 4, 8):
        take_the_names(small_disk, left)
        store.next_edition(acks=acknowledged)
        shutil.rmtree(small_disk / "names")
        store.settled()
    store.reckoning.checked()
    assert store.ended[REFUSED] >= 3, store.ended


def test_what_is_held_in_reserve_is_really_held_and_given_back_once(tmp_path: Path) -> None:
    keep_reserve(tmp_path)
    [path] = tmp_path.iterdir()
    assert path.stat().st_blocks * 512 >= RESERVE_BYTES
    keep_reserve(tmp_path)
    give_up_reserve(tmp_path)
    give_up_reserve(tmp_path)  # nothing is left to delete
    assert list(tmp_path.iterdir()) == []


def test_a_reserve_that_a_killed_process_left_unfinished_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / ".reserve").write_bytes(b"half")
    keep_reserve(tmp_path)
    assert (tmp_path / ".reserve").stat().st_size == RESERVE_BYTES


def test_where_there_is_no_room_for_the_reserve_nothing_is_started(small_disk: Path) -> None:
    fill(small_disk, RESERVE_BYTES // 2)
    with pytest.raises(StorageError, match=r"in reserve in .*No space left"):
        keep_reserve(small_disk)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
