"""Mirror: serves all hosts of the site; no other host is contacted."""

import socket

import pytest

from crawler.downloader.mirror import is_listening, read_mirror
from tests.support.downloader_process import fetch
from tests.support.fault_server import FaultServer


@pytest.mark.parametrize(
    ("text", "mirror"),
    [("http://127.0.0.1:8137", "http://127.0.0.1:8137"), (" http://127.0.0.1:8137/ ", "http://127.0.0.1:8137"),
     ("HTTP://LOCALHOST", "http://localhost:80"), ("https://mirror.test", "https://mirror.test:443"),
     ("http://[::1]:8137", "http://[::1]:8137")],
)  # fmt: skip
def test_valid_mirror_is_normalised(text: str, mirror: str) -> None:
    assert read_mirror(text) == mirror


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("127.0.0.1:8137", "should look like http://127.0.0.1:8137"), ("localhost", "should look like"),
     ("ftp://127.0.0.1:8137", "should look like"), ("http://", "should look like"),
     ("http://127.0.0.1:8137/news", "should end after the port"),
     ("http://127.0.0.1:8137/?a=b", "should end after the port"),
     ("http://127.0.0.1:8137#x", "should end after the port"),
     ("http://user:secret@127.0.0.1:8137", "must not contain a user name"), ("http://127.0.0.1:port", "is not a URL"),
     ("http://127.0.0.1:99999", "is not a URL"), ("http://127.0.0.1:0", "no port"), ("http://[", "is not a URL"),
     ("", "should look like")],
)  # fmt: skip
def test_invalid_mirror_raises_value_error(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_mirror(text)


def test_is_listening_connects_to_mirror() -> None:
    with FaultServer() as server:
        assert is_listening(server.base)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert not is_listening(f"http://127.0.0.1:{taken.getsockname()[1]}", seconds=0.5)


def test_mirror_serves_all_own_hosts() -> None:
    urls = [
        "https://www.paper.test/ok/1?page=2",
        "http://www.paper.test/ok/2",
        "https://paper.test/ok/3",
        "https://localhost/ok/4",
        "https://www.paper.test/redir_ok",
    ]
    with FaultServer() as server:
        found = fetch(urls, hosts=["www.paper.test", "paper.test", "localhost"], KHOBOR_MIRROR=server.base)
        assert [found.pages[url]["url"] for url in urls[:4]] == urls[:4]
        assert found.pages[urls[4]]["url"] == "https://www.paper.test/ok/after-a-redirect"
        assert server.seen["www.paper.test", "/ok/1?page=2"] == 1
        assert server.hosts == {"www.paper.test": 4, "paper.test": 1, "localhost": 1}


def test_only_mirror_is_contacted() -> None:
    names = ["redir_offsite", "redir_internal", "redir_port", "redir_file", "redir_data", "refresh_internal"]
    urls = [f"https://www.paper.test/{name}" for name in names] + ["https://offsite.test/ok", "http://127.0.0.1/ok"]
    with FaultServer() as server, FaultServer() as other:
        server.elsewhere = other.base
        found = fetch(urls, KHOBOR_MIRROR=server.base)
        assert not other.hits
        assert "offsite.test" not in server.hosts
        outcomes = [found.came_of(url) for url in urls]
        assert outcomes == ["offsite", "offsite", "offsite", "invalid_url", "invalid_url", 200, "offsite", "offsite"]


def test_invalid_mirror_contacts_no_host() -> None:
    url = "https://www.paper.test/ok"
    found = fetch([url], KHOBOR_MIRROR="http://127.0.0.1:1/path", LOG_LEVEL="CRITICAL")
    assert found.came_of(url) == "invalid_url"
