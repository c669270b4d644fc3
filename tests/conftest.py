"""What several test modules ask for."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory where there is one: a kill does not ask whether the disk was quick."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="khobor-", dir=memory) as folder:
        yield Path(folder)
