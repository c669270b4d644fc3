"""Fundus with a publisher of our own: it has none in Bengali. Its threads, its session, its notion of a body."""

import json
import sys
from datetime import datetime
from pathlib import Path

from fundus import Crawler
from fundus.parser import ArticleBody, BaseParser, ParserProxy, attribute
from fundus.parser.utility import extract_article_body_with_selector
from fundus.publishers.base_objects import Publisher, PublisherGroup
from fundus.scraping.url import Sitemap
from lxml.cssselect import CSSSelector
from naive_date import date_in

SITE = sys.argv[1]


class KalbelaParser(ParserProxy):
    """The paper's layout."""

    class V1(BaseParser):
        """The layout of today."""

        _title = CSSSelector(".details-title")
        _byline = CSSSelector(".rpt_info_section .rpt_name")
        _header = CSSSelector(".rpt_info_section")
        _paragraphs = CSSSelector(".dtl_content_section p, .dtl_content_section li")
        _subheads = CSSSelector(".dtl_content_section h3")

        @attribute
        def title(self) -> str | None:
            """The headline."""
            return next((node.text_content().strip() for node in self._title(self.precomputed.doc)), None)

        @attribute
        def authors(self) -> list[str]:
            """The byline."""
            return [node.text_content().strip() for node in self._byline(self.precomputed.doc)][:1]

        @attribute
        def publishing_date(self) -> datetime | None:
            """The date in the header."""
            text = " ".join(node.text_content() for node in self._header(self.precomputed.doc))
            found = date_in(text)
            return datetime.fromisoformat(found) if found else None

        @attribute
        def body(self) -> ArticleBody:
            """The text."""
            return extract_article_body_with_selector(
                self.precomputed.doc, paragraph_selector=self._paragraphs, subheadline_selector=self._subheads
            )


class BD(metaclass=PublisherGroup):
    """Bangladesh."""

    default_language = "bn"
    Kalbela = Publisher(
        name="Kalbela", domain=f"{SITE}/", parser=KalbelaParser, sources=[Sitemap(f"{SITE}/sitemap.xml")]
    )


def crawl(output: Path) -> None:
    """Read every page of the sitemaps, without a delay; incomplete ones too."""
    with output.open("w") as file:
        for article in Crawler(BD.Kalbela, delay=0.0).crawl(only_complete=False):
            row = {
                "url": article.html.requested_url,
                "headline": article.title,
                "byline": ", ".join(article.authors) or None,
                "published_at": article.publishing_date.isoformat() if article.publishing_date else None,
                "body": "\n\n".join(
                    text for section in article.body.sections for text in (*section.headline, *section.paragraphs)
                ),
            }
            print(json.dumps(row, ensure_ascii=False), file=file)


if __name__ == "__main__":
    crawl(Path(sys.argv[2]))
