"""Downloader: each behaviour of a server ends in its outcome, in little time and memory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.downloader_process import Results, fetch
from tests.support.fault_server import FaultServer, bomb, certified, every_behaviour

Battery = tuple[Results, FaultServer, FaultServer]

EXPECTED = {
    "unreachable": "slow_headers slow_body hang reset_now reset_once close_now",
    200: """cl_no_end_tags chunk_no_end_tags
        ok late gzip br deflate deflate_raw zstd stacked gzip_notgzip gzip_empty close_no_len close_no_len_half
        rst_no_len s200_empty soft404 challenge_200 too_many_connections deep_100k title_1mb nul bad_utf8
        surrogate_bytes ansi_title xss_title csv_title charset_lie_header charset_lie_meta charset_bogus
        type_png_as_html html_as_pdf json_as_html links_evil redir_ok redir_hops refresh_internal""",
    204: "s204",
    "gone": "s404 s410",
    "blocked": "s401 s403 s429 challenge_403 s429_ra_seconds s429_ra_date s429_ra_negative s429_ra_garbage"
    " s429_far_year",
    "http_error": "s451 s500 s502 s503 status_999 s503_then_ok",
    "corrupt": """cl_shorter
        cl_longer cl_conflict cl_negative chunk_cut chunk_noend http09 garbage status_txt gzip_half br_half
        status_huge deflate_half zstd_half gzip_badcrc enc_unknown stacked_9""",
    "too_large": """cl_huge header_200k headers_20000 headers_endless informational_endless big_300mb endless_chunks
        nodes_3m bomb_gzip bomb_br bomb_deflate bomb_zstd bomb_gzip2""",
    "redirect_loop": "redir_self redir_chain_30 redir_empty",
    "offsite": "redir_offsite redir_internal redir_port",
    "invalid_url": "redir_badloc redir_file redir_data",
}
TABLE = [(name, result) for result, names in EXPECTED.items() for name in names.split()]


def address(name: str) -> str:
    return f"https://www.paper.test/{name}/3"


@pytest.fixture(scope="module")
def battery() -> Iterator[Battery]:
    with FaultServer() as server, FaultServer() as other:
        server.elsewhere = other.base
        for encoding in ("gzip", "br", "deflate", "zstd", "gzip2"):
            bomb(encoding, server.bomb_size)  # cached: to make one delays other responses
        large = EXPECTED["too_large"].split()  # reaching the limit may take more than 3 s
        urls = [address(name) for name, _ in TABLE if name not in large]
        settings = {"KHOBOR_MIRROR": server.base, "KHOBOR_FIRST_PAUSE_SECONDS": 0.01}
        found = fetch(urls, **settings, DOWNLOAD_TIMEOUT=3)
        more = fetch([address(name) for name in large], **settings, seconds=200, DOWNLOAD_TIMEOUT=180)
        pages, megabytes = found.pages | more.pages, max(found.megabytes, more.megabytes)
        yield replace(found, pages=pages, megabytes=megabytes, log=found.log + more.log), server, other


def test_every_behaviour_has_an_expected_outcome() -> None:
    assert sorted(name for name, _ in TABLE) == sorted(set(every_behaviour()) - {"s429_ra_insane"})


@pytest.mark.parametrize(("name", "result"), TABLE)
def test_behaviour_ends_in_its_outcome(battery: Battery, name: str, result: str | int) -> None:
    assert battery[0].came_of(address(name)) == result


def test_battery_stays_onsite_and_within_limits(battery: Battery) -> None:
    found, server, other = battery
    assert not other.hits
    assert server.hits["redir_chain_30"] == 6
    assert len(found.pages) == len(TABLE)
    assert found.megabytes < 300
    assert found.log == ""


@pytest.mark.parametrize("name", ["big_300mb", "endless_chunks", "headers_endless", "informational_endless", "cl_huge"])
def test_flood_is_cut_early(battery: Battery, name: str) -> None:
    assert battery[1].sent[name] < 30 * 2**20  # includes the socket buffers


@pytest.mark.parametrize("name", ["gzip", "br", "deflate", "deflate_raw", "zstd", "stacked", "gzip_notgzip"])
def test_compressed_page_arrives_unchanged(battery: Battery, name: str) -> None:
    pages = battery[0].pages
    assert pages[address(name)]["body"] == pages[address("ok")]["body"]


@pytest.mark.parametrize(
    ("host", "trusted", "result"),
    [
        ("localhost", True, 200),
        ("localhost", False, "the certificate or the encryption is not valid"),
        ("127.0.0.1", True, "the certificate is not the host's"),
    ],
)
def test_invalid_certificate_is_not_accepted(tmp_path: Path, host: str, trusted: bool, result: str | int) -> None:
    file = tmp_path / "localhost.pem"
    environment = {"SSL_CERT_FILE": str(file)} if trusted else {}
    with FaultServer(tls=certified(file)) as server:
        mirror = server.base.replace("http://127.0.0.1", f"https://{host}")
        page = fetch([address("ok")], KHOBOR_MIRROR=mirror, with_environment=environment).pages[address("ok")]
    assert page.get("reason", page.get("status")) == result
    assert page.get("outcome") in (None, "unreachable")
