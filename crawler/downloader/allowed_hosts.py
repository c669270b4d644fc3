"""Who may be asked: the site's own hosts, over plain http(s), at public addresses, and nobody else."""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.offsite import OffsiteMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError

from crawler.downloader.errors import FetchError, InvalidUrl, OffsiteUrl, PrivateAddress, RedirectLoop
from crawler.safe_text import one_line

DEFAULT_PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def url_error(url: str, hosts: Collection[str]) -> FetchError | None:
    """Why this address may not be asked for, or None. `hosts` are the site's own, in full and in lower case."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return InvalidUrl("not an address")
    if parts.scheme not in DEFAULT_PORTS:
        return InvalidUrl(f"scheme {one_line(parts.scheme, 20)!r} is not http or https")
    if not host:
        return InvalidUrl("the address names no host")
    if parts.username is not None or parts.password is not None:
        return InvalidUrl("the address carries a user name")
    if host not in hosts or _is_number(host):
        return OffsiteUrl(f"{one_line(host, 80)} is not one of the site's hosts")
    if port not in (None, DEFAULT_PORTS[parts.scheme]):
        return OffsiteUrl(f"port {port} is not the site's")
    return None


def is_public(address: str) -> bool:
    """Whether an IP address is reachable on the public internet, also where it only wraps another address."""
    ip: Any = ipaddress.ip_address(address)
    inner = _wrapped(ip) if ip.version == 6 else []
    if any(not is_public(str(each)) for each in inner):
        return False
    if ip.version == 6 and ip.is_site_local:
        return False
    return bool(inner) or bool(ip.is_global and not ip.is_multicast and not ip.is_reserved)


def _wrapped(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses to which an IPv6 address leads: mapped, 6to4, Teredo's server and client, NAT64."""
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in NAT64:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _is_number(host: str) -> bool:
    """Whether a host is an address in any of the notations that a C library takes for one (`127.1`, `0x7f.1`)."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")


class PublicOnlyResolver(CachingThreadedResolver):
    """Scrapy's resolver, which answers with no address that is not public.

    The address that is checked is the one that is connected to, so a name that changes its address between the two
    gains nothing. Twisted drops every error of a resolver but the fact that no address came, so the names that were
    refused stand in `refused` for the download handler to tell the two apart.
    """

    refused: ClassVar[dict[str, str]] = {}

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:  # noqa: N802
        """The public IPv4 address of a name; fails with `DNSLookupError` otherwise."""
        found = super().getHostByName(name, timeout)
        return found.addCallback(self._only_public, name)

    def _only_public(self, address: str, name: str) -> str:
        if is_public(address):
            self.refused.pop(name, None)
            return address
        self.refused[name] = address
        raise DNSLookupError(f"{name} leads to {address}, which is not a public address")

    @classmethod
    def url_error(cls, host: str) -> PrivateAddress | None:
        """The refusal where the last lookup of this host found an address that is not public."""
        address = cls.refused.get(host)
        return PrivateAddress(f"{host} leads to {address}, which is not a public address") if address else None


class OnlyOwnHosts(OffsiteMiddleware):
    """Refuses every request that does not go to one of `spider.hosts`, whatever its meta or `dont_filter` say.

    A spider that names no hosts asks nobody. Scrapy's own middleware also drops such requests where they are
    scheduled, without a word to their errback; here each of them ends in its errback.
    """

    def request_scheduled(self, request: Request, spider: Spider) -> None:
        """Nothing: the request is refused when its turn comes, so that its errback hears of it."""

    def process_request(self, request: Request, spider: Spider | None = None) -> None:
        """Raise the refusal of an address that is not the site's own."""
        refusal = url_error(request.url, own_hosts(self.crawler))
        if refusal is None:
            return
        self.stats.inc_value("offsite/filtered")
        raise refusal


class OwnRedirects(RedirectMiddleware):
    """Follows redirects within the site, a few hops at most, and loses none.

    Scrapy drops a redirect to another host, or to an address that was asked for before, without a word to callback
    or errback. Here the refusal is raised while the first request is still at hand, so that its errback hears of it.
    """

    crawler: Crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The middleware; `REDIRECT_MAX_TIMES` is the number of hops."""
        middleware = cls(crawler.settings)
        middleware.crawler = crawler
        return middleware

    def handle_referer(self, request: Request, response: Response) -> None:
        """Send no Referer on: the site need not know how we came."""
        request.headers.pop("Referer", None)

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """The answer, or the request for the next hop."""
        try:
            answer = super().process_response(request, response)
        except ValueError as error:
            raise InvalidUrl(f"redirected to what is no address: {error}") from error
        except FetchError:
            raise
        except IgnoreRequest as error:
            raise RedirectLoop(f"redirected more than {self.max_redirect_times} times") from error
        if answer is response and response.status in REDIRECTS and not request.meta.get("dont_redirect"):
            raise InvalidUrl("redirected to nowhere, or to an address that is not http or https")
        return answer

    def _redirect(self, redirected: Request, request: Request, reason: Any) -> Request:
        if refusal := url_error(redirected.url, own_hosts(self.crawler)):
            raise type(refusal)(f"redirected: {refusal.reason}")
        if redirected.url in (request.url, *request.meta.get("redirect_urls", ())):
            raise RedirectLoop("redirected in a circle")
        hop = super()._redirect(redirected, request, reason)
        # The filter of duplicates would drop the hop, and with it the address that led here, without a trace.
        hop.dont_filter = True
        return hop


def own_hosts(crawler: Crawler) -> frozenset[str]:
    """The hosts that the running spider calls its site's own."""
    return frozenset(getattr(crawler.spider, "hosts", ()))
