"""Retries: pauses per host, Retry-After by the clock of the server, and a limit of failures."""

from datetime import UTC, datetime
from typing import Any

import pytest

from crawler.downloader.retry import retry_after_seconds
from tests.support.downloader_process import fetch
from tests.support.fault_server import FaultServer, bomb

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTS = ["www.paper.test", "quick.test"]
ONE_AT_A_TIME: dict[str, Any] = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "RETRY_TIMES": 2, "LOG_LEVEL": "CRITICAL"}
A_SECOND = 0.9  # the server may record the first of two requests late


def address(path: str, host: str = "www.paper.test") -> str:
    return f"https://{host}/{path}"


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        *(("3", 3), (" 120 ", 120), ("999999999", 999999999), ("9" * 400, 999999999999)),
        *(("Sun, 22 Nov 2026 12:00:04 GMT", 4), ("Sunday, 22-Nov-26 12:00:04 GMT", 4)),
        *(("Sun, 22 Nov 2026 18:00:04 +0600", 4), ("Sun, 22 Nov 2026 11:00:00 GMT", None)),
        *((value, None) for value in ("0", "-5", "2.5", "৩", "soon", "Sun, 99 Nov 2026 12:00:04 GMT", "", None)),
        *((f"Mon, 20 Nov {rest}", None) for rest in ("9999999999 12:00:00 GMT", "2026 12:00:00 +9999999999999999")),
        *((value, None) for value in ("Mon, 1 Jan 1 00:00:00 +2300", f"Mon, 20 Nov 2026 {'9' * 5000}:00:00 GMT")),
    ],
)
def test_retry_after_is_number_or_date(retry_after: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(retry_after, NOON) == seconds


def test_retry_after_delays_only_its_host() -> None:
    slow = [address("s429_ra_seconds/1"), *(address(f"ok/{n}") for n in range(4))]
    quick = [address(f"gzip/{n}", "quick.test") for n in range(4)]
    with FaultServer() as server:
        settings = ONE_AT_A_TIME | {"KHOBOR_FIRST_PAUSE_SECONDS": 0.1, "CONCURRENT_REQUESTS": 2}
        found = fetch([*slow, *quick], HOSTS, KHOBOR_MIRROR=server.base, **settings)
        assert {found.came_of(url) for url in [*slow, *quick]} == {200}
        first, second, _ = server.times["s429_ra_seconds"]
        assert min(server.gaps("s429_ra_seconds")) >= A_SECOND
        assert min(server.times["ok"]) >= first + A_SECOND
        assert max(server.times["gzip"]) < second


def test_pause_grows_without_retry_after() -> None:
    with FaultServer() as server:
        found = fetch(
            [address("s503_then_ok")], KHOBOR_MIRROR=server.base, KHOBOR_FIRST_PAUSE_SECONDS=0.4, **ONE_AT_A_TIME
        )
        assert found.came_of(address("s503_then_ok")) == 200
        first, second = server.gaps("s503_then_ok")
        assert first >= 0.3
        assert second >= 0.7


def test_only_transient_failures_are_retried() -> None:
    tries = {
        "reset_once": 2,
        "gzip_half": 2,
        **dict.fromkeys(("s500", "reset_now", "close_now", "cl_longer", "too_many_connections", "s429_ra_negative"), 3),
        **dict.fromkeys(("s403", "s404", "challenge_200", "redir_offsite", "cl_huge", "bomb_gzip", "headers_20000"), 1),
    }
    # A good page after each bad one, so that the host is not given up.
    urls = [address(path) for name in tries for path in (name, f"ok/{name}")]
    with FaultServer() as server:
        bomb("gzip", server.bomb_size)  # cached: to make it may take longer than the timeout
        settings = ONE_AT_A_TIME | {"KHOBOR_FIRST_PAUSE_SECONDS": 0.05, "RETRY_PRIORITY_ADJUST": 1000}
        # On a busy machine, the large ones need longer than the usual two seconds.
        found = fetch(urls, KHOBOR_MIRROR=server.base, seconds=200, DOWNLOAD_TIMEOUT=90, **settings)
        assert {name: server.hits[name] for name in tries} == tries
        assert found.came_of(address("reset_once")) == 200
        assert found.reason == "finished"


def test_unknown_host_name_is_unreachable() -> None:
    urls = [f"http://www.paper.invalid/{n}" for n in range(8)]
    found = fetch(urls, ["www.paper.invalid"], KHOBOR_MAX_HOST_FAILURES=5, **ONE_AT_A_TIME)
    assert {page["outcome"] for page in found.pages.values()} == {"unreachable"}
    assert all("name" in page["reason"] for page in found.pages.values())
    assert found.reason == "unreachable"


def test_failing_host_gets_fewer_retries() -> None:
    urls = [address(f"s500/{n}") for n in range(30)]
    with FaultServer() as server:
        found = fetch(
            urls, KHOBOR_MIRROR=server.base, KHOBOR_MAX_HOST_FAILURES=5, RETRY_PRIORITY_ADJUST=1000, **ONE_AT_A_TIME
        )
        assert [server.seen["www.paper.test", f"/s500/{n}"] for n in range(6)] == [3, 3, 1, 1, 1, 0]
        assert found.reason == "unreachable"


def test_run_goes_on_with_other_hosts() -> None:
    urls = [address(f"s500/{n}") for n in range(8)] + [address(f"ok/{n}", "quick.test") for n in range(8)]
    with FaultServer() as server:
        found = fetch(urls, HOSTS, KHOBOR_MIRROR=server.base, KHOBOR_MAX_HOST_FAILURES=3, **ONE_AT_A_TIME)
        assert [found.came_of(url) for url in urls[8:]] == [200] * 8
        assert [found.came_of(url) for url in urls[3:8]] == ["unreachable"] * 5
        assert server.hits["s500"] == 3
        assert found.reason == "finished"


def test_few_bad_pages_keep_host_reachable() -> None:
    urls = [address(f"{name}/{n}") for n in range(3) for name in ("s500", "ok", "s404", "reset_now")]
    with FaultServer() as server:
        found = fetch(urls, KHOBOR_MIRROR=server.base, KHOBOR_MAX_HOST_FAILURES=3, **ONE_AT_A_TIME)
        assert found.reason == "finished"
        assert len(found.pages) == len(urls)
        assert server.hits["s500"] == server.hits["reset_now"] == 9


def test_total_of_pauses_is_limited() -> None:
    urls = [address(f"{name}/{n}") for n in range(4) for name in ("s503", "ok")]
    with FaultServer() as server:
        settings = ONE_AT_A_TIME | {"KHOBOR_FIRST_PAUSE_SECONDS": 0.3, "KHOBOR_MAX_BACKOFF_SECONDS": 0.7}
        found = fetch(urls, KHOBOR_MIRROR=server.base, **settings)
        assert found.reason == "deferred"
        assert found.stats["khobor/pause_seconds"] <= 0.7
