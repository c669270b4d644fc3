"""Base of the independent newspapers: what stands where at a moment, and the reply to a request."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qs, unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..http_messages import HTML, JSON, TEXT, XML, http_date, unchanged
from . import wording
from .schedule import House, Schedule
from .story import Row, Section, Story, Truth
from .view import View

__all__ = ["HTML", "JSON", "TEXT", "XML", "Paper", "Reply", "View", "minute", "number"]

FIRST_DAY = date(2026, 10, 1)

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= wording.FILTERS


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Paper(ABC):
    """A newspaper whose replies are a function of seed and moment.

    :param seed: texts, times, ids and the readings of uncertain facts depend on it
    :param per_day: stories a day
    :param first_day: date of the first stories; there is a full day's worth a day later
    """

    name: ClassVar[str]
    title: ClassVar[str]
    templates: ClassVar[str] = ""  # folder of the templates, where it is not the name
    host: ClassVar[str]
    # Other names of the host, each answered by a redirect.
    other_hosts: ClassVar[tuple[str, ...]] = ()
    # Hosts of feeds and JSON beside the site's own, answered by `elsewhere`.
    hosts_elsewhere: ClassVar[tuple[str, ...]] = ()
    front: ClassVar[str] = "/"
    house: ClassVar[House]
    robots: ClassVar[str | None]
    # Pages on which each ranked list stands, beside those of stories.
    list_pages: ClassVar[Mapping[str, tuple[str, ...]]]
    # Lists beside every story; {section} stands for the story's section.
    story_lists: ClassVar[tuple[str, ...]] = ()
    # Paths of feeds and sitemaps, those that the facts call working.
    feeds: ClassVar[tuple[str, ...]] = ()
    copies: ClassVar[int] = 1  # how often a story stands in its page
    validators: ClassVar[bool] = False
    # Readings of uncertain facts that differ from story to story.
    variations: ClassVar[tuple[str, ...]] = ()
    shares: ClassVar[Mapping[str, float]] = {}  # of stories with the second reading, where it is not one half

    def __init__(self, seed: int = 1, per_day: int = 60, first_day: date = FIRST_DAY) -> None:
        self.seed = f"{self.name}/{seed}"
        self.schedule = Schedule(self.house, self.seed, per_day, first_day)
        self._view: View | None = None

    # What each newspaper declares.

    @abstractmethod
    def path_of(self, story: Story) -> str:
        """Return the path of a story's page as the site links it."""

    @abstractmethod
    def find(self, path: str, view: View) -> Story | None:
        """Return the story at a path, also a removed one."""

    @abstractmethod
    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        """Return any page but a story's, or None for an unknown path."""

    def elsewhere(self, host: str, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        """Return a feed or JSON on a host of `hosts_elsewhere`."""
        return None

    @abstractmethod
    def story_page(self, story: Story, path: str, view: View) -> Reply: ...

    @abstractmethod
    def lists(self, at: datetime) -> dict[str, list[Row]]:
        """Return the rows of every ranked list at a moment; a scoped list is named `latest/<section>`."""

    @abstractmethod
    def image(self, story: Story) -> str:
        """Return the address of the lead picture."""

    @abstractmethod
    def truth_of(self, story: Story, at: datetime) -> Truth: ...

    # What is the same for all.

    @property
    def site(self) -> str:
        return f"https://{self.host}"

    def url_of(self, story: Story) -> str:
        return self.site + wording.encoded(self.path_of(story))

    def view(self, at: datetime) -> View:
        at = at.astimezone(self.house.zone)
        if self._view is None or self._view.at != at:
            alive = [story for story in self.schedule.until(at) if story.alive(at)]
            self._view = View(at, tuple(reversed(alive)))
        return self._view

    def truth(self, at: datetime) -> dict[str, Truth]:
        """Return the fields of every story that can be read at a moment, by the publisher's id."""
        return {story.id: self.truth_of(story, at) for story in self.view(at).stories}

    def removed(self, at: datetime) -> dict[str, datetime]:
        """Return when each removed story disappeared, by URL."""
        return {
            self.url_of(story): story.removed
            for story in self.schedule.until(at)
            if story.removed is not None and story.removed <= at
        }

    def respond(
        self, path: str, query: str, host: str, at: datetime, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Reply to a GET at a moment.

        :param path: percent-encoded path
        :param host: value of the Host header without port; other hosts get 421
        :param headers: request headers with names in lower case, for conditional requests
        """
        if host in self.other_hosts:
            return Reply(301, {"Location": f"{self.site}{path}{'?' + query if query else ''}"}, b"")
        view, plain = self.view(at), unquote(path)
        values = {name: found[0] for name, found in parse_qs(query).items()}
        if host in self.hosts_elsewhere:
            return self.elsewhere(host, plain, values, view) or Reply(404, {"Content-Type": TEXT}, b"")
        if host != self.host:
            return Reply(421, {"Content-Type": TEXT}, b"")
        if plain == "/robots.txt":
            if self.robots is None:
                return self.missing(view)
            return Reply(200, {"Content-Type": TEXT}, self.robots.encode())
        reply = self.page(plain, values, view)
        story = self.find(plain, view) if reply is None else None
        if story is not None and story.alive(view.at):
            reply = self.story_page(story, plain, view)
            if self.validators and reply.status == 200:
                reply.headers["Last-Modified"] = http_date(story.at(view.at).since)
        reply = reply or self.missing(view)
        return _conditional(reply, headers or {}) if self.validators else reply

    def missing(self, view: View) -> Reply:
        """Return the page for an unknown or removed URL."""
        return self.html("missing.html", view, status=404)

    def html(self, template: str, view: View, *, status: int = 200, **values: Any) -> Reply:
        """Render a template of this newspaper, which sees `paper`, `view` and the moment `now`."""
        name = template if template.startswith("shared/") else f"{self.templates or self.name}/{template}"
        rendered = _TEMPLATES.get_template(name).render(paper=self, view=view, now=view.at, **values)
        return Reply(status, {"Content-Type": HTML}, rendered.encode())

    def xml(self, template: str, view: View, **values: Any) -> Reply:
        return Reply(200, {"Content-Type": XML}, self.html(template, view, **values).body)

    def rss(self, view: View, stories: Sequence[Story], *, full: bool = False, zone: tzinfo | None = None) -> Reply:
        """Return an RSS feed; `zone` is that of its dates, by default the newspaper's."""
        zone = zone or self.house.zone
        return self.xml("shared/rss.xml", view, heading=self.title, stories=stories, full=full, zone=zone)

    def section(self, path: str) -> Section | None:
        return next((section for section in self.house.sections if section.path == path), None)

    def varies(self, story: Story, name: str) -> bool:
        """Report if a story's page uses the second reading of an uncertain fact."""
        return story.rng(f"variation {name}").random() < self.shares.get(name, 0.5)

    def base_truth(self, story: Story, at: datetime) -> Truth:
        """Return a truth with everything that is known of a story, for a page that shows all of it."""
        state, picture = story.at(at), story.picture
        return Truth(
            story_id=story.id,
            url=self.url_of(story),
            section=story.section.path,
            section_name=story.section.name,
            headline=state.headline,
            kicker=story.kicker,
            authors=story.authors,
            published_at=story.published,
            updated_at=state.updated,
            edition=story.edition,
            tags=story.tags,
            image_url=self.image(story) if picture else None,
            image_caption=picture.caption if picture else None,
            image_credit=picture.credit if picture else None,
            paragraphs=tuple(block.text for block in state.blocks),
            revision=state.revision,
            variations=frozenset(name for name in self.variations if self.varies(story, name)),
        )

    def rows(self, stories: list[Story], at: datetime, *, kickers: bool = False) -> list[Row]:
        return [
            Row(rank, story.id, self.url_of(story), story.at(at).headline, story.kicker if kickers else None)
            for rank, story in enumerate(stories, 1)
        ]

    def by_id(self, story_id: str, view: View) -> Story | None:
        """Return a published story, also a removed one."""
        return next((story for story in self.schedule.until(view.at) if story.id == story_id), None)


def minute(moment: datetime | None) -> datetime | None:
    return moment.replace(second=0) if moment is not None else None


def number(query: Mapping[str, str], name: str, otherwise: int = 1) -> int:
    value = query.get(name, "")
    return int(value) if value.isdecimal() else otherwise


def _conditional(reply: Reply, headers: Mapping[str, str]) -> Reply:
    if reply.status != 200:
        return reply
    reply.headers["ETag"] = f'W/"{hashlib.md5(reply.body).hexdigest()}"'
    if unchanged(headers, reply.headers):
        return Reply(304, {name: reply.headers[name] for name in reply.headers if name != "Content-Type"}, b"")
    return reply
