"""Drafted entry points of a site: pages of lists, feeds, sitemaps and sections, or those of its family."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import unquote, urlsplit

from crawler.entry_points import Json
from crawler.parsing.page import Page
from crawler.parsing.pagination import next_page_link
from crawler.urls import SiteUrl
from schedules.drafting.site_facts import sections
from schedules.drafting.site_file import SiteFile, call, comment_lines, literal, tuple_literal
from schedules.drafting.site_survey import Survey

_JADEWITS_WIDGET = "[id^=contents_][id$=_ajax_container]"
_WIDTH, _INDENT = 110, 8
_MIN_ROWS = 3


@dataclass(frozen=True)
class EntryPointDrafter:
    """Writer of the entry points of one draft.

    :param family: module of `crawler.cms`, or "" for a site of its own
    """

    survey: Survey
    file: SiteFile
    family: str

    def add_entry_points(self) -> None:
        linked, unlinked = sections(self.survey)
        if self._of_family(linked):
            return
        lines = [*self._listings(), *self._documents(), *self._sections(linked)]
        if not lines:
            self.file.to_do("no feed, sitemap, section or page of the latest stories was found: look for one")
        else:
            code = "\n".join(f"    {line}" for each in lines for line in each.splitlines())
            self.file.add(f"entry_points = (\n{code}\n)", "")
            names = [each for each in ("Feed", "Listing", "Pagination", "Sitemap") if f"{each}(" in code]
            self.file.imports.add(f"from crawler.entry_points import {', '.join(names)}")
        if unlinked:
            self.file.add("", f"stories are also in these sections, to which the front page has no link: {unlinked}")

    def ranked_by_family(self) -> set[str]:
        """Return the names of the ranked lists that are JSON entry points of the family."""
        if self.family not in ("quintype", "laravel_ajax"):
            return set()
        declared = import_module(f"crawler.cms.{self.family}").entry_points("")
        return {each.ranked for each in declared if isinstance(each, Json) and each.ranked}

    def story_count(self, links: Sequence[str], base: str) -> int:
        """Return the number of distinct stories to which some links lead."""
        rules = self.survey.rules()
        targets = (rules.identify(link, base) for link in links)
        return len({each.key for each in targets if isinstance(each, SiteUrl) and each.story_id})

    def widget(self) -> tuple[str, int, int] | None:
        """Return the URL of the page of the latest stories of a jadewits site, its widget and the number of stories."""
        for url, (name, _, page) in self.survey.listings.items():
            for node in page.tree.css(_JADEWITS_WIDGET) if name == "latest" and self.family == "jadewits" else ():
                number = (node.attributes.get("id") or "").split("_")[1]
                links = [link.attributes.get("href") or "" for link in node.css("a[href]")]
                if number.isdigit() and (rows := self.story_count(links, page.base_url)) >= _MIN_ROWS:
                    return url, int(number), rows
        return None

    def _listings(self) -> Iterator[str]:
        for url, (name, text, page) in self.survey.listings.items():
            links = [node.attributes.get("href") or "" for node in page.tree.css("a[href]")]
            arguments = [f"name={literal(f'{name}-news')}", f"paths={tuple_literal([url_path(url)])}"]
            if name == "latest" or self._is_ranked_only_on(page):
                arguments.append("incremental=True")
            if name == "latest" and next_page_link(page, page.url, 1):
                arguments.append("pagination=Pagination()")
            count = self.story_count(links, page.base_url)
            yield from comment_lines(f"link “{text}” of the front page; the page links to {count} stories", _WIDTH)
            yield f"{call('Listing', arguments, _INDENT)},"

    def _is_ranked_only_on(self, page: Page) -> bool:
        path = urlsplit(page.url).path
        return any(f'page="^{path}' in line for line in self.file.body)

    def _documents(self) -> Iterator[str]:
        for url, feed in self.survey.feeds.items():
            good = self.story_count([entry.url for entry in feed.entries], url)
            yield from comment_lines(f"{feed.origin}: {good} of {len(feed.entries)} entries are stories", _WIDTH)
            yield f'Feed(name="rss", paths={tuple_literal([url_path(url)])}, incremental=True),'
        own = [url for url, each in self.survey.sitemaps.items() if not each.is_part]
        if not own:
            return
        counts = [
            f"{self.story_count([entry.url for entry in each.entries], url)} of {len(each.entries)} in {url_path(url)}"
            for url, each in self.survey.sitemaps.items()
        ]
        origin = self.survey.sitemaps[own[0]].origin
        yield from comment_lines(f"{origin}: stories among the entries: {', '.join(counts)}", _WIDTH)
        paths = "" if origin == "robots.txt" else f", paths={tuple_literal([url_path(url) for url in own])}"
        yield f'Sitemap(name="sitemap"{paths}{"" if self.survey.feeds or not paths else ", incremental=True"}),'

    def _sections(self, linked: Sequence[str]) -> Iterator[str]:
        if linked:
            yield from comment_lines(f"{len(linked)} sections to which the front page links", _WIDTH)
            words = literal(" ".join(linked))
            paths = tuple_literal(linked) if len(linked) <= 6 else f"tuple({words}.split())"
            yield f"{call('Listing', ['name=' + literal('section'), 'paths=' + paths], _INDENT)},"

    def _of_family(self, linked: Sequence[str]) -> bool:
        """Add the entry points that the family declares; return False if it declares none."""
        words = literal(" ".join(path.strip("/") for path in linked))
        comment = f"those of the family; {len(linked)} sections to which the front page links"
        if self.family == "wordpress":
            read = [*self.survey.feeds, *self.survey.sitemaps]
            self.file.add("", f"entry points: those of the family; read: {', '.join(map(url_path, read)) or 'none'}")
        elif self.family == "quintype":
            self.file.add(f"entry_points = quintype.entry_points({words})", comment)
        elif self.family == "laravel_ajax":
            rule = self._disallowed("/ajax/load/latestnews/10/0/0", "/ajax/")
            self.file.add(f"entry_points = laravel_ajax.entry_points({words}{rule})", comment)
        elif widget := self.widget():
            url, number, rows = widget
            rule = self._disallowed(f"/api/theme_engine/get_ajax_contents?widget={number}", "/api/")
            self.file.add(
                f"lists = jadewits.latest({literal(url_path(url))}, {number})",
                f"{rows} stories in this widget of {url}",
            )
            arguments = f"{literal(url_path(url))}, {number}, {words}{rule}"
            self.file.add(f"entry_points = jadewits.entry_points({arguments})", comment)
        else:
            return False
        return True

    def _disallowed(self, path: str, rule: str) -> str:
        allowed = self.survey.robots.rules.allows(f"https://{self.survey.hosts[0]}{path}")
        return "" if allowed else f', disallowed="robots.txt: Disallow {rule}"'


def url_path(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.path) + (f"?{parts.query}" if parts.query else "")
