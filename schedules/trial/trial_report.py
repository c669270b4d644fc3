"""Report of a trial in JSON types: visited pages, robots.txt, ranked lists, fields and problems."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from crawler.downloader.robots import Robots
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from schedules.exit_codes import gravest
from schedules.runner.saved_pages import ReadPage
from schedules.trial.page_problems import forbidden_entry_points
from schedules.trial.problems import Problem
from schedules.trial.visits import MAX_REQUESTS, Visits

_MAX_ROWS = 5


def report_of(site: type[NewspaperSpider] | None, visits: Visits, problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the report of a trial.

    :param site: the site to which the pages belong, if it has a site file
    """
    return {
        "site": site.name if site else None,
        "exit_code": gravest([*(each.code for each in problems), 0]),
        "requests": visits.sent,
        "max_requests": MAX_REQUESTS,
        "robots": [_robots(site, origin, robots) for origin, robots in visits.robots.items()],
        "pages": [
            {
                "name": each.target.name,
                "url": each.target.url,
                "found_on": each.target.source or None,
                "status": each.status,
                "outcome": each.outcome,
                "reason": each.reason,
                "links": each.link_count,
                "stories": len(each.stories),
            }
            for each in visits.pages
        ],
        "omitted": visits.omitted,
        "never_requested": _disallowed(site),
        "lists": _lists(visits),
        "fields": _fields(site, visits),
        "problems": [problem.as_dict() for problem in problems],
    }


def _robots(site: type[NewspaperSpider] | None, origin: str, robots: Robots) -> dict[str, Any]:
    return {
        "host": origin.partition("://")[2],
        "error": robots.error,
        "crawl_delay": robots.crawl_delay,
        "sitemaps": list(robots.sitemaps),
        "disallows": [pattern for pattern, is_allowed in robots.rules.rules if not is_allowed],
        "forbidden_entry_points": forbidden_entry_points(site, origin, robots) if site else [],
    }


def _disallowed(site: type[NewspaperSpider] | None) -> dict[str, str]:
    return {each.name: each.disallowed for each in site.entry_points if each.disallowed} if site else {}


def _lists(visits: Visits) -> dict[str, Any]:
    lists: dict[str, Any] = {}
    pages: Counter[str] = Counter()
    for visit in visits.pages:
        for name, rows in visit.parsed.lists.items() if visit.parsed else ():
            pages[name] += 1
            if name not in lists or len(rows) > lists[name]["rows"]:
                first = [
                    {
                        "rank": row.rank,
                        "headline": row.headline,
                        "url": row.target.url,
                        "is_story": isinstance(row.target, SiteUrl) and row.target.story_id is not None,
                    }
                    for row in rows[:_MAX_ROWS]
                ]
                lists[name] = {"rows": len(rows), "page": visit.url, "first": first}
    return {name: found | {"pages": pages[name]} for name, found in lists.items()}


def _fields(site: type[NewspaperSpider] | None, visits: Visits) -> list[dict[str, Any]]:
    """Return, for each declared column, on how many stories it was found, and by which extractors.

    Without a site file, these are the columns that the generic layout can find.
    """
    stories = [visit.story for visit in visits.pages if visit.story is not None]
    layouts = site.layouts if site else ()
    declared = [column for layout in layouts for column, found in layout.extractors_of.items() if found] or _GENERIC
    columns = dict.fromkeys(["section", *declared])
    fields = []
    for column in columns:
        found = [story for story in stories if column in story.extracted_by or story.row[column] not in _EMPTY]
        by = Counter(_finder(column, story) for story in found)
        values = (story.row[column] for story in found if story.row[column] not in _EMPTY)
        fields.append(
            {
                "field": column,
                "found": len(found),
                "of": len(stories),
                "by": dict(by.most_common()),
                "example": next(values, None),
            }
        )
    return fields


_EMPTY: Sequence[Any] = (None, "", [])
_GENERIC = (
    *("headline", "subtitle", "byline", "authors", "published_at", "published_after", "updated_at"),
    *("image_url", "image_caption", "body", "tags"),
)


def _finder(column: str, story: ReadPage) -> str:
    if column not in story.extracted_by:
        return "URL" if column == "section" else "byline" if column == "authors" else ""
    prefix = "generic: " if story.row["layout"] == "generic" else ""
    return f"{prefix}{story.extracted_by[column]}"
