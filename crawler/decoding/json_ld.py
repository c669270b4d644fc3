"""Structured data (JSON-LD): tolerant parsing, and selection of the article objects that describe a page."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any, TypeGuard
from urllib.parse import unquote, urljoin, urlsplit

_ARTICLE_TYPES = frozenset(
    ("NewsArticle", "Article", "BlogPosting", "LiveBlogPosting", "Report", "ReportageNewsArticle")
    + ("OpinionNewsArticle", "AnalysisNewsArticle", "AskPublicNewsArticle", "BackgroundNewsArticle")
    + ("ReviewNewsArticle", "SatiricalArticle", "TechArticle")
)
_TYPE_PREFIX = re.compile("[/#:]")  # of https://schema.org/NewsArticle
_STRING = r'"(?:[^"\\]++|\\.)*+"?'
# CDATA and comment marks of HTML, comments, and controls and spaces that JSON does not allow between values.
_NOISE = re.compile(
    rf"""({_STRING}) | (?://|/\*)? [ ]?+ (?:<!\[CDATA\[|\]\]>|<!--|-->) [ ]?+ (?:\*/)?
    | //[^\n\r]*+ | /\*(?:[^*]++|\*(?!/))*+(?:\*/)? | [\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\u2000-\u200f\u2028-\u202f]
    | [\u205f\u2060\u3000\ufeff]""",
    re.DOTALL | re.VERBOSE,
)
_EXCESS_COMMA = re.compile(rf"({_STRING})|,(?=\s*+[,\]}}])|(?<=[\[{{]),|;", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Escapes: a pair of surrogates, another escape, or half a pair.
_SURROGATES = re.compile(r"(\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\(?!u[dD][89a-fA-F]).)|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_WRONG_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|u?)')
_START = re.compile(r"[\[{]")
_MAX_BLOCK = 2**21  # characters
_ID = re.compile(r"\d{5,}")  # longer than a year


def parse_json_ld(text: str) -> list[Any]:
    """Return the JSON values of a JSON-LD block, or as many of them as can be parsed.

    If the block is not valid JSON, it is parsed again without comments, CDATA marks, excess commas, control characters
    and wrong escapes. If there is still an error, the part after it is ignored. A block without a quotation mark is
    unescaped as HTML first. A surrogate without a partner becomes U+FFFD.
    """
    if _SURROGATE.search(text):
        text = _SURROGATES.sub(lambda match: match[1] or "\\ufffd", text)
    try:
        return [json.loads(text, strict=False)]
    except (ValueError, RecursionError):
        return [*_tolerant(text if '"' in text else unescape(text))] if len(text) <= _MAX_BLOCK else []


def _tolerant(text: str) -> Iterator[Any]:
    text = _NOISE.sub(lambda match: match[1] or " ", text)
    text = _WRONG_ESCAPE.sub(lambda match: match[0] if match[1] else "", text)
    text = _EXCESS_COMMA.sub(lambda match: match[1] or "", text)
    decoder, at = json.JSONDecoder(strict=False), 0
    while (start := _START.search(text, at)) is not None:
        try:
            value, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            return
        yield value


def articles_in(value: Any) -> list[dict[str, Any]]:
    """Return the article objects in a JSON-LD value, including those in lists, in ``@graph`` and in ``mainEntity``.

    All values of an object without a type are searched, such as one that has only a graph. Articles that another object
    names as its ``mainEntity`` come first.
    """
    articles: list[dict[str, Any]] = []
    main_ids = []
    queue = deque([value])
    while queue:
        value = queue.popleft()
        if isinstance(value, list):
            queue.extend(value)
        elif isinstance(value, dict):
            types = value.get("@type") or value.get("type")
            names = (_TYPE_PREFIX.split(t)[-1] for t in (types if isinstance(types, list) else [types]) if _is_text(t))
            if any(name in _ARTICLE_TYPES for name in names):
                articles.append(value)
            elif types:
                inner = [value[key] for key in ("mainEntity", "mainEntityOfPage", "@graph") if key in value]
                main_ids += [one["@id"] for one in inner if isinstance(one, dict) and "@id" in one]
                queue.extend(inner)
            else:
                queue.extend(value.values())
    return sorted(articles, key=lambda article: "@id" not in article or article["@id"] not in main_ids)


def breadcrumbs_in(value: Any) -> Iterator[list[tuple[str, str]]]:
    """Yield each breadcrumb in a JSON-LD value as a list of (name, URL), with the home page first.

    The URL is empty if the breadcrumb has none.
    """
    values = value if isinstance(value, list) else [value]
    for each in [*values, *(v for v in values if isinstance(v, dict) for v in v.get("@graph") or ())]:
        if isinstance(each, dict) and each.get("@type") == "BreadcrumbList":
            entries = each.get("itemListElement")
            steps = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
            pairs = [(item if isinstance(item := e.get("item"), dict) else {"@id": item}) | e for e in steps]
            yield [(str(p["name"]), str(p.get("@id") or p.get("url") or "")) for p in pairs if _is_text(p.get("name"))]


def same_page(url: str, other: str) -> bool:
    """Return True if two URLs are of the same page.

    They may differ in the prefix of the host (such as `www.`), a final slash, and the title in the path.
    """
    return not {*_keys(url)}.isdisjoint(_keys(other))


def of_this_page(articles: Iterable[dict[str, Any]], urls: Iterable[str]) -> list[dict[str, Any]]:
    """Return the articles that have one of the URLs of a page; if there are none, return the articles without a URL.

    An article with another URL describes a related story and is omitted.
    """
    base, *_ = own = [url for url in urls if url]
    keys = {key for url in own for key in _keys(url)}
    matching, unnamed = [], []
    for article in articles:
        named = {key for url in _urls_of(article) for key in _keys(_joined(base, url))}
        if named & keys:
            matching.append(article)
        elif not named:
            unnamed.append(article)
    return matching or unnamed


def _urls_of(article: dict[str, Any]) -> Iterator[str]:
    for key in ("url", "@id", "mainEntityOfPage"):
        values = article.get(key)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict):
                yield from filter(_is_text, (value.get("@id"), value.get("url")))
            elif _is_text(value):
                yield value


def _keys(url: str) -> Iterator[str]:
    """Yield keys for a URL; two URLs of the same page have a key in common.

    The URL of a front page has no keys, because it does not identify a story.
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("amp.")
    except ValueError:
        return
    if parts.scheme not in ("http", "https"):  # a name, such as urn:uuid:…
        return
    path = re.sub(r"/(?:amp|amp\.html)$", "", unquote(parts.path).lower().strip().rstrip("/"))
    if host.endswith("google.com") or path in ("", "/index.html", "/index.php"):
        # Google's example of structured data is often copied with its URL.
        if parts.query and host and not host.endswith("google.com"):
            yield f"{host}?{parts.query}"
        return
    yield f"{host}{path}"
    if ids := _ID.findall(path):
        yield f"{host}#{ids[-1]}"


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)
