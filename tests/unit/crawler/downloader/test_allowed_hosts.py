"""Host guard: only the site's hosts at public addresses are contacted."""

from urllib.parse import urljoin

import pytest

from crawler.downloader.allowed_hosts import is_public, url_error
from tests.support.downloader_process import fetch
from tests.support.fault_server import FaultServer, evil_links

HOSTS = ("www.paper.test", "paper.test")


URLS = {
    None: """https://www.paper.test/world/1 http://paper.test HTTPS://WWW.PAPER.TEST:443/x?y#z
        http://www.paper.test:80/""",
    "offsite": """https://sub.www.paper.test/ https://www.paper.test.evil.test/ https://www.paper.test./
        https://evil.test/?www.paper.test https://www.paper.test:8443/ https://www.paper.test:80/ http://127.0.0.1/
        http://[::1]/ http://2130706433/""",
    "invalid_url": """http://www.paper.test:99999/ http://user@www.paper.test/ http://user:secret@www.paper.test/
        http://www.paper.test@evil.test/ ftp://www.paper.test/ file:///etc/passwd data:text/html,x javascript:alert(1)
        //www.paper.test/ http:///x http://[""",
}


@pytest.mark.parametrize(
    ("url", "outcome"), [("", "invalid_url"), *((url, outcome) for outcome in URLS for url in URLS[outcome].split())]
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


PUBLIC = "93.184.216.34 104.16.1.1 2606:4700::1111 ::ffff:93.184.216.34 64:ff9b::5db8:d822"
PRIVATE = """127.0.0.1 0.0.0.0 10.0.0.5 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.2.1 198.18.0.1 224.0.0.1
    255.255.255.255 240.0.0.1 ::1 :: fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::7f00:1
    2002:7f00:0001:: 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 2001:0:5db8:d822:0:0:80ff:fffe"""


@pytest.mark.parametrize("address", [*PUBLIC.split(), *PRIVATE.split()])
def test_embedded_addresses_must_be_public(address: str) -> None:
    assert is_public(address) is (address in PUBLIC.split())


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
