"""A host in trouble gets its pauses, by its own clock, and is not asked in vain for long."""

from datetime import UTC, datetime

import pytest

from crawler.downloader.retry import retry_after_seconds
from tests.support.downloader_process import fetch
from tests.support.fault_server import FaultServer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ONE_AT_A_TIME = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "RETRY_TIMES": 2, "LOG_LEVEL": "CRITICAL"}


# By the server's clock, which may be late in noting the first of two requests.
A_SECOND = 0.9


def address(path: str, host: str = "www.paper.test") -> str:
    return f"https://{host}/{path}"


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("3", 3),
        (" 120 ", 120),
        ("999999999", 999999999),
        ("9" * 400, 999999999999),
        ("Sun, 22 Nov 2026 12:00:04 GMT", 4),
        ("Sunday, 22-Nov-26 12:00:04 GMT", 4),
        ("Sun, 22 Nov 2026 18:00:04 +0600", 4),
        ("Sun, 22 Nov 2026 11:00:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("2.5", None),
        ("৩", None),
        ("soon", None),
        ("Sun, 99 Nov 2026 12:00:04 GMT", None),
        ("Mon, 20 Nov 9999999999 12:00:00 GMT", None),
        ("Mon, 20 Nov 2026 12:00:00 +9999999999999999", None),
        ("Mon, 1 Jan 1 00:00:00 +2300", None),
        (f"Mon, 20 Nov 2026 {'9' * 5000}:00:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_nothing_else(retry_after: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(retry_after, NOON) == seconds


def test_retry_after_holds_for_the_whole_host_and_for_no_other() -> None:
    slow = [address("s429_ra_seconds/1"), *(address(f"ok/{n}") for n in range(4))]
    quick = [address(f"gzip/{n}", "quick.test") for n in range(4)]
    with FaultServer() as server:
        found = fetch(
            [*slow, *quick],
            hosts=["www.paper.test", "quick.test"],
            KHOBOR_MIRROR=server.base,
            KHOBOR_FIRST_PAUSE_SECONDS=0.1,
            CONCURRENT_REQUESTS=2,
            **ONE_AT_A_TIME,
        )
        assert {found.came_of(url) for url in [*slow, *quick]} == {200}
        first, second, _ = server.times["s429_ra_seconds"]
        assert min(server.gaps("s429_ra_seconds")) >= A_SECOND
        assert min(server.times["ok"]) >= first + A_SECOND
        assert max(server.times["gzip"]) < second


def test_retry_after_may_be_a_date() -> None:
    with FaultServer() as server:
        found = fetch([address("s429_ra_date/2")], KHOBOR_MIRROR=server.base, **ONE_AT_A_TIME)
        assert found.came_of(address("s429_ra_date/2")) == 200
        assert server.gaps("s429_ra_date")[0] >= A_SECOND


def test_without_retry_after_a_host_rests_longer_each_time() -> None:
    with FaultServer() as server:
        found = fetch(
            [address("s503_then_ok")], KHOBOR_MIRROR=server.base, KHOBOR_FIRST_PAUSE_SECONDS=0.4, **ONE_AT_A_TIME
        )
        assert found.came_of(address("s503_then_ok")) == 200
        first, second = server.gaps("s503_then_ok")
        assert first >= 0.3
        assert second >= 0.7


def test_what_may_pass_is_tried_again_and_what_will_not_is_not() -> None:
    tries = {
        "reset_once": 2,
        "s500": 3,
        "reset_now": 3,
        "close_now": 3,
        "cl_longer": 3,
        "too_many_connections": 3,
        "s429_ra_negative": 3,
        "gzip_half": 2,
        "s403": 1,
        "s404": 1,
        "challenge_200": 1,
        "redir_offsite": 1,
        "cl_huge": 1,
        "bomb_gzip": 1,
        "headers_20000": 1,
    }
    # Between two bad pages a good one, so that the host is not taken to be in trouble.
    urls = [address(path) for name in tries for path in (name, f"ok/{name}")]
    with FaultServer() as server:
        found = fetch(
            urls,
            KHOBOR_MIRROR=server.base,
            KHOBOR_FIRST_PAUSE_SECONDS=0.05,
            RETRY_PRIORITY_ADJUST=1000,
            **ONE_AT_A_TIME,
        )
        assert {name: server.hits[name] for name in tries} == tries
        assert found.came_of(address("reset_once")) == 200
        assert found.reason == "finished"


@pytest.mark.parametrize(
    ("name", "reason", "outcome"),
    [("s500", "unreachable", "unreachable"), ("s403", "blocked", "blocked"), ("challenge_200", "blocked", "blocked")],
)
def test_a_host_that_only_fails_is_given_up_after_a_few_requests(name: str, reason: str, outcome: str) -> None:
    urls = [address(f"{name}/{n}") for n in range(30)]
    with FaultServer() as server:
        found = fetch(
            urls, KHOBOR_MIRROR=server.base, KHOBOR_MAX_HOST_FAILURES=5, CONCURRENT_REQUESTS=16, **ONE_AT_A_TIME
        )
        assert server.hits[name] == 5
        assert found.reason == reason
        assert found.stats[f"khobor/given_up/{reason}"] == 1
        assert {page["outcome"] for page in list(found.pages.values())[5:]} <= {outcome}


def test_a_name_that_cannot_be_found_is_an_unreachable_host() -> None:
    urls = [f"http://www.paper.invalid/{n}" for n in range(8)]
    found = fetch(urls, hosts=["www.paper.invalid"], KHOBOR_MAX_HOST_FAILURES=5, **ONE_AT_A_TIME)
    told = {(page["outcome"], page["reason"]) for page in found.pages.values()}
    assert told == {("unreachable", "the host's name was not found")}
    assert found.reason == "unreachable"


def test_a_host_in_trouble_gets_fewer_tries() -> None:
    urls = [address(f"s500/{n}") for n in range(30)]
    with FaultServer() as server:
        found = fetch(
            urls,
            KHOBOR_MIRROR=server.base,
            KHOBOR_MAX_HOST_FAILURES=5,
            RETRY_PRIORITY_ADJUST=1000,
            **ONE_AT_A_TIME,
        )
        assert [server.seen["www.paper.test", f"/s500/{n}"] for n in range(6)] == [3, 3, 1, 1, 1, 0]
        assert found.reason == "unreachable"


def test_a_host_that_is_given_up_ends_the_run_only_where_it_is_the_last() -> None:
    urls = [address(f"s500/{n}") for n in range(8)] + [address(f"ok/{n}", "quick.test") for n in range(8)]
    with FaultServer() as server:
        found = fetch(
            urls,
            hosts=["www.paper.test", "quick.test"],
            KHOBOR_MIRROR=server.base,
            KHOBOR_MAX_HOST_FAILURES=3,
            **ONE_AT_A_TIME,
        )
        assert [found.came_of(url) for url in urls[8:]] == [200] * 8
        assert [found.came_of(url) for url in urls[3:8]] == ["unreachable"] * 5
        assert server.hits["s500"] == 3
        assert found.reason == "finished"


def test_a_few_bad_pages_do_not_make_a_host_unreachable() -> None:
    urls = [address(f"{name}/{n}") for n in range(3) for name in ("s500", "ok", "s404", "reset_now")]
    with FaultServer() as server:
        found = fetch(urls, KHOBOR_MIRROR=server.base, KHOBOR_MAX_HOST_FAILURES=3, **ONE_AT_A_TIME)
        assert found.reason == "finished"
        assert len(found.pages) == len(urls)
        assert server.hits["s500"] == server.hits["reset_now"] == 9


def test_a_pause_beyond_the_runs_patience_ends_the_run_at_once() -> None:
    urls = [address("s429_ra_insane"), *(address(f"ok/{n}") for n in range(5))]
    with FaultServer() as server:
        found = fetch(urls, KHOBOR_MIRROR=server.base, **ONE_AT_A_TIME)
        assert found.reason == "deferred"
        assert found.seconds < 5
        assert found.came_of(urls[0]) == "blocked"
        assert server.hits["ok"] == 0


def test_many_small_pauses_use_up_the_patience_too() -> None:
    urls = [address(f"{name}/{n}") for n in range(4) for name in ("s503", "ok")]
    with FaultServer() as server:
        found = fetch(
            urls,
            KHOBOR_MIRROR=server.base,
            KHOBOR_FIRST_PAUSE_SECONDS=0.3,
            KHOBOR_MAX_BACKOFF_SECONDS=0.7,
            **ONE_AT_A_TIME,
        )
        assert found.reason == "deferred"
        assert found.stats["khobor/pause_seconds"] <= 0.7
