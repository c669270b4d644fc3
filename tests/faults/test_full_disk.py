"""Full disks: accepted pages stay, the run ends in order, and with space again the next run continues."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipelines.storage.errors import StorageError
from pipelines.storage.fsync import RESERVE_BYTES, give_up_reserve, keep_reserve
from tests.support.consistency_check import ConsistencyCheck
from tests.support.crash_store import CrashStore
from tests.support.fork_server import REFUSED, ForkServer
from tests.support.synthetic_site import SyntheticSite


@pytest.fixture
def small_disk(memory_folder: Path) -> Iterator[Path]:
    """Mount a file system with space for the reserve and 8 MiB more."""
    disk = memory_folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={RESERVE_BYTES + 8 * 2**20},nr_inodes=2000", "tmpfs", str(disk)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs root and tmpfs")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, but: int) -> None:
    (disk / "filler").write_bytes(bytes(max(shutil.disk_usage(disk).free - but, 0)))


def take_inodes(disk: Path, but: int) -> None:
    (disk / "filler").mkdir()
    for number in range(os.statvfs(disk).f_favail - but):
        (disk / "filler" / str(number)).touch()


@pytest.mark.parametrize(
    ("take", "amounts"),
    [(fill, range(0, 480 * 1024, 32 * 1024)), (take_inodes, (0, 1, 2, 4, 8))],
    ids=["bytes", "inodes"],
)
def test_full_disk_loses_no_accepted_page(
    server: ForkServer, small_disk: Path, seed: int, take: Callable[[Path, int], None], amounts: Sequence[int]
) -> None:
    """Leave a little more each time, so that the disk is full at another point of the run."""
    store = CrashStore(server, small_disk, SyntheticSite(seed))
    acknowledged = small_disk.parent / "acknowledged"
    store.reckoning = ConsistencyCheck(store.root, acknowledged, store.world)
    store.run(acks=acknowledged)
    gave_up = 0
    for left in amounts:
        take(small_disk, left)
        store.next_edition(acks=acknowledged)
        gave_up += not (store.root / "state" / ".reserve").exists()
        subprocess.run(["rm", "-r", str(small_disk / "filler")], check=True)
        store.settled()
    store.reckoning.checked()
    assert store.ended[REFUSED] >= 3, store.ended
    assert gave_up >= 1 or take is take_inodes


def test_reserve_takes_space_until_given_up(tmp_path: Path) -> None:
    keep_reserve(tmp_path)
    [path] = tmp_path.iterdir()
    assert path.stat().st_blocks * 512 >= RESERVE_BYTES
    keep_reserve(tmp_path)
    give_up_reserve(tmp_path)
    give_up_reserve(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unfinished_reserve_is_completed(tmp_path: Path) -> None:
    (tmp_path / ".reserve").write_bytes(b"half")
    keep_reserve(tmp_path)
    assert (tmp_path / ".reserve").stat().st_size == RESERVE_BYTES


def test_reserve_without_space_raises_storage_error(small_disk: Path) -> None:
    fill(small_disk, RESERVE_BYTES // 2)
    with pytest.raises(StorageError, match=r"in reserve in .*No space left"):
        keep_reserve(small_disk)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
