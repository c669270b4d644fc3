"""Nobody but the site's own hosts, at public addresses, is ever asked."""

from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from crawler.downloader.allowed_hosts import is_public, url_error
from tests.support.downloader_process import Results, fetch
from tests.support.fault_server import Hostile, evil_links

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
def test_only_own_hosts_on_their_ports_are_addresses_to_ask_for(url: str, outcome: str | None) -> None:
    refusal = url_error(url, HOSTS)
    assert (refusal and refusal.outcome) == outcome


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "[::1]"])
def test_a_number_is_refused_even_where_it_is_named_as_a_host(host: str) -> None:
    assert url_error(f"http://{host}/", [host.strip("[]")]) is not None


def test_of_a_page_of_odd_links_only_the_good_ones_pass() -> None:
    base = "https://www.paper.test/world/"
    passed = []
    for link in evil_links(Hostile()):
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
def test_an_address_is_public_only_where_it_and_what_it_wraps_are(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.fixture(scope="module")
def direct() -> Iterator[tuple[Results, Hostile, str]]:
    """A crawl without a mirror, of hosts that lead to this machine."""
    with Hostile() as server:
        port = server.base.rpartition(":")[2]
        urls = [
            "http://localhost/ok",
            "http://127.0.0.1/ok",
            f"http://localhost:{port}/ok",
            f"http://127.0.0.1:{port}/ok",
            "http://user:secret@localhost/ok",
            "file:///etc/hostname",
            "https://elsewhere.test/",
        ]
        yield fetch(urls, hosts=["localhost", "127.0.0.1"], ROBOTSTXT_OBEY=False), server, port


@pytest.mark.parametrize(
    ("url", "outcome", "reason"),
    [
        ("http://localhost/ok", "offsite", "localhost resolves to 127.0.0.1, which is not a public address"),
        ("http://127.0.0.1/ok", "offsite", "127.0.0.1 is not one of the site's hosts"),
        ("http://localhost:{port}/ok", "offsite", "port {port} is not the site's"),
        ("http://127.0.0.1:{port}/ok", "offsite", "127.0.0.1 is not one of the site's hosts"),
        ("http://user:secret@localhost/ok", "invalid_url", "the URL contains a user name"),
        ("file:///etc/hostname", "invalid_url", "scheme 'file' is not http or https"),
        ("https://elsewhere.test/", "offsite", "elsewhere.test is not one of the site's hosts"),
    ],
)
def test_without_a_mirror_this_machine_is_not_asked(
    direct: tuple[Results, Hostile, str], url: str, outcome: str, reason: str
) -> None:
    found, server, port = direct
    page = found.pages[url.format(port=port)]
    assert (page["outcome"], page["reason"]) == (outcome, reason.format(port=port))
    assert not server.hits


def test_a_private_address_is_not_asked_for_again(direct: tuple[Results, Hostile, str]) -> None:
    found, *_ = direct
    assert "retry/count" not in found.stats
    assert found.log == ""


def test_a_spider_that_names_no_hosts_asks_nobody() -> None:
    with Hostile() as server:
        found = fetch(["http://www.paper.test/ok"], hosts=["nobody.test"], KHOBOR_MIRROR=server.base)
        assert found.came_of("http://www.paper.test/ok") == "offsite"
        assert not server.hits
