"""Tests of fail-points."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipelines.storage.failpoint import arm, reached
from tests.support.project import PROJECT


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm({})


def test_fail_point_fails_at_its_hit_only() -> None:
    arm({"KHOBOR_FAILPOINT": "commit.renamed:3=enospc", "KHOBOR_TESTING": "1"})
    for name in ("commit.renamed", "stage.written", "commit.renamed", "stage.written"):
        reached(name)
    with pytest.raises(OSError, match="No space left on device"):
        reached("commit.renamed")
    reached("commit.renamed")


@pytest.mark.parametrize("wanted", ["commit.renamed", "commit.renamed=sleep", "a:0=kill", "=kill", "a:b=kill"])
def test_malformed_fail_point_is_refused(wanted: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        arm({"KHOBOR_FAILPOINT": wanted, "KHOBOR_TESTING": "1"})


def test_fail_point_outside_tests_is_refused() -> None:
    environment = os.environ | {"KHOBOR_FAILPOINT": "stage.written=kill", "KHOBOR_TESTING": ""}
    command = [sys.executable, "-c", "import pipelines.storage.data_folder"]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError: KHOBOR_FAILPOINT is set, which is for tests alone" in done.stderr
