"""Killed runs: wherever a run is killed, nothing is lost or stored twice, and the counts are exact."""

import re
from collections import Counter
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.storage.atomic_write import UNFINISHED
from tests.support.concurrent_readers import ConcurrentReaders
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import KILLED, REFUSED, ForkServer, RunResult
from tests.support.project import PROJECT
from tests.support.synthetic_site import SITE, SyntheticSite

# Files whose fail-points can meet a disk error.
OF_THE_DISK = ("storage/*.py", *(f"ledger/{name}.py" for name in ("__init__", "urls", "runs", "transactions")))


@pytest.fixture
def store(server: ForkServer, memory_folder: Path, seed: int) -> CrashStore:
    return CrashStore(server, memory_folder, SyntheticSite(seed))


def kill_again_and_again(store: CrashStore, cycles: int, where: str = "") -> int:
    """Kill runs and recoveries at random fail-points and times; return the number of kills.

    :param where: prefix of the fail-points to use
    """
    chance = Random(store.world.seed)
    usual = store.run(count=True)
    points = sorted((point, hits) for point, hits in usual.hits.items() if point.startswith(where))
    recovery = store.recover().seconds
    for _ in range(cycles):
        if chance.random() < 0.5:
            point, hits = chance.choice(points)
            store.next_edition(failpoint=f"{point}:{chance.randint(1, hits)}=kill")
        else:
            store.next_edition(kill_after=chance.random() * 1.3 * usual.seconds)
        while chance.random() < 0.3:
            store.recover(kill_after=chance.random() * 1.5 * recovery)
        if chance.random() < 0.5:
            store.settled()
    store.settled()
    store.reckoning.checked()
    return store.ended[KILLED]


@pytest.mark.parametrize("cycles", [80, pytest.param(1000, marks=SOAK)])
def test_repeated_kills_lose_and_duplicate_nothing(store: CrashStore, cycles: int) -> None:
    assert kill_again_and_again(store, cycles) > cycles * 0.6


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_readers_see_consistent_data_during_kills(server: ForkServer, memory_folder: Path, seed: int) -> None:
    store = CrashStore(server, memory_folder, SyntheticSite(seed, moving=False))
    store.run()
    store.edition += 1
    with ConcurrentReaders(store.root / "stories", memory_folder / "seen") as readers:
        kills = kill_again_and_again(store, 1_300)  # some runs end before their kill
    print(f"{kills} kills; ", end="")
    saw_all_is_well(readers)
    assert kills >= 1000


@pytest.mark.parametrize(("without", "where"), [("outbox", "stage"), ("announcement", "commit"), ("page", "url")])
def test_kills_reveal_wrong_write_order(store: CrashStore, without: str, where: str) -> None:
    """Clear the outbox too early, replace a file unannounced, or split a page over two transactions."""
    store.without = without
    with pytest.raises(AssertionError):
        kill_again_and_again(store, 200, where)


_POINT = re.compile(r'\breached\("([a-z.]+)"\)')
TRIED_BY_OTHERS = ("buckets/*.py", "rebuild/*.py", "publishing/exchange.py")
# Reached by quarantine (test_killed_commands), by `khobor prune` (test_pruning), by backups (test_backups), and
# by `khobor forget` (test_forget).
ELSEWHERE = {
    *("move.renamed", "prune.rolled", "prune.forgotten", "prune.unlinked", "prune.removed", "prune.archive"),
    *("backup.databases", "backup.reports", "backup.files", "backup.site", "backup.linked", "backup.added"),
    *("backup.written", "restore.file", "restore.unpacked"),
    *("forget.marked", "forget.rows", "forget.written", "forget.archive", "forget.published"),
}


def test_other_tests_kill_every_fail_point() -> None:
    """Look for each name in the other tests; some of these add the part before the dot in an f-string."""
    texts = [file.read_text() for file in (PROJECT / "tests").rglob("test_*.py") if file != Path(__file__)]
    quoted = [re.findall(r'"([a-z.]+)(?::\d+)?(?:=[a-z]+)?"', text) for text in texts]
    named = {name for names in quoted for name in names} | {
        f"{prefix}.{name}"
        for text, names in zip(texts, quoted, strict=True)
        for prefix in re.findall(r'f"([a-z]+)\.\{', text)
        for name in names
    }
    schedules = {name for file in (PROJECT / "schedules").rglob("*.py") for name in _POINT.findall(file.read_text())}
    assert ELSEWHERE | points_in(*TRIED_BY_OTHERS) | schedules <= named


def points_in(*patterns: str) -> set[str]:
    """Return the fail-points in the files of pipelines that match a pattern (default: all)."""
    files = [path for pattern in patterns or ("**/*.py",) for path in (PROJECT / "pipelines").glob(pattern)]
    return {name for file in files for name in _POINT.findall(file.read_text())}


@pytest.fixture(scope="module")
def reached(server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """Count the passes of each fail-point by a first run, a second, a recovery and a reindex."""
    store = CrashStore(server, tmp_path_factory.mktemp("counted"), SyntheticSite(1))
    hits = {"first": store.run(count=True).hits, "another": store.next_edition(count=True).hits}
    store.next_edition(failpoint="remove.unlinked=kill")
    hits["recovery"] = store.recover(count=True).hits
    hits["reindex"] = store.run(do="reindex", count=True).hits
    return hits


def test_these_tests_pass_every_fail_point(reached: dict[str, dict[str, int]]) -> None:
    assert set().union(*reached.values()) == points_in() - ELSEWHERE - points_in(*TRIED_BY_OTHERS)


def chosen(hits: dict[str, int], every: bool) -> list[tuple[str, int]]:
    """Choose one pass of each fail-point, or six; not one of the last, which another seed may not reach."""
    chance, passes = Random(len(hits)), list[tuple[str, int]]()
    for point, most in sorted(hits.items()):
        few = {chance.randint(1, most * 4 // 5 or 1)}
        passes += [(point, hit) for hit in sorted({1 + most * n // 6 for n in range(6)} if every else few)]
    return passes


def disturb(store: CrashStore, phase: str, failpoint: str) -> RunResult:
    if phase == "first":
        store.forget()
        return store.run(failpoint=failpoint)
    if phase == "another":
        return store.next_edition(failpoint=failpoint)
    store.next_edition(failpoint="remove.unlinked=kill" if phase == "recovery" else "publish.displaced=kill")
    ended = store.run(do="recover" if phase == "recovery" else "reindex", failpoint=failpoint)
    if phase == "reindex":
        assert store.run(do="reindex").status == 0
    return ended


PHASES = ("first", "another", "recovery", "reindex")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=SOAK)])
@pytest.mark.parametrize("phase", PHASES)
def test_next_run_repairs_after_kill(
    store: CrashStore, reached: dict[str, dict[str, int]], phase: str, every: bool
) -> None:
    killed = set()
    for turn, (point, hit) in enumerate(chosen(reached[phase], every)):
        if disturb(store, phase, f"{point}:{hit}=kill").status == KILLED:
            killed.add(point)
        for _ in range(2 * (turn % 2)):  # every other time, two recoveries are killed at the same point
            store.recover(failpoint=f"{point}=kill")
        store.settled()
    store.reckoning.checked()
    assert len(reached[phase].keys() - killed) <= 3, reached[phase].keys() - killed  # some end early


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=SOAK)])
@pytest.mark.parametrize(
    ("phase", "act"),
    [
        *(("first", "eio"), ("another", "enospc")),
        *(pytest.param(phase, act, marks=SOAK) for phase in PHASES for act in ("eio", "enospc")),
    ],
)
def test_next_run_repairs_after_disk_error(
    store: CrashStore, reached: dict[str, dict[str, int]], phase: str, act: str, every: bool
) -> None:
    places = points_in(*OF_THE_DISK) - {"lock.leaving"}  # does no input or output
    hits = {point: most for point, most in reached[phase].items() if point in places}
    ended = Counter[int]()
    for point, hit in chosen(hits, every):
        ended[disturb(store, phase, f"{point}:{hit}={act}").status] += 1
        store.settled()
    store.reckoning.checked()
    assert ended[REFUSED] > 0.8 * ended.total(), ended


def test_torn_staged_file_stays_hidden(store: CrashStore) -> None:
    assert store.run(failpoint="stage.written:3=kill").status == KILLED
    [torn] = (store.root / ".staging").glob(f"{SITE}-*{UNFINISHED}")
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(torn)
    assert not list(store.root.glob(f"*/site=*/**/*{UNFINISHED}"))
    store.settled()


@pytest.mark.parametrize("looks", [15, pytest.param(1000, marks=SOAK)])
def test_readers_see_whole_files(server: ForkServer, memory_folder: Path, looks: int, seed: int) -> None:
    store = CrashStore(server, memory_folder, SyntheticSite(seed, moving=False))
    chance = Random(store.world.seed)
    usual = store.run()
    with ConcurrentReaders(store.root / "stories", memory_folder / "seen") as readers:
        while readers.fewest_looks() < looks or not readers.saw_growth():
            store.next_edition(kill_after=chance.random() * 2 * usual.seconds)
            store.settled()
    saw_all_is_well(readers)


def saw_all_is_well(readers: ConcurrentReaders) -> None:
    """Check that each reader saw whole files, no story twice and never fewer stories.

    The stories do not move: a reader opens files one after another and may miss a story that moves between them.
    """
    assert readers.troubles() == []
    for engine, seen in readers.looks().items():
        rows, stories = zip(*seen, strict=True)
        assert rows == stories, f"{engine} saw a story twice"
        assert list(rows) == sorted(rows), f"{engine} saw fewer stories than before"
        assert rows[-1] > rows[0], f"{engine} saw nothing happen"
