"""Fixtures of the pipelines' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept.at(tmp_path / "data")
    yield kept
    kept.close()
