"""Power cuts: what was acknowledged is on the disk, not in the memory of a system that was about to write it."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from tests.support.consistency_check import ConsistencyCheck
from tests.support.crash_store import SOAK, CrashStore
from tests.support.disk_image import Disk, need_disks
from tests.support.fork_server import ForkServer, fork_server
from tests.support.synthetic_site import SyntheticSite


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    need_disks()
    with fork_server() as server:
        yield server


@pytest.fixture
def disk(memory_folder: Path) -> Iterator[Disk]:
    with Disk(memory_folder) as disk:
        yield disk


def cut_again_and_again(server: ForkServer, disk: Disk, cuts: int, without: str = "", where: str = "") -> None:
    """Runs stopped at random fail-points, at which the power goes; what comes up again is recovered, and exact.

    ``where`` is what the names of the fail-points begin with. The disk itself lives on.
    """
    world = SyntheticSite(int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6)))
    print(f"KHOBOR_SEED={world.seed}")
    chance = Random(world.seed)
    store = CrashStore(server, disk.root, world, without=without)
    acknowledged = disk.root.parent / "acknowledged"
    points = sorted(
        (point, hits)
        for point, hits in store.run(count=True, acks=acknowledged).hits.items()
        if point.startswith(where) and point != "lock.leaving"
    )
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
def test_after_a_power_cut_everything_acknowledged_is_there_once(server: ForkServer, disk: Disk, cuts: int) -> None:
    cut_again_and_again(server, disk, cuts)


@pytest.mark.parametrize(("without", "where"), [("fsync", "publish.settled"), ("full", "accept.done")])
def test_the_power_cuts_find_what_is_not_synced(server: ForkServer, disk: Disk, without: str, where: str) -> None:
    with pytest.raises((AssertionError, pa.ArrowInvalid, OSError)) as found:
        cut_again_and_again(server, disk, 40, without, where)
    print(f"without {without}: {type(found.value).__name__}: {str(found.value)[:100]}")
