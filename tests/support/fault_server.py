"""HTTP server with faults: the first part of a path names the behaviour; hits and bytes are counted.

`with FaultServer() as server:` listens on a free port of 127.0.0.1; `server.base` is its address. `/s403/7` answers
with behaviour `s403`. The host `robots-<name>.test` has the robots.txt of `robots_<name>`. `places` sets the
behaviour of single paths, `otherwise` that of paths without a known name.
"""

import asyncio
import contextlib
import gzip
import json
import random
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import brotli  # type: ignore[import-untyped]
from backports import zstd
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HTML = "text/html; charset=utf-8"
HEADLINE = "ঢাকায় বৃষ্টি, স্বস্তি নগরজীবনে"
PAGE = (
    f'<!DOCTYPE html><html lang="bn"><head><meta charset="utf-8"><title>{HEADLINE}</title></head><body><article>'
    f"<h1>{HEADLINE}</h1>"
    + "<p>রাজধানীতে মঙ্গলবার সকাল থেকে থেমে থেমে বৃষ্টি হয়েছে। এতে গরম কমেছে, তবে নিচু এলাকায় পানি জমেছে।</p>" * 12
    + "</article></body></html>"
).encode()
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(64)
CHALLENGE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>"
    b'<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>'
)
SOFT_404 = "<!DOCTYPE html><html><head><title>404</title></head><body>পাতাটি পাওয়া যায়নি</body></html>".encode()


class Visit:
    """A request (the `nth` of this URL) and methods to respond to it."""

    def __init__(
        self, server: "FaultServer", writer: asyncio.StreamWriter, name: str, target: str, headers: dict[str, str]
    ) -> None:
        self.server, self.writer, self.name, self.target, self.headers = server, writer, name, target, headers
        self.nth = server.seen[headers.get("host", ""), target]
        rest = urlsplit(target).path.split("/")[2:]
        self.argument = rest[0] if rest else ""
        self.page = server.page(target)

    async def send(self, data: bytes) -> None:
        """Send raw bytes; raises after the client has closed the connection."""
        self.writer.write(data)
        await self.writer.drain()
        self.server.sent[self.name] += len(data)

    async def reply(self, body: bytes, status: str = "200 OK", **headers: str | None) -> None:
        """Send a response. `content_type=None` omits a header; `_` in names stands for `-`."""
        fields = {"Content-Type": HTML, "Content-Length": str(len(body)), "Connection": "close"}
        fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
        await self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def drip(self, data: bytes) -> None:
        for index in range(len(data)):
            await self.send(data[index : index + 1])
            await asyncio.sleep(0.3)


Behaviour = Callable[[Visit], Awaitable[None]]
BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(function: Behaviour) -> Behaviour:
    BEHAVIOURS[function.__name__] = function
    return function


def fixed(name: str, body: bytes | None = None, status: str = "200 OK", **headers: str | None) -> None:
    """Add a behaviour with a constant response (the page, unless a body is given)."""
    BEHAVIOURS[name] = lambda visit: visit.reply(visit.page if body is None else body, status, **headers)


def raw(name: str, make: Callable[[Visit], bytes], end: str = "close") -> None:
    """Add a behaviour that sends raw bytes, then closes, resets or hangs."""

    async def answer(visit: Visit) -> None:
        await visit.send(make(visit))
        if end == "reset":
            await asyncio.sleep(0.05)
            visit.reset()
        elif end == "hang":
            await asyncio.sleep(3600)

    BEHAVIOURS[name] = answer


fixed("ok")
for code in (401, 403, 404, 410, 429, 451, 500, 502, 503):
    fixed(f"s{code}", b"<html><body>no</body></html>", f"{code} No")
fixed("s204", b"", "204 No Content", content_length=None)
fixed("s200_empty", b"")
fixed("status_999", None, "999 Odd")
fixed("soft404", SOFT_404)
fixed("challenge_200", CHALLENGE)
fixed("challenge_403", CHALLENGE, "403 Forbidden", cf_mitigated="challenge")
fixed("too_many_connections", b"Too many connections")
raw("status_huge", lambda v: head(v, f"Content-Length: {len(v.page)}").replace(b"200", b"2" * 4000, 1) + v.page)
raw("status_txt", lambda visit: b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok")
raw("http09", lambda visit: b"<html><body>no headers at all</body></html>\n")
raw("garbage", lambda visit: random.Random(62).randbytes(4096))


def then_ok(name: str, times: int, first: Behaviour) -> None:
    """Add a behaviour that responds with `first` so many times, then with the page."""
    BEHAVIOURS[name] = lambda visit: first(visit) if visit.nth <= times else visit.reply(visit.page)


def too_many(retry_after: Callable[[str], str]) -> Behaviour:
    """Return a behaviour with status 429 and a Retry-After made from the argument in the path."""
    return lambda visit: visit.reply(b"slow down", "429 Too Many Requests", retry_after=retry_after(visit.argument))


def http_date(seconds: str) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=float(seconds or 4)), usegmt=True)


then_ok("s429_ra_seconds", 2, too_many(lambda seconds: seconds or "3"))
then_ok("s429_ra_date", 1, too_many(http_date))
FAR_YEAR = "Mon, 20 Nov 9999999999 12:00:00 GMT"
then_ok(
    "s429_far_year",
    1,
    lambda visit: visit.reply(b"slow down", "429 Too Many Requests", retry_after=FAR_YEAR, date=FAR_YEAR),
)
then_ok("s503_then_ok", 2, lambda visit: visit.reply(b"", "503 Busy"))
for name, value in {"insane": "999999999", "negative": "-5", "garbage": "soon"}.items():
    fixed(f"s429_ra_{name}", b"slow down", "429 Too Many Requests", retry_after=value)


BEHAVIOURS["slow_headers"] = lambda visit: visit.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4000)
BEHAVIOURS["hang"] = lambda visit: asyncio.sleep(3600)


@behaviour
async def slow_body(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4000\r\n\r\n")
    await visit.drip(b"x" * 4000)


@behaviour
async def late(visit: Visit) -> None:
    await asyncio.sleep(0.8)
    await visit.reply(visit.page)


@behaviour
async def reset_now(visit: Visit) -> None:
    """Close the connection with RST."""
    visit.reset()


@behaviour
async def close_now(visit: Visit) -> None:
    """Close the connection with FIN."""


then_ok("reset_once", 1, reset_now)


def head(visit: Visit, *fields: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {HTML}", *fields]).encode() + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


raw("cl_longer", lambda v: head(v, f"Content-Length: {len(v.page) + 500}") + v.page)


def untagged(page: bytes) -> bytes:
    """Leave out the optional end tags of the document."""
    return page.replace(b"</body>", b"").replace(b"</html>", b"")


raw("cl_no_end_tags", lambda v: head(v, f"Content-Length: {len(untagged(v.page))}") + untagged(v.page))
raw("chunk_no_end_tags", lambda v: head(v, "Transfer-Encoding: chunked") + chunk(untagged(v.page)) + chunk(b""))
raw("cl_shorter", lambda v: head(v, f"Content-Length: {len(v.page) - 40}") + v.page)
raw("cl_conflict", lambda v: head(v, f"Content-Length: {len(v.page)}", "Content-Length: 5") + v.page)
raw("cl_negative", lambda v: head(v, "Content-Length: -1") + v.page)
raw("cl_huge", lambda v: head(v, "Content-Length: 99999999999") + v.page, "hang")
raw("chunk_cut", lambda v: head(v, "Transfer-Encoding: chunked") + b"ffff\r\n" + v.page)
raw("chunk_noend", lambda v: head(v, "Transfer-Encoding: chunked") + chunk(v.page))
raw("close_no_len", lambda v: b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + v.page)
raw("close_no_len_half", lambda v: b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + v.page[: len(v.page) // 2])
raw("rst_no_len", lambda v: b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + v.page[:500], "reset")
raw("header_200k", lambda v: head(v, "X-Long: " + "x" * 200_000, f"Content-Length: {len(v.page)}") + v.page)
raw("headers_20000", lambda v: head(v, *(f"X-{n}: y" for n in range(20_000))) + v.page)


@behaviour
async def headers_endless(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.send(b"".join(b"X-Endless: %b\r\n" % (b"x" * 1000) for _ in range(32)))


@behaviour
async def informational_endless(visit: Visit) -> None:
    while True:
        await visit.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 100)


def compressed(encoding: str, data: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.compress(data, mtime=0)
    if encoding == "deflate":
        return zlib.compress(data)
    if encoding == "deflate_raw":
        packer = zlib.compressobj(wbits=-15)
        return packer.compress(data) + packer.flush()
    return bytes(brotli.compress(data, quality=4)) if encoding == "br" else bytes(zstd.compress(data))


@cache
def bomb(encoding: str, size: int) -> bytes:
    """Compress `size` zero bytes (twice for `gzip2`)."""
    if encoding == "gzip2":
        return gzip.compress(bomb("gzip", size))
    return compressed(encoding, bytes(size))


def corrupt_crc(data: bytes) -> bytes:
    return data[:-8] + bytes(byte ^ 0xFF for byte in data[-8:-4]) + data[-4:]


def encoded(name: str, header: str, make: Callable[[Visit], bytes]) -> None:
    """Add a behaviour with a Content-Encoding header."""
    BEHAVIOURS[name] = lambda visit: visit.reply(make(visit), content_encoding=header)


for each in ("gzip", "br", "deflate", "zstd"):
    encoded(each, each, lambda v, e=each: compressed(e, v.page))
    encoded(f"{each}_half", each, lambda v, e=each: compressed(e, v.page)[: len(compressed(e, v.page)) // 2])
    encoded(f"bomb_{each}", each, lambda v, e=each: bomb(e, v.server.bomb_size))
encoded("deflate_raw", "deflate", lambda v: compressed("deflate_raw", v.page))
encoded("bomb_gzip2", "gzip, gzip", lambda v: bomb("gzip2", v.server.bomb_size))
encoded("gzip_badcrc", "gzip", lambda v: corrupt_crc(gzip.compress(v.page, mtime=0)))
encoded("gzip_notgzip", "gzip", lambda v: v.page)
encoded("gzip_empty", "gzip", lambda v: b"")
encoded("enc_unknown", "lzma", lambda v: v.page)
encoded("stacked", "br, gzip", lambda v: gzip.compress(compressed("br", v.page)))
encoded("stacked_9", ", ".join(["gzip"] * 9), lambda v: v.page)


@behaviour
async def big_300mb(visit: Visit) -> None:
    await visit.send(head(visit, f"Content-Length: {300 * 2**20}"))
    for _ in range(300 * 16):
        await visit.send(b"x" * 65536)


@behaviour
async def endless_chunks(visit: Visit) -> None:
    await visit.send(head(visit, "Transfer-Encoding: chunked"))
    while True:
        await visit.send(chunk(b"x" * 65536))


fixed("deep_100k", b"<html><body>" + b"<div>" * 100_000 + b"deep" + b"</div>" * 100_000 + b"</body></html>")
BEHAVIOURS["nodes_3m"] = lambda visit: visit.reply(b"<html><body>" + b"<b></b>" * 3_000_000 + b"</body></html>")


def headline(name: str, text: bytes) -> None:
    """Add a behaviour: the page with another headline."""
    BEHAVIOURS[name] = lambda visit: visit.reply(visit.page.replace(HEADLINE.encode(), text))


headline("title_1mb", "ব".encode() * 350_000)
headline("nul", "ঢাকায়\x00 বৃষ্টি".encode())
headline("bad_utf8", "ঢাকায় ".encode() + b"\xff\xfe\x80" + " বৃষ্টি".encode())
headline("surrogate_bytes", "ঢাকায় ".encode() + b"\xed\xa0\x80" + " বৃষ্টি".encode())
headline("ansi_title", "ঢাকায় \x1b[2J\x1b]0;x\x07\n2026-01-01 [root] CRITICAL: forged".encode())
headline("xss_title", "ঢাকায় &lt;img src=x onerror=alert(1)&gt;".encode())
headline("csv_title", b"=HYPERLINK(&quot;http://evil.test&quot;)")
fixed("charset_lie_header", content_type="text/html; charset=iso-8859-1")
fixed("charset_bogus", content_type="text/html; charset=x-no-such")
BEHAVIOURS["charset_lie_meta"] = lambda visit: visit.reply(
    visit.page.replace(b'charset="utf-8"', b'charset="windows-1252"'), content_type="text/html"
)
fixed("type_png_as_html", PNG)
fixed("html_as_pdf", content_type="application/pdf")
fixed("json_as_html", json.dumps({"error": "no", "items": [1, 2, 3]}).encode())


def redirect(name: str, location: Callable[[Visit], str]) -> None:
    BEHAVIOURS[name] = lambda visit: visit.reply(b"", "302 Found", location=location(visit))


redirect("redir_ok", lambda v: "/ok/after-a-redirect")
redirect("redir_self", lambda v: v.target)
redirect("redir_chain_30", lambda v: f"/redir_chain_30/{int(v.argument or 0) + 1}" if v.argument != "30" else "/ok")
redirect("redir_hops", lambda v: f"/redir_hops/{int(v.argument) - 1}" if int(v.argument) > 1 else "/ok/hops")
redirect("redir_badloc", lambda v: "http://[")
redirect("redir_empty", lambda v: "")
redirect("redir_offsite", lambda v: f"http://offsite.test:{urlsplit(v.server.elsewhere).port}/ok")
redirect("redir_internal", lambda v: f"{v.server.elsewhere}/ok")
redirect("redir_port", lambda v: f"http://{v.headers.get('host', '').partition(':')[0]}:8081/ok")
redirect("redir_file", lambda v: "file:///etc/hostname")
redirect("redir_data", lambda v: "data:text/html,<html><body>inside</body></html>")
BEHAVIOURS["refresh_internal"] = lambda visit: visit.reply(
    visit.page.replace(
        b"<head>", f'<head><meta http-equiv="refresh" content="0;url={visit.server.elsewhere}/ok">'.encode()
    )
)


PRIVATE_HOSTS = "127.0.0.1 localhost 127.1 2130706433 0x7f.1 0177.0.0.1 0 [::1] [::ffff:127.0.0.1]"
ODD_LINKS = r"""javascript:alert(1) mailto:a@b.test tel:+880 data:text/html,x blob:https://x/y file:///etc/passwd
    ftp://127.0.0.1/x http://[ http://[::1 http:///x http:// // https://user:secret@www.paper.test/ok
    http://www.paper.test:99999/ok http://www.paper.test:22/ok http://www.paper.test.evil.test/ok
    http://evil.test\@www.paper.test/ok"""


def evil_links(server: "FaultServer") -> list[str]:
    """Return hrefs that a crawler must not follow, except the first two."""
    port = urlsplit(server.elsewhere).port
    private_urls = [f"http://{host}:{port}/ok" for host in PRIVATE_HOSTS.split()]
    return ["/ok/good-1", "ok/good-2", *private_urls, *ODD_LINKS.split(), "/ok/" + "x" * 3000, "\x00\x01", "#", ""]


@behaviour
async def links_evil(visit: Visit) -> None:
    links = "".join(f'<li><a href="{link}">x</a></li>' for link in evil_links(visit.server))
    await visit.reply(visit.page.replace(b"</article>", f"<ul>{links}</ul></article>".encode()))


PLAIN = "text/plain"
DISALLOW_ALL = b"User-agent: *\nDisallow: /\n"
RULES = b"User-agent: *\nDisallow: /ok/secret\nSitemap: https://www.paper.test/sitemap.xml\nSitemap: https://evil.test/s.xml\n"
for code in (401, 403, 404, 410, 429, 500):
    fixed(f"robots_{code}", DISALLOW_ALL, f"{code} No", content_type=PLAIN)
fixed("robots_rules", RULES, content_type=PLAIN)
fixed("robots_all", DISALLOW_ALL, content_type=PLAIN)
fixed("robots_bom", b"\xef\xbb\xbf" + DISALLOW_ALL, content_type=PLAIN)
fixed("robots_html", b"<!DOCTYPE html><html><body><h1>Not found</h1>\nAllow us to search.</body></html>")
fixed("robots_markup", b"<!DOCTYPE html><html><body><pre>\nUser-agent: *\nDisallow: /\n</pre></body></html>")
fixed("robots_contact", b"User-agent: example\nAllow: /\n\n" + DISALLOW_ALL, content_type=PLAIN)
fixed("robots_503", DISALLOW_ALL.replace(b"Disallow: /", b"Allow: /"), "503 Busy", content_type=PLAIN)
fixed("robots_8mb", RULES + b"# filler\n" * (2**20) + DISALLOW_ALL, content_type=PLAIN)
fixed("robots_delay", b"User-agent: *\nCrawl-delay: 1\n", content_type=PLAIN)
fixed("robots_endless_delay", b"User-agent: *\nCrawl-delay: 1e99\n", content_type=PLAIN)
fixed("robots_challenge", CHALLENGE, cf_mitigated="challenge")
redirect("robots_loop", lambda v: "/robots.txt")
redirect("robots_redirect", lambda v: "/robots_all/robots.txt")
redirect("robots_away", lambda v: f"{v.server.elsewhere}/robots_rules")
BEHAVIOURS["robots_hang"] = BEHAVIOURS["hang"]
BEHAVIOURS["robots_reset"] = BEHAVIOURS["reset_now"]


def certified(file: Path, valid: timedelta = timedelta(days=1)) -> ssl.SSLContext:
    """Write a self-signed certificate and key for `localhost`, valid from now for `valid`; return a context."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class FaultServer:
    """The server. `hits` and `sent` count by behaviour; `times` holds the times of the requests (`time.monotonic`)."""

    def __init__(
        self,
        page: Callable[[str], bytes] = lambda target: PAGE,
        bomb_size: int = 100 * 2**20,
        tls: ssl.SSLContext | None = None,
        places: Mapping[str, str] | None = None,
        otherwise: str = "s404",
    ) -> None:
        self.page, self.bomb_size, self.tls = page, bomb_size, tls
        self.places, self.otherwise = dict(places or {}), otherwise
        self.elsewhere = "http://127.0.0.1:9"
        self.hits: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.seen: Counter[tuple[str, str]] = Counter()
        self.times: dict[str, list[float]] = defaultdict(list)
        self.hosts: Counter[str] = Counter()
        self._visits: list[tuple[asyncio.Future[None], asyncio.StreamWriter]] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def gaps(self, name: str) -> list[float]:
        """Return the seconds between the requests of a behaviour."""
        times = self.times[name]
        return [later - earlier for earlier, later in pairwise(times)]

    async def _serve(self) -> None:
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await asyncio.sleep(0.02)  # let accepted connections become visits
        server.close()
        for visit, writer in self._visits:
            visit.cancel()
            writer.transport.abort()
        await asyncio.sleep(0.02)  # let connections close

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._visits.append((asyncio.ensure_future(self._visit(reader, writer)), writer))

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            target = lines[0].split(" ")[1]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            name = self._behaviour(target, headers.get("host", ""))
            self.hits[name] += 1
            self.hosts[headers.get("host", "")] += 1
            self.times[name].append(time.monotonic())
            self.seen[headers.get("host", ""), target] += 1
            await BEHAVIOURS[name](Visit(self, writer, name, target, headers))
        writer.close()

    def _behaviour(self, target: str, host: str) -> str:
        path = urlsplit(target).path
        if path in self.places:
            return self.places[path]
        if path != "/robots.txt":
            name = path.split("/")[1]
            return name if name in BEHAVIOURS else self.otherwise
        name = host.partition(".")[0].replace("-", "_")
        return name if name in BEHAVIOURS else "robots_404"


# Names of the behaviours of pages in this module, without those of robots.txt and of FaultSite.
EVERY_BEHAVIOUR = frozenset(name for name in BEHAVIOURS if not name.startswith(("robots_", "paper_")))
