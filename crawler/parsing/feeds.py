"""Parsing of feeds (RSS, Atom) and sitemaps into entries."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape, unescape
from html.entities import html5
from itertools import islice

from lxml import etree

from crawler.bengali.text import clean
from crawler.decoding.charset import decode_text
from crawler.decoding.http_dates import parse_http_date

MAX_ENTRIES = 50_000
_MIN_ENTRIES_TO_COMPARE = 10
_ROOT = re.compile(r"<(?P<name>(?:[a-z][\w-]{0,30}:)?(?:rss|feed|urlset|sitemapindex|rdf))(?=[\s>/])", re.IGNORECASE)
_ROOT_TAG = re.compile(r"<(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+>")
_ENTRY_START = re.compile(r"(?=<(?:[a-z][\w-]{0,30}:)?(?:item|entry|url|sitemap)[\s>])", re.IGNORECASE)
_SITEMAP_PATH = re.compile(r"\.xml(?:\.gz)?(?:$|[?#])|/sitemap[^/]*\.txt$", re.IGNORECASE)
_URL_LINE = re.compile(r"https?://[^\s<>\"]++", re.IGNORECASE)
_ENCODING = re.compile(rb"<\?xml[^<>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})[\"']")
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml", "text/rss", "text/rss+xml")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&(?:(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)?")
_YEAR_2100 = 4_102_444_800  # in seconds


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry of a feed or sitemap; ``modified`` is its date, as an unparsed string."""

    url: str
    headline: str | None = None
    modified: str | None = None


def parse_feed(body: bytes) -> list[FeedEntry]:
    """Return the entries of a feed, or of a sitemap where the site calls that a feed."""
    root = _root_of(body)
    return list(_feed_entries(root)) or _sitemap_entries(root)[0]


def _feed_entries(root: "_Document") -> Iterator[FeedEntry]:
    for node in root.elements(("item", "entry")):
        if url := _url_of(node):
            dates = (_child_text(node, name) for name in ("updated", "pubDate", "published", "date"))
            yield FeedEntry(url, clean(unescape(_child_text(node, "title"))), next(filter(None, dates), None))


def _url_of(item: etree._Element) -> str:
    """Return the URL of an item, from the link's text (RSS), the link's attribute (Atom) or otherwise the guid."""
    links = list(item.iterchildren("{*}link"))
    attributes = [link.get("href") for link in links if link.get("rel", "alternate") == "alternate"]
    guids = [guid.text or "" for guid in item.iterchildren("{*}guid", "{*}id") if guid.get("isPermaLink") != "false"]
    urls = [url.strip() for url in (*(link.text for link in links), *attributes) if url and url.strip()]
    return next((url.strip() for url in urls or guids if urls or url.startswith("http")), "")


def _child_text(item: etree._Element | None, name: str) -> str:
    children = item.iterchildren(f"{{*}}{name}") if item is not None else ()
    return next(("".join(map(str, child.itertext())).strip() for child in children), "")


def parse_sitemap(body: bytes) -> tuple[list[FeedEntry], list[FeedEntry]]:
    """Return the entries of a sitemap as (pages, further sitemaps); a sitemap may also be a feed or a list of lines."""
    root = _root_of(body)
    pages, sitemaps = _sitemap_entries(root)
    if not pages and not sitemaps:
        pages = list(_feed_entries(root)) or [FeedEntry(url) for url in islice(_lines(body), MAX_ENTRIES)]
    return pages, sitemaps


def _sitemap_entries(root: "_Document") -> tuple[list[FeedEntry], list[FeedEntry]]:
    entries: dict[bool, list[FeedEntry]] = {True: [], False: []}
    for node in root.elements(("url", "sitemap")):
        if location := _child_text(node, "loc"):
            news = next(node.iterchildren("{*}news"), None)
            modified = _child_text(node, "lastmod") or _child_text(news, "publication_date")
            entry = FeedEntry(location, clean(_child_text(news, "title")), modified or None)
            # Some sites write an index of sitemaps as a urlset.
            is_page = etree.QName(node).localname == "url" and not _SITEMAP_PATH.search(location)
            entries[is_page].append(entry)
    return entries[True], entries[False]


def is_feed_type(content_type: str) -> bool:
    """Report if a content type, as in the head of a page, is one of RSS or Atom."""
    return content_type.partition(";")[0].strip().lower() in _FEED_TYPES


def has_entries(body: bytes) -> bool:
    """Report if a body looks like a feed or sitemap, whatever precedes it."""
    return _ROOT.search(_text(body)) is not None or next(_lines(body), None) is not None


def _lines(body: bytes) -> Iterator[str]:
    """Yield the URLs of a text sitemap."""
    lines = (line.strip("\ufeff \t") for line in _text(body).splitlines())
    return (line for line in lines if _URL_LINE.fullmatch(line))


@dataclass(frozen=True)
class _Document:
    """A document, as one root or, if it is not well-formed, as one root per entry."""

    roots: Iterable[etree._Element]

    def elements(self, names: tuple[str, ...]) -> Iterator[etree._Element]:
        tags = [f"{{*}}{name}" for name in names]
        return islice((node for root in self.roots for node in root.iter(*tags)), MAX_ENTRIES)


def _root_of(body: bytes) -> _Document:
    text = _text(body)
    start = _ROOT.search(text)
    if start is None:
        return _Document(())
    end = text.rfind(f"</{start['name']}")
    closing = f"</{start['name']}>"
    text = _escape_entities(text[start.start() : end if end > start.end() else None])
    if (root := _parse(text + closing)) is not None:
        return _Document((root,))
    # Not well-formed: each entry is parsed by itself, so that a bad one costs no other.
    head, *entries = islice(_ENTRY_START.split(text), MAX_ENTRIES + 1)
    opening = _ROOT_TAG.match(head)
    before, after = (opening[0].removesuffix("/"), closing) if opening else ("<root>", "</root>")
    roots = (_parse(before + entry + after, recover=True) for entry in entries)
    return _Document([root for root in roots if root is not None])


def _parse(text: str, *, recover: bool = False) -> etree._Element | None:
    # Untrusted input: entities are not resolved and nothing is fetched.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover, remove_comments=True
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        return None


def _text(body: bytes) -> str:
    """Decode a document, whatever charset it declares, without characters that XML does not allow."""
    start = body[:1024].replace(b"\0", b"")
    declared = _ENCODING.search(start)
    text = decode_text(body, declared[1].decode("latin-1") if declared else None)
    return _NOT_XML.sub("", text)


def _escape_entities(text: str) -> str:
    """Replace references that XML does not know: names of HTML, lone surrogates, and a bare `&`. CDATA stays."""
    first, *parts = text.split("<![CDATA[")
    pieces = [_escape_references(first)]
    for part in parts:
        data, end, markup = part.partition("]]>")
        pieces += ("<![CDATA[", data, end, _escape_references(markup))
    # Surrogates written as two references are one character; a lone one becomes U+FFFD.
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escape_references(text: str) -> str:
    return _REFERENCE.sub(_reference, text)


def _reference(match: re.Match[str]) -> str:
    name = match[1]
    if not name:
        return "&amp;"
    if name[0] == "#":
        number = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        if 0xD800 <= number < 0xE000:
            return chr(number)
        is_allowed = number in (9, 10, 13) or (0x20 <= number < 0xFFFE) or 0x10000 <= number < 0x110000
        return match[0].replace("X", "x") if is_allowed else "\ufffd"
    if name in ("amp", "lt", "gt", "quot", "apos"):
        return match[0]
    return escape(html5.get(f"{name};", match[0]), quote=False)


def newest_first(entries: list[FeedEntry]) -> list[FeedEntry]:
    """Return the entries sorted by date, newest first; entries without a readable date follow in their given order."""
    return sorted(entries, key=lambda entry: _timestamp(entry.modified), reverse=True)


def modification_times(entries: list[FeedEntry]) -> list[datetime | None]:
    """Return for each entry the time when its page was last changed, or None if it is absent or implausible.

    All are None if more than half of the entries have the same minute, which is then the time when the document was
    generated.
    """
    timestamps = [_timestamp(entry.modified) for entry in entries]
    minutes = Counter(at // 60 for at in timestamps if at > float("-inf"))
    if len(entries) >= _MIN_ENTRIES_TO_COMPARE and minutes and max(minutes.values()) * 2 > len(entries):
        return [None] * len(entries)
    return [datetime.fromtimestamp(at, UTC) if 0 < at < _YEAR_2100 else None for at in timestamps]


def _timestamp(date: str | None) -> float:
    """Return the timestamp of a date in ISO 8601 (sitemaps, Atom) or RFC 822 (RSS), or minus infinity if not valid."""
    text = (date or "").strip()
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = parse_http_date(text)
    if moment is None:
        return float("-inf")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
