"""Fixtures for tests that kill runs."""

import os
import secrets

import pytest

from tests.support.fork_server import ForkServer, fork_server


@pytest.fixture
def seed() -> int:
    """Return a random seed, or ``KHOBOR_SEED``; the seed is printed when the test fails.

    A kill at a point of time cannot be repeated exactly.
    """
    seed = int(os.environ.get("KHOBOR_SEED") or secrets.randbelow(10**6))
    print(f"KHOBOR_SEED={seed}")
    return seed


@pytest.fixture(scope="session")
def server() -> ForkServer:
    return fork_server()
