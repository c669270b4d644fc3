"""Newspaper for tests: a clock, ground truth at any time, faults and broken layouts, a log of requests."""

import threading
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from . import seed as seed_article
from .bengali_text import DHAKA
from .decoy_urls import ExpectedOutcome
from .ground_truth import StoryTruth, copies_of, expectations_of, truth_of
from .http_messages import HTML, Fault, Request, Response
from .page_layout import BREAKAGES, FIELDS, FieldBreak, PageLayout
from .publication_plan import PublicationPlan
from .routing import Router
from .server import serving
from .site_state import Edition, Row, SiteState

_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=DHAKA)


class Newspaper:
    """A small newspaper whose pages are a function of `seed` and the clock.

    :param stories: how many stories can be read at `start` (some of them older by years), 60 to 20,000
    :param start: where the clock stands at first, from 2026 on; by default the moment at which the latest list is the
        seed page's
    :param per_day: new stories a day
    :param crawl_delay: seconds that robots.txt asks for, None for none
    :param decoys: whether there are addresses and pages among the stories that are none
    :param speed: minutes by which the clock goes on by itself in one second; 0 leaves it to `advance` and `set`
    """

    edition: ClassVar[type[Edition]] = Edition
    catalogue: ClassVar[type[PublicationPlan]] = PublicationPlan

    def __init__(
        self,
        seed: int = 1,
        stories: int = 420,
        start: datetime = seed_article.VISITED,
        *,
        per_day: int = 60,
        crawl_delay: float | None = None,
        decoys: bool = True,
        speed: float = 0.0,
    ) -> None:
        if not 60 <= stories <= 20_000:
            raise ValueError(f"a newspaper has 60 to 20,000 stories, not {stories}")
        if start < _EARLIEST:
            raise ValueError(f"a newspaper starts in 2026 or later, not at {start}")
        self.seed, self.crawl_delay, self.speed = seed, crawl_delay, speed
        self.by_the_minute = bool(speed)  # whether the pages turn at whole minutes only
        self.faults: dict[str, Fault] = {}
        self.down: bool | int = False
        self.log: list[Request] = []
        self._look = PageLayout()
        self._lock = threading.RLock()
        self._edition = self.edition(
            seed, self.catalogue(seed, stories, start, max(per_day, stories // 100), decoys=decoys)
        )
        self._clock, self._set_at = start.astimezone(DHAKA), time.monotonic()
        self._site: tuple[object, Router] | None = None

    @property
    def now(self) -> datetime:
        return self._clock + timedelta(minutes=self.speed) * (time.monotonic() - self._set_at)

    def set(self, moment: datetime) -> None:
        with self._lock:
            self._clock, self._set_at = moment.astimezone(DHAKA), time.monotonic()

    def advance(self, duration: timedelta) -> None:
        self.set(self.now + duration)

    def truth(self) -> dict[str, StoryTruth]:
        """Return the ground truth of every linked story by `story_id`."""
        with self._lock:
            return truth_of(self.site.view)

    def lists(self) -> dict[str, list[Row]]:
        """Return the rows of `latest` and `popular` as every page prints them now."""
        with self._lock:
            return {name: self.site.view.rows(name) for name in ("latest", "popular")}

    def copies(self) -> dict[str, frozenset[str]]:
        """Return for each story with exact duplicates the ids of all of them; a crawl must keep one."""
        with self._lock:
            return copies_of(self.site.view)

    def expected_outcomes(self) -> dict[str, ExpectedOutcome]:
        """Return the expected outcome of each linked URL without a story, by the URL as printed."""
        with self._lock:
            return expectations_of(self.site.view)

    def break_field(self, name: str, way: str = "renamed", *, share: float = 1.0, heads: bool = True) -> None:
        """Break one field of the layout.

        :param name: a column of `stories`, or `latest` or `popular` for a list
        :param way: `renamed` (other tags and classes), `moved` (to the foot, renamed), `emptied` or `missing`
        :param share: on which share of the pages, always the same ones
        :param heads: whether meta tags and JSON-LD lose the field too
        """
        if name not in FIELDS or way not in BREAKAGES:
            raise ValueError(f"a field is one of {FIELDS}, a way one of {BREAKAGES}; not {name!r}, {way!r}")
        with self._lock:
            self._look = replace(self._look, breaks={**self._look.breaks, name: FieldBreak(way, share, heads)})

    def mend_fields(self) -> None:
        with self._lock:
            self._look = replace(self._look, breaks={})

    @property
    def layout(self) -> str:
        """`usual`, or `next` after a redesign in which every class and id has another name."""
        return "next" if self._look.redesigned else "usual"

    @layout.setter
    def layout(self, name: str) -> None:
        if name not in ("usual", "next"):
            raise ValueError(f"a layout is usual or next, not {name!r}")
        with self._lock:
            self._look = replace(self._look, redesigned=name == "next")

    @property
    def site(self) -> Router:
        with self._lock:
            now = self.now
            if self.by_the_minute:
                now = now.replace(second=0, microsecond=0)
            key = (now, self._look.stamp)
            if self._site is None or self._site[0] != key:
                self._site = (key, Router(SiteState(self._edition, now), self._look, self.crawl_delay))
            return self._site[1]

    def answer(self, host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        """Return the response to a request, None to drop the connection, and the seconds to wait before it."""
        with self._lock:
            if self.down is not False:
                return (None if self.down is True else Response(int(self.down), headers={"Content-Type": HTML})), 0.0
            fault = self._fault(target)
            if fault is None:
                return self.site.answer(host, target, headers), 0.0
            if fault.drop:
                return None, fault.delay
            right = self.site.answer(host, target, headers) if fault.body is None else Response(200, fault.body)
            own = right.headers or {"Content-Type": HTML}
            return Response(
                fault.status or right.status, right.body, own | fault.headers, fault.cut or right.cut
            ), fault.delay

    def _fault(self, target: str) -> Fault | None:
        """Return the fault of a URL and count it as used; `*` applies to all URLs."""
        for key in (target, target.partition("?")[0], "*"):
            fault = self.faults.get(key)
            if fault is None or fault.times == 0:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def serve(self, port: int = 0) -> AbstractContextManager[str]:
        """Serve on 127.0.0.1 within the block and yield the URL; port 0 takes a free one."""
        return serving(self.answer, lambda: self.now, self.log, port)
