"""Parts of pages that replicas have in common: frame, JSON-LD, paragraphs, feeds and sitemaps."""

import json
from html import escape
from typing import Any

from .piece import Piece


def page(title: str, body: str, head: str = "", kind: str = "website") -> bytes:
    return (
        f'<!DOCTYPE html><html lang="bn"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta property="og:type" content="{kind}">{head}</head><body>{body}</body></html>'
    ).encode()


def json_ld(value: dict[str, Any]) -> str:
    return f'<script type="application/ld+json">{json.dumps(value, ensure_ascii=False)}</script>'


def news_article(piece: Piece, url: str, image: str, **changes: Any) -> str:
    """The NewsArticle of a page; a change to None removes a key."""
    value: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": url},
        "headline": piece.headline,
        "image": {"@type": "ImageObject", "url": image},
        "datePublished": piece.published.isoformat(),
        "dateModified": (piece.updated or piece.published).isoformat(),
        "author": [{"@type": "Person", "name": name} for name in piece.authors],
    } | changes
    return json_ld({key: each for key, each in value.items() if each is not None})


def breadcrumb(*steps: tuple[str, str]) -> str:
    items = [{"@type": "ListItem", "position": n, "name": t, "item": u} for n, (t, u) in enumerate(steps, 1)]
    return json_ld({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items})


def paragraphs(piece: Piece, between: str = "") -> str:
    first, *rest = (f"<p>{escape(text)}</p>\n" for text in piece.paragraphs)
    return first + between + "".join(rest)


def feed(entries: list[tuple[str, Piece]]) -> bytes:
    items = "".join(
        f"<item><title>{escape(piece.headline)}</title><link>{escape(url)}</link>"
        f"<pubDate>{piece.published:%a, %d %b %Y %H:%M:%S %z}</pubDate></item>"
        for url, piece in reversed(entries)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()


def sitemap(entries: list[tuple[str, Piece]]) -> bytes:
    urls = "".join(
        f"<url><loc>{escape(url)}</loc><lastmod>{(piece.updated or piece.published).isoformat()}</lastmod></url>"
        for url, piece in entries
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset>{urls}</urlset>'.encode()
