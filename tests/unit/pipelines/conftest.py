"""Fixtures of the pipelines' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import LedgerFolder


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[LedgerFolder]:
    kept = LedgerFolder.at(tmp_path / "data")
    yield kept
    kept.close()
