"""The order of the test modules, a folder in memory, and a random seed."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# The slowest modules start first, so that no worker is left with one of them at the end.
LONGEST = (
    *("test_hostile_sites", "test_site_changes", "test_service", "test_drift", "test_newsroom", "test_run_modes"),
    *("test_stdio", "test_crawl", "test_fatal_errors", "test_stop_signals", "test_killed_commands", "test_full_disk"),
    *("test_kills", "test_system_calls", "test_commands"),
)
_MISSING = set(LONGEST) - {path.stem for path in Path(__file__).parent.rglob("test_*.py")}
assert not _MISSING, f"LONGEST names modules that do not exist: {_MISSING}"

# Set for every Python on some machines; it would hide faults of buffered output.
os.environ.pop("PYTHONUNBUFFERED", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest modules first; workers take modules in this order (`--no-loadscope-reorder`)."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def pytest_xdist_auto_num_workers() -> int:
    """Run two workers per core: half of the time of these tests is waiting for servers, signals and time limits."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A temporary folder in memory, where the system has one: tests of kills do not depend on the speed of the disk."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="khobor-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def seed() -> int:
    """Return a random seed, or ``KHOBOR_SEED``; the seed is printed when the test fails.

    A kill at a point of time cannot be repeated exactly.
    """
    seed = int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6))
    print(f"KHOBOR_SEED={seed}")
    return seed
