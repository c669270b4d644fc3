"""Property tests: a few examples in each run of the tests, ten thousand under `make soak`."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

#: Decorator of a test with the argument ``examples``.
examples = pytest.mark.parametrize(
    "examples", [100, pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)


def holds(check: Callable[..., None], *strategies: Any, examples: int) -> None:
    """Run a check on examples of the strategies; the same ones each time, so that a failure can be repeated."""
    limits = settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    limits(given(*strategies)(check))()
