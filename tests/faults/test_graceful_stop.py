"""Graceful stop: a run ends within seconds, whatever it waits for."""

from typing import Any

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
def test_stop_ends_run_within_seconds(names: list[str], settings: dict[str, Any]) -> None:
    urls = [f"https://www.paper.test/{name}" for name in names]
    settings = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "LOG_LEVEL": "CRITICAL", "with_stop": 0.5} | settings
    with FaultServer() as server:
        found = fetch(urls, KHOBOR_MIRROR=server.base, **settings)
        assert found.reason == "stopped"
        assert found.seconds < found.told["stopped_at"] + 4
        assert server.hits.total() == 1


def test_interrupted_page_is_pending() -> None:
    url = "https://www.paper.test/hang"
    with FaultServer() as server:
        found = fetch([url], KHOBOR_MIRROR=server.base, DOWNLOAD_TIMEOUT=30, KHOBOR_SHUTDOWN_SECONDS=0.2, with_stop=0.3)
        assert "run ended" in found.pages[url]["reason"]
        assert found.came_of(url) == "pending"


def test_page_within_shutdown_time_is_kept() -> None:
    url = "https://www.paper.test/late"
    with FaultServer() as server:
        found = fetch([url], KHOBOR_MIRROR=server.base, KHOBOR_SHUTDOWN_SECONDS=5, with_stop=0.3)
        assert found.came_of(url) == 200
