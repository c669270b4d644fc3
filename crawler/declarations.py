"""Checks of the declarations (class attributes) of a site's spider, run when the spider is loaded.

The module also finds the file and line of a declaration, for error messages.
"""

import ast
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from inspect import getsourcefile
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from crawler.entry_points import EntryPoint, Json, Listing
from crawler.link_following import LinkFollower
from crawler.parsing.layout import Layout
from crawler.parsing.ranked_lists import LIST_NAMES
from crawler.urls import SiteUrl

_PATH = re.compile(r"(?:[^.\s{}]+(?:\.[^.\s{}]+)*)?")


def problems(site: type[LinkFollower]) -> Iterator[str]:
    """Yield an error message for each declaration of a site that is certainly wrong, with its file and line.

    A site's declarations are the class attributes of its spider.
    """
    found: list[tuple[str, str, str]] = [("story_path", "", text) for text in _story_path(site)]
    for layout in getattr(site, "layouts", ()):
        found += [("layouts", "", f"the layout {layout.name}: {text}") for text in _bad_selectors(_selectors(layout))]
    for ranked in site.lists:
        found += [("lists", ranked.name, text) for text in _list_name(ranked.name)]
        selectors = (*ranked.regions, ranked.rows, ranked.rank, ranked.title, ranked.drop)
        found += [("lists", ranked.name, text) for text in _bad_selectors(selectors)]
    for entry_point in site.entry_points:
        faults = [*_entry_point(entry_point)] or [*_unrequestable(site, entry_point)]
        found += [("entry_points", entry_point.name, text) for text in faults]
    for attribute, name, text in found:
        yield f"{declared_at(site, attribute, name)}: {text}"


def declared_at(site: type[Any], attribute: str, name: str = "") -> str:
    """Return the place of a class attribute as `file:line`.

    If the attribute is a tuple, ``name`` selects the element whose line is returned.
    """
    owner = next((each for each in site.__mro__ if attribute in vars(each)), site)
    path = getsourcefile(owner)
    if path is None:
        return owner.__module__
    lines = _lines_of(path)
    line = lines.get((owner.__name__, attribute, name)) or lines.get((owner.__name__, attribute, ""), 1)
    return f"{path}:{line}"


@cache
def _lines_of(path: str) -> dict[tuple[str, str, str], int]:
    """Return the line numbers of the class attributes in a file, by (class, attribute, name).

    ``name`` is the value of a ``name=`` keyword inside the attribute's value, or "" for the attribute itself.
    """
    lines: dict[tuple[str, str, str], int] = {}
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for node in owner.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(target, ast.Name):
                lines[owner.name, target.id, ""] = node.lineno
                for word in (each for each in ast.walk(node) if isinstance(each, ast.keyword) and each.arg == "name"):
                    if isinstance(word.value, ast.Constant):
                        lines.setdefault((owner.name, target.id, str(word.value.value)), word.value.lineno)
    return lines


def _story_path(site: type[LinkFollower]) -> Iterator[str]:
    if "id" not in site.story_path.groupindex and not site.story_parameter:
        yield f"{site.story_path.pattern!r} has no group `id`, and story_parameter names no query parameter"
        return
    rules = site.make_url_rules()
    for example in site.examples:
        target = rules.identify(example)
        if not isinstance(target, SiteUrl) or not target.story_id:
            reason = "story_path does not match it" if isinstance(target, SiteUrl) else target.reason
            yield f"the example {example} is not a story: {reason}"


def _list_name(name: str) -> Iterator[str]:
    if name not in LIST_NAMES:
        yield f"{name!r} is not the name of a ranked list: use {' or '.join(LIST_NAMES)}"


def _selectors(layout: Layout) -> Iterator[str]:
    yield from (*layout.title, *layout.body, layout.preamble, layout.story_container, layout.exclude, layout.tags)
    for value in vars(layout).values():
        yield from (each.selector for each in value if hasattr(each, "selector")) if isinstance(value, tuple) else ()


def _bad_selectors(selectors: Any) -> Iterator[str]:
    for selector in filter(None, selectors):
        try:
            _EMPTY_PAGE.css(selector)
        except (ValueError, SelectolaxError):
            yield f"{selector!r} is not a CSS selector"


_EMPTY_PAGE = LexborHTMLParser("<p>")


def _unrequestable(site: type[LinkFollower], entry_point: EntryPoint) -> Iterator[str]:
    """Yield an error message for each URL of an entry point that the site's own rules prevent from being requested.

    Entry points are listings, feeds, sitemaps and JSON documents. The rules exclude the URL, or match it as a story.
    """
    rules = site.make_url_rules()
    for link, _ in entry_point.first_pages(date(2026, 1, 2)):
        target = rules.identify(link, f"https://{site.hosts[0]}/")
        if not isinstance(target, SiteUrl):
            yield f"the entry point {link} is never requested: {target.reason}"
        elif target.story_id:
            yield f"the entry point {link} is taken for a story: story_path matches it"


def _entry_point(entry_point: EntryPoint) -> Iterator[str]:
    for path in entry_point.paths:
        try:
            [*EntryPoint.first_pages(entry_point, date(2026, 1, 2))]
        except (KeyError, IndexError, ValueError) as error:
            yield f"the path {path!r} has a wrong placeholder ({error}): use {{date}}, {{page}} or {{offset}}"
            return
        if "{offset}" in path and not (entry_point.pagination and entry_point.pagination.step):
            yield f"the path {path!r} needs pagination=Pagination(step=N), by which the offset grows"
    if isinstance(entry_point, Json | Listing):
        for text in (entry_point.entries.items, entry_point.entries.title, getattr(entry_point, "html", "")):
            if not _PATH.fullmatch(text):
                yield f"{text!r} is not a JSON path: write keys such as 'data.stories', `*` or `**`"
    if isinstance(entry_point, Listing):
        yield from _bad_selectors((entry_point.script, entry_point.pagination.button if entry_point.pagination else ""))
    if isinstance(entry_point, Json) and entry_point.ranked:
        yield from _list_name(entry_point.ranked)
        if not entry_point.incremental and not entry_point.disallowed:
            yield "a ranked list needs incremental=True, since every run is to see it"
