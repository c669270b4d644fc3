"""Server of independent newspapers on 127.0.0.1, by Host header, with one clock; for `--mirror`."""

import gzip
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from ..http_messages import TEXT, Request, Response
from ..server import serving
from .paper import Paper


@dataclass(frozen=True)
class Visit:
    """One request: the clock, the minute whose pages were served, and the story and revision in the reply, if any."""

    at: datetime
    minute: datetime
    paper: str
    target: str
    status: int
    story_id: str | None
    revision: int | None


class Stand:
    """Newspapers behind one server.

    :param at: where the clock stands at first; pages change at whole minutes
    :param tick: time by which each request moves the clock
    :param speed: minutes by which the clock moves in one second of real time
    """

    def __init__(
        self, papers: Sequence[Paper], at: datetime, *, tick: timedelta = timedelta(0), speed: float = 0.0
    ) -> None:
        self.papers = {
            host: paper for paper in papers for host in (paper.host, *paper.other_hosts, *paper.hosts_elsewhere)
        }
        self.tick, self.speed = tick, speed
        self.log: list[Request] = []
        self.visits: list[Visit] = []
        self._lock = threading.RLock()
        self.set(at)

    @property
    def now(self) -> datetime:
        return self._clock + timedelta(minutes=self.speed) * (time.monotonic() - self._set_at)

    def set(self, moment: datetime) -> None:
        with self._lock:
            self._clock, self._set_at = moment, time.monotonic()

    def advance(self, duration: timedelta) -> None:
        self.set(self.now + duration)

    def answer(self, host: str, target: str, headers: dict[str, str]) -> tuple[Response | None, float]:
        """Reply to a request and move the clock; the signature is that of the bundled newspaper."""
        with self._lock:
            self.advance(self.tick)
            now = self.now
            minute = now.replace(second=0, microsecond=0)
            path, _, query = target.partition("?")
            paper = self.papers.get(host)
            if paper is None:
                return Response(421, b"", {"Content-Type": TEXT}), 0.0
            reply = paper.respond(path, query, host, minute, headers)
            view = paper.view(minute)
            story = paper.find(unquote(path), view) if reply.status in (200, 304) else None
            revision = story.at(view.at).revision if story is not None else None
            self.visits.append(
                Visit(now, minute, paper.name, target, reply.status, story.id if story else None, revision)
            )
        if "gzip" in headers.get("accept-encoding", "") and reply.status == 200:
            packed = {**reply.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(200, gzip.compress(reply.body, 5, mtime=0), packed), 0.0
        return Response(reply.status, reply.body, reply.headers), 0.0

    def serve(self, port: int = 0) -> AbstractContextManager[str]:
        """Serve within the block and yield the URL for `--mirror`; port 0 takes a free one."""
        return serving(self.answer, lambda: self.now, self.log, port)
