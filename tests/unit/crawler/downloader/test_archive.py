"""Responses as the archive gets them, from a real server."""

import gzip
from typing import Any

import pytest

from tests.support.downloader_process import Results, fetch
from tests.support.fault_server import FaultServer, raw, redirect

HOST = "https://www.paper.test"
ROBOTS_HOST = "robots-8mb.test"
raw("not_modified", lambda visit: b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')
redirect("hop", lambda visit: "/ok/after")
PATHS = (
    "ok",
    "gzip",
    "hop",
    "s404",
    "s503",
    "close_no_len",
    "chunk_no_end_tags",
    "chunk_cut",
    "cl_longer",
    "big_300mb",
)


@pytest.fixture(scope="module")
def found() -> Results:
    urls = [f"{HOST}/{path}/1" for path in (*PATHS, "not_modified")]
    with FaultServer() as server:
        return fetch(
            urls,
            ["www.paper.test", ROBOTS_HOST],
            KHOBOR_MIRROR=server.base,
            RETRY_TIMES=1,
            ROBOTSTXT_OBEY=True,
            with_robots=[f"https://{ROBOTS_HOST}/"],
        )


def archived(found: Results, path: str) -> list[dict[str, Any]]:
    return [exchange for exchange in found.archived if exchange["url"] == f"{HOST}/{path}"]


def test_redirects_retries_and_robots_are_archived(found: Results) -> None:
    statuses = {path: [exchange["status"] for exchange in archived(found, path)] for path in ("hop/1", "ok/after")}
    assert statuses == {"hop/1": [302], "ok/after": [200]}
    assert [exchange["status"] for exchange in archived(found, "s503/1")] == [503, 503]
    assert [exchange["status"] for exchange in archived(found, "not_modified/1")] == [304]
    assert archived(found, "not_modified/1")[0]["headers"] == [(b"Etag", b'"a"')]


def test_bodies_are_archived_as_sent(found: Results) -> None:
    [page], [gzipped] = archived(found, "ok/1"), archived(found, "gzip/1")
    assert gzip.decompress(gzipped["body"]) == page["body"]
    assert [page[name] for name in ("is_chunked", "truncated", "protocol")] == [False, None, "HTTP/1.1"]


@pytest.mark.parametrize(
    ("path", "is_chunked", "truncated"),
    [
        ("close_no_len", False, None),
        ("chunk_no_end_tags", True, None),
        ("chunk_cut", True, "disconnect"),
        ("cl_longer", False, "disconnect"),
    ],
)
def test_end_of_body_is_told_apart(found: Results, path: str, is_chunked: bool, truncated: str | None) -> None:
    exchange, *_ = archived(found, f"{path}/1")
    assert (exchange["is_chunked"], exchange["truncated"], bool(exchange["body"])) == (is_chunked, truncated, True)


def test_responses_above_the_limit_are_not_archived(found: Results) -> None:
    assert archived(found, "big_300mb/1") == []
    [robots] = [exchange for exchange in found.archived if exchange["url"] == f"https://{ROBOTS_HOST}/robots.txt"]
    assert robots["truncated"] == "length"
    assert len(robots["body"]) < 2**20
