"""Leases of sites: never two holders at a time, whatever is lost, repeated or restarted."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipelines.buckets.addresses import open_bucket
from pipelines.buckets.object_store import BucketError
from pipelines.storage.errors import StorageError
from schedules.fleet.lease import BucketLease, HeldLeases
from schedules.fleet.lease_table import KILL, LEASE_SECONDS, REMEMBERED_SECONDS, RENEW, STOP, LeaseTable

SITE = "kalbela"


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> LeaseTable:
    table = LeaseTable(clock=clock)
    clock.now += LEASE_SECONDS
    return table


def test_second_task_waits_for_release(table: LeaseTable) -> None:
    assert table.acquire(SITE, "a", "first")
    assert table.acquire(SITE, "a", "first")  # asked again, after a lost response
    assert not table.acquire(SITE, "b", "second")
    table.release(SITE, "a", "first", {"exit_code": 0})
    assert table.acquire(SITE, "b", "third")
    assert table.status()["results"] == {"first": {"exit_code": 0}}


def test_repeated_task_gets_no_lease(table: LeaseTable, clock: Clock) -> None:
    assert table.acquire(SITE, "a", "first")
    clock.now += LEASE_SECONDS + 1
    assert not table.acquire(SITE, "again", "first")  # Dask has repeated it on another worker
    assert table.renew(SITE, "a", "first") == "lost"


def test_unrenewed_lease_expires(table: LeaseTable, clock: Clock) -> None:
    assert table.acquire(SITE, "a", "first")
    clock.now += LEASE_SECONDS - 1
    assert table.renew(SITE, "a", "first") == "ok"
    clock.now += LEASE_SECONDS - 1
    assert not table.acquire(SITE, "b", "second")
    clock.now += 1
    assert table.acquire(SITE, "b", "third")
    assert table.renew(SITE, "a", "first") == "lost"


def test_new_table_waits_for_unknown_leases(clock: Clock) -> None:
    table = LeaseTable(clock=clock)
    assert not table.acquire(SITE, "b", "second")
    assert table.renew(SITE, "a", "first") == "ok"  # granted by the table before this one
    clock.now += LEASE_SECONDS - 1
    assert table.renew(SITE, "a", "first") == "ok"
    clock.now += 2
    assert not table.acquire(SITE, "b", "second")
    assert table.renew(SITE, "x", "another") == "lost"


def test_ended_task_is_remembered_for_a_day(table: LeaseTable, clock: Clock) -> None:
    assert table.acquire(SITE, "a", "first")
    table.release(SITE, "a", "first", {})
    clock.now += REMEMBERED_SECONDS - 1
    assert not table.acquire(SITE, "b", "first")
    clock.now += 2
    table.status()
    assert not table._closed


def test_second_fleet_waits_for_first(table: LeaseTable, clock: Clock) -> None:
    """Results are deleted when they have been collected, so another fleet must not collect them."""
    assert table.use("first") == table.use("second") == "first"
    clock.now += LEASE_SECONDS + 1
    assert table.use("second") == table.use("first") == "second"


def test_stopped_task_ends_or_never_begins(table: LeaseTable) -> None:
    assert table.acquire(SITE, "a", "first")
    table.stop("first")
    assert table.renew(SITE, "a", "first") == "stop"
    table.stop("waiting")
    assert not table.acquire("samakal", "b", "waiting")


@dataclass
class Holder:
    """A task whose renewals may be lost; it crawls until its lease is no longer certain."""

    table: LeaseTable
    clock: Clock
    token: str
    renewed_at: float = 0.0
    held: HeldLeases = field(init=False)

    def renew(self, *, is_lost: bool, delay: float) -> None:
        sent_at = self.clock.now - delay
        if not is_lost and self.table.renew(SITE, self.token, self.token) == "ok":
            self.renewed_at = sent_at

    @property
    def is_crawling(self) -> bool:
        return self.clock.now - self.renewed_at <= LEASE_SECONDS * KILL


@pytest.mark.parametrize("seed", range(20))
def test_two_holders_never_crawl_together(seed: int) -> None:
    """Random losses, delays and restarts of the scheduler, for an hour."""
    chance, clock = Random(seed), Clock()
    table, holders = LeaseTable(clock=clock), list[Holder]()
    granted = 0
    for second in range(3600):
        clock.now = float(second)
        if chance.random() < 0.001:
            table = LeaseTable(clock=clock)
            for holder in holders:
                holder.table = table
        holders = [holder for holder in holders if holder.is_crawling]
        assert len(holders) <= 1
        for holder in holders:
            holder.renew(is_lost=chance.random() < 0.93, delay=chance.random() * 5)
        token = str(second)
        if table.acquire(SITE, token, token):
            granted += 1
            holders.append(Holder(table, clock, token, renewed_at=clock.now - chance.random() * 5))
    assert granted > 5


def test_run_stops_before_lease_expires() -> None:
    """Renewals, stop and kill come in this order, and a killed run has time to end."""
    assert 4 * RENEW < STOP < KILL < 1
    assert LEASE_SECONDS * (1 - KILL) >= 15


@dataclass
class Renewable:
    """A lease whose renewals fail or hang when told to."""

    answer: str | Exception = "ok"
    renewals: int = 0
    released: list[dict[str, Any]] = field(default_factory=list)
    is_free: bool | Exception = True
    name: str = "the lease"

    def acquire(self) -> bool:
        if isinstance(self.is_free, Exception):
            raise self.is_free
        return self.is_free

    def renew(self) -> str:
        self.renewals += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def release(self, result: dict[str, Any]) -> None:
        self.released.append(result)


def until(condition: Any) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("answer", "must_stop", "must_die"),
    [("ok", False, False), ("stop", True, False), ("lost", True, True), (OSError("cut"), True, True)],
)
def test_answer_decides_if_run_goes_on(answer: Any, must_stop: bool, must_die: bool) -> None:
    clock, steady, other = Clock(), Renewable(), Renewable(answer)
    held = HeldLeases([steady, other], 0.12, clock=clock)
    assert held.acquire()
    until(lambda: other.renewals > 1 or answer == "lost")
    if answer != "ok":
        clock.now = 0.12 * KILL + 0.001
        until(lambda: held.must_stop)
    if isinstance(answer, Exception) or answer == "lost":
        until(lambda: held.must_die)
    assert held.must_stop is must_stop or answer == "stop"
    assert must_die or answer != "lost"
    assert bool(held.stop_reason) == (answer != "ok")
    assert "cut" in str(held.stop_reason) or not isinstance(answer, Exception)
    held.release({"exit_code": 0})
    assert steady.released == other.released == [{"exit_code": 0}]


@pytest.mark.parametrize("is_free", [False, BucketError("cut")])
def test_first_lease_is_given_back_without_second(is_free: bool | Exception) -> None:
    first, second = Renewable(), Renewable(is_free=is_free)
    held = HeldLeases([first, second], 0.12)
    with suppress(BucketError):
        assert not held.acquire()
    held.release({"state": "held"})
    assert first.released == [{"state": "held"}]
    assert not second.released
    renewals = first.renewals
    time.sleep(0.05)
    assert first.renewals <= renewals + 1


def test_waiting_for_lease_does_not_age_it() -> None:
    """A lease in a bucket whose holder was killed is acquired when it has expired."""
    current = Clock()

    class Expiring(Renewable):
        def acquire(self) -> bool:
            current.now += LEASE_SECONDS
            return True

    held = HeldLeases([Expiring()], LEASE_SECONDS, clock=current)
    assert held.acquire()
    assert not held.must_stop
    assert not held.must_die
    held.release({})


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "bucket").mkdir()
    yield open_bucket(str(tmp_path / "bucket"))


def test_bucket_lease_has_one_holder(bucket: Any) -> None:
    leases = [BucketLease(bucket, SITE, 0.3) for _ in range(8)]
    barrier, granted = threading.Barrier(len(leases)), list[BucketLease]()

    def race(lease: BucketLease) -> None:
        barrier.wait()
        if lease.acquire():
            granted.append(lease)

    threads = [threading.Thread(target=race, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted
    holder = granted[-1]
    assert [lease.renew() for lease in leases].count("ok") == 1
    assert holder.renew() in ("ok", "lost")


def test_bucket_lease_passes_on_when_released_or_expired(bucket: Any) -> None:
    first, second, third = (BucketLease(bucket, SITE, 0.2) for _ in range(3))
    assert first.acquire()
    stopped = threading.Event()

    def keep() -> None:
        while not stopped.wait(0.02):
            first.renew()

    thread = threading.Thread(target=keep)
    thread.start()
    assert not second.acquire()
    stopped.set()
    thread.join()
    assert second.acquire()  # not renewed any more
    assert first.renew() == "lost"
    second.release({})
    began = time.monotonic()
    assert third.acquire()
    assert time.monotonic() - began < 0.2


def test_bucket_that_is_gone_does_not_hinder_release(bucket: Any, tmp_path: Path) -> None:
    lease = BucketLease(bucket, SITE, 0.1)
    assert lease.acquire()
    shutil.rmtree(tmp_path / "bucket")
    (tmp_path / "bucket").write_text("a file")
    with pytest.raises(StorageError):
        lease.renew()
    lease.release({})


@pytest.mark.parametrize("content", [b"", b"[]", b'{"token": 1}', b"\xff"])
def test_damaged_bucket_lease_expires_too(bucket: Any, content: bytes) -> None:
    bucket.overwrite(f"leases/{SITE}.json", content)
    assert BucketLease(bucket, SITE, 0.1).acquire()
