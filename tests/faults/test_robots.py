"""robots.txt: a file that cannot be read forbids everything."""

from collections.abc import Iterator
from typing import Any

import pytest

from crawler.downloader.robots import bounded_delay
from tests.support.downloader_process import Results, fetch
from tests.support.fault_server import FaultServer

Obeyed = tuple[Results, FaultServer, FaultServer]
ROBOTS: dict[str, Any] = {"ROBOTSTXT_OBEY": True, "LOG_LEVEL": "CRITICAL"}

# Behaviours of robots.txt with the results of a page that it does not mention and of one that it disallows.
TABLE = [
    *((name, 200, 200) for name in ("404", "410", "html")),
    *((name, 200, "robots") for name in ("rules", "8mb")),
    *((name, "robots", "robots") for name in ("all", "bom", "redirect", "markup", "contact")),
    *((name, "robots", "robots") for name in ("hang", "401", "403", "429", "500", "503", "reset")),
    *((name, "robots", "robots") for name in ("loop", "away", "challenge")),
]
UNREADABLE = {
    **{code: f"status {code}" for code in ("401", "403", "429", "500", "503")},
    "reset": "the connection broke off",
    "hang": "timeout before the response was complete",
    "loop": "redirected in a circle",
    "away": "redirected: 127.0.0.1 is not one of the site's hosts",
    "challenge": "a challenge instead",
}


def host(name: str) -> str:
    return f"robots-{name}.test"


@pytest.fixture(scope="module")
def obeyed() -> Iterator[Obeyed]:
    hosts = [host(name) for name, *_ in TABLE]
    urls = [f"https://{each}/ok/{page}" for each in hosts for page in ("free", "secret")]
    with FaultServer() as server, FaultServer() as other:
        server.elsewhere = other.base
        settings = ROBOTS | {"KHOBOR_MIRROR": server.base, "DOWNLOAD_TIMEOUT": 3, "KHOBOR_FIRST_PAUSE_SECONDS": 0.05}
        yield fetch(urls, hosts, **settings), server, other


@pytest.mark.parametrize(("name", "free", "secret"), TABLE)
def test_robots_txt_allows_or_forbids(obeyed: Obeyed, name: str, free: str | int, secret: str | int) -> None:
    found, server, _ = obeyed
    for page, expected in (("free", free), ("secret", secret)):
        assert found.came_of(f"https://{host(name)}/ok/{page}") == expected
        assert server.seen[host(name), f"/ok/{page}"] == (1 if expected == 200 else 0)


@pytest.mark.parametrize(("name", "why"), UNREADABLE.items())
def test_unreadable_robots_txt_has_reason(obeyed: Obeyed, name: str, why: str) -> None:
    assert why in obeyed[0].pages[f"https://{host(name)}/ok/free"]["reason"]


def test_forbidden_page_is_not_counted_unreadable(obeyed: Obeyed) -> None:
    found, *_ = obeyed
    assert "could not be read" not in found.pages[f"https://{host('all')}/ok/free"]["reason"]
    assert found.stats["khobor/robots_unreadable"] == len(UNREADABLE)


def test_robots_txt_is_requested_once_from_host(obeyed: Obeyed) -> None:
    _, server, other = obeyed
    assert {count for (name, target), count in server.seen.items() if target == "/robots.txt"} == {1}
    assert not other.hits


def test_long_robots_txt_is_cut(obeyed: Obeyed) -> None:
    found, server, _ = obeyed
    assert found.megabytes < 200
    assert server.sent["robots_8mb"] < 8 * 2**20 + 10_000


def test_crawl_delay_overrides_settings_and_autothrottle() -> None:
    urls = [f"https://{host('delay')}/ok/{n}" for n in range(3)]
    with FaultServer() as server:
        throttle = {"AUTOTHROTTLE_ENABLED": True, "AUTOTHROTTLE_START_DELAY": 0.01}
        throttle |= {"DOWNLOAD_DELAY": 0.01, "DOWNLOAD_DELAY_JITTER": 0.5}
        found = fetch(urls, [host("delay")], KHOBOR_MIRROR=server.base, ROBOTSTXT_OBEY=True, **throttle)
        assert [found.came_of(url) for url in urls] == [200, 200, 200]
        assert min(server.gaps("ok")) >= 0.9
        assert server.times["ok"][0] - server.times["robots_delay"][0] >= 0.9
        assert found.told["slots"] == {host("delay"): {"delay": 1.0, "concurrency": 1, "jitter": 0}}


def test_spider_receives_sitemaps_before_start() -> None:
    hosts = [host(name) for name in ("rules", "all", "500")]
    asked = [f"https://{name}/" for name in hosts]
    with FaultServer() as server:
        found = fetch([], ["www.paper.test", *hosts], KHOBOR_MIRROR=server.base, with_robots=asked, **ROBOTS)
    rules, none, unreadable = (found.told[url] for url in asked)
    assert rules == {
        "refusal": None,
        "delay": None,
        "sitemaps": ("https://www.paper.test/sitemap.xml", "https://evil.test/s.xml"),
    }
    assert none["sitemaps"] == ()
    assert "status 500" in unreadable["refusal"]


@pytest.mark.parametrize(
    ("seconds", "obeyed"),
    [(None, None), (2, 2), (0.5, 0.5), (0, None), (-3, None), (600, 30), (1e99, 30), (float("inf"), None)],
)
def test_crawl_delay_is_bounded(seconds: float | None, obeyed: float | None) -> None:
    assert bounded_delay(seconds) == obeyed
