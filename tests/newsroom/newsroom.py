"""Newspaper with the rhythm of a real newsroom, whose clock advances by a second per request."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from ..newspaper import Newspaper
from ..newspaper.bengali_text import DHAKA
from ..newspaper.http_messages import Response
from ..newspaper.publication_plan import PublicationPlan, Slot
from ..newspaper.site_state import Edition, Row
from ..newspaper.stories import State, Story
from .publication_schedule import LivingEdition, PublicationSchedule

START: Final = datetime(2026, 10, 5, 6, tzinfo=DHAKA)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class LoggedRequest:
    """One response with its time, target and content.

    `turned` is the minute whose pages were served; `number` and `revision` are those of the story, None for a response
    without a story; `lists` is true for a page with the two lists.
    """

    at: datetime
    turned: datetime
    run: str
    target: str
    status: int
    number: int | None
    revision: int | None
    lists: bool


class Newsroom(Newspaper):
    """A newspaper whose clock advances by a second per request and whose pages change at whole minutes.

    `run` is the name of the current run, set by the simulation and logged with each request.
    """

    edition: ClassVar[type[Edition]] = LivingEdition
    catalogue: ClassVar[type[PublicationPlan]] = PublicationSchedule

    def __init__(self, seed: int = 1, stories: int = 400, start: datetime = START, *, per_day: int = 300) -> None:
        super().__init__(seed, stories, start, per_day=per_day)
        self.by_the_minute = True
        self.start, self.run = start, ""
        self.visits: list[LoggedRequest] = []
        self.shown: dict[datetime, dict[str, list[Row]]] = {}  # the lists by minute

    def answer(self, host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        """Advance the clock by a second, respond as the newspaper and log the request."""
        with self._lock:
            self._clock += _SECOND
            answer, delay = super().answer(host, target, headers)
            if answer is not None:
                self.visits.append(self._visit(target, answer))
            return answer, delay

    def _visit(self, target: str, answer: Response) -> LoggedRequest:
        view, path = self.site.view, target.partition("?")[0].rstrip("/")
        number = int(match[1]) if (match := re.fullmatch(r".*/(\d+)", path)) else None
        story = self.story(number) if number is not None else None
        read = story is not None and answer.status in (200, 304)
        revision = story.state(view.now).revision if story is not None and read else None
        lists = _shows_lists(answer)
        if lists and view.now not in self.shown:
            self.shown[view.now] = {name: view.rows(name) for name in ("latest", "popular")}
        number = number if revision is not None else None
        return LoggedRequest(self.now, view.now, self.run, target, answer.status, number, revision, lists)

    def slots(self, since: datetime, until: datetime) -> Iterator[Slot]:
        """Yield the stories published in a span of time, oldest first, without decoys."""
        with self._lock:
            for slot in self._edition.catalogue.until(until):
                if since < slot.published and slot.decoy is None:
                    yield slot

    def story(self, number: int) -> Story | None:
        """Return a published story, also a removed one, or None for other ids."""
        slot = self._by_number().get(number)
        return self._edition.story(slot) if slot is not None else None

    def state(self, slot: Slot, moment: datetime) -> State:
        return self._edition.story(slot).state(moment)

    def _by_number(self) -> dict[int, Slot]:
        view = self.site.view
        if getattr(self, "_known", (None, {}))[0] is not view:
            self._known = (view, {s.number: s for s in self._edition.catalogue.until(view.now) if s.decoy is None})
        return self._known[1]


def _shows_lists(answer: Response) -> bool:
    if answer.status != 200 or answer.cut is not None or "text/html" not in answer.headers.get("Content-Type", ""):
        return False
    packed = answer.headers.get("Content-Encoding") == "gzip"
    return b'id="latestview1"' in (gzip.decompress(answer.body) if packed else answer.body)
