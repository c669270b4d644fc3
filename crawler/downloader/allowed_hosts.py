"""Restriction of requests to the site's hosts, over http or https, at public IP addresses.

Scrapy's offsite and redirect middlewares are replaced, because they drop a request to another host without calling its
errback. No outcome (final state) would then be recorded for the discovered URL.
"""

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

from crawler.downloader.errors import FetchError
from crawler.outcomes import Outcome
from crawler.safe_text import one_line
from crawler.urls.standard import DEFAULT_PORTS, UrlError, join

REDIRECT_STATUSES = (301, 302, 303, 307, 308)
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def url_error(url: str, hosts: Collection[str]) -> FetchError | None:
    """Return an error with the reason why a URL must not be requested, or None if it may be requested.

    :param hosts: the site's full host names, in lower case
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return FetchError(Outcome.INVALID_URL, "malformed URL")
    has_user = parts.username is not None or parts.password is not None
    errors: tuple[tuple[bool, Outcome, str], ...] = (
        (
            parts.scheme not in DEFAULT_PORTS,
            Outcome.INVALID_URL,
            f"scheme {one_line(parts.scheme, 20)!r} is not http or https",
        ),
        (not host, Outcome.INVALID_URL, "the URL has no host"),
        (has_user, Outcome.INVALID_URL, "the URL contains a user name"),
        (
            host not in hosts or _is_numeric(host or ""),
            Outcome.OFFSITE,
            f"{one_line(host or '', 80)} is not one of the site's hosts",
        ),
        (port not in (None, DEFAULT_PORTS.get(parts.scheme)), Outcome.OFFSITE, f"port {port} is not the site's"),
    )
    return next((FetchError(outcome, reason) for is_wrong, outcome, reason in errors if is_wrong), None)


def is_public(address: str) -> bool:
    """Return True if an IP address, and any IPv4 address embedded in it, belongs to the public internet."""
    ip: Any = ipaddress.ip_address(address)
    if ip.version == 4:
        return bool(ip.is_global and not ip.is_multicast and not ip.is_reserved)
    embedded = [inner for inner in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if inner is not None]
    if ip in NAT64:
        embedded.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if ip.is_site_local or not all(is_public(str(inner)) for inner in embedded):
        return False
    return bool(embedded) or bool(ip.is_global and not ip.is_multicast and not ip.is_reserved)


def _is_numeric(host: str) -> bool:
    """Return True if a host is an IP address in any notation that a C library accepts (`127.1`, `0x7f.1`)."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")


class PublicOnlyResolver(CachingThreadedResolver):
    """DNS resolver that rejects host names with an address that is not public.

    The connection is made to the checked address, so a change of the DNS record after the check has no effect. Twisted
    reports every error of a resolver as a failed lookup. The names rejected here are therefore kept in `rejected`,
    where the download handler finds them.
    """

    #: Reason of the rejection, by host name.
    rejected: ClassVar[dict[str, str]] = {}

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:  # noqa: N802
        return super().getHostByName(name, timeout).addCallback(self._require_public, name)

    def _require_public(self, address: str, name: str) -> str:
        if is_public(address):
            self.rejected.pop(name, None)
            return address
        self.rejected[name] = f"{name} resolves to {address}, which is not a public address"
        raise DNSLookupError(self.rejected[name])

    @classmethod
    def error_for(cls, host: str) -> FetchError | None:
        return FetchError(Outcome.OFFSITE, cls.rejected[host]) if host in cls.rejected else None


class OnlyOwnHosts(OffsiteMiddleware):
    """Downloader middleware that rejects each request to a host outside `spider.hosts`.

    It also rejects requests with `dont_filter` or `allow_offsite`.
    """

    def request_scheduled(self, request: Request, spider: Spider) -> None:
        """Do nothing; a request is only rejected when it is sent, because then its errback is called."""

    def process_request(self, request: Request, spider: Spider | None = None) -> None:
        if error := url_error(request.url, own_hosts(self.crawler)):
            self.stats.inc_value("offsite/filtered")
            raise error


class OwnRedirects(RedirectMiddleware):
    """RedirectMiddleware that follows redirects within the site only.

    Any other redirect fails the original request and calls its errback.
    """

    crawler: Crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler.settings)
        middleware.crawler = crawler
        return middleware

    def handle_referer(self, request: Request, response: Response) -> None:
        request.headers.pop("Referer", None)

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        if response.status not in REDIRECT_STATUSES or request.meta.get("dont_redirect"):
            return response
        location = response.headers.get("Location")
        if location is None:
            raise FetchError(Outcome.INVALID_URL, "redirected to no URL")
        try:
            # A browser repeats the octets of the header, whatever charset they are in.
            url = join(request.url, "".join(chr(octet) if octet < 0x80 else f"%{octet:02X}" for octet in location))
        except UrlError as error:
            raise FetchError(Outcome.INVALID_URL, f"redirected: {one_line(str(error))}") from error
        meta = request.meta | {"verbatim_url": True}
        redirected = self._build_redirect_request(request, response, url=url, meta=meta)
        try:
            return self._redirect(redirected, request, response.status)
        except FetchError:
            raise
        except IgnoreRequest as error:
            raise FetchError(Outcome.REDIRECT_LOOP, f"redirected more than {self.max_redirect_times} times") from error

    def _redirect(self, redirected: Request, request: Request, reason: Any) -> Request:
        if error := url_error(redirected.url, own_hosts(self.crawler)):
            raise FetchError(error.outcome, f"redirected: {error.reason}")
        if redirected.url in (request.url, *request.meta.get("redirect_urls", ())):
            raise FetchError(Outcome.REDIRECT_LOOP, "redirected in a circle")
        hop = super()._redirect(redirected, request, reason)
        # The duplicate filter would drop a redirect to a known URL, and the original URL would get no outcome.
        hop.dont_filter = True
        return hop


def own_hosts(crawler: Crawler) -> frozenset[str]:
    return frozenset(getattr(crawler.spider, "hosts", ()))
