"""Problems of the fields of stories: which field is not found, and which of its extractors failed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crawler.declarations import declared_at
from crawler.parsing.layout import Layout
from crawler.spider import NewspaperSpider
from schedules.exit_codes import ExitCode
from schedules.trial.problems import Problem, quoted
from schedules.trial.visits import Visit, Visits

_REQUIRED = ("headline", "body")
#: Columns that nearly every story of any newspaper has.
_USUAL = (*_REQUIRED, "published_at")
#: Why a text is not the value of a column.
_UNFIT = {
    "image_url": "which is not a URL, or that of a placeholder or logo",
    "image_caption": "which belongs to another picture",
    "edition": "which names neither the print nor the online edition",
}


@dataclass(frozen=True)
class _Attempt:
    """Result of one extractor on one page, as in the evidence of `ExplainingParser`."""

    extractor: str
    elements: int | None
    text: str
    is_finder: bool
    unfit: str

    @property
    def failure(self) -> str:
        if self.text:
            return f"finds “{self.text}”, {self.unfit}"
        if self.elements:
            return "matches an element, but finds no text in it"
        return "matches nothing"


@dataclass(frozen=True)
class _Page:
    """One story page, with the results of the extractors of one column."""

    visit: Visit
    attempts: Sequence[_Attempt]

    @property
    def finder(self) -> int | None:
        """Index of the extractor that found the value."""
        return next((index for index, each in enumerate(self.attempts) if each.is_finder), None)


def field_problems(site: type[NewspaperSpider], visits: Visits) -> Iterator[Problem]:
    pages = [visit for visit in visits.pages if visit.parsed and "fields" in visit.parsed.evidence]
    for layout in site.layouts:
        own = [visit for visit in pages if _evidence(visit)["layout"] == layout.name]
        place = f"layout {layout.name} ({declared_at(site, 'layouts')})"
        for column in layout.extractors_of:
            tried = [
                _Page(
                    visit,
                    [
                        _Attempt(name, elements, text, is_finder, _unfit(layout, column, name))
                        for name, elements, text, is_finder in _evidence(visit)["fields"][column]
                    ],
                )
                for visit in own
                if column in _evidence(visit)["fields"]
            ]
            if tried:
                is_usual = column in _USUAL or column in layout.expected
                yield from _problems_of(column, tried, is_usual=is_usual, place=place)
        yield from _updated_too_early(own, place)


def _unfit(layout: Layout, column: str, extractor: str) -> str:
    """Return why a text that an extractor finds is not the value of a column."""
    if column in ("published_at", "updated_at"):
        is_labelled = column == "updated_at" and any(each.name == extractor for each in layout.dates)
        return f"in which no date{' with the label আপডেট' if is_labelled else ''} can be read"
    return _UNFIT.get(column, "of which nothing is left without what the site repeats")


def _updated_too_early(visits: Sequence[Visit], place: str) -> Iterator[Problem]:
    early, dated = [], 0
    for visit in visits:
        if visit.parsed and (found := visit.parsed.story):
            published, updated = found.story.published_at, found.story.updated_at
            dated += bool(published and updated)
            if published and updated and updated < published:
                early.append((visit, found))
    if early:
        visit, found = early[0]
        extractor = found.extracted_by.get("updated_at", "")
        yield Problem(
            code=ExitCode.LAYOUT_CHANGED if len(early) * 3 > dated else ExitCode.DONE,
            sentence=f"updated_at: earlier than published_at on {len(early)} of {dated} stories; `{extractor}` may"
            f" find the time of another story: correct its extractors in {place}",
            field="updated_at",
            extractor=extractor,
            page=visit.url,
        )


def _evidence(visit: Visit) -> dict[str, Any]:
    return visit.parsed.evidence if visit.parsed else {}


def _problems_of(column: str, pages: Sequence[_Page], *, is_usual: bool, place: str) -> Iterator[Problem]:
    missing = [page for page in pages if page.finder is None]
    found, n = len(pages) - len(missing), len(pages)
    replaced = [*_replaced(column, [page for page in pages if page.finder is not None], place)]
    yield from replaced
    is_broken = is_usual and found * 2 <= n
    if not found or is_broken or (missing and is_usual and not replaced):
        first = missing[0].attempts[0]
        others = [each.extractor for each in missing[0].attempts[1:]]
        sentence = f"{column}: found on {found} of {n} stories: `{first.extractor}` {first.failure}"
        if others:
            sentence += f", nor does {quoted(others)} find it" if not found else f"; {quoted(others)} also failed"
        sentence += _elsewhere(column, missing)
        if is_broken:
            sentence += f": correct its extractors in {place}"
        elif not found:
            sentence += ": correct its extractors if the pages show it"
        yield Problem(
            code=ExitCode.LAYOUT_CHANGED if is_broken else ExitCode.DONE,
            sentence=sentence,
            field=column,
            extractor=first.extractor,
            page=missing[0].visit.url,
        )


def _elsewhere(column: str, missing: Sequence[_Page]) -> str:
    """Return a part of a sentence with the value that the generic layout finds, or an empty string."""
    for page in missing:
        if value := _evidence(page.visit)["generic"].get(column):
            text, extractor, place = value
            where = f" in `{place}`" if place else f" ({extractor})" if extractor else ""
            return f"; the generic layout finds “{text}”{where}"
    return ""


def _replaced(column: str, pages: Sequence[_Page], place: str) -> Iterator[Problem]:
    """Yield a hint if, on most pages, another extractor than the first one finds the value of a column."""
    replaced = [page for page in pages if page.finder]
    if 2 * len(replaced) <= len(pages):
        return
    page = min(replaced, key=lambda each: each.finder or 0)
    failed, *others = page.attempts[: page.finder]
    finder = page.attempts[page.finder or 0]
    sentence = f"{column}: `{failed.extractor}` {failed.failure} on {len(replaced)} of {len(pages)} stories"
    if others:
        sentence += f", nor does {quoted(each.extractor for each in others)} find it"
    sentence += f"; `{finder.extractor}` found it instead: “{finder.text}”; check it, or correct {place}"
    yield Problem(
        code=ExitCode.DONE,
        sentence=sentence,
        field=column,
        extractor=failed.extractor,
        page=page.visit.url,
    )
