"""System calls: a run that is killed, or refused, at any of them; and whether all that must be synced is."""

import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from pipelines.storage.tables import TABLES
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import KILLED, REFUSED, ForkServer, fork_server
from tests.support.synthetic_site import SITE, SyntheticSite
from tests.support.syscall_trace import CHANGING, Audit, calls_in, need_strace, run_traced, times_called

NAIVE = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
place = Path(sys.argv[1], "stories", "stories.parquet")
place.parent.mkdir()
aside = place.with_suffix(".aside")
pq.write_table(pa.table({"story_id": ["kalbela:1"]}), aside)
aside.replace(place)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    need_strace()
    with fork_server() as server:
        yield server


@pytest.fixture
def store(server: ForkServer, memory_folder: Path) -> CrashStore:
    store = CrashStore(
        server, memory_folder, SyntheticSite(int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6)))
    )
    print(f"KHOBOR_SEED={store.world.seed}")
    store.run()
    return store


def traced(store: CrashStore, *options: str) -> int:
    """A run of the next edition under strace; how it ended."""
    store.edition += 1
    ended = run_traced(store.server, store.place / "calls", *options, **store.order())
    store.ended[ended.status] += 1
    return ended.status


def every_call(store: CrashStore) -> list[tuple[str, int]]:
    """Each system call that an undisturbed run makes, by its name and its number among those of the name."""
    assert traced(store) == 0
    return [(name, n) for name, most in sorted(times_called(store.place / "calls").items()) for n in range(1, most + 1)]


def some(calls: list[tuple[str, int]], most: int, seed: int) -> list[tuple[str, int]]:
    chance = Random(seed)
    names = sorted({name for name, _ in calls})
    each = ([call for call in calls if call[0] == name] for name in names)
    return [call for found in each for call in chance.sample(found, min(most, len(found)))]


@pytest.mark.parametrize("most", [1, pytest.param(10_000, marks=SOAK)])
@pytest.mark.parametrize("phase", ["first", "another"])
def test_after_a_kill_at_any_system_call_the_next_run_puts_it_right(store: CrashStore, phase: str, most: int) -> None:
    """In the very first run, which makes everything, and in a later one."""
    if phase == "first":
        store.forget()
    calls = some(every_call(store), most, store.world.seed)
    for name, number in calls:
        if phase == "first":
            store.forget()
        status = traced(store, "-e", f"inject={name}:signal=SIGKILL:when={number}")
        assert status in (0, KILLED)  # not every edition makes as many calls
        store.reckoning.whole()
        store.settled()
    store.reckoning.checked()
    print(f"{phase}: {store.ended[KILLED]} kills at {len(calls)} system calls")
    assert store.ended[KILLED] > 0.7 * len(calls)


@pytest.mark.parametrize("most", [1, pytest.param(10, marks=SOAK)])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_after_the_kernel_refused_any_system_call_the_next_run_puts_it_right(
    store: CrashStore, error: str, most: int
) -> None:
    """Refused from then on, as a full disk does; but for `write`, which also tells us how it went."""
    calls = [call for call in every_call(store) if call[0] != "write"]
    for name, number in some(calls, most, store.world.seed):
        status = traced(store, "-e", f"inject={name}:error={error}:when={number}+")
        assert status in (0, REFUSED), (name, number)
        store.reckoning.whole()
        store.settled()
    store.reckoning.checked()
    assert store.ended[REFUSED] > 0


def test_all_that_is_put_in_place_is_synced_and_its_folder_too(store: CrashStore) -> None:
    for _ in range(3):
        assert traced(store) == 0
        calls = calls_in(store.place / "calls")
        assert sum(call.name == "rename" and call.paths[1].endswith(".parquet") for call in calls) > 3
        assert Audit(store.root).of(calls) == []


def synced_by_recovery(store: CrashStore) -> set[Path]:
    assert run_traced(store.server, store.place / "calls", **store.order() | {"do": "recover"}).status == 0
    return {Path(call.paths[0]) for call in calls_in(store.place / "calls") if call.name == "fsync"}


@pytest.mark.parametrize("point", ["commit.renamed", "remove.unlinked"])
def test_a_name_that_a_killed_run_did_not_come_to_sync_is_synced_by_the_next(store: CrashStore, point: str) -> None:
    while store.next_edition(failpoint=f"{point}=kill").status != KILLED:
        pass
    with closing(sqlite3.connect(store.root / "state" / f"{SITE}.sqlite")) as ledger:
        query = "SELECT path, prepared_sha256 FROM files WHERE prepared_sha256 IS NOT NULL"
        [(path, digest)] = ledger.execute(query).fetchall()
    assert (store.root / path).exists() == (digest != "")
    assert (store.root / path).parent in synced_by_recovery(store)


def test_a_folder_that_a_killed_run_made_is_made_durable_by_the_next(store: CrashStore) -> None:
    made, tables = 0, list[Path]()
    while not tables:
        made += 1
        store.forget()
        assert store.run(failpoint=f"folder.made:{made}=kill").status == KILLED
        tables = [path for path in store.root.glob("*") if path.name in TABLES]
    assert list(tables[0].iterdir()) == []
    assert store.root in synced_by_recovery(store)


def test_the_audit_finds_a_writer_that_syncs_nothing(tmp_path: Path) -> None:
    need_strace()
    told = tmp_path / "calls"
    watching = ["strace", "-f", "-qq", "-y", "-o", str(told), "-e", f"trace={','.join(CHANGING)}"]
    subprocess.run([*watching, sys.executable, "-c", NAIVE, str(tmp_path)], check=True)
    assert set(Audit(tmp_path).of(calls_in(told))) == {
        "stories/stories.parquet was renamed without a sync",
        "the folder of stories was never synced",
        "the folder of stories/stories.parquet was never synced",
    }


def test_the_audit_finds_a_run_that_leaves_syncing_to_sqlite(store: CrashStore) -> None:
    store.without = "fsync"
    traced(store)
    faults = Audit(store.root).of(calls_in(store.place / "calls"))
    assert any("was renamed without a sync" in fault for fault in faults)
    assert any("a commit came before the folder of" in fault for fault in faults)
