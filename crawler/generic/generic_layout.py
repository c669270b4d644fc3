"""Layout for any page, without selectors of a particular site.

It is tried last for pages of a known site, and is the only layout for an unknown site. JSON-LD is used only if its
headline is also on the page, because otherwise it describes another story.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from crawler.bengali.text import clean
from crawler.generic import declared
from crawler.generic.container import DEFAULTS, Candidate, PageBlocks, Thresholds
from crawler.generic.declared_text import DeclaredText
from crawler.generic.lead_picture import caption_of
from crawler.generic.line_filter import is_date_line, story_lines
from crawler.generic.page_language import declared_language
from crawler.generic.publication import publication_dates
from crawler.generic.titles import declared_titles, find_headline, read_alike, without_site_name
from crawler.items import ParsedStory, Story
from crawler.parsing.agencies import credited_agency
from crawler.parsing.boilerplate import BoilerplateFilter
from crawler.parsing.captions import split_caption
from crawler.parsing.extractors import extract_all, extract_first
from crawler.parsing.page import Article, Page
from crawler.parsing.text_blocks import TextBlock
from crawler.urls import SiteUrl, UrlRules

NAME = "generic"
# Characters of prose without which a page has no story; more if nothing else says that the page is an article.
_MIN_STORY, _MIN_UNDECLARED = 140, 280
# Length of a linked title, and the number of entries, in all and for each block of prose, of a list of stories.
_MIN_TITLE, _MIN_ENTRIES, _ENTRIES_SHARE = 15, 4, 0.4


@dataclass(frozen=True)
class GenericLayout:
    """Parser of stories on pages of any site.

    It has the same interface as :class:`crawler.parsing.layout.Layout`, but finds the text by the density of prose.

    :param limits: limits for the selection of the text
    :param knows_zone: True if the time zone passed to :meth:`parse` is that of the site. If False, a date and time
        without an offset is reduced to its day.
    """

    name: str = NAME
    limits: Thresholds = DEFAULTS
    knows_zone: bool = True

    def parse(self, page: Page, address: SiteUrl, url_rules: UrlRules, zone: ZoneInfo) -> ParsedStory:
        """Return the story on a page.

        If there is no story, the ``layout`` of the result is None, and ``missing`` lists the missing parts (`headline`,
        `body`).
        """
        article, titles = page.article, declared_titles(page)
        blocks = PageBlocks(page.tree, self.limits)
        shown = find_headline(blocks, titles)
        headline = clean(shown.block.text) if shown else next(map(without_site_name, titles), None)
        _drop_other_stories(page, [*filter(None, [headline]), *titles])
        story = Story(site=url_rules.site, story_id=address.story_id or "", url=address.url, fetched_at=page.fetched_at)
        text, text_from = _story_text(page, blocks, shown, headline)
        if missing := tuple(name for name, value in (("headline", headline), ("body", text)) if not value):
            return ParsedStory(story=story, missing=missing)
        article.extracted_by |= {"headline": "visible title" if shown else "declared title", "body": text_from}
        fields = _declared_fields(article, url_rules)
        printed_caption = caption_of(article, fields["image_url"])
        caption, credit = split_caption(printed_caption, headline)
        own_text = BoilerplateFilter(url_rules, page.base_url, (), headline, printed_caption)
        body = "\n\n".join(own_text.story_paragraphs(text))
        fields |= publication_dates(
            article, shown.block.element if shown else None, page.url, zone, knows_zone=self.knows_zone
        )
        fields |= {"image_caption": caption, "image_credit": credit, "headline": headline, "body": body}
        fields["section"] = address.section or fields["section"]
        story = replace(
            story,
            layout=self.name,
            agency=credited_agency(body, fields["byline"]),
            language=declared_language(page).partition("-")[0] or None,
            **fields,
        )
        return ParsedStory(story=story, extracted_by=article.extracted_by)


def _story_text(
    page: Page, blocks: PageBlocks, shown: Candidate | None, headline: str | None
) -> tuple[list[TextBlock], str]:
    """Return the text blocks of the story, and the name of the method that found them, such as "text density".

    The list of blocks is empty if the page has no story.
    """
    chosen = blocks.around(shown)
    summary = page.meta_tags.get("description") or page.meta_tags.get("og:description")
    lines = story_lines(chosen, headline, summary)
    declared_text = DeclaredText(page)
    if declared_text.disagrees(lines):
        lines = declared_text.matching(blocks.candidates)
        if declared_text.disagrees(lines):
            return declared_text.blocks(), "JSON-LD articleBody"
        return [each.block for each in lines], "text of articleBody"
    is_declared = bool(page.json_ld) or page.meta_tags.get("og:type", "").lower().startswith("article")
    enough = _MIN_STORY if is_declared else _MIN_UNDECLARED
    if sum(each.prose for each in lines) < enough or (not is_declared and _is_list(chosen)):
        return [], ""
    return [each.block for each in lines], "text density"


def _is_list(chosen: Sequence[Candidate]) -> bool:
    """Return True if the blocks are a list of stories, each with a linked title or a date."""
    titles = sum(
        1 for each in chosen if each.block.links and not each.block.unlinked and len(each.block.text) >= _MIN_TITLE
    )
    entries = max(titles, sum(1 for each in chosen if is_date_line(each)))
    return entries >= _MIN_ENTRIES and entries >= _ENTRIES_SHARE * sum(1 for each in chosen if each.prose)


def _declared_fields(article: Article, url_rules: UrlRules) -> dict[str, Any]:
    """Return the section, subtitle, authors, picture and tags that the page declares in its markup."""

    def image(link: str) -> str | None:
        ignored = declared.IGNORED_IMAGES.search(link)
        return None if ignored else url_rules.absolute(link, article.page.base_url)

    names = [name for text in extract_all("authors", article, declared.AUTHORS) if (name := declared.author_name(text))]
    return {
        "section": extract_first("section", article, declared.SECTION, declared.section_name),
        "subtitle": extract_first("subtitle", article, declared.SUBTITLE, clean),
        "authors": names,
        "byline": ", ".join(names) or None,
        "image_url": extract_first("image_url", article, declared.IMAGE, image),
        "tags": declared.tags_of(article),
    }


def _drop_other_stories(page: Page, titles: Sequence[str]) -> None:
    """Remove the JSON-LD objects whose headline is not one of the titles of the page."""
    page.json_ld = [
        value
        for value in page.json_ld
        if not isinstance(headline := value.get("headline"), str) or any(read_alike(headline, each) for each in titles)
    ]
