"""Twelve newspapers on one server, distinguished by the Host header: a replica of each other family, and Kalbela."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.newspaper import Newspaper
from tests.newspaper.http_messages import HTML, Request, Response
from tests.newspaper.replicas import REPLICAS, Replica
from tests.newspaper.server import Server

TABLE = """
[schedule.{name}]
sentence = "A newspaper of the stand"
sites = [{sites}]
mode = "full"
cron = "{cron}"
zone = "Asia/Dhaka"
max_pages = {pages}
max_minutes = {minutes}
grace_hours = 1
"""


#: Time in which the replicas publish all their stories.
DAYS = timedelta(days=2)


def _links_of(replica: Replica) -> Response:
    """A front page with all stories, because a list of five loses those that are published while nobody crawls."""
    links = "".join(f'<p><a href="{url}">{piece.headline}</a></p>' for url, piece in replica.rows)
    return Response(200, f"<html><body><main>{links}</main></body></html>".encode(), {"Content-Type": HTML})


@dataclass
class Newsstand:
    """Newspapers that publish story after story.

    :ivar stories: stories of Kalbela at the begin
    :ivar log: requests to all of them
    """

    seed: int = 1
    stories: int = 60
    log: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._kalbela = Newspaper(self.seed, self.stories, per_day=15)
        self._start = self._kalbela.now
        self._pieces = {name: list(replica.pieces) for name, replica in REPLICAS.items()}

    @property
    def sites(self) -> list[str]:
        return ["kalbela", *REPLICAS]

    def publish(self, share: float) -> None:
        """Show what is published after a share, between 0 and 1, of two days."""
        self._kalbela.set(self._start + share * DAYS)
        for name, replica in REPLICAS.items():
            replica.pieces = self._pieces[name][: max(1, round(share * len(self._pieces[name])))]

    def expected(self, site: str) -> set[str]:
        """Return the ids of the stories of a replica that are published now."""
        return {f"{site}:{piece.ident}" for piece in REPLICAS[site].pieces}

    def missing(self, stored: Collection[str]) -> set[str]:
        """Return the stories, published now, of which neither they nor an exact duplicate of them are stored."""
        copies = self._kalbela.copies()
        published = self._kalbela.truth().keys() | set().union(*map(self.expected, REPLICAS))
        return {each for each in published.difference(stored) if not copies.get(each, frozenset()) & set(stored)}

    def timetable(self, sites: Sequence[str], pages: int = 60, **more: Any) -> str:
        values = {"name": "stand", "cron": "* * * * *", "minutes": 1} | more
        return TABLE.format(sites=", ".join(f'"{site}"' for site in sites), pages=pages, **values)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        server = Server(self._answer, lambda: datetime.now(UTC), self.log, port)
        try:
            yield server.url
        finally:
            server.close()
            self.publish(1)

    def _answer(self, host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        if host.endswith("kalbela.com"):
            return self._kalbela.answer(host, target, headers)
        for replica in REPLICAS.values():
            if host.removeprefix("www.") == replica.host.removeprefix("www."):
                answer = replica.answer(host, target)
                return (_links_of(replica) if target == "/bengali" else answer), 0.0
        return Response(404, b"<html><body>-</body></html>", {"Content-Type": HTML}), 0.0
