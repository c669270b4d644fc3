"""Server of forks for tests that kill runs."""

import pytest

from tests.support.fork_server import ForkServer, fork_server


@pytest.fixture(scope="session")
def server() -> ForkServer:
    return fork_server()
