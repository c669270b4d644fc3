"""Twelve newspapers on one server: a replica of each other family, and Kalbela, told apart by the Host header."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.newspaper import Newspaper
from tests.newspaper.http_messages import HTML, Request, Response
from tests.newspaper.replicas import REPLICAS
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


@dataclass
class Newsstand:
    """Newspapers that publish story after story.

    :ivar log: requests to all of them
    """

    seed: int = 1
    stories: int = 60
    log: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._kalbela = Newspaper(self.seed, self.stories)
        self._pieces = {name: list(replica.pieces) for name, replica in REPLICAS.items()}

    @property
    def sites(self) -> list[str]:
        return ["kalbela", *REPLICAS]

    def publish(self, share: float) -> None:
        """Show only the first stories of each replica, a share of them between 0 and 1."""
        for name, replica in REPLICAS.items():
            replica.pieces = self._pieces[name][: max(1, round(share * len(self._pieces[name])))]

    def expected(self, site: str) -> set[str]:
        """Return the ids of the stories of a replica that are published now."""
        return {f"{site}:{piece.ident}" for piece in REPLICAS[site].pieces}

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
                return replica.answer(host, target), 0.0
        return Response(404, b"<html><body>-</body></html>", {"Content-Type": HTML}), 0.0

    def shortest_gaps(self) -> dict[str, float]:
        """Return, by host, the shortest time between two requests; two crawls at a time would have none."""
        times: dict[str, list[float]] = {}
        for request in self.log:
            times.setdefault(request.host, []).append(request.at)
        return {
            host: min(after - before for before, after in pairwise(found))
            for host, found in times.items()
            if len(found) > 1
        }
