"""Kills: however often and wherever a run is killed, nothing is lost, nothing doubled, and the books are exact."""

import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.storage.atomic_write import UNFINISHED
from tests.support.concurrent_readers import ConcurrentReaders
from tests.support.crash_store import SOAK, CrashStore
from tests.support.fork_server import KILLED, REFUSED, ForkServer, RunResult, fork_server
from tests.support.project import PROJECT
from tests.support.synthetic_site import SITE, SyntheticSite

# Where the disk is asked for something, and may refuse it.
OF_THE_DISK = ("storage/*.py", *(f"ledger/{name}.py" for name in ("__init__", "urls", "runs", "transactions")))
NOT_REFUSED = {"lock.leaving"}  # nothing is asked for there
ELSEWHERE = {"move.renamed"}  # in quarantine alone


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with fork_server() as server:
        yield server


@pytest.fixture
def store(server: ForkServer, memory_folder: Path) -> CrashStore:
    seed = int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6))
    print(f"KHOBOR_SEED={seed}")  # shown when the test fails; a kill at a moment, though, is never the same again
    return CrashStore(server, memory_folder, SyntheticSite(seed))


def kill_again_and_again(store: CrashStore, cycles: int, where: str = "") -> int:
    """Runs and recoveries killed at random fail-points and at random moments; returns how many were killed.

    ``where`` is what the names of the fail-points begin with.
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
        if chance.random() < 0.5:  # or the next run finds it as it was left
            store.settled()
    store.settled()
    store.reckoning.checked()
    return store.ended[KILLED]


@pytest.mark.parametrize("cycles", [150, pytest.param(1000, marks=SOAK)])
def test_kills_that_pile_up_on_one_folder_lose_and_double_nothing(store: CrashStore, cycles: int) -> None:
    kills = kill_again_and_again(store, cycles)
    print(f"{kills} kills, {len(store.reckoning.acknowledged())} pages acknowledged")
    assert kills > cycles * 0.6


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_readers_that_never_stop_see_nothing_of_a_thousand_kills(server: ForkServer, memory_folder: Path) -> None:
    """Nothing moves here: who reads many files sees each at another moment, so a moving one may be in none of them."""
    seed = int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6))
    print(f"KHOBOR_SEED={seed}")
    store = CrashStore(server, memory_folder, SyntheticSite(seed, moving=False))
    store.run()
    store.edition += 1
    with ConcurrentReaders(store.root / "stories", memory_folder / "seen") as readers:
        kills = kill_again_and_again(store, 1_300)  # not every run is there to be killed when the time comes
    print(f"{kills} kills, {len(store.reckoning.acknowledged())} pages acknowledged; ", end="")
    saw_all_is_well(readers)
    assert kills >= 1000


@pytest.mark.parametrize(("without", "where"), [("outbox", "stage"), ("announcement", "commit"), ("page", "address")])
def test_the_kills_find_what_is_done_in_the_wrong_order(store: CrashStore, without: str, where: str) -> None:
    """The outbox cleared too early, a file put in place that nobody announced, a page that is not one transaction."""
    store.without = without
    with pytest.raises(AssertionError) as found:
        kill_again_and_again(store, 200, where)
    print(without, "is found:", str(found.value)[:100])


def points_in(*patterns: str) -> set[str]:
    """Return the fail-points in the files of pipelines that match one of the patterns, or in all of them."""
    files = [path for pattern in patterns or ("**/*.py",) for path in (PROJECT / "pipelines").glob(pattern)]
    return {name for file in files for name in re.findall(r'\breached\("([a-z.]+)"\)', file.read_text())}


@pytest.fixture(scope="module")
def reached(server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """How often each fail-point is passed, by a first run, by another, by a recovery and by a reindex."""
    store = CrashStore(server, tmp_path_factory.mktemp("counted"), SyntheticSite(1))
    hits = {"first": store.run(count=True).hits, "another": store.next_edition(count=True).hits}
    store.next_edition(failpoint="remove.unlinked=kill")
    hits["recovery"] = store.recover(count=True).hits
    hits["reindex"] = store.run(do="reindex", count=True).hits
    return hits


def test_every_fail_point_is_passed_by_these_tests(reached: dict[str, dict[str, int]]) -> None:
    assert set().union(*reached.values()) == points_in() - ELSEWHERE


def chosen(hits: dict[str, int], every: bool) -> list[tuple[str, int]]:
    """One arrival at each fail-point, none of the last, to which another seed may not come; or six, evenly spread."""
    chance = Random(len(hits))

    def arrivals(most: int) -> list[int]:
        if every:
            return sorted({1 + most * n // 6 for n in range(6)} - {most + 1})
        return [chance.randint(1, most * 4 // 5 or 1)]

    return [(point, hit) for point, most in sorted(hits.items()) for hit in arrivals(most)]


def disturb(store: CrashStore, phase: str, failpoint: str) -> RunResult:
    """One phase of a store's life, which meets a fail-point."""
    if phase == "first":
        store.forget()
        return store.run(failpoint=failpoint)
    if phase == "another":
        return store.next_edition(failpoint=failpoint)
    store.next_edition(failpoint="remove.unlinked=kill" if phase == "recovery" else "publish.displaced=kill")
    ended = store.run(do="recover" if phase == "recovery" else "reindex", failpoint=failpoint)
    if phase == "reindex":  # a reindex that was stopped is done again
        assert store.run(do="reindex").status == 0
    return ended


PHASES = ("first", "another", "recovery", "reindex")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=SOAK)])
@pytest.mark.parametrize("phase", PHASES)
def test_after_a_kill_at_any_fail_point_the_next_run_puts_it_right(
    store: CrashStore, reached: dict[str, dict[str, int]], phase: str, every: bool
) -> None:
    """Every other time the recovery is killed at the same place, if it comes there, and the one after it again."""
    killed = set()
    for turn, (point, hit) in enumerate(chosen(reached[phase], every)):
        if disturb(store, phase, f"{point}:{hit}=kill").status == KILLED:
            killed.add(point)
        for _ in range(2 * (turn % 2)):
            store.recover(failpoint=f"{point}=kill")
        store.settled()
    store.reckoning.checked()
    assert len(reached[phase].keys() - killed) <= 3, reached[phase].keys() - killed  # not each goes as far as the first


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=SOAK)])
@pytest.mark.parametrize(
    ("phase", "act"),
    [
        *(("first", "eio"), ("another", "enospc")),
        *(pytest.param(phase, act, marks=SOAK) for phase in PHASES for act in ("eio", "enospc")),
    ],
)
def test_after_the_disk_refused_anything_the_next_run_puts_it_right(
    store: CrashStore, reached: dict[str, dict[str, int]], phase: str, act: str, every: bool
) -> None:
    places = points_in(*OF_THE_DISK) - NOT_REFUSED
    hits = {point: most for point, most in reached[phase].items() if point in places}
    ended = Counter[int]()
    for point, hit in chosen(hits, every):
        ended[disturb(store, phase, f"{point}:{hit}={act}").status] += 1
        store.settled()
    store.reckoning.checked()
    assert ended[REFUSED] > 0.8 * ended.total(), ended


def test_a_staged_file_that_was_cut_off_is_torn_and_out_of_sight(store: CrashStore) -> None:
    assert store.run(failpoint="stage.written:3=kill").status == KILLED
    [torn] = (store.root / ".staging").glob(f"{SITE}-*{UNFINISHED}")
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(torn)
    assert not list(store.root.glob(f"*/site=*/**/*{UNFINISHED}"))
    store.settled()


@pytest.mark.parametrize("looks", [15, pytest.param(1000, marks=SOAK)])
def test_readers_that_never_stop_see_whole_files_and_never_fewer_stories(
    server: ForkServer, memory_folder: Path, looks: int
) -> None:
    """Nothing moves here: who reads many files sees each at another moment, so a moving one may be in none of them."""
    store = CrashStore(server, memory_folder, SyntheticSite(secrets.randbelow(10**6), moving=False))
    chance = Random(store.world.seed)
    usual = store.run()
    with ConcurrentReaders(store.root / "stories", memory_folder / "seen") as readers:
        while readers.fewest_looks() < looks:
            store.next_edition(kill_after=chance.random() * 2 * usual.seconds)
            store.settled()
    print(f"{store.edition} runs; ", end="")
    saw_all_is_well(readers)


def saw_all_is_well(readers: ConcurrentReaders) -> None:
    """Whole files at every look, no story twice, and never fewer than before."""
    looked = {engine: len(seen) for engine, seen in readers.looks().items()}
    print(f"{looked} looks, {readers.repeated()} taken again")
    assert readers.troubles() == []
    for engine, seen in readers.looks().items():
        rows, stories = zip(*seen, strict=True)
        assert rows == stories, f"{engine} saw a story twice"
        assert list(rows) == sorted(rows), f"{engine} saw fewer stories than before"
        assert rows[-1] > rows[0], f"{engine} saw nothing happen"
