"""Comparison of real pages with a parse without limits: the words of the body are the same, and nothing raises.

Run as a program with folders of stored pages (`*.html`, also gzipped): it prints a line per page that differs, and the
numbers, and exits with 1 if there is one.
"""

import gzip
import hashlib
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

from crawler.decoding.charset import decode_text
from crawler.downloader.response_check import check
from crawler.parsing.page import PARSER_OPTIONS, Page
from crawler.parsing.parser import PageResponse
from crawler.parsing.text_blocks import text_blocks
from crawler.spiders.kalbela import Kalbela

URL = "https://www.kalbela.com/national/123456"
FETCHED_AT = datetime(2026, 8, 22, tzinfo=UTC)


def stored_pages(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield each different page below the folders."""
    seen = set()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*.htm*") if path.is_file()):
            body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            if (digest := hashlib.sha256(body).digest()) not in seen:
                seen.add(digest)
                yield path, body


def differences(body: bytes) -> list[str]:
    """Return how the parse of a page differs from that without limits; an exception is not caught."""
    page = Page(body, URL, FETCHED_AT)
    unlimited = LexborHTMLParser(decode_text(body), options=PARSER_OPTIONS)
    with_limits, without = _words(page.tree), _words(unlimited)
    found = [f"{len(with_limits)} words instead of {len(without)}"] if with_limits != without else []
    if page.removed:
        found.append(f"removed {dict(page.removed)}")
    _ = page.json_ld, page.meta_tags, page.base_url, page.with_closed_elements()
    check(200, {"Content-Type": "text/html"}, body, URL)
    Kalbela().page_parser.parse(PageResponse(url=URL, body=body, fetched_at=FETCHED_AT, is_story=True, find_feeds=True))
    return found


def _words(tree: LexborHTMLParser) -> list[str]:
    return [word for block in text_blocks(tree.body) for word in block.text.split()] if tree.body else []


if __name__ == "__main__":
    pages = {path: differences(body) for path, body in stored_pages(map(Path, sys.argv[1:]))}
    for path, found in pages.items():
        if found:
            print(f"{path}: {'; '.join(found)}")
    print(f"{len(pages)} pages, {sum(map(bool, pages.values()))} differ")
    sys.exit(any(pages.values()))
