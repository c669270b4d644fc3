"""Extractors of the fields that pages declare in JSON-LD, meta elements and microdata.

The most reliable extractor of each field comes first.
"""

import re
from collections.abc import Iterator

from crawler.bengali.text import clean, compile_nfc
from crawler.parsing.extractors import Extractor, attribute, breadcrumb, css, json_ld, meta
from crawler.parsing.page import Article, visible_text

_MAX_NAME = 100
_NO_NAME = r"^(?!\s*(?:https?:|www\.|@|admin\b|editor\b|staff\b|unknown\b|null\b)).{2,100}$"
_NO_PERSON = re.compile(r"^https?:|^@|\d{4}|\d:\d")
_BY = compile_nfc(r"\A\s*(?:by|von|por|par|written by|লেখক|প্রতিবেদক)(?:\s*[:ঃ]\s*|\s+)", re.IGNORECASE)


def tags_of(article: Article) -> list[str]:
    """Return the tags of a story from the meta elements of its page.

    If there are several such elements, each one contains one tag. The content of a single element is split at commas.
    """
    for name in ("article:tag", "parsely-tags", "news_keywords", "keywords"):
        nodes = article.page.tree.css(f'meta[property="{name}" i][content], meta[name="{name}" i][content]')
        if texts := [text for node in nodes if (text := node.attributes.get("content"))]:
            parts = texts if len(texts) > 1 else texts[0].split(",")
            article.extracted_by["tags"] = f"meta {name}"
            return list(dict.fromkeys(tag for part in parts if (tag := clean(part.strip("#;। ")))))
    return []


def section_name(text: str) -> str | None:
    """Return a text as the name of a section, or None if it is longer than 100 characters."""
    name = clean(text)
    return name if name and len(name) <= _MAX_NAME else None


def author_name(text: str) -> str | None:
    """Return the name of an author without the word "by".

    Return None for a URL, an account name, a date, or a text longer than 100 characters.
    """
    name = clean(_BY.sub("", text))
    return name if name and len(name) <= _MAX_NAME and not _NO_PERSON.search(name) else None


def _author_elements() -> Extractor:
    selector = (
        '[itemprop="author" i], [rel~="author" i], [class~="byline" i], [class~="author" i], [class~="author-name" i]'
    )

    def extract(article: Article) -> Iterator[str]:
        for node in article.css(selector):
            inner = node.css_first('[itemprop="name" i]')
            if text := visible_text(inner if inner is not None else node):
                yield text
                return

    return Extractor("author elements", extract, selector)


AUTHORS = (
    json_ld("author", "name", matching=_NO_NAME),
    meta("author", matching=_NO_NAME),
    meta("article:author", matching=_NO_NAME),
    meta("parsely-author", matching=_NO_NAME),
    meta("sailthru.author", matching=_NO_NAME),
    meta("dc.creator", matching=_NO_NAME),
    _author_elements(),
)
SECTION = (
    meta("article:section"),
    json_ld("articleSection"),
    meta("parsely-section"),
    meta("section"),
    breadcrumb(),
    css('[class*="breadcrumb" i] li:last-of-type a, [class*="breadcrumb" i] > a:last-of-type'),
)
SUBTITLE = (
    json_ld("alternativeHeadline"),
    css(
        'h2[class*="sub" i], [class*="standfirst" i], [class~="subtitle" i], [class~="subheadline" i],'
        ' [itemprop="alternativeHeadline"]'
    ),
)
IMAGE = (
    meta("og:image"),
    meta("og:image:secure_url"),
    json_ld("image", "url"),
    json_ld("image"),
    meta("twitter:image"),
    meta("twitter:image:src"),
    attribute('[itemprop="image" i]', "content", "src", "href"),
    attribute('link[rel="image_src" i]', "href"),
)
IGNORED_IMAGES = re.compile(r"^data:|\blogo\b|placeholder|default|blank\.|favicon|\.svg\b", re.IGNORECASE)
