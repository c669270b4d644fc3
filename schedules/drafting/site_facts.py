"""Facts about a site that a survey supports: title, time zone, sections, order of its ids, and declared fields."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from crawler.bengali.text import clean
from crawler.cms import structured_data as data
from crawler.generic.page_language import declared_language
from crawler.parsing.extractors import Extractor
from crawler.parsing.feeds import modification_times
from crawler.parsing.page import Page
from crawler.urls import SiteUrl
from schedules.drafting.site_survey import Survey
from schedules.drafting.story_urls import MIN_IDS, OTHER_KINDS, first_segment

_ZONES = {
    timedelta(hours=6): "Asia/Dhaka",
    timedelta(hours=5, minutes=30): "Asia/Kolkata",
    timedelta(hours=5, minutes=45): "Asia/Kathmandu",
    timedelta(hours=5): "Asia/Karachi",
}
_MENUS = "nav a[href], header a[href], [class*=menu] a[href], [class*=nav] a[href], [id*=menu] a[href]"
_FRONT_PAGE = frozenset(("", "প্রচ্ছদ", "হোম", "নীড়পাতা", "Home", "Homepage", "Home page", "Front page"))
_SECOND_LEVEL = frozenset(("com", "net", "org", "gov", "edu", "info"))  # as in example.com.bd
_NO_SECTIONS = frozenset(
    ("home", "index", "about", "about-us", "contact", "contact-us", "privacy-policy", "terms", "advertise")
)
_MAX_SECTIONS = 40
_SECTION = re.compile(r"/[a-z][a-z0-9-]*(?:/[a-z][a-z0-9-]*)?", re.IGNORECASE)
#: The extractors in `crawler.cms.structured_data`, by the field of a layout.
STRUCTURED: dict[str, tuple[Extractor, ...]] = {
    "HEADLINE": data.HEADLINE,
    "SECTION": data.SECTION,
    "AUTHORS": data.AUTHORS,
    "PUBLISHED": data.PUBLISHED,
    "UPDATED": data.UPDATED,
    "IMAGE": data.IMAGE,
}


class Fact(NamedTuple):
    """A value, and what it was taken from."""

    value: str
    source: str


def site_name(host: str) -> str:
    """Return a name for the site's file: the registered part of the host, as a Python identifier."""
    labels = [label for label in host.split(".") if label != "www"][:-1] or [host]
    while len(labels) > 1 and (len(labels[-1]) <= 2 or labels[-1] in _SECOND_LEVEL):
        labels.pop()
    name = re.sub(r"[^a-z0-9]", "", labels[-1].lower()) or "site"
    return name if name[0].isalpha() else f"site{name}"


def site_title(survey: Survey) -> Fact:
    for page in survey.pages:
        if title := clean(page.meta_tags.get("og:site_name")):
            return Fact(title[:100], "og:site_name")
    for page in survey.stories:
        for value in page.json_ld:
            publisher = value.get("publisher")
            if isinstance(publisher, dict) and isinstance(publisher.get("name"), str):
                return Fact((clean(publisher["name"]) or "")[:100], "publisher in JSON-LD")
    element = survey.front.tree.css_first("title") if survey.front else None
    if element is not None and (title := clean(element.text())):
        parts = [part.strip() for part in re.split(r"\s*[|:–—]\s*|\s+-\s+", title) if part.strip() not in _FRONT_PAGE]
        if parts:
            return Fact(parts[0][:100], "title of the front page")
    return Fact("", "")


def site_zone(survey: Survey) -> Fact | None:
    """Return the time zone that the dates of stories and feeds state as their offset, or None."""
    texts = [text for page in survey.stories for each in data.PUBLISHED for text in [*each.extract(page.article)][:1]]
    texts += [
        node.attributes.get("content") or node.attributes.get("datetime") or ""
        for page in survey.stories
        for node in page.tree.css("article [itemprop=datePublished], article time[datetime]")[:1]
    ]
    texts += [entry.modified for each in survey.feeds.values() for entry in each.entries[:50] if entry.modified]
    offsets = Counter(offset for text in texts if (offset := _offset(text)))
    for offset, count in offsets.most_common():
        if offset in _ZONES:
            hours = f"+{offset.seconds // 3600:02}:{offset.seconds % 3600 // 60:02}"
            return Fact(_ZONES[offset], f"offset {hours} in {count} of {len(texts)} dates of stories and feeds")
    return None


def language(survey: Survey) -> str | None:
    return next((found for page in survey.pages if (found := declared_language(page))), None)


def _offset(text: str) -> timedelta | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text.strip()).utcoffset()
        except (ValueError, IndexError):
            continue
    return None


def are_ids_increasing(survey: Survey) -> tuple[int, int] | None:
    """Return how many of the neighbours in a feed or sitemap have ids in the order of their dates, and of how many.

    Return None if there are too few dated entries with a number.
    """
    rules, best = survey.rules(), None
    for source, document in [*survey.feeds.items(), *survey.sitemaps.items()]:
        dated = []
        for entry, at in zip(document.entries, modification_times(document.entries), strict=True):
            target = rules.identify(entry.url, source)
            number = (target.story_id or "").rpartition(":")[2] if isinstance(target, SiteUrl) else ""
            if at is not None and number.isdigit():
                dated.append((at, int(number)))
        dated.sort()
        if len(dated) >= 5:
            result = sum(one[1] < other[1] for one, other in pairwise(dated)), len(dated) - 1
            best = max(best, result, key=lambda each: each[0] / each[1]) if best else result
    return best


def sections(survey: Survey) -> tuple[list[str], str]:
    """Return the paths of sections to which the front page links, and a text that names those to which it does not.

    The text also counts the linked sections beyond the maximum number.
    """
    if survey.front is None or survey.story_urls is None:
        return [], ""
    rules = survey.rules()
    own: Counter[str] = Counter()
    for link in survey.links():
        target = rules.identify(link.url)
        if isinstance(target, SiteUrl) and target.section:
            own[f"/{target.section}"] += 1
    linked: dict[str, None] = {}
    menu = {node.attributes.get("href") or "" for node in survey.front.tree.css(_MENUS)}
    for node in survey.front.tree.css("a[href]"):
        href = node.attributes.get("href") or ""
        target = rules.identify(href, survey.front.base_url)
        if not isinstance(target, SiteUrl) or target.story_id or "?" in target.url:
            continue
        path = unquote(urlsplit(target.url).path)
        is_listing = any(urlsplit(url).path == path for url in survey.listings)
        if not is_listing and (path in own or (href in menu and _SECTION.fullmatch(path))) and not _is_special(path):
            linked[path] = None
    rest = [path for path in own if path not in linked and not _is_special(path)]
    more = f", and {len(linked) - _MAX_SECTIONS} more with a link" if len(linked) > _MAX_SECTIONS else ""
    return [*linked][:_MAX_SECTIONS], f"{', '.join(rest[:_MAX_SECTIONS])}{more}"


def other_kinds(survey: Survey) -> list[str]:
    """Return the first path segments of links that `story_path` matches, but that name another kind of page."""
    rules = survey.rules()
    targets = [rules.identify(link.url) for link in survey.links()]
    stories = (target for target in targets if isinstance(target, SiteUrl) and target.story_id)
    return sorted({segment for each in stories if (segment := first_segment(each.url)) in OTHER_KINDS})


def structured_fields(stories: Iterable[Page]) -> dict[str, int]:
    """Return on how many pages the extractors of each name in `STRUCTURED` find a text."""
    counts: Counter[str] = Counter()
    for page in stories:
        article = page.article
        counts.update(name for name, each in STRUCTURED.items() if any(next(e.extract(article), "") for e in each))
    return {name: counts[name] for name in STRUCTURED if counts[name]}


def _is_special(path: str) -> bool:
    return not (OTHER_KINDS | _NO_SECTIONS).isdisjoint(path.lower().strip("/").split("/"))


def nothing_found(survey: Survey) -> str:
    """Return a sentence on a site without stories: what was looked for, and what was found instead."""
    links = survey.links()
    paths = ", ".join(dict.fromkeys(urlsplit(link.url).path for link in links if link.text)) or "none"
    entries = sum(len(each.entries) for each in (*survey.feeds.values(), *survey.sitemaps.values()))
    return (
        f"no newspaper was recognised at {survey.url}: looked in {survey.sent} requests for links to at least {MIN_IDS}"
        f" stories with a number, hash or slug in the path or query, and found {len(links)} links,"
        f" {sum(link.is_headline for link in links)} of them as long as a headline, {len(survey.feeds)} feeds and"
        f" {len(survey.sitemaps)} sitemaps with {entries} entries; give the front page of a newspaper (paths found:"
        f" {paths[:200]})"
    )
