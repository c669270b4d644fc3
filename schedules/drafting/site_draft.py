"""Draft of a site file from the survey of a site."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from crawler.items import Story
from crawler.parsing.layout import Layout
from crawler.parsing.page import Page
from crawler.parsing.ranked_lists import LIST_NAMES, RankedList, parse_ranked_list
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from schedules.drafting.cms_markers import CmsEvidence, find_families
from schedules.drafting.drafted_entry_points import EntryPointDrafter
from schedules.drafting.layout_text import layout_imports, layout_lines
from schedules.drafting.ranked_blocks import ListFinder, RankedBlock
from schedules.drafting.site_facts import (
    are_ids_increasing,
    language,
    other_kinds,
    site_name,
    site_title,
    site_zone,
    structured_fields,
)
from schedules.drafting.site_file import SiteFile, call, comment_lines, literal, pattern_literal, tuple_literal
from schedules.drafting.site_survey import Survey
from schedules.drafting.story_fields import draft_fields
from schedules.drafting.story_page import read_story_page

_MIN_ORDERED = 0.9


@dataclass(frozen=True)
class Draft:
    """A drafted site file.

    :ivar family: module of `crawler.cms` from which the site inherits, or ""
    :ivar evidence: all families of which a marker was found
    """

    name: str
    file: SiteFile
    family: str
    evidence: Sequence[CmsEvidence]


class SiteDrafter:
    """Writer of one draft; each method adds a part of the file. The survey must have found the URLs of stories."""

    def __init__(self, survey: Survey, taken: Sequence[str] = ()) -> None:
        """Prepare a draft; ``taken`` are the names of known sites, which it must not have."""
        assert survey.story_urls is not None
        self.survey, self.urls, self.rules = survey, survey.story_urls, survey.rules()
        self.name = site_name(survey.hosts[0])
        while self.name in taken:
            self.name += "2"
        self.title = site_title(survey)
        self.evidence = find_families([page.tree.html or "" for page in survey.pages])
        self.family = next((each for each in self.evidence if self._fits(each)), None)
        self.spider = _class_of(self.family) if self.family else NewspaperSpider
        base = f"{self.family.name}.{self.family.spider}" if self.family else "NewspaperSpider"
        source = f"crawler.cms import {self.family.name}" if self.family else "crawler.spider import NewspaperSpider"
        self.file = SiteFile(
            f"{self.title.value or self.name}, {survey.hosts[0]}. Drafted by `khobor new-site`; check each line.",
            base,
            self.name[0].upper() + self.name[1:],
            {"import re", "from zoneinfo import ZoneInfo", f"from {source}"},
        )
        self.entry_points = EntryPointDrafter(survey, self.file, self.family.name if self.family else "")

    def draft(self) -> Draft:
        self._identity()
        self._zone()
        self._urls()
        self._numbered()
        self._layout()
        self._lists()
        self.entry_points.add_entry_points()
        return Draft(self.name, self.file, self.entry_points.family, self.evidence)

    def _identity(self) -> None:
        for each in self.evidence:
            use = "the base class" if each is self.family else "not used: its layout fits no story"
            self.file.add("", f"family {each.name}, {use}: {each}")
        if not self.evidence:
            self.file.add("", f"no marker of a family in crawler/cms/ on {len(self.survey.pages)} pages")
        self.file.add(f"name = {literal(self.name)}", "from the host")
        self.file.add(
            f"title = {literal(self.title.value or self.name)}",
            self.title.source or "TO DO: no name was found in og:site_name, JSON-LD or the title of the front page",
        )
        comment = "host of the front page; the other is that with or without www."
        self.file.add(f"hosts = {tuple_literal(self.survey.hosts)}", comment)
        path = urlsplit(self.survey.url).path
        if path not in ("", "/"):
            self.file.add(f"front_page = {literal(path)}", "path of the given URL")

    def _zone(self) -> None:
        if zone := site_zone(self.survey):
            self.file.add(f'zone = ZoneInfo("{zone.value}")', zone.source)
            return
        name = "Asia/Dhaka" if (language(self.survey) or "").startswith("bn") else "UTC"
        comment = "TO DO: the zone in which the newspaper prints its times; no offset in the dates of the feeds and in"
        comment += " meta, JSON-LD, itemprop and time elements of the stories, other than 0, tells it"
        self.file.add(f'zone = ZoneInfo("{name}")', comment)

    def _urls(self) -> None:
        ids = len(set(self.urls.ids.values()))
        self.file.add(
            f"story_path = re.compile({pattern_literal(self.urls.pattern)})",
            f"the id is {self.urls.kind}: {len(self.urls.ids)} of {self.urls.headlines} links that look like headlines,"
            f" with {ids} different ids",
        )
        if self.urls.parameter:
            self.file.add(f"story_parameter = {literal(self.urls.parameter)}", "")
        if self.urls.is_slug:
            self.file.to_do("the publisher's own id as group `id`, if the page's source shows one; a slug may change")
        if self.urls.unlike:
            paths = ", ".join(unquote(urlsplit(url).path) for url in self.urls.unlike[:3])
            self.file.add("", f"{len(self.urls.unlike)} links have another form, such as {paths}")
        if kinds := other_kinds(self.survey):
            comment = "first segments of links with the form of a story that name another kind of page"
            self.file.add(f"other_kinds = frozenset({tuple_literal(kinds)})", comment)
        examples = [self._readable(url) for url in sorted(self.urls.ids, key=len)[:2]]
        self.file.add(f"examples = {tuple_literal(examples)}", "two of these links")

    def _readable(self, url: str) -> str:
        """Return a URL without percent-encoding if it still leads to the same story."""
        return plain if self.rules.identify(plain := unquote(url)) == self.rules.identify(url) else url

    def _numbered(self) -> None:
        if not self.urls.is_number:
            return
        order = are_ids_increasing(self.survey)
        if order and order[0] >= _MIN_ORDERED * order[1]:
            comment = f"{order[0]} of {order[1]} neighbours in a feed or sitemap: the newer one has the greater id"
            self.file.add("numbered = True", comment)
        elif not self.spider.numbered:
            found = f"only {order[0]} of {order[1]} neighbours in a feed" if order else "too few dated entries to see"
            self.file.add("", f"numbered = True if the ids are one counter that only grows ({found})")

    def _layout(self) -> None:
        if not self.family:
            self._own_layout()
            return
        layout = _layout_of(self.family, self.name, self.title.value)
        if self.family.name == "orange_bd":
            latin = site_name(self.survey.hosts[0])
            arguments = (literal(self.name), literal(self.title.value), f"latin={literal(latin)}")
            self.file.before.append(f"LAYOUT = {call('orange_bd.layout', arguments, 0)}")
            self.file.add("layouts = (LAYOUT,)", "the layout of the family, with the title of this site")
        counts = dict.fromkeys(layout.extractors, 0)
        for page in self.survey.stories:
            story = self._story(layout, page)
            for column in counts:
                counts[column] += bool(story is not None and getattr(story, column))
        found = ", ".join(f"{column} {count}" for column, count in counts.items())
        self.file.add("", f"columns that its layout finds on {len(self.survey.stories)} stories: {found}")

    def _own_layout(self) -> None:
        pages = [found for page in self.survey.stories if (found := read_story_page(page)) is not None]
        drafted = draft_fields(pages).found if pages else {}
        if missing := [name for name in ("headline", "body") if name not in drafted]:
            self.file.add(
                "layouts = ()",
                f"TO DO: a Layout; no selector finds the {' and the '.join(missing)} on all of"
                f" {len(self.survey.stories)} stories, so their pages are read by the generic layout",
            )
            return
        structured = structured_fields(self.survey.stories)
        self.file.before += layout_lines(self.name, drafted, structured, len(pages), section=not self.urls.has_section)
        self.file.imports |= layout_imports(self.file.before)
        self.file.add("layouts = (LAYOUT,)", f"drafted above from {len(pages)} stories")

    def _lists(self) -> None:
        pages = self.survey.pages
        if seen := {each.name: count for each in self.spider.lists if (count := self._pages_with(each))}:
            counts = ", ".join(f"{name} on {count} of {len(pages)} pages" for name, count in seen.items())
            self.file.add("", f"lists of the family: {counts}")
            self._without_list(seen)
            return
        if self.entry_points.widget():
            self._without_list(("latest",))
            return
        blocks: dict[str, RankedBlock] = {}
        for page in pages:
            for block in ListFinder(page, self.rules).with_headings():
                blocks.setdefault(block.declared.name, block)
        for name, _, page in self.survey.listings.values():
            if name not in blocks and (found := ListFinder(page, self.rules).longest(name)):
                blocks[name] = found
        lines: list[str] = []
        for block in blocks.values():
            where = f"on {self._pages_with(block.declared)} of {len(pages)} pages"
            lines += comment_lines(f"“{block.heading}”: {block.rows} rows on {block.page_url}; {where}", 110)
            lines += f"{_ranked_list(block.declared)},".splitlines()
        if blocks:
            self.file.imports.add("from crawler.parsing.ranked_lists import RankedList")
            self.file.add("lists = (\n" + "\n".join(f"    {line}" for line in lines) + "\n)", "")
        self._without_list(blocks)

    def _without_list(self, found: Collection[str]) -> None:
        found = {*found, *self.entry_points.ranked_by_family()}
        if missing := [name for name in LIST_NAMES if name not in found]:
            self.file.to_do(
                f"a RankedList {' and one '.join(missing)}, if the newspaper shows such a list;"
                f" none was found on {len(self.survey.pages)} pages"
            )

    def _pages_with(self, ranked: RankedList) -> int:
        return sum(bool(parse_ranked_list(page, ranked, self.rules)) for page in self.survey.pages)

    def _fits(self, family: CmsEvidence) -> bool:
        layout = _layout_of(family, self.name, self.title.value)
        return not self.survey.stories or any(not layout.missing(page) for page in self.survey.stories)

    def _story(self, layout: Layout, page: Page) -> Story | None:
        target = self.rules.identify(page.url)
        if not isinstance(target, SiteUrl) or layout.missing(page):
            return None
        return layout.parse(page, target, self.rules, ZoneInfo("UTC")).story


def _class_of(family: CmsEvidence) -> type[NewspaperSpider]:
    spider: type[NewspaperSpider] = getattr(import_module(f"crawler.cms.{family.name}"), family.spider)
    return spider


def _layout_of(family: CmsEvidence, name: str, title: str) -> Layout:
    module = import_module(f"crawler.cms.{family.name}")
    layout: Layout = module.layout(name, title, latin=name) if family.name == "orange_bd" else module.LAYOUT
    return layout


def _ranked_list(ranked: RankedList) -> str:
    arguments = [literal(ranked.name), tuple_literal(ranked.regions), literal(ranked.rows)]
    defaults = {"rank": "", "title": "a", "drop": "", "headline": "text", "page": ""}
    arguments += [
        f"{name}={literal(getattr(ranked, name))}" for name in defaults if getattr(ranked, name) != defaults[name]
    ]
    return call("RankedList", arguments, 8)
