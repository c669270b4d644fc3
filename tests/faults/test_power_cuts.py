"""Power cuts: everything acknowledged is on the disk, not only in the cache of the system."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from tests.support.consistency_check import ConsistencyCheck
from tests.support.crash_store import SOAK, CrashStore
from tests.support.disk_image import Disk, need_disks
from tests.support.fork_server import ForkServer
from tests.support.synthetic_site import SyntheticSite


@pytest.fixture
def disk(memory_folder: Path) -> Iterator[Disk]:
    need_disks()
    with Disk(memory_folder) as disk:
        yield disk


def cut_again_and_again(
    server: ForkServer, disk: Disk, seed: int, cuts: int, without: str = "", where: str = ""
) -> None:
    """Cut the power at random fail-points whose names begin with ``where``; recover and check the copy of the disk."""
    world, chance = SyntheticSite(seed), Random(seed)
    store = CrashStore(server, disk.root, world, without=without)
    acknowledged = disk.root.parent / "acknowledged"
    hits_of = store.run(count=True, acks=acknowledged).hits
    points = sorted(item for item in hits_of.items() if item[0].startswith(where) and item[0] != "lock.leaving")
    for _ in range(cuts):
        point, hits = chance.choice(points)
        store.next_edition(failpoint=f"{point}:{chance.randint(1, hits)}=kill", acks=acknowledged)
        with disk.cut() as again:
            after = ConsistencyCheck(again / "data", acknowledged, world)
            after.whole()
            order = store.order() | {"root": after.root, "acks": acknowledged, "do": "recover"}
            assert server.run(**order).status == 0
            after.exact()


@pytest.mark.parametrize("cuts", [10, pytest.param(150, marks=SOAK)])
def test_acknowledged_pages_survive_power_cuts(server: ForkServer, disk: Disk, seed: int, cuts: int) -> None:
    cut_again_and_again(server, disk, seed, cuts)


@pytest.mark.parametrize(("without", "where"), [("fsync", "publish.settled"), ("full", "accept.done")])
def test_power_cuts_reveal_missing_sync(server: ForkServer, disk: Disk, seed: int, without: str, where: str) -> None:
    with pytest.raises((AssertionError, pa.ArrowInvalid, OSError)):
        cut_again_and_again(server, disk, seed, 40, without, where)
