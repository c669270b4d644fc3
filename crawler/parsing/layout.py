"""Layouts, which describe how the fields of a story are extracted from the pages of a site.

A site has one layout for each of its page templates, the newest first. A page is parsed by the first layout that fits.
The module is long because a layout describes every column of a story.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from crawler.bengali.dates import may_name_update, parse_datetime, parse_labelled_dates
from crawler.bengali.text import clean, compile_nfc
from crawler.decoding.unclosed_elements import may_be_unclosed
from crawler.items import ParsedStory, Story
from crawler.parsing.agencies import credited_agency
from crawler.parsing.boilerplate import EMBEDDED, BoilerplateFilter
from crawler.parsing.captions import clean_caption, credit_name, outside_lead_picture, split_caption
from crawler.parsing.extractors import Extractor, css, extract_all, extract_first
from crawler.parsing.infinite_scroll import first_story
from crawler.parsing.page import Article, Page, visible_text
from crawler.parsing.selectors import anchor_of, self_and_ancestors
from crawler.parsing.text_blocks import TextBlock, text_blocks
from crawler.urls import SiteUrl, UrlRules

# Pictures that a system shows for a story without one.
_NO_PICTURE = (
    r"^data:|/logos?/|/og-image/|(?:/|\b(?:og|social|share|media)[_-])(?:placeholder|fallback|no-?image"
    r"|lazy(?:[_-]?lo(?:go|ad))?|default(?:[_-]?(?:og|social|share|image|img|thumb|news|photo))?)"
    r"(?:[_-]\w{1,3})?\.(?:png|jpe?g|svg|gif|webp|avif)(?:\?|$)"
)
_EDITIONS = {"প্রিন্ট": "print", "অনলাইন": "online"}
_EDITION = re.compile(rf"(?P<name>{'|'.join(_EDITIONS)})\s*(?:সংস্করণ|ভার্সন|এডিশন)")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Extractors and selectors for the pages of a site with the same template.

    :param name: value of `stories.layout`
    :param section: extractors of the section, used if the URL has none
    :param title: selectors of the headline element, from the most to the least specific
    :param preamble: selector of elements before the headline of a later story on the page (infinite scroll)
    :param authors: extractors of one text per author; if only authors or a byline is found, it is used for both
    :param dates: extractors of text with the labels প্রকাশ (published) and আপডেট (updated)
    :param published: extractors of a date without a label, used if no labelled date is found; likewise ``updated``
    :param ignored_images: pattern of URLs of placeholders and logos, besides the usual names of default pictures
    :param credit: extractors of the lead picture's credit where it is an element of its own, which then is not part of
        ``caption``
    :param body: selectors of the element that holds the text
    :param story_container: selector of the element that holds all parts of a text split over several elements
    :param exclude: selector of elements inside the body that are not part of the story
    :param promo: patterns of lines that the site adds to every story
    :param keywords: extractors of tags separated by commas, used if the selector ``tags`` finds none
    :param expected: columns that nearly every story has; a run raises an alarm if one is missing from the start
    """

    name: str
    title: tuple[str, ...]
    preamble: str = ""
    headline: tuple[Extractor, ...]
    section: tuple[Extractor, ...] = ()
    kicker: tuple[Extractor, ...] = ()
    subtitle: tuple[Extractor, ...] = ()
    byline: tuple[Extractor, ...] = ()
    authors: tuple[Extractor, ...] = ()
    dates: tuple[Extractor, ...] = ()
    published: tuple[Extractor, ...] = ()
    updated: tuple[Extractor, ...] = ()
    edition: tuple[Extractor, ...] = ()
    image: tuple[Extractor, ...] = ()
    ignored_images: str = ""
    caption: tuple[Extractor, ...] = ()
    credit: tuple[Extractor, ...] = ()
    body: tuple[str, ...] = ()
    story_container: str = ""
    exclude: str = ""
    promo: tuple[str, ...] = ()
    tags: str = ""
    keywords: tuple[Extractor, ...] = ()
    expected: frozenset[str] = frozenset()

    def missing(self, page: Page) -> tuple[str, ...]:
        """Return the required fields (`body`, `headline`) that are missing on a page; the layout fits if none is."""
        page.preload(self.anchors)
        article = page.article
        present = {
            "body": any(map(article.css, self.body)),
            "headline": extract_first("headline", article, self.headline, clean) is not None,
        }
        return tuple(name for name in present if not present[name])

    @cached_property
    def anchors(self) -> tuple[str, ...]:
        """Classes and ids at the start of the first selector of each field; :meth:`Page.preload` searches for them."""
        fields = (self.headline, self.kicker, self.byline, self.dates, self.edition, self.image, self.caption)
        first = (*(field[0].selector for field in fields if field), *self.title[:1], *self.body[:1], self.tags)
        return tuple(dict.fromkeys(name for selector in first if (name := anchor_of(selector))))

    @cached_property
    def extractors(self) -> dict[str, tuple[str, ...]]:
        """Names of the extractors of each column, in the order in which they are tried."""
        return {
            column: tuple(dict.fromkeys(each.name for each in found)) for column, found in self.extractors_of.items()
        }

    @cached_property
    def extractors_of(self) -> dict[str, tuple[Extractor, ...]]:
        """Extractors of each column, in the order in which they are tried; selectors become extractors too."""
        fields = {
            "section": self.section,
            "headline": self.headline,
            "kicker": self.kicker,
            "subtitle": self.subtitle,
            "byline": self.byline or self.authors,
            "authors": self.authors,
            "published_at": self.dates + self.published,
            "updated_at": self.dates + self.updated,
            "edition": self.edition,
            "image_url": self.image,
            "image_caption": self.caption,
            "image_credit": self.credit,
        }
        tags = (css(self.tags),) if self.tags else ()
        declared = {column: found for column, found in fields.items() if found}
        return {**declared, "body": tuple(map(css, self.body)), "tags": (*tags, *self.keywords)}

    def parse(self, page: Page, address: SiteUrl, url_rules: UrlRules, zone: ZoneInfo) -> ParsedStory:
        """Return the story on a page, with texts as printed and None for absent fields; it is not validated yet."""
        article = self.article_on(page)
        page = article.page
        parsers: tuple[tuple[str, tuple[Extractor, ...], Callable[[str], str | None]], ...] = (
            ("headline", self.headline, clean),
            ("kicker", self.kicker, lambda text: clean(text.strip("/ \xa0"))),
            ("subtitle", self.subtitle, clean),
            ("byline", self.byline, clean),
            ("edition", self.edition, _edition),
            ("image_url", self.image, lambda link: self._image_url(url_rules, link, page.base_url)),
        )
        fields: dict[str, Any] = {"section": address.section} | {
            name: extract_first(name, article, extractors, parse) for name, extractors, parse in parsers
        }
        if address.section is None:
            fields["section"] = extract_first("section", article, self.section, clean)
        fields["authors"] = extract_all("authors", article, self.authors) or [*filter(None, [fields["byline"]])]
        if fields["byline"] is None and fields["authors"]:
            fields["byline"] = ", ".join(fields["authors"])
            article.extracted_by["byline"] = article.extracted_by["authors"]
        bodies = [node for selector in self.body for node in article.css(selector)]
        picture = replace(article, hidden=outside_lead_picture(article, bodies, fields["image_url"]))
        printed_caption = extract_first("image_caption", picture, self.caption, clean_caption)
        headline = fields["headline"]
        caption, credit = split_caption(printed_caption, headline)
        credit = extract_first("image_credit", picture, self.credit, credit_name) or credit
        own_text = BoilerplateFilter(url_rules, page.base_url, self._promo_patterns, headline, printed_caption)
        body = "\n\n".join(own_text.story_paragraphs(self._blocks(article)))
        fields |= {"headline": headline or "", "image_caption": caption, "image_credit": credit, "body": body}
        dates, unreadable = self._dates(article, zone)
        story = Story(
            site=url_rules.site,
            story_id=address.story_id or "",
            url=address.url,
            agency=credited_agency(body, fields["byline"]),
            tags=self._tags(article),
            layout=self.name,
            published_from=article.extracted_by.get("published_at"),
            fetched_at=page.fetched_at,
            **fields,
            **dates,
        )
        return ParsedStory(story=story, extracted_by=article.extracted_by, unreadable_dates=unreadable)

    def article_on(self, page: Page) -> Article:
        """Return the part of a page in which the story is found."""
        if any(may_be_unclosed(node) for selector in self.body for node in page.article.css(selector)):
            page = page.with_closed_elements()
        return first_story(page, self.title, self.body, self.preamble)

    def _dates(self, article: Article, zone: ZoneInfo) -> tuple[dict[str, Any], tuple[str, ...]]:
        now = article.page.fetched_at
        dates: dict[str, Any] = {}
        unreadable: dict[str, None] = {}
        for extractor in self.dates:
            for text in extractor.extract(article):
                if "published_at" in dates and not may_name_update(text):
                    continue
                labelled = parse_labelled_dates(text, zone=zone, now=now)
                unreadable |= dict.fromkeys(labelled.unreadable)
                for name, moment in (("published_at", labelled.published), ("updated_at", labelled.updated)):
                    if moment is not None and name not in dates:
                        dates[name], article.extracted_by[name] = moment, extractor.name
            if len(dates) == 2:
                break
        for name, extractors in (("published_at", self.published), ("updated_at", self.updated)):
            failed: list[str] = []

            def parse(text: str, failed: list[str] = failed) -> datetime | None:
                failed.append(text[:80])
                return parse_datetime(text, zone=zone, now=now)

            if name not in dates and (moment := extract_first(name, article, extractors, parse)) is None:
                unreadable |= dict.fromkeys(failed)
            elif name not in dates:
                dates[name] = moment
        return dates, tuple(unreadable)

    def _image_url(self, url_rules: UrlRules, link: str, base_url: str) -> str | None:
        patterns = filter(None, (_NO_PICTURE, self.ignored_images))
        is_ignored = any(re.search(pattern, link, re.IGNORECASE) for pattern in patterns)
        return None if is_ignored else url_rules.absolute(link, base_url)

    def _blocks(self, article: Article) -> list[TextBlock]:
        exclude = f"{EMBEDDED}, {self.exclude}" if self.exclude else EMBEDDED
        for selector in self.body:
            for container in article.css(selector):
                parts = self._parts(container, selector)
                excluded = {node.mem_id for part in parts for node in part.css(exclude)}
                if blocks := [block for part in parts for block in text_blocks(part, excluded)]:
                    article.extracted_by["body"] = selector
                    return blocks
        return []

    def _parts(self, container: LexborNode, selector: str) -> list[LexborNode]:
        """Return the elements that hold the parts of a text, each only once and without those inside another part."""
        around = self_and_ancestors(container) if self.story_container else ()
        whole = next((node for node in around if node.css_matches(self.story_container)), None)
        parts = whole.css(selector) if whole is not None else [container]
        if len(parts) == 1:
            return parts
        nested = {node.mem_id for outer in parts for node in outer.css(selector) if node.mem_id != outer.mem_id}
        if whole is not None and self.exclude:  # blocks of related stories may have parts too
            nested |= {part.mem_id for block in whole.css(self.exclude) for part in block.css(selector)}
        distinct: dict[str | None, LexborNode] = {}
        for part in parts:
            if part.mem_id not in nested:
                distinct.setdefault(visible_text(part), part)
        return list(distinct.values())

    def _tags(self, article: Article) -> list[str]:
        nodes = article.css(self.tags) if self.tags else ()
        tags = [tag for node in nodes if (tag := clean((visible_text(node) or "").strip("#,;। ")))]
        if tags:
            article.extracted_by["tags"] = self.tags
            return tags
        lists = extract_all("tags", article, self.keywords)
        return [tag for text in lists for each in text.split(",") if (tag := clean(each))]

    @cached_property
    def _promo_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(compile_nfc(pattern) for pattern in self.promo)


def _edition(text: str) -> str | None:
    match = _EDITION.search(text)
    return _EDITIONS[match["name"]] if match else text if text in _EDITIONS.values() else None


def choose_layout(layouts: tuple[Layout, ...], page: Page) -> Layout | None:
    return next((layout for layout in layouts if not layout.missing(page)), None)
