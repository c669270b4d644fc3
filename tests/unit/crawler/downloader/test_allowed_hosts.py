"""Host guard: only the site's hosts at public addresses are contacted."""

from urllib.parse import urljoin

import pytest

from crawler.downloader.allowed_hosts import is_public, url_error
from tests.support.downloader_process import fetch
from tests.support.fault_server import FaultServer, evil_links

HOSTS = ("www.paper.test", "paper.test")


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("https://www.paper.test/world/1", None),
        ("http://paper.test", None),
        ("HTTPS://WWW.PAPER.TEST:443/x?y#z", None),
        ("http://www.paper.test:80/", None),
        ("https://sub.www.paper.test/", "offsite"),
        ("https://www.paper.test.evil.test/", "offsite"),
        ("https://www.paper.test./", "offsite"),
        ("https://evil.test/?www.paper.test", "offsite"),
        ("https://www.paper.test:8443/", "offsite"),
        ("https://www.paper.test:80/", "offsite"),
        ("http://www.paper.test:99999/", "invalid_url"),
        ("http://127.0.0.1/", "offsite"),
        ("http://[::1]/", "offsite"),
        ("http://2130706433/", "offsite"),
        ("http://user@www.paper.test/", "invalid_url"),
        ("http://user:secret@www.paper.test/", "invalid_url"),
        ("http://www.paper.test@evil.test/", "invalid_url"),
        ("ftp://www.paper.test/", "invalid_url"),
        ("file:///etc/passwd", "invalid_url"),
        ("data:text/html,x", "invalid_url"),
        ("javascript:alert(1)", "invalid_url"),
        ("//www.paper.test/", "invalid_url"),
        ("http:///x", "invalid_url"),
        ("http://[", "invalid_url"),
        ("", "invalid_url"),
    ],
)
def test_url_error_names_outcome(url: str, outcome: str | None) -> None:
    error = url_error(url, HOSTS)
    assert (error and error.outcome) == outcome


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "[::1]"])
def test_numeric_host_is_rejected_even_if_listed(host: str) -> None:
    assert url_error(f"http://{host}/", [host.strip("[]")]) is not None


def test_only_valid_links_of_page_pass() -> None:
    base = "https://www.paper.test/world/"
    passed = []
    for link in evil_links(FaultServer()):
        try:
            url = urljoin(base, link)
        except ValueError:
            continue
        if url_error(url, HOSTS) is None:
            passed.append(link)
    assert [link for link in passed if len(link) < 1000] == ["/ok/good-1", "ok/good-2", "//", "\x00\x01", "#", ""]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("104.16.1.1", True),
        ("2606:4700::1111", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.5", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::7f00:1", False),
        ("2002:7f00:0001::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2001:0:5db8:d822:0:0:80ff:fffe", False),
    ],
)
def test_embedded_addresses_must_be_public(address: str, public: bool) -> None:
    assert is_public(address) is public


REASONS = {
    "http://localhost/ok": ("offsite", "localhost resolves to 127.0.0.1"),
    "http://127.0.0.1/ok": ("offsite", "not one of the site's hosts"),
    "http://localhost:8099/ok": ("offsite", "port 8099"),
    "http://127.0.0.1:8099/ok": ("offsite", "not one of the site's hosts"),
    "http://user:secret@localhost/ok": ("invalid_url", "user name"),
    "file:///etc/hostname": ("invalid_url", "scheme 'file'"),
    "https://elsewhere.test/": ("offsite", "not one of the site's hosts"),
}


def test_private_address_is_not_contacted() -> None:
    with FaultServer() as server:
        port = server.base.rpartition(":")[2]
        urls = {url.replace("8099", port): expected for url, expected in REASONS.items()}
        found = fetch([*urls], hosts=["localhost", "127.0.0.1"], ROBOTSTXT_OBEY=False)
        assert not server.hits
    for url, (outcome, reason) in urls.items():
        assert found.pages[url]["outcome"] == outcome, url
        assert reason.replace("8099", port) in found.pages[url]["reason"]
    assert "retry/count" not in found.stats
    assert found.log == ""


def test_spider_without_hosts_contacts_no_host() -> None:
    with FaultServer() as server:
        found = fetch(["http://www.paper.test/ok"], hosts=["nobody.test"], KHOBOR_MIRROR=server.base)
        assert found.came_of("http://www.paper.test/ok") == "offsite"
        assert not server.hits
