"""Tolerant XML parser for feeds and sitemaps that are damaged or surrounded by other text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from html.entities import html5
from itertools import islice

from lxml import etree

from crawler.decoding.charset import decode_text

MAX_ENTRIES = 50_000
_MAX_PREFIXES = 50
ROOT = re.compile(
    r"<(?P<name>(?:[a-z][\w-]{0,30}:)?(?:rss|feed|channel|urlset|sitemapindex|rdf))(?=[\s>/])", re.IGNORECASE
)
_ROOT_TAG = re.compile(r"<(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+>")
_ENTRY_START = re.compile(r"(?=<(?:[a-z][\w-]{0,30}:)?(?:item|entry|url|sitemap)[\s>])", re.IGNORECASE)
_ENTRY_TAG = re.compile(r"</?(?:[a-z][\w-]{0,30}:)?(?:item|entry|url|sitemap)[\s>]", re.IGNORECASE)
# Of an entry that is not well-formed, tags of HTML and of fields that are not read.
_OTHER_TAG = re.compile(
    r"</?(?!/?(?:[a-z][\w-]{0,30}:)?(?:item|entry|url|sitemap|title|link|origlink|guid|id|pubdate|updated|published"
    r"|modified|issued|date|lastmod|loc|news|publication_date|source|author|contributor|image)[\s/>])[a-z][^<>]*+>",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"</?([a-z][\w-]{0,30}):", re.IGNORECASE)
_BARE_BRACKET = re.compile(r"<(?![A-Za-z_/!?])")
_ENCODING = re.compile(rb"<\?xml[^<>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})[\"']")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&(?:(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)?")


@dataclass(frozen=True)
class FeedDocument:
    """A parsed feed or sitemap.

    :ivar roots: the root element; if the document is not well-formed, one root element per entry instead
    """

    roots: Iterable[etree._Element]

    def elements(self, names: tuple[str, ...]) -> Iterator[etree._Element]:
        tags = [f"{{*}}{form}" for name in names for form in any_case(name)]
        return islice((node for root in self.roots for node in root.iter(*tags)), MAX_ENTRIES)


def parse_document(body: bytes) -> FeedDocument:
    """Parse a feed or sitemap, ignoring any text before its first root tag and after its last one.

    If it is not well-formed, each entry is parsed separately, so that a damaged entry does not affect the others.
    """
    text = document_text(body)
    start = ROOT.search(text)
    if start is None:
        return FeedDocument(())
    end = text.rfind(f"</{start['name']}")
    closing = f"</{start['name']}>"
    text = text[start.start() : end if end > start.end() else None]
    if end < start.end() and "<" not in text[(tag_end := text.rfind(">") + 1) :]:
        text = text[:tag_end]  # without the half URL at which the document is cut off
    text = _escape_entities(text)
    if (root := _parse(text + closing)) is not None:
        return FeedDocument((root,))
    # Not well-formed: each entry is parsed separately, so that a damaged entry does not affect the others.
    head, *entries = islice(_ENTRY_START.split(text), MAX_ENTRIES + 1)
    opening = _ROOT_TAG.match(head)
    before, after = (opening[0], closing) if opening else ("<root>", "</root>")
    prefixes = Counter(_PREFIX.findall(text)).most_common(_MAX_PREFIXES)
    missing = [prefix for prefix, _ in prefixes if f"xmlns:{prefix}=" not in before]
    before = before[:-1].rstrip("/") + "".join(f' xmlns:{prefix}="{prefix}"' for prefix in missing) + ">"
    roots = (_parse(before + _OTHER_TAG.sub(" ", entry) + after, recover=True) for entry in entries)
    return FeedDocument([root for root in roots if root is not None])


def _parse(text: str, *, recover: bool = False) -> etree._Element | None:
    # Untrusted input: entities are not resolved and nothing is fetched.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover, remove_comments=True
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        return None


def document_text(body: bytes) -> str:
    """Return the text of a feed or sitemap, without characters that XML does not allow.

    Any charset that the document declares is accepted.
    """
    if body.startswith((b"<\0", b"\0<")):
        text = body.decode("utf-16-le" if body.startswith(b"<") else "utf-16-be", errors="replace")
    else:
        declared = _ENCODING.search(body[:1024].replace(b"\0", b""))
        text = decode_text(body, declared[1].decode("latin-1") if declared else None)
        if "\ufffd" in text and text.replace("\ufffd", "").isascii():  # a single-byte charset that is declared as UTF-8
            text = body.decode("cp1252", errors="replace")
    return _NOT_XML.sub("", text)


def _escape_entities(text: str) -> str:
    """Return XML text with CDATA sections replaced by escaped text, and without references that XML does not define.

    Named references of HTML are replaced by their characters, and a bare `&` is escaped.
    """
    first, *parts = text.split("<![CDATA[")
    pieces = [_escape_markup(first)]
    for part in parts:
        data, end, markup = part.partition("]]>")
        if not end and _ENTRY_TAG.search(data):  # a section without an end
            data, markup = "", data
        pieces += (escape(data, quote=False), _escape_markup(markup))
    return whole_text("".join(pieces))


def whole_text(text: str) -> str:
    """Join surrogate pairs, which result from two character references, to one character each.

    A surrogate without a partner becomes U+FFFD.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escape_markup(text: str) -> str:
    """Remove comments, and escape each `<` and `&` that begins neither an XML tag nor an XML reference."""
    first, *parts = text.split("<!--")
    comments = (part.partition("-->") for part in parts)
    text = "".join((first, *(after if end else inside for inside, end, after in comments)))
    return _REFERENCE.sub(_reference, _BARE_BRACKET.sub("&lt;", text).replace("]]>", ""))


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


def any_case(name: str) -> tuple[str, ...]:
    """Return the spellings of an element name in feeds: as given, in lower case, in upper case and capitalised."""
    return name, name.lower(), name.upper(), name.capitalize()
