"""How a layout of a newspaper is read: where it keeps each field, and the story that comes of it.

A newspaper's file declares layouts, newest first; the first whose ``fits`` says yes reads the page. A layout knows
nothing of Scrapy, so it reads stored pages as well as fetched ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean
from crawler.items import ParsedStory, Story
from crawler.parsing.extractors import Extractor, first_of
from crawler.parsing.infinite_scroll import first_story
from crawler.parsing.page import Article, Page, text_of
from crawler.parsing.selectors import landmark_of
from crawler.parsing.text_blocks import Block, blocks
from crawler.urls import SiteUrl, UrlRules

_EDITIONS = {"প্রিন্ট": "print", "অনলাইন": "online"}
_EDITION = re.compile(rf"(?P<name>{'|'.join(_EDITIONS)})\s*(?:সংস্করণ|ভার্সন|এডিশন)")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One layout: each field is a row of sources, tried in order.

    :param name: what `stories.layout` says
    :param title: selectors of a story's headline element, most exact first; a page that scrolls on has several
    :param opening: selector of what may stand before the headline of a story that a page scrolls on to
    :param dates: sources of the text with the প্রকাশ and আপডেট labels
    :param published, updated: sources of moments without label (ISO 8601), where no label can be read
    :param no_picture: pattern of URLs that stand where a picture should and are none
    :param body: selectors of the element that holds the text
    :param part: selector of what holds all of one story's text, where a page parts it
    :param drop: selector of what is inside the body and not of the story
    :param promo: patterns of lines that the newspaper adds to every story
    :param usual: columns that nearly every story of this layout has; one that lacks them from the first is an alarm
    """

    name: str
    title: tuple[str, ...]
    opening: str = ""
    headline: tuple[Extractor, ...]
    kicker: tuple[Extractor, ...] = ()
    byline: tuple[Extractor, ...] = ()
    dates: tuple[Extractor, ...] = ()
    published: tuple[Extractor, ...] = ()
    updated: tuple[Extractor, ...] = ()
    edition: tuple[Extractor, ...] = ()
    image: tuple[Extractor, ...] = ()
    no_picture: str = r"^data:"
    caption: tuple[Extractor, ...] = ()
    body: tuple[str, ...] = ()
    part: str = ""
    drop: str = ""
    promo: tuple[str, ...] = ()
    tags: str = ""
    usual: frozenset[str] = frozenset()

    def fits(self, page: Page) -> bool:
        """Whether the page is one of this layout: it has an element for the text, and a headline."""
        return next(self._missing(page), None) is None

    def missing(self, page: Page) -> tuple[str, ...]:
        """What keeps the layout from fitting a page: `body`, `headline`, both or neither."""
        return tuple(self._missing(page))

    def _missing(self, page: Page) -> Iterator[str]:
        page.look_for(self.landmarks)
        article = page.whole
        if not any(map(article.every, self.body)):
            yield "body"
        if first_of("headline", article, self.headline, clean) is None:
            yield "headline"

    @cached_property
    def landmarks(self) -> tuple[str, ...]:
        """What nearly every page is searched for: where the first source of each field begins."""
        rows = (self.headline, self.kicker, self.byline, self.dates, self.edition, self.image, self.caption)
        first = (*(row[0].selector for row in rows if row), *self.title[:1], *self.body[:1], self.tags)
        return tuple(dict.fromkeys(name for selector in first if (name := landmark_of(selector))))

    @cached_property
    def extractors(self) -> dict[str, tuple[str, ...]]:
        """By column, the names of the sources that it is read from, in the order in which they are tried."""
        rows = {
            "headline": self.headline,
            "kicker": self.kicker,
            "byline": self.byline,
            "published_at": self.dates + self.published,
            "updated_at": self.dates + self.updated,
            "edition": self.edition,
            "image_url": self.image,
            "image_caption": self.caption,
        }
        named = {column: tuple(dict.fromkeys(source.name for source in row)) for column, row in rows.items()}
        return {**named, "body": self.body, "tags": (self.tags,) if self.tags else ()}

    def read(self, page: Page, address: SiteUrl, url_rules: UrlRules, zone: ZoneInfo) -> ParsedStory:
        """The story on a page, as printed: absent fields are None, and nothing is judged yet."""
        # Their patterns take long to compile, and whoever only declares a layout reads nothing.
        from crawler.parsing.agencies import agency
        from crawler.parsing.boilerplate import Asides
        from crawler.parsing.captions import printed_caption, split_caption

        article = first_story(page, self.title, self.body, self.opening)
        story = Story(site=url_rules.site, story_id=address.story_id or "", url=address.url, section=address.section)
        story.headline = first_of("headline", article, self.headline, clean) or ""
        story.kicker = first_of("kicker", article, self.kicker, _kicker)
        story.byline = first_of("byline", article, self.byline, clean)
        unreadable = self._read_moments(story, article, zone)
        story.edition = first_of("edition", article, self.edition, _edition)
        story.image_url = first_of(
            "image_url", article, self.image, lambda link: self._picture(url_rules, link, page.base)
        )
        printed = first_of("image_caption", article, self.caption, printed_caption)
        story.image_caption, story.image_credit = split_caption(printed, story.headline)
        asides = Asides(url_rules, page.base, self._promo, story.headline, printed)
        story.body = "\n\n".join(asides.without(self._blocks(article)))
        story.agency = agency(story.body, story.byline)
        if tags := list(self._tags(article)):
            article.extracted_by["tags"] = self.tags
        story.tags = tags
        story.layout, story.fetched_at = self.name, page.fetched_at
        return ParsedStory(story=story, extracted_by=article.extracted_by, unreadable_dates=unreadable)

    def _read_moments(self, story: Story, article: Article, zone: ZoneInfo) -> tuple[str, ...]:
        from crawler.bengali.dates import parse_datetime, parse_labelled_dates

        now, unreadable = article.page.fetched_at, dict[str, None]()
        for source in self.dates:
            for text in source(article):
                header = parse_labelled_dates(text, zone=zone, now=now)
                unreadable |= dict.fromkeys(header.unreadable)
                for name, moment in (("published_at", header.published), ("updated_at", header.updated)):
                    if moment is not None and getattr(story, name) is None:
                        setattr(story, name, moment)
                        article.extracted_by[name] = source.name
                if story.published_at and story.updated_at:
                    return tuple(unreadable)
            if story.published_at is not None:
                return tuple(unreadable)
        for name, sources in (("published_at", self.published), ("updated_at", self.updated)):
            if getattr(story, name) is None:
                setattr(story, name, first_of(name, article, sources, lambda t: parse_datetime(t, zone=zone, now=now)))
        return tuple(unreadable)

    def _picture(self, url_rules: UrlRules, link: str, base: str) -> str | None:
        return None if re.search(self.no_picture, link, re.IGNORECASE) else url_rules.absolute(link, base)

    def _blocks(self, article: Article) -> list[Block]:
        """The blocks of the text, of all its pieces where it stands in several."""
        for selector in self.body:
            for container in article.every(selector):
                pieces = self._pieces(container, selector)
                if found := [block for piece in pieces for block in self._blocks_of(piece)]:
                    article.extracted_by["body"] = selector
                    return found
        return []

    def _pieces(self, container: LexborNode, selector: str) -> list[LexborNode]:
        """The elements that the text is parted over, each with other words, none within another."""
        whole = container.parent
        while whole is not None and not (self.part and whole.css_matches(self.part)):
            whole = whole.parent
        every = whole.css(selector) if whole is not None else [container]
        if len(every) == 1:
            return every
        inner = {node.mem_id for outer in every for node in outer.css(selector) if node.mem_id != outer.mem_id}
        pieces: dict[str | None, LexborNode] = {}
        for piece in every:
            if piece.mem_id not in inner:
                pieces.setdefault(text_of(piece), piece)
        return list(pieces.values())

    def _blocks_of(self, piece: LexborNode) -> Iterator[Block]:
        from crawler.parsing.boilerplate import EMBEDDED

        dropped = piece.css(f"{EMBEDDED}, {self.drop}" if self.drop else EMBEDDED)
        return blocks(piece, {node.mem_id for node in dropped})

    def _tags(self, article: Article) -> Iterator[str]:
        for node in article.every(self.tags) if self.tags else ():
            if tag := clean((text_of(node) or "").strip("#,;। ")):
                yield tag

    @cached_property
    def _promo(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(normalize("NFC", pattern)) for pattern in self.promo)


def _kicker(text: str) -> str | None:
    return clean(text.strip("/ \xa0"))


def _edition(text: str) -> str | None:
    found = _EDITION.search(text)
    return _EDITIONS[found["name"]] if found else None


def choose_layout(layouts: tuple[Layout, ...], page: Page) -> Layout | None:
    """The first layout that fits the page."""
    return next((layout for layout in layouts if layout.fits(page)), None)
