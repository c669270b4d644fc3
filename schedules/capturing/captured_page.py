"""A captured page as a test case: `page.html`, `case.json` and a drafted `expected.json`, as in `tests/pages/`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from crawler.decoding.charset import decode_text
from crawler.generic.generic_layout import GenericLayout
from crawler.generic.unknown_site import unknown_site_parser
from crawler.items import ParsedStory, Story, columns_of
from crawler.parsing import time_limit
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl
from pipelines.steps.clean_text import PARAGRAPH_BREAK, clean_story
from schedules.capturing.scrambled_page import PageScrambler
from schedules.trial.page_requests import FetchedPage

#: Key of an expectation that no person has confirmed; a test of the page fails until it is removed.
UNCONFIRMED = "unconfirmed"
_MARK = "drafted by `khobor capture`: compare each value with the page, correct it, and remove this line"
# Columns that a run sets, and those that do not come from a layout.
_FROM_THE_RUN = frozenset(
    ("access", "language", "revision", "first_seen_at", "fetched_at", "gone_after", "gone_by", "appeared_after")
    + ("appeared_by", "content_hash", "cluster_id", "discovered_via", "depth", "run_id")
)
_COLUMNS = [column.name for column in columns_of(Story) if column.name not in _FROM_THE_RUN]
_MAX_NAME = 60


@dataclass(frozen=True)
class CapturedPage:
    """A page with its URL and time, and the class of its site, if there is a site file for its host."""

    html: str
    url: str
    fetched_at: datetime
    site: type[NewspaperSpider] | None
    is_scrambled: bool = False

    @classmethod
    def of(cls, fetched: FetchedPage, site: type[NewspaperSpider] | None, *, scramble: bool) -> "CapturedPage":
        html, url = decode_text(fetched.body, fetched.content_type), fetched.url
        if scramble:
            scrambler = PageScrambler(html, site=site)
            html, url = scrambler.page(), scrambler.url(url)
        return cls(html, url, fetched.fetched_at.replace(microsecond=0), site, scramble)

    @property
    def names(self) -> tuple[str, str]:
        """Names of the folders of the site and of the case."""
        host = urlsplit(self.url).hostname or "site"
        target = self._parser.url_rules.identify(self.url)
        number = target.story_id.partition(":")[2] if isinstance(target, SiteUrl) and target.story_id else ""
        path = number if self.site and number else unquote(urlsplit(self.url).path)
        return self.site.name if self.site else host, _folder_name(path) or "front-page"

    def expectation(self) -> dict[str, Any]:
        """Return what the site file reads on the page, marked as unconfirmed."""
        parsed = self._parsed
        lists = {
            name: [[row.rank, getattr(row.target, "story_id", None), row.target.url, row.headline] for row in rows]
            for name, rows in parsed.lists.items()
        }
        declared = [ranked.name for ranked in self.site.lists] if self.site else []
        return {
            UNCONFIRMED: _MARK,
            **(self._columns(parsed.story) if parsed.story is not None else {}),
            "lists": {name: lists.get(name, []) for name in declared or lists},
        }

    def write(self, folder: Path) -> Path:
        """Write the three files into a new folder below ``folder``, and return that folder."""
        site, case = self.names
        path = next(each for each in _numbered(folder / site, case) if not each.exists())
        path.mkdir(parents=True)
        fetch: dict[str, Any] = {
            "url": self.url,
            "fetched_at": self.fetched_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        fetch |= {"scrambled": True} if self.is_scrambled else {}
        (path / "page.html").write_text(self.html, encoding="utf-8", errors="replace", newline="")
        (path / "case.json").write_text(json.dumps(fetch, indent=2) + "\n", encoding="utf-8")
        (path / "expected.json").write_text(_dump(self.expectation()), encoding="utf-8")
        return path

    @property
    def _parser(self) -> PageParser:
        if self.site is None:
            return unknown_site_parser()
        rules = self.site.make_url_rules()
        return PageParser(rules, self.site.layouts, self.site.lists, self.site.zone, GenericLayout())

    @property
    def _parsed(self) -> ParsedPage:
        parser = self._parser
        target = parser.url_rules.identify(self.url)
        is_story = isinstance(target, SiteUrl) and target.story_id is not None
        body = self.html.encode("utf-8", errors="replace")
        with time_limit.limited():
            return parser.parse(PageResponse(url=self.url, body=body, fetched_at=self.fetched_at, is_story=is_story))

    @staticmethod
    def _columns(parsed: ParsedStory) -> dict[str, Any]:
        if parsed.story.layout is None:  # no story, perhaps a page of links at the URL of one
            return {}
        story = clean_story(parsed.story)
        return {name: _as_json(name, getattr(story, name)) for name in _COLUMNS}


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.split(PARAGRAPH_BREAK) if name == "body" and value else value


def _numbered(parent: Path, name: str) -> Iterator[Path]:
    yield parent / name
    yield from (parent / f"{name}-{number}" for number in range(2, 10_000))


def _folder_name(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text, flags=re.ASCII).strip("-").lower()[:_MAX_NAME]


def _dump(expectation: Mapping[str, Any]) -> str:
    """Serialise an expectation with a row of a list, and a paragraph of the body, on each line."""
    parts = []
    for name, value in expectation.items():
        rows = {key: _lines(each, 4) for key, each in value.items()} if name == "lists" else {}
        text = ",\n".join(f"    {json.dumps(key)}: {each}" for key, each in rows.items())
        is_body = name == "body" and isinstance(value, list)
        shown = f"{{\n{text}\n  }}" if rows else _lines(value, 2) if is_body else json.dumps(value, ensure_ascii=False)
        parts.append(f"  {json.dumps(name)}: {shown}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(values: Sequence[Any], indent: int) -> str:
    pad = " " * indent
    lines = ",\n".join(f"{pad}  {json.dumps(value, ensure_ascii=False)}" for value in values)
    return f"[\n{lines}\n{pad}]" if lines else "[]"
