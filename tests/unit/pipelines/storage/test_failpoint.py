"""Tests of fail-points."""

from collections.abc import Iterator

import pytest

from pipelines.storage.failpoint import arm, reached


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
