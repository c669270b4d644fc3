"""robots.txt is obeyed strictly: what cannot be read forbids everything."""

from collections.abc import Iterator

import pytest

from crawler.downloader.robots import bounded_delay
from tests.support.downloader_process import Results, fetch
from tests.support.fault_server import FaultServer

# What robots.txt answers, and what becomes of a page that it says nothing of, and of one that it names.
TABLE = [
    ("hang", "robots", "robots"),
    ("404", 200, 200),
    ("410", 200, 200),
    ("html", 200, 200),
    ("markup", "robots", "robots"),
    ("contact", "robots", "robots"),
    ("rules", 200, "robots"),
    ("8mb", 200, "robots"),
    ("all", "robots", "robots"),
    ("bom", "robots", "robots"),
    ("redirect", "robots", "robots"),
    ("401", "robots", "robots"),
    ("403", "robots", "robots"),
    ("429", "robots", "robots"),
    ("500", "robots", "robots"),
    ("503", "robots", "robots"),
    ("reset", "robots", "robots"),
    ("loop", "robots", "robots"),
    ("away", "robots", "robots"),
    ("challenge", "robots", "robots"),
]
UNREADABLE = {
    "401": "status 401",
    "403": "status 403",
    "429": "status 429",
    "500": "status 500",
    "503": "status 503",
    "reset": "the connection broke off",
    "hang": "timeout before the response was complete",
    "loop": "redirected in a circle",
    "away": "redirected: 127.0.0.1 is not one of the site's hosts",
    "challenge": "a challenge instead",
}


def host(name: str) -> str:
    return f"robots-{name}.test"


@pytest.fixture(scope="module")
def obeyed() -> Iterator[tuple[Results, FaultServer, FaultServer]]:
    hosts = [host(name) for name, *_ in TABLE]
    urls = [f"https://{each}/ok/{page}" for each in hosts for page in ("free", "secret")]
    with FaultServer() as server, FaultServer() as other:
        server.elsewhere = other.base
        found = fetch(
            urls,
            hosts=hosts,
            KHOBOR_MIRROR=server.base,
            ROBOTSTXT_OBEY=True,
            DOWNLOAD_TIMEOUT=3,
            KHOBOR_FIRST_PAUSE_SECONDS=0.05,
            LOG_LEVEL="CRITICAL",
        )
        yield found, server, other


@pytest.mark.parametrize(("name", "free", "secret"), TABLE)
def test_each_answer_for_robots_txt_allows_or_forbids(
    obeyed: tuple[Results, FaultServer, FaultServer], name: str, free: str | int, secret: str | int
) -> None:
    found, server, _ = obeyed
    for page, expected in (("free", free), ("secret", secret)):
        assert found.came_of(f"https://{host(name)}/ok/{page}") == expected
        assert server.seen[host(name), f"/ok/{page}"] == (1 if expected == 200 else 0)


@pytest.mark.parametrize(("name", "why"), UNREADABLE.items())
def test_a_robots_txt_that_cannot_be_read_says_why(
    obeyed: tuple[Results, FaultServer, FaultServer], name: str, why: str
) -> None:
    found, *_ = obeyed
    assert found.pages[f"https://{host(name)}/ok/free"]["reason"] == f"robots.txt could not be read: {why}"


def test_what_the_rules_forbid_is_told_apart_from_what_could_not_be_read(
    obeyed: tuple[Results, FaultServer, FaultServer],
) -> None:
    found, *_ = obeyed
    assert found.pages[f"https://{host('all')}/ok/free"]["reason"] == "robots.txt forbids it"
    assert found.stats["khobor/robots_unreadable"] == len(UNREADABLE)


def test_robots_txt_is_asked_for_once_and_never_elsewhere(obeyed: tuple[Results, FaultServer, FaultServer]) -> None:
    _, server, other = obeyed
    assert {count for (name, target), count in server.seen.items() if target == "/robots.txt"} == {1}
    assert not other.hits


def test_a_long_robots_txt_costs_little_memory(obeyed: tuple[Results, FaultServer, FaultServer]) -> None:
    found, server, _ = obeyed
    assert found.megabytes < 200
    assert server.sent["robots_8mb"] < 8 * 2**20 + 10_000


def test_a_crawl_delay_holds_against_the_settings_and_autothrottle() -> None:
    urls = [f"https://{host('delay')}/ok/{n}" for n in range(3)]
    with FaultServer() as server:
        found = fetch(
            urls,
            hosts=[host("delay")],
            KHOBOR_MIRROR=server.base,
            ROBOTSTXT_OBEY=True,
            AUTOTHROTTLE_ENABLED=True,
            AUTOTHROTTLE_START_DELAY=0.01,
            DOWNLOAD_DELAY=0.01,
            DOWNLOAD_DELAY_JITTER=0.5,
        )
        assert [found.came_of(url) for url in urls] == [200, 200, 200]
        assert min(server.gaps("ok")) >= 0.9
        assert server.times["ok"][0] - server.times["robots_delay"][0] >= 0.9
        assert found.told["slots"] == {host("delay"): {"delay": 1.0, "concurrency": 1, "jitter": 0}}


def test_a_spider_learns_the_sitemaps_before_it_starts() -> None:
    asked = [f"https://{host(name)}/" for name in ("rules", "all", "500")]
    with FaultServer() as server:
        found = fetch(
            [],
            hosts=["www.paper.test", *(host(name) for name in ("rules", "all", "500"))],
            KHOBOR_MIRROR=server.base,
            ROBOTSTXT_OBEY=True,
            LOG_LEVEL="CRITICAL",
            with_robots=asked,
        )
    rules, none, unreadable = (found.told[url] for url in asked)
    assert rules == {
        "refusal": None,
        "delay": None,
        "sitemaps": ("https://www.paper.test/sitemap.xml", "https://evil.test/s.xml"),
    }
    assert none["sitemaps"] == ()
    assert unreadable["refusal"] == "robots.txt could not be read: status 500"


@pytest.mark.parametrize(
    ("seconds", "obeyed"),
    [(None, None), (2, 2), (0.5, 0.5), (0, None), (-3, None), (600, 30), (1e99, 30), (float("inf"), None)],
)
def test_a_crawl_delay_is_bounded(seconds: float | None, obeyed: float | None) -> None:
    assert bounded_delay(seconds) == obeyed
