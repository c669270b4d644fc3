"""The application: addresses, and what is answered at each. It reads nothing itself and changes nothing at all."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from crawler.clock import now
from schedules.dashboard import jinja_env
from schedules.dashboard.access import COOKIE, Admission, Guarded, Refused
from schedules.dashboard.change_detection import stamp_of
from schedules.dashboard.data_source import Reading
from schedules.dashboard.query_params import BadQuestion, Question, named
from schedules.dashboard.response_cache import Answer, Cache
from schedules.dashboard.views.catalogue import VIEWS
from schedules.dashboard.views.runs import one_run
from schedules.dashboard.views.story import is_story_id, story
from schedules.metrics.exposition import exposition
from schedules.reports.progress import read_progress

HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json; charset=utf-8", "text/plain; charset=utf-8"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
SECONDS_OF_METRICS = SECONDS_WHILE_A_RUN_GOES_ON = 5
LONGEST_FORM = 2_048
SECONDS_AFTER_A_WRONG_TOKEN = 0.5
A_MONTH = 30 * 86_400
_RUN_ID = re.compile(r"[\w-]{1,80}", re.ASCII)
Make = Callable[[Question], Answer]


@dataclass
class Page:
    """The page of one data folder; ``clock`` tells aware moments."""

    reading: Reading
    admission: Admission
    clock: Callable[[], datetime] = now
    executor: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "reading"))

    def __post_init__(self) -> None:
        self._cache = Cache(self.executor, lambda: stamp_of(self.reading.dataset, self.reading.timetable_path))
        self._static = {
            name: Answer.of(200, kind, path.read_bytes()) for name, (kind, path) in jinja_env.STATIC.items()
        }

    def application(self) -> ASGIApp:
        """What a server runs."""
        routes = [Route(path, self._view) for view in VIEWS.values() for path in (view.path, f"/{view.name}.json")]
        routes += [
            Route("/live", self._live),
            Route("/runs/{name}", self._run),
            Route("/stories/{name}", self._story),
            Route("/static/{name}", self._file),
            Route("/metrics", self._metrics),
            Route("/healthz", self._health),
            Route("/login", self._login, methods=["GET", "POST"]),
        ]
        unknown = {404: self._unknown, 405: self._unknown, Exception: self._failed}
        inner = Starlette(routes=routes, exception_handlers=unknown)
        inner.router.redirect_slashes = False
        return Guarded(inner, self.admission, self._refuse)

    # Views -----------------------------------------------------------------------------------------------------------

    async def _view(self, request: Request) -> Response:
        path = request.url.path
        view = next(view for view in VIEWS.values() if path in (view.path, f"/{view.name}.json"))
        as_json = path.endswith(".json")

        def make(question: Question) -> Answer:
            told = view.numbers(question)
            return _json(told) if as_json else self._html("view.html", question, view.name, told)

        return await self._answer(request, make, seconds=view.seconds, live=view.live)

    async def _live(self, request: Request) -> Response:
        """The part of the overview that changes while a run is in progress."""

        def make(question: Question) -> Answer:
            dataset, moment = question.reading.dataset, question.moment
            runs = [(site, read_progress(dataset, site.name)) for site in question.sites]
            sites = [named(site) | {"running": run.as_dict(moment) if run else None} for site, run in runs]
            return Answer.of(200, HTML, jinja_env.plain_page("views/running.html", told={"sites": sites}))

        return await self._answer(request, make, seconds=1)

    async def _run(self, request: Request) -> Response:
        name, as_json = _asked_for(request)
        if not _RUN_ID.fullmatch(name):
            return await self._unknown(request, None)

        def make(question: Question) -> Answer:
            told = one_run(question, name)
            if told is None:
                return self._mistake(404, "No such run", "No run of that name is kept.", as_json)
            return _json(told) if as_json else self._html("run.html", question, "run", told, json=f"/runs/{name}.json")

        return await self._answer(request, make)

    async def _story(self, request: Request) -> Response:
        name, as_json = _asked_for(request)
        if not is_story_id(name):
            return await self._unknown(request, None)

        def make(question: Question) -> Answer:
            told = story(question, name)
            if told is None:
                return self._mistake(404, "No such story", "No story of that id is kept.", as_json)
            given = {"json": f"/stories/{name}.json"}
            return _json(told) if as_json else self._html("story.html", question, "story", told, **given)

        return await self._answer(request, make)

    async def _answer(self, request: Request, make: Make, *, seconds: int = 300, live: bool = False) -> Response:
        """What was made for this address in this state of the data; made by a thread of its own if it must be."""
        stamp, moment = await self._cache.stamp(), self.clock()
        parameters = dict(request.query_params)
        key = f"{request.url.path}?{sorted(parameters.items())}"
        # A run that goes on tells more every second; that is no reason to make a whole page so often.
        seconds = min(seconds, SECONDS_WHILE_A_RUN_GOES_ON) if live and stamp.live else seconds
        state = (stamp.data, bool(stamp.live) and live, int(moment.timestamp()) // seconds)
        as_json = request.url.path.endswith(".json")

        def made() -> Answer:
            try:
                return make(Question.asked(self.reading, moment, parameters))
            except BadQuestion as error:
                return self._mistake(400, "That cannot be asked", f"{error}.", as_json)

        return _sent(request, await self._cache.get(key, state, made))

    def _html(self, template: str, question: Question, view: str, told: dict[str, Any], **more: Any) -> Answer:
        known = {"unreadable": dict(self.reading.unreadable), "papers": self.reading.sites()}
        self.reading.unreadable.clear()
        shown = {"json": f"/{view}.json" + _query(question)} | known | more
        return Answer.of(200, HTML, jinja_env.page(template, question, view, told, **shown))

    # What is no view -------------------------------------------------------------------------------------------------

    async def _metrics(self, request: Request) -> Response:
        stamp, moment = await self._cache.stamp(), self.clock()
        state = (*asdict(stamp).values(), int(moment.timestamp()) // SECONDS_OF_METRICS)

        def made() -> Answer:
            timetable, wrong = self.reading.timetable()
            if timetable is None:
                return Answer.of(503, TEXT, f"the timetable cannot be read: {wrong}\n".encode())
            return Answer.of(200, EXPOSITION, exposition(self.reading.dataset, timetable, moment))

        return _sent(request, await self._cache.get("/metrics", state, made))

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _file(self, request: Request) -> Response:
        found = self._static.get(request.path_params["name"])
        return _sent(request, found) if found else await self._unknown(request, None)

    async def _login(self, request: Request) -> Response:
        if self.admission.token is None:
            return Response(status_code=303, headers={"Location": "/"})
        if request.method != "POST":
            return self._door(200, "This page is for those who have its token.")
        given = parse_qs((await _form(request)).decode("latin-1"), max_num_fields=5).get("token", [""])[0]
        if not self.admission.is_token(given.encode()):
            await asyncio.sleep(SECONDS_AFTER_A_WRONG_TOKEN)
            return self._door(401, "That is not the token.")
        entry = Response(status_code=303, headers={"Location": "/"})
        secret = self.admission.pass_for_cookie()
        secure = request.url.scheme == "https"
        entry.set_cookie(COOKIE, secret, max_age=A_MONTH, httponly=True, samesite="strict", secure=secure)
        return entry

    def _door(self, status: int, sentence: str) -> Response:
        body = jinja_env.plain_page("error.html", title="Khobor", sentence=sentence, form=True)
        return Response(body, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None, HTML)

    async def _unknown(self, request: Request, error: Any) -> Response:
        status = getattr(error, "status_code", 404)
        sentence = "There is no such page." if status == 404 else "That cannot be done here."
        return _sent(request, self._mistake(status, "Not found", sentence, request.url.path.endswith(".json")))

    async def _failed(self, request: Request, error: Exception) -> Response:
        sentence = f"An error of ours, {type(error).__name__}; what the service prints says more."
        return _sent(request, self._mistake(500, "It failed", sentence, request.url.path.endswith(".json")))

    def _mistake(self, status: int, title: str, sentence: str, as_json: bool) -> Answer:
        if as_json:
            return Answer.of(status, JSON, jinja_env.numbers({"error": sentence}))
        body = jinja_env.plain_page("error.html", title=title, sentence=sentence, form=False)
        return Answer.of(status, HTML, body)

    def _refuse(self, scope: Scope, refused: Refused) -> Response:
        accepts = dict(scope["headers"]).get(b"accept", b"")
        if refused.status == 401 and b"text/html" in accepts:
            return self._door(401, "This page is for those who have its token.")
        headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
        headers |= {"Allow": "GET, HEAD"} if refused.status == 405 else {}
        return PlainTextResponse(f"{refused.sentence}\n", refused.status, headers)


def _query(question: Question) -> str:
    told = [f"days={question.days}"] if question.days != 14 else []
    told += [f"site={question.site}"] if question.site else []
    return f"?{'&'.join(told)}" if told else ""


def _asked_for(request: Request) -> tuple[str, bool]:
    name: str = request.path_params["name"]
    return name.removesuffix(".json"), name.endswith(".json")


def _json(told: dict[str, Any]) -> Answer:
    return Answer.of(200, JSON, jinja_env.numbers(told))


def _sent(request: Request, answer: Answer) -> Response:
    """The answer, or that the browser has it already."""
    headers = {"ETag": answer.tag, "Cache-Control": "private, no-cache"}
    if answer.status == 200 and answer.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, answer.status, headers, answer.media_type)


async def _form(request: Request) -> bytes:
    """A form as it was sent; of a longer one than any of ours nothing is read."""
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > LONGEST_FORM:
            return b""
    return found
