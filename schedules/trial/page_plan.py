"""Choice of the pages that a trial visits: the front page, entry points with the ranked lists, and some stories."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from urllib.parse import urlsplit

from crawler.entry_points import CrawlPosition, EntryPoint, Feed, Json, Sitemap
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from schedules.trial.visits import FRONT_PAGE, STORY, Target, Visit

STORIES = 5


def front_page(site: type[NewspaperSpider]) -> Target:
    return Target(name=FRONT_PAGE, url=f"https://{site.hosts[0]}{site.front_page}")


def entry_point_targets(
    site: type[NewspaperSpider], today: date, feeds: Sequence[str], sitemaps: Sequence[str]
) -> list[Target]:
    """Return one page of each entry point: first those with a ranked list, then one of each kind, then the others.

    :param feeds: URLs of the feeds that the front page names
    :param sitemaps: URLs of the sitemaps that robots.txt names
    """
    targets = [*_targets(site, today, feeds, sitemaps)]
    first_of_kind = {type(target.entry_point): target for target in reversed(targets)}
    ordered = [
        *(target for target in targets if _has_list(site, target)),
        *sorted(first_of_kind.values(), key=targets.index),
        *targets,
    ]
    return [*dict.fromkeys(ordered)]


def _targets(
    site: type[NewspaperSpider], today: date, feeds: Sequence[str], sitemaps: Sequence[str]
) -> Iterator[Target]:
    rules, home = site.make_url_rules(), f"https://{site.hosts[0]}/"
    named: dict[type[EntryPoint], Sequence[str]] = {Feed: feeds, Sitemap: sitemaps}
    seen: set[str] = set()
    for entry_point in site.entry_points:
        pages = [*entry_point.first_pages(today - timedelta(1))]  # a page of today may not exist yet
        if not entry_point.paths:
            pages = [(link, CrawlPosition()) for link in named.get(type(entry_point), ())]
        # The page with a ranked list, otherwise the first one.
        pages.sort(key=lambda page: not any(each.page and re.search(each.page, page[0]) for each in site.lists))
        for link, position in pages[:1]:
            target = rules.identify(link, home)
            if isinstance(target, SiteUrl) and target.request_url not in seen:
                seen.add(target.request_url)
                yield Target(name=entry_point.name, url=target.request_url, entry_point=entry_point, position=position)


def _has_list(site: type[NewspaperSpider], target: Target) -> bool:
    if isinstance(target.entry_point, Json):
        return bool(target.entry_point.ranked)
    path = urlsplit(target.url).path
    return any(ranked.page and re.search(ranked.page, path) for ranked in site.lists)


def story_targets(site: type[NewspaperSpider], pages: Sequence[Visit]) -> list[Target]:
    """Return the stories that the visited pages link to, by turns one from each list and each page.

    The declared seeds and examples come last, for a site on which no link is found.
    """
    sources: dict[str, list[str]] = {}
    for visit in pages:
        for name, rows in visit.parsed.lists.items() if visit.parsed else ():
            targets = (row.target for row in rows)
            sources.setdefault(name, []).extend(
                each.request_url for each in targets if isinstance(each, SiteUrl) and each.story_id
            )
        sources.setdefault(visit.target.name, []).extend(story.request_url for story in visit.stories)
    sources = {name: urls for name, urls in sources.items() if urls}
    turns = [
        (name, url)
        for row in zip_longest(*([(name, url) for url in urls] for name, urls in sources.items()))
        for name, url in filter(None, row)
    ]
    turns += [("the site file", url) for url in (*site.seeds, *site.examples)]
    rules = site.make_url_rules()
    chosen: dict[str, Target] = {}
    for name, url in turns:
        target = rules.identify(url)
        if isinstance(target, SiteUrl) and target.story_id:
            chosen.setdefault(target.key, Target(name=STORY, url=url, source=name))
    return [*chosen.values()]
