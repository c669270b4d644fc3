"""Whatever a server sends, each address ends in the outcome that fits, in little time and memory."""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.downloader_process import Results, fetch
from tests.support.fault_server import FaultServer, bomb, every_behaviour
from tests.support.fault_server import certified as certified_context

EXPECTED = {
    "unreachable": "slow_headers slow_body hang reset_now reset_once close_now",
    200: """cl_no_end_tags chunk_no_end_tags
        ok late gzip br deflate deflate_raw zstd stacked gzip_notgzip gzip_empty close_no_len close_no_len_half
        rst_no_len s200_empty soft404 challenge_200 too_many_connections deep_100k title_1mb nul bad_utf8
        surrogate_bytes ansi_title xss_title csv_title charset_lie_header charset_lie_meta charset_bogus
        type_png_as_html html_as_pdf
        json_as_html links_evil redir_ok redir_hops refresh_internal""",
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
def battery() -> Iterator[tuple[Results, FaultServer, FaultServer]]:
    with FaultServer() as server, FaultServer() as other:
        server.elsewhere = other.base
        for encoding in ("gzip", "br", "deflate", "zstd", "gzip2"):
            bomb(encoding, server.bomb_size)  # kept by the server, which would be late for others while it makes one
        large = EXPECTED[
            "too_large"
        ].split()  # on a busy machine, to reach the limit takes longer than a timeout of 3 s
        urls = [address(name) for name, _ in TABLE if name not in large]
        settings = {"KHOBOR_MIRROR": server.base, "KHOBOR_FIRST_PAUSE_SECONDS": 0.01}
        found = fetch(urls, **settings, DOWNLOAD_TIMEOUT=3)
        more = fetch([address(name) for name in large], **settings, seconds=200, DOWNLOAD_TIMEOUT=180)
        pages, megabytes = found.pages | more.pages, max(found.megabytes, more.megabytes)
        yield replace(found, pages=pages, megabytes=megabytes, log=found.log + more.log), server, other


def test_every_behaviour_has_an_expected_outcome() -> None:
    assert sorted(name for name, _ in TABLE) == sorted(set(every_behaviour()) - {"s429_ra_insane"})


@pytest.mark.parametrize(("name", "result"), TABLE)
def test_each_behaviour_ends_in_its_outcome(
    battery: tuple[Results, FaultServer, FaultServer], name: str, result: str | int
) -> None:
    found, *_ = battery
    assert found.came_of(address(name)) == result


def test_no_address_is_lost(battery: tuple[Results, FaultServer, FaultServer]) -> None:
    found, *_ = battery
    assert len(found.pages) == len(TABLE)


def test_the_whole_battery_leaves_memory_flat_and_logs_no_error(
    battery: tuple[Results, FaultServer, FaultServer],
) -> None:
    found, *_ = battery
    assert found.megabytes < 300
    assert found.log == ""


@pytest.mark.parametrize("name", ["big_300mb", "endless_chunks", "headers_endless", "informational_endless", "cl_huge"])
def test_a_flood_is_cut_off_soon(battery: tuple[Results, FaultServer, FaultServer], name: str) -> None:
    # What the server could send includes the buffers of both kernels.
    _, server, _ = battery
    assert server.sent[name] < 30 * 2**20


@pytest.mark.parametrize("name", ["gzip", "br", "deflate", "deflate_raw", "zstd", "stacked", "gzip_notgzip"])
def test_a_compressed_page_arrives_as_it_was(battery: tuple[Results, FaultServer, FaultServer], name: str) -> None:
    found, *_ = battery
    assert found.pages[address(name)]["body"] == found.pages[address("ok")]["body"]


def test_no_other_server_is_asked(battery: tuple[Results, FaultServer, FaultServer]) -> None:
    *_, other = battery
    assert not other.hits


def test_a_redirect_goes_no_further_than_five_hops(battery: tuple[Results, FaultServer, FaultServer]) -> None:
    _, server, _ = battery
    assert server.hits["redir_chain_30"] == 6


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate of its own for `localhost`, and a context that serves it."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    return file, certified_context(file)


@pytest.mark.parametrize(
    ("host", "trusted", "result"),
    [
        ("localhost", True, 200),
        ("localhost", False, "the certificate or the encryption is not valid"),
        (str(ipaddress.ip_address("127.0.0.1")), True, "the certificate is not the host's"),
    ],
)
def test_a_certificate_that_is_not_valid_is_not_accepted(
    certified: tuple[Path, ssl.SSLContext], host: str, trusted: bool, result: str | int
) -> None:
    file, context = certified
    with FaultServer(tls=context) as server:
        found = fetch(
            [address("ok")],
            KHOBOR_MIRROR=server.base.replace("http://127.0.0.1", f"https://{host}"),
            with_environment={"SSL_CERT_FILE": str(file)} if trusted else {},
        )
    page = found.pages[address("ok")]
    assert page.get("reason", page.get("status")) == result
    assert page.get("outcome") in (None, "unreachable")
