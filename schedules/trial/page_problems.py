"""Problems of the pages of a site: robots.txt, front page, entry points and stories that cannot be read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from crawler.clock import now
from crawler.declarations import declared_at
from crawler.downloader.robots import Robots
from crawler.entry_points import EntryPoint, Feed, Json, Listing, Sitemap
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from schedules.exit_codes import ExitCode
from schedules.trial.problems import Problem, quoted
from schedules.trial.visits import FRONT_PAGE, STORY, Visit, Visits, origin_of

_ADVICE = {
    Outcome.BLOCKED: "the site blocks Khobor; wait some hours, then ask the newspaper",
    Outcome.UNREACHABLE: "check the network, and `hosts` of the site file",
    Outcome.ROBOTS: "it is never requested",
    Outcome.HTTP_ERROR: "try again later",
    Outcome.SOFT_ERROR: "try again later",
    Outcome.CORRUPT: "try again later",
    Outcome.GONE: "it is not there",
    Outcome.OFFSITE: "correct `hosts` of the site file",
    Outcome.UNREADABLE: "internal error; report it with the URL",
}


def page_problems(site: type[NewspaperSpider], visits: Visits) -> Iterator[Problem]:
    yield from _robots(site, visits)
    for visit in visits.pages:
        if visit.target.name != STORY:
            yield from _unread(site, visits, visit) if visit.parsed is None else _yields_nothing(site, visit)
    yield from _stories(site, visits)
    yield from _without_pages(site, visits)


def forbidden_entry_points(site: type[NewspaperSpider], origin: str, robots: Robots) -> list[str]:
    """Return the URLs of all declared entry points on a host that its robots.txt forbids."""
    urls = [url for entry_point in site.entry_points for url in _urls_of(site, entry_point)]
    return [url for url in urls if url.startswith(f"{origin}/") and not robots.rules.allows(url)]


def _urls_of(site: type[NewspaperSpider], entry_point: EntryPoint) -> list[str]:
    rules, today = site.make_url_rules(), now().astimezone(site.zone).date()
    links = (link for link, _ in entry_point.first_pages(today))
    targets = (rules.identify(link, f"https://{site.hosts[0]}/") for link in links)
    return [target.request_url for target in targets if isinstance(target, SiteUrl)]


def _robots(site: type[NewspaperSpider], visits: Visits) -> Iterator[Problem]:
    if any(visit.outcome is Outcome.PENDING for visit in visits.pages[:1]):
        return  # interrupted before robots.txt was read
    for origin, robots in visits.robots.items():
        page = f"{origin}/robots.txt"
        if robots.error:
            sentence = f"{robots.error}; no page of this host is requested until it can be read: try again later"
            yield Problem(code=ExitCode.UNREACHABLE, sentence=sentence, page=page)
            continue
        if forbidden := forbidden_entry_points(site, origin, robots):
            place = declared_at(site, "entry_points")
            sentence = (
                f"robots.txt forbids {len(forbidden)} declared URLs: {quoted(forbidden)}: mark their entry points"
            )
            yield Problem(code=ExitCode.UNREACHABLE, sentence=f"{sentence} `disallowed` ({place})", page=page)
        for entry_point in site.entry_points:
            urls = _urls_of(site, replace(entry_point, disallowed="")) if "robots" in entry_point.disallowed else []
            if urls and all(url.startswith(f"{origin}/") and robots.rules.allows(url) for url in urls):
                place = declared_at(site, "entry_points", entry_point.name)
                sentence = f"{entry_point.name}: robots.txt does not forbid it any more: remove `disallowed` ({place})"
                yield Problem(code=ExitCode.DONE, sentence=sentence, page=page)


def _unread(site: type[NewspaperSpider], visits: Visits, visit: Visit) -> Iterator[Problem]:
    """Yield the problem of a front page or entry point without a readable response.

    That robots.txt forbids entry points, or cannot be read, is reported for all pages together.
    """
    code, advice = ExitCode.UNREACHABLE, _ADVICE.get(visit.outcome, "correct the site file")
    if visit.outcome is Outcome.PENDING:
        code, advice = ExitCode.DONE, "not visited"
    elif visit.outcome is Outcome.ROBOTS:
        if visit.target.entry_point or visits.robots[origin_of(visit.target.url)].error:
            return
    elif not visit.outcome.is_failed:
        code = ExitCode.LAYOUT_CHANGED
        if visit.outcome is Outcome.GONE:
            attribute = "entry_points" if visit.target.entry_point else "front_page"
            advice = f"correct its path ({declared_at(site, attribute, visit.target.name)})"
    sentence = f"{visit.target.name}: {visit.reason or visit.outcome.meaning}: {advice}"
    yield Problem(code=code, sentence=sentence, page=visit.target.url)


def _yields_nothing(site: type[NewspaperSpider], visit: Visit) -> Iterator[Problem]:
    entry_point = visit.target.entry_point
    if visit.outcome is Outcome.EMPTY:
        what = "entries" if isinstance(entry_point, Feed | Sitemap | Json) else "links"
        page = visit.target.name if visit.target.name == FRONT_PAGE else f"page {visit.target.name}"
        wrong = f"{visit.link_count} {what} on the {page}, none matches `story_path`: correct it"
        place = declared_at(site, "story_path")
        if not visit.link_count and not entry_point:
            wrong = f"no links on the {page}: scripts may add them, so declare feeds or sitemaps"
            place = declared_at(site, "entry_points")
        elif not visit.link_count and entry_point:
            wrong = f"{visit.target.name}: {visit.reason or f'no {what}'}: correct the entry point"
            place = declared_at(site, "entry_points", entry_point.name)
        yield Problem(code=ExitCode.LAYOUT_CHANGED, sentence=f"{wrong} ({place})", page=visit.url)
    elif isinstance(entry_point, Listing) and (pages := entry_point.pagination):
        parsed, is_counted = visit.parsed, bool(visit.target.position.template)
        if parsed and not (is_counted or parsed.listing_id or parsed.next_page):
            button = f"the button `{pages.button}`" if pages.button else "a link to page 2"
            sentence = f"{visit.target.name}: has no further pages; {button} was not found"
            yield Problem(code=ExitCode.DONE, sentence=sentence, extractor=pages.button or None, page=visit.url)


def _stories(site: type[NewspaperSpider], visits: Visits) -> Iterator[Problem]:
    pages = [visit for visit in visits.pages if visit.target.name == STORY and visit.outcome is not Outcome.PENDING]
    unread = [visit for visit in pages if visit.story is None]
    read = [visit for visit in visits.pages if visit.parsed and visit.outcome is not Outcome.EMPTY]
    if not pages and read and not any(visit.stories for visit in visits.pages):
        sentence = f"no link to a story was found: correct `story_path` ({declared_at(site, 'story_path')})"
        yield Problem(code=ExitCode.LAYOUT_CHANGED, sentence=sentence)
    for reason, n in Counter(visit.reason or visit.outcome.meaning for visit in unread).items():
        visit = next(each for each in unread if (each.reason or each.outcome.meaning) == reason)
        failed = ExitCode.UNREACHABLE if visit.outcome.is_failed else ExitCode.LAYOUT_CHANGED
        code = failed if len(unread) == len(pages) else ExitCode.DONE
        advice = _ADVICE.get(visit.outcome, "the page is not read as a story")
        sentence = f"{n} of {len(pages)} stories: {reason}: {advice}"
        yield Problem(code=code, sentence=sentence, page=visit.target.url)
    place = declared_at(site, "layouts")
    for visit in pages:
        if visit.story is not None and visit.outcome is not Outcome.STORY:
            sentence = f"no story was found: {visit.reason}: correct the layout ({place}) or `story_path`"
            yield Problem(code=ExitCode.LAYOUT_CHANGED, sentence=sentence, page=visit.url)
    generic = [visit for visit in pages if visit.story and visit.story.row["layout"] == "generic"]
    if generic:
        stories = (visit.parsed.story for visit in generic if visit.parsed and visit.parsed.story)
        missing = sorted({name for story in stories for name in story.missing})
        sentence = (
            f"no layout fits {len(generic)} of {len(pages)} stories ({' and '.join(missing)} not found), which only the"
            f" generic layout reads: correct the layout ({place})"
        )
        yield Problem(code=ExitCode.LAYOUT_CHANGED, sentence=sentence, page=generic[0].url)


def _without_pages(site: type[NewspaperSpider], visits: Visits) -> Iterator[Problem]:
    """Yield a hint for each entry point whose URL should be named by the front page or by robots.txt, but is not."""
    visited = {visit.target.name for visit in visits.pages}
    front = next((visit for visit in visits.pages if visit.target.name == FRONT_PAGE), None)
    if front is None or front.parsed is None:
        return
    for entry_point in site.entry_points:
        if entry_point.paths or entry_point.name in visited or entry_point.disallowed:
            continue
        if isinstance(entry_point, Feed) and not front.parsed.feed_urls:
            sentence = f"{entry_point.name}: the front page names no feed"
        elif isinstance(entry_point, Sitemap) and not any(robots.sitemaps for robots in visits.robots.values()):
            sentence = f"{entry_point.name}: robots.txt names no sitemap"
        else:
            continue
        yield Problem(code=ExitCode.DONE, sentence=f"{sentence}; declare its path if there is one", page=front.url)
