"""What several test modules ask for."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# What takes longest begins first, so that no worker is left alone with it at the end.
LONGEST = (
    *("test_hostile_sites", "test_site_changes", "test_service", "test_killed_commands", "test_fatal_errors"),
    *("test_stop_signals", "test_commands", "test_run_modes", "test_crawl", "test_full_disk", "test_kills"),
    "test_system_calls",
)

# What a machine sets for each Python on it hides what comes of output that waits in a buffer.
os.environ.pop("PYTHONUNBUFFERED", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first; workers take modules in this order (`--no-loadscope-reorder`)."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory where there is one: a kill does not ask whether the disk was quick."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="khobor-", dir=memory) as folder:
        yield Path(folder)
