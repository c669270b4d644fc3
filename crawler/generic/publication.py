"""Dates of publication and update of a page from any site; the most explicit sources are tried first.

A day without a time is stored as the first and last moment of that day. The date of an update is never used as the date
of publication.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborNode

from crawler.bengali.text import ascii_digits
from crawler.generic.date_texts import DateReader, FoundDate
from crawler.generic.month_names import MONTHS
from crawler.generic.page_language import declared_language
from crawler.parsing.page import Article, visible_text
from crawler.parsing.selectors import self_and_ancestors
from crawler.parsing.text_blocks import text_blocks

_PUBLISHED_META: tuple[str, ...] = (
    *("article:published_time", "og:article:published_time", "og:published_time", "published_time", "datepublished"),
    *("article.published", "article:published", "parsely-pub-date", "sailthru.date", "bt:pubdate", "pubdate"),
    *("cxenseparse:recs:publishtime", "shareaholic:article_published_time", "rnews:datepublished"),
    *("publishdate", "publish-date", "publish_date", "published-date", "publication_date", "publication-date"),
    *("publicationdate", "originalpublicationdate", "item-publish-date", "article_date_original", "article:post_date"),
    *(
        "dc.date.issued",
        "dcterms.issued",
        "dcterms.date",
        "dc.date.created",
        "dcterms.created",
        "dc:created",
        "dc.date",
    ),
    *("dc:date", "dc.date.published", "citation_publication_date", "citation_date", "citation_online_date"),
    *(
        "prism.publicationdate",
        "date.released",
        "release_date",
        "datecreated",
        "creation_date",
        "created",
        "date_created",
    ),
    *("date", "article:date", "articledate", "analyticsattributes.articledate", "video:release_date", "ptime", "pdate"),
)
_UPDATED_META: tuple[str, ...] = (
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "article:modified",
    "dcterms.modified",
)
_UPDATED_META += ("dc.date.modified", "last-modified", "lastmod", "modified", "revised", "og:article:modified_time")
_PUBLISHED_ITEM = (
    '[itemprop~="datePublished" i], [property~="datePublished" i], [property="schema:datePublished"],'
    ' [property="dc:date"], [property="dc:created"], time[pubdate], abbr.published, .dt-published'
)
_UPDATED_ITEM = '[itemprop~="dateModified" i], [property~="dateModified" i], abbr.updated, .dt-updated'
_VALUES: tuple[str, ...] = (
    "content",
    "datetime",
    "data-datetime",
    "data-published",
    "data-publish-date",
    "data-published-date",
)
_VALUES += ("data-date", "data-timestamp", "data-time", "data-utime", "title")
_DATA_ELEMENT = (
    "[data-published], [data-publish-date], [data-published-date], [data-datetime], [data-date], [data-timestamp]"
)
_DATED_ELEMENT = (
    '[class*="publish" i], [class*="date" i], [class*="posted" i], [class*="byline" i], [class*="datum" i],'
    ' [class*="fecha" i], [class*="meta" i], [id*="date" i], [id*="publish" i]'
)
_UPDATE_NAME, _PUBLISH_NAME = (
    re.compile(names, re.IGNORECASE) for names in ("updat|modif", "publish|entry-date|create")
)
_OTHER_TAGS = frozenset(("aside", "nav", "footer", "form"))
_OTHER_STORY = re.compile(
    r"related|recirc|sidebar|widget|comment|recent|latest|popular|most-|trending|teaser|more-|footer|nav|calendar|menu|archive",
    re.IGNORECASE,
)
_MAX_TEXT, _MAX_DATE_LINE = 200, 60  # characters of a line with a labelled date, and with another
_MAX_ELEMENTS, _MAX_LINES = 60, 80
_URL_DAY = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<s>[/_-]?)(?P<m>0?[1-9]|1[0-2]|[a-z]{3,9})(?P=s)(?P<d>0[1-9]|[12]\d|3[01]|[1-9](?=[/_-]))(?!\d)",
    re.IGNORECASE,
)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    date: FoundDate


def publication_dates(
    article: Article, headline: LexborNode | None, url: str, zone: ZoneInfo, *, knows_zone: bool = True
) -> dict[str, Any]:
    """Return the values of the date columns of a story.

    These are the moment of publication or its bounds, the moment of the update, and the name of the source.

    :param headline: element of the headline; the nearest date without a label is taken as the story's date
    :param zone: time zone of dates without an offset
    :param knows_zone: see :class:`DateReader`
    """
    reader = DateReader(zone, article.page.fetched_at, declared_language(article.page), knows_zone)
    around = [*self_and_ancestors(headline)][1:] if headline is not None else [article.root]
    published = _published(article, around, url, reader)
    updated = next(_declared(article, around, reader, "dateModified", _UPDATED_META, _UPDATED_ITEM), None)
    if updated is not None:
        article.extracted_by["updated_at"] = updated.name
    columns: dict[str, Any] = {"updated_at": updated.date.moment if updated else None}
    if published is None:
        return columns
    article.extracted_by["published_at"] = published.name
    columns["published_from"] = published.name
    if published.date.moment is not None:
        return columns | {"published_at": published.date.moment}
    start = datetime.combine(published.date.day, time(), zone)
    return columns | {"published_after": start, "published_by": start + _DAY - datetime.resolution}


def _published(article: Article, around: Sequence[LexborNode], url: str, reader: DateReader) -> _Source | None:
    if declared := next(_declared(article, around, reader, "datePublished", _PUBLISHED_META, _PUBLISHED_ITEM), None):
        return declared
    in_url = _url_day(url, reader)
    shown = _shown(around, reader)
    if shown is None or (in_url and not shown.date.is_labelled and abs(shown.date.day - in_url.day) > _DAY):
        return _Source("URL", in_url) if in_url else None
    return shown


def _declared(
    article: Article, around: Sequence[LexborNode], reader: DateReader, key: str, names: Sequence[str], selector: str
) -> Iterator[_Source]:
    """Yield the dates that the page declares in JSON-LD, meta elements and microdata.

    :param around: the elements that contain the headline, the innermost first
    """
    own = {node.mem_id for node in around}
    for value in article.page.json_ld:
        if isinstance(text := value.get(key), str) and (found := reader.machine_date(text)):
            yield _Source(f"JSON-LD {key}", found)
    for name in names:
        if (text := article.page.meta_tags.get(name)) and (found := reader.machine_date(text)):
            yield _Source(f"meta {name}", found)
    for node in article.css(selector):
        if not _is_other(node, own) and (found := _of_element(node, reader)):
            yield _Source(f"microdata {key}", found)


def _shown(around: Sequence[LexborNode], reader: DateReader) -> _Source | None:
    """Return the visible date nearest to the headline.

    The elements that contain the headline (``around``) are searched from the innermost to the outermost.
    """
    own = {node.mem_id for node in around}
    for scope in around:
        is_page = scope.tag in ("body", "html") or scope.parent is None
        found = [*_times(scope, own, reader), *_texts(scope, own, reader, only_named=is_page)]
        found = [each for each in found if not each.date.is_update]
        if found:
            return min(found, key=lambda each: not each.date.is_labelled)
    return None


def _times(scope: LexborNode, own: set[int], reader: DateReader) -> Iterator[_Source]:
    """Yield the dates in the attributes of elements, those of ``time`` elements first."""
    for selector, name in (("time", "time element"), (_DATA_ELEMENT, "data attribute")):
        for node in scope.css(selector)[:_MAX_ELEMENTS]:
            if not _is_other(node, own) and (found := _of_element(node, reader)):
                yield _Source(name, found)


def _texts(scope: LexborNode, own: set[int], reader: DateReader, *, only_named: bool) -> Iterator[_Source]:
    """Yield the dates in short lines of text.

    :param only_named: search only elements whose class or id names a date, because ``scope`` is the whole page
    """
    if only_named:
        nodes = (node for node in scope.css(_DATED_ELEMENT)[:_MAX_ELEMENTS] if not _is_other(node, own))
        lines = [visible_text(node) or "" for node in nodes]
    else:
        blocks = islice(text_blocks(scope), _MAX_LINES)
        lines = [each.text for each in blocks if each.element is not None and not _is_other(each.element, own)]
    for line in lines:
        if len(line) > _MAX_TEXT:
            continue
        for found in reader.written_dates(line):
            if found.is_labelled or len(line) <= _MAX_DATE_LINE:
                yield _Source("visible label" if found.is_labelled else "visible date", found)


def _of_element(node: LexborNode, reader: DateReader) -> FoundDate | None:
    attributes = node.attributes
    names = f"{attributes.get('class') or ''} {attributes.get('itemprop') or ''}"
    texts = [value for name in _VALUES if (value := attributes.get(name))]
    found = next((date for text in texts if (date := reader.machine_date(text))), None)
    if found is None:
        return next(reader.written_dates(visible_text(node) or ""), None)
    return replace(found, is_update=True) if _UPDATE_NAME.search(names) and not _PUBLISH_NAME.search(names) else found


def _is_other(node: LexborNode, own: set[int]) -> bool:
    """Return True if an element is in a part of the page for other stories or comments, according to its class or id.

    A part that contains the headline does not count.
    """
    for each in self_and_ancestors(node):
        if each.mem_id in own:
            return False
        attributes = each.attributes
        names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
        if each.tag in _OTHER_TAGS or _OTHER_STORY.search(names):
            return True
    return False


def _url_day(url: str, reader: DateReader) -> FoundDate | None:
    for match in _URL_DAY.finditer(ascii_digits(url)):
        month = MONTHS.get(match["m"].lower()) or (int(match["m"]) if match["m"].isdigit() else 0)
        if month and (found := reader.machine_date(f"{match['y']}-{month:02}-{int(match['d']):02}")):
            return found
    return None
