"""Parsed pages of the bundled newspaper, and run reports made from them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from scrapy.exceptions import DropItem

from crawler.items import ParsedStory
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageResponse
from crawler.spiders.kalbela import Kalbela
from pipelines.runtime.field_stats import FieldStats
from pipelines.steps.clean_text import clean_story
from pipelines.steps.require_story import require_story
from schedules.monitoring.alarms import Alarm
from schedules.monitoring.verdict import compare
from schedules.reports.history import Acknowledgement
from tests.newspaper import Newspaper
from tests.newspaper.page_layout import PageLayout

WWW = "https://www.kalbela.com"
FIRST_NIGHT = datetime(2026, 11, 1, 20, 15, tzinfo=UTC)
LISTS = ("latest", "popular")


class Edition:
    """One edition of the paper with its parsed stories."""

    def __init__(self, seed: int, stories: int) -> None:
        self.paper = Newspaper(seed, stories=stories, decoys=False)
        self._spider = Kalbela()
        self.urls = [story.url for story in self.paper.truth().values()]
        Random(seed).shuffle(self.urls)
        self._sound: dict[str, ParsedStory] = {}

    def sound(self, most: int | None = None) -> list[ParsedStory]:
        """Return the first stories, parsed without a broken field."""
        assert not self.paper._look.breaks
        for url in self.urls[:most]:
            if url not in self._sound:
                self._sound[url] = self._read(url)
        return [self._sound[url] for url in self.urls[:most]]

    def broken(self, field: str, way: str, most: int, *, share: float = 1.0, heads: bool = True) -> list[ParsedStory]:
        before = self.sound(most)
        self.paper.break_field(field, way, share=share, heads=heads)
        look = self.paper._look
        try:
            return [self._read(story.story.url) if _loses(story, field, look) else story for story in before]
        finally:
            self.paper.mend_fields()

    def _read(self, url: str) -> ParsedStory:
        html, at = self.paper.site.page(url.removeprefix(WWW)), self.paper.now.astimezone(UTC)
        response = PageResponse(url=url, body=html.encode(), fetched_at=at, is_story=True)
        story = self._spider.page_parser.parse(response).story
        assert story is not None
        return replace(story, story=clean_story(story.story)) if story.story.layout else story


def _loses(story: ParsedStory, field: str, look: PageLayout) -> bool:
    """Return True if the page has the field and it is broken there."""
    has = field in story.extracted_by or getattr(story.story, field) is not None
    return has and look.broken(field, int(story.story.story_id.rpartition(":")[2])) is not None


def with_columns(parsed: ParsedStory, **columns: Any) -> ParsedStory:
    return replace(parsed, story=replace(parsed.story, **columns))


def run_id_of(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}-kalbela-0000"


def report_of(
    stories: Iterable[ParsedStory], moment: datetime, mode: str = "full", *, lists: Sequence[str] = LISTS
) -> dict[str, Any]:
    """Return the part of a run report that the verdict needs, for stories in this order."""
    measures, rejects = FieldStats(LISTS), dict[str, int]()
    for story in stories:
        measures.count_story(story)
        try:
            require_story(story)
        except DropItem as reject:
            rejects[type(reject).__name__] = rejects.get(type(reject).__name__, 0) + 1
        for name in lists:
            measures.count_list(name, 20, beside_story=True)
    account = measures.as_dict()
    kept = measures.pages - sum(rejects.values())
    outcomes = {Outcome.STORY: kept, Outcome.REJECTED: sum(rejects.values()), Outcome.LIST: 9}
    return {
        "run_id": run_id_of(moment),
        "site": "kalbela",
        "mode": mode,
        "fields": account.pop("fields"),
        "measures": account,
        "reason": "finished",
        "urls": {"complete": True, "discovered": sum(outcomes.values()), "outcomes": outcomes},
        "stories": {"new": kept, "revised": 0},
        "lists": {f"{name}/seen": measures.pages for name in lists},
        "rejects": rejects,
        "retry_failed": {},
    }


def nights(edition: Edition, numbers: int, most: int, sizes: tuple[int, int], seed: int = 1) -> list[dict[str, Any]]:
    """Return reports of nightly runs without faults, latest first."""
    chance, sound = Random(seed), edition.sound(most)
    chosen = [chance.sample(sound, min(len(sound), chance.randint(*sizes))) for _ in range(numbers)]
    return [report_of(each, FIRST_NIGHT + timedelta(days=night)) for night, each in enumerate(chosen)][::-1]


def drifted(
    report: dict[str, Any], past: Sequence[dict[str, Any]], accepted: dict[str, Acknowledgement] | None = None
) -> list[Alarm]:
    return compare(report, past, lambda name, without: (), accepted or {})


def alarms(
    report: dict[str, Any], past: Sequence[dict[str, Any]], accepted: dict[str, Acknowledgement] | None = None
) -> list[dict[str, Any]]:
    return [alarm.as_dict() for alarm in drifted(report, past, accepted)]
