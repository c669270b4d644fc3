"""System calls: runs that are killed or refused at any call, and an audit of fsync."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from pipelines.storage.tables import TABLES
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import KILLED, REFUSED, ForkServer
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


@pytest.fixture
def store(server: ForkServer, memory_folder: Path, seed: int) -> CrashStore:
    need_strace()
    store = CrashStore(server, memory_folder, SyntheticSite(seed))
    store.run()
    return store


def traced(store: CrashStore, *options: str) -> int:
    """Run the next edition under strace and return its status."""
    store.edition += 1
    ended = run_traced(store.server, store.place / "calls", *options, **store.order())
    store.ended[ended.status] += 1
    return ended.status


def every_call(store: CrashStore) -> list[tuple[str, int]]:
    """Return each system call of an undisturbed run: its name and its number among the calls of that name."""
    assert traced(store) == 0
    return [(name, n) for name, most in sorted(times_called(store.place / "calls").items()) for n in range(1, most + 1)]


def some(calls: list[tuple[str, int]], most: int, seed: int) -> list[tuple[str, int]]:
    chance = Random(seed)
    names = sorted({name for name, _ in calls})
    each = ([call for call in calls if call[0] == name] for name in names)
    return [call for found in each for call in chance.sample(found, min(most, len(found)))]


@pytest.mark.parametrize("most", [1, pytest.param(10_000, marks=SOAK)])
@pytest.mark.parametrize("phase", ["first", "another"])
def test_next_run_repairs_after_killed_call(store: CrashStore, phase: str, most: int) -> None:
    if phase == "first":
        store.forget()
    calls = some(every_call(store), most, store.world.seed)
    for name, number in calls:
        if phase == "first":
            store.forget()
        status = traced(store, "-e", f"inject={name}:signal=SIGKILL:when={number}")
        assert status in (0, KILLED)  # some editions make fewer calls
        store.reckoning.whole()
        store.settled()
    store.reckoning.checked()
    assert store.ended[KILLED] > 0.7 * len(calls)


@pytest.mark.parametrize("most", [1, pytest.param(10, marks=SOAK)])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_next_run_repairs_after_refused_call(store: CrashStore, error: str, most: int) -> None:
    """Refuse a call from then on, as a full disk does; not `write`, which also reports the result."""
    calls = [call for call in every_call(store) if call[0] != "write"]
    for name, number in some(calls, most, store.world.seed):
        status = traced(store, "-e", f"inject={name}:error={error}:when={number}+")
        assert status in (0, REFUSED), (name, number)
        store.reckoning.whole()
        store.settled()
    store.reckoning.checked()
    assert store.ended[REFUSED] > 0


def test_renamed_files_and_folders_are_synced(store: CrashStore) -> None:
    for _ in range(3):
        assert traced(store) == 0
        calls = calls_in(store.place / "calls")
        assert sum(call.name == "rename" and call.paths[1].endswith(".parquet") for call in calls) > 3
        assert Audit(store.root).of(calls) == []


def synced_by_recovery(store: CrashStore) -> set[Path]:
    assert run_traced(store.server, store.place / "calls", **store.order() | {"do": "recover"}).status == 0
    return {Path(call.paths[0]) for call in calls_in(store.place / "calls") if call.name == "fsync"}


@pytest.mark.parametrize("point", ["commit.renamed", "remove.unlinked"])
def test_recovery_syncs_names_of_killed_run(store: CrashStore, point: str) -> None:
    while store.next_edition(failpoint=f"{point}=kill").status != KILLED:
        pass
    with closing(sqlite3.connect(store.root / "state" / f"{SITE}.sqlite")) as ledger:
        query = "SELECT path, prepared_sha256 FROM files WHERE prepared_sha256 IS NOT NULL"
        [(path, digest)] = ledger.execute(query).fetchall()
    assert (store.root / path).exists() == (digest != "")
    assert (store.root / path).parent in synced_by_recovery(store)


def test_recovery_syncs_folders_of_killed_run(store: CrashStore) -> None:
    made, tables = 0, list[Path]()
    while not tables:
        made += 1
        store.forget()
        assert store.run(failpoint=f"folder.made:{made}=kill").status == KILLED
        tables = [path for path in store.root.glob("*") if path.name in TABLES]
    assert list(tables[0].iterdir()) == []
    assert store.root in synced_by_recovery(store)


def test_audit_detects_writer_without_sync(tmp_path: Path) -> None:
    need_strace()
    told = tmp_path / "calls"
    watching = ["strace", "-f", "-qq", "-y", "-o", str(told), "-e", f"trace={','.join(CHANGING)}"]
    subprocess.run([*watching, sys.executable, "-c", NAIVE, str(tmp_path)], check=True)
    assert set(Audit(tmp_path).of(calls_in(told))) == {
        "stories/stories.parquet was renamed without a sync",
        "the folder of stories was never synced",
        "the folder of stories/stories.parquet was never synced",
    }


def test_audit_detects_run_without_fsync(store: CrashStore) -> None:
    store.without = "fsync"
    traced(store)
    faults = Audit(store.root).of(calls_in(store.place / "calls"))
    assert any("was renamed without a sync" in fault for fault in faults)
    assert any("a commit came before the folder of" in fault for fault in faults)
