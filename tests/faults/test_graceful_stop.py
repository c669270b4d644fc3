"""A run that is told to stop stops, whatever it is waiting for."""

import pytest

from tests.support.downloader_process import fetch
from tests.support.fault_server import FaultServer


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        (["s429_ra_seconds/30", "ok/1", "ok/2"], {"RETRY_TIMES": 2}),
        (["ok/1", "ok/2", "ok/3"], {"DOWNLOAD_DELAY": 30, "DOWNLOAD_DELAY_JITTER": 0}),
        (["slow_body", "ok/1"], {"DOWNLOAD_TIMEOUT": 30, "KHOBOR_SHUTDOWN_SECONDS": 0.3}),
        (["hang", "ok/1"], {"DOWNLOAD_TIMEOUT": 30, "KHOBOR_SHUTDOWN_SECONDS": 0.3, "RETRY_TIMES": 2}),
    ],
    ids=["in a pause", "between requests", "in a slow page", "before an answer"],
)
def test_a_stop_ends_the_run_within_seconds(names: list[str], settings: dict[str, float]) -> None:
    urls = [f"https://www.paper.test/{name}" for name in names]
    with FaultServer() as server:
        found = fetch(
            urls,
            KHOBOR_MIRROR=server.base,
            CONCURRENT_REQUESTS_PER_DOMAIN=1,
            LOG_LEVEL="CRITICAL",
            with_stop=0.5,
            **settings,
        )
        assert found.reason == "stopped"
        assert found.seconds < found.told["stopped_at"] + 4
        assert server.hits.total() == 1


def test_what_was_under_way_when_the_run_ended_is_due_in_the_next() -> None:
    url = "https://www.paper.test/hang"
    with FaultServer() as server:
        found = fetch([url], KHOBOR_MIRROR=server.base, DOWNLOAD_TIMEOUT=30, KHOBOR_SHUTDOWN_SECONDS=0.2, with_stop=0.3)
        assert found.pages[url]["reason"] == "the run ended before the whole answer came"
        assert found.came_of(url) == "pending"


def test_a_page_that_arrives_within_the_grace_is_kept() -> None:
    url = "https://www.paper.test/late"
    with FaultServer() as server:
        found = fetch([url], KHOBOR_MIRROR=server.base, KHOBOR_SHUTDOWN_SECONDS=5, with_stop=0.3)
        assert found.came_of(url) == 200
