"""Problems of the ranked lists: which list is not found, and which of its selectors failed."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from crawler.bengali.text import parse_integer
from crawler.declarations import declared_at
from crawler.entry_points import Json
from crawler.parsing.ranked_lists import RankedList, RankedRow
from crawler.safe_text import one_line
from crawler.spider import NewspaperSpider
from schedules.exit_codes import ExitCode
from schedules.trial.problems import Problem, quoted
from schedules.trial.visits import Visit, Visits

_NUMBER = re.compile(r"[0-9০-৯]{1,3}")
_MIN_RANKS = 3
_Searched = Sequence[tuple[Visit, dict[str, Any]]]


def list_problems(site: type[NewspaperSpider], visits: Visits) -> Iterator[Problem]:
    for ranked in site.lists:
        pages = [
            (visit, visit.parsed.evidence["lists"][ranked.name])
            for visit in visits.pages
            if visit.parsed and ranked.name in visit.parsed.evidence.get("lists", {})
        ]
        place = declared_at(site, "lists", ranked.name)
        yield from _problems_of(ranked, pages, place) if pages else _not_searched(ranked, visits, place)
        yield from _ranks_in_headlines(ranked, visits, place)
    for visit in visits.pages:
        entry_point = visit.target.entry_point
        if isinstance(entry_point, Json) and entry_point.ranked and visit.parsed and not visit.parsed.lists:
            yield Problem(
                code=ExitCode.LAYOUT_CHANGED,
                sentence=f"list {entry_point.ranked}: {visit.parsed.unfit or 'no entries'}: correct"
                f" `entries` ({declared_at(site, 'entry_points', entry_point.name)})",
                field=entry_point.ranked,
                extractor=entry_point.entries.items,
                page=visit.url,
            )


def _ranks_in_headlines(ranked: RankedList, visits: Visits, place: str) -> Iterator[Problem]:
    for visit in visits.pages:
        rows = visit.parsed.lists.get(ranked.name, []) if visit.parsed else []
        texts = [match for row in enumerate(rows, start=1) if (match := _with_rank(*row))]
        if len(texts) >= _MIN_RANKS:
            yield Problem(
                code=ExitCode.LAYOUT_CHANGED,
                sentence=f"list {ranked.name}: headlines begin with the rank, such as “{one_line(texts[0], 40)}”: set"
                f" `title` and `rank` ({place})",
                field=ranked.name,
                extractor=ranked.title,
                page=visit.url,
            )
            return


def _with_rank(position: int, row: RankedRow) -> str | None:
    """Return the headline of a row if it begins with the row's number, in Bengali or ASCII digits."""
    match = _NUMBER.match(row.headline or "")
    return row.headline if match and parse_integer(match[0]) == position else None


def _not_searched(ranked: RankedList, visits: Visits, place: str) -> Iterator[Problem]:
    if any(visit.parsed for visit in visits.pages):
        yield Problem(
            code=ExitCode.DONE,
            sentence=f"list {ranked.name}: no visited page matches `{ranked.page}`: declare one that does ({place})",
            field=ranked.name,
            extractor=ranked.page,
        )


def _problems_of(ranked: RankedList, pages: _Searched, place: str) -> Iterator[Problem]:
    best, found = max(pages, key=lambda page: (page[1]["stories"], page[1]["links"], page[1]["rows"]))
    regions: dict[str, int] = {}
    for _, evidence in pages:
        for selector, matches in evidence["regions"].items():
            regions[selector] = regions.get(selector, 0) + matches
    first = ranked.regions[0]
    code, extractor = ExitCode.LAYOUT_CHANGED, first
    if found["stories"]:
        if regions[first]:
            return
        code = ExitCode.DONE
        other = next(selector for selector, matches in regions.items() if matches)
        wrong = f"its region `{first}` matches nothing on {len(pages)} pages, and `{other}` was used: check it"
    elif found["links"]:
        wrong, extractor = f"{found['links']} rows, none links to a story: correct `rows` or `story_path`", ranked.rows
    elif found["rows"]:
        wrong, extractor = f"its {found['rows']} rows `{ranked.rows}` have no link: correct `rows`", ranked.rows
    elif any(regions.values()):
        region = next(selector for selector, matches in regions.items() if matches)
        wrong, extractor = f"its region `{region}` has no row `{ranked.rows}`: correct `rows`", ranked.rows
    else:
        wrong = f"no element matches {quoted(ranked.regions)} on {len(pages)} pages: correct `regions`"
    yield Problem(
        code=code,
        sentence=f"list {ranked.name}: {wrong} ({place})",
        field=ranked.name,
        extractor=extractor,
        page=best.url,
    )
