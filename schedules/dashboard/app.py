"""Read-only ASGI application of the dashboard: routes, login form and error pages."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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
from schedules.dashboard.access import COOKIE, AccessMiddleware, AccessPolicy, Denied
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.query_params import InvalidQuery, Query, site_info
from schedules.dashboard.response_cache import PageResponse, ResponseCache
from schedules.dashboard.views.catalogue import VIEWS, View
from schedules.dashboard.views.runs import run_details
from schedules.dashboard.views.story import is_story_id, story_details
from schedules.metrics.exposition import exposition

HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json; charset=utf-8", "text/plain; charset=utf-8"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
MAX_AGE_SECONDS, MAX_AGE_WHILE_RUNNING = 5, 1
MAX_FORM_BYTES = 2_048
WRONG_TOKEN_DELAY = 0.5
COOKIE_SECONDS = 30 * 86_400
LOGIN_PROMPT = "Enter the token of this dashboard."
_RUN_ID = re.compile(r"[\w-]{1,80}", re.ASCII)
Data = dict[str, Any]


@dataclass
class Dashboard:
    """Dashboard of one data folder; ``clock`` returns the current time as an aware datetime."""

    source: DataSource
    policy: AccessPolicy
    clock: Callable[[], datetime] = now
    executor: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "dashboard"))

    def __post_init__(self) -> None:
        self._cache = ResponseCache(self.executor)
        self._static = {
            name: PageResponse(200, media_type, path.read_bytes())
            for name, (media_type, path) in jinja_env.STATIC.items()
        }

    def application(self) -> ASGIApp:
        """Build the ASGI application, wrapped in the middleware for access control."""
        endpoints = {path: self._view(view) for view in VIEWS.values() for path in (view.path, f"/{view.name}.json")}
        routes = [
            *(Route(path, endpoint) for path, endpoint in endpoints.items()),
            Route("/live", self._live),
            Route("/runs/{name}", self._run),
            Route("/stories/{name}", self._story),
            Route("/static/{name}", self._file),
            Route("/metrics", self._metrics),
            Route("/healthz", self._health),
            Route("/login", self._login, methods=["GET", "POST"]),
        ]
        handlers = {404: self._not_found, 405: self._not_found, Exception: self._failed}
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False
        return AccessMiddleware(app, self.policy, self._deny)

    # Pages of data ---------------------------------------------------------------------------------------------------

    def _view(self, view: View) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            return await self._page(request, "view.html", view.name, view.data)

        return endpoint

    async def _run(self, request: Request) -> Response:
        run_id = request.path_params["name"].removesuffix(".json")
        if not _RUN_ID.fullmatch(run_id):
            return await self._not_found(request, None)
        return await self._page(request, "run.html", "run", lambda query: run_details(query, run_id))

    async def _story(self, request: Request) -> Response:
        story_id = request.path_params["name"].removesuffix(".json")
        if not is_story_id(story_id):
            return await self._not_found(request, None)
        return await self._page(request, "story.html", "story", lambda query: story_details(query, story_id))

    async def _page(self, request: Request, template: str, view: str, read: Callable[[Query], Data | None]) -> Response:
        path, parameters = request.url.path, dict(request.query_params)
        is_json = path.endswith(".json")

        def render() -> PageResponse:
            try:
                query = Query.parse(self.source, self.clock(), parameters)
                data = read(query)
            except InvalidQuery as error:
                return self._error(400, "Invalid parameters", f"{error}.", is_json)
            if data is None:
                return self._error(404, f"No such {view}", f"No {view} with this id is stored.", is_json)
            return _json(200, data) if is_json else self._html(template, query, view, data, path)

        key = f"{path}?{sorted(parameters.items())}"
        return _conditional(request, await self._cache.get(key, render, MAX_AGE_SECONDS))

    def _html(self, template: str, query: Query, view: str, data: Data, path: str) -> PageResponse:
        json_path = f"/{view}.json" if view in VIEWS else f"{path}.json"
        context: Data = {
            "unreadable": dict(self.source.unreadable),
            "sites": self.source.sites(),
            "json_path": json_path,
        }
        self.source.unreadable.clear()
        return PageResponse(200, HTML, jinja_env.page(template, query, view=view, data=data, **context))

    async def _live(self, request: Request) -> Response:
        """Return the progress of running crawls, for the script `live.js`, which polls it."""

        def render() -> PageResponse:
            query = Query(self.source, self.clock())
            sites = [site_info(site) | {"running": query.progress(site)} for site in query.sites]
            return PageResponse(200, HTML, jinja_env.plain_page("views/running.html", data={"sites": sites}))

        return _conditional(request, await self._cache.get("/live", render, MAX_AGE_WHILE_RUNNING))

    async def _metrics(self, request: Request) -> Response:
        def render() -> PageResponse:
            timetable, error = self.source.timetable()
            if timetable is None:
                return PageResponse(503, TEXT, f"cannot read the timetable: {error}\n".encode())
            return PageResponse(200, EXPOSITION, exposition(self.source.dataset, timetable, self.clock()))

        return _conditional(request, await self._cache.get("/metrics", render, MAX_AGE_SECONDS))

    # Other responses -------------------------------------------------------------------------------------------------

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _file(self, request: Request) -> Response:
        file = self._static.get(request.path_params["name"])
        return _conditional(request, file) if file else await self._not_found(request, None)

    async def _login(self, request: Request) -> Response:
        redirect = Response(status_code=303, headers={"Location": "/"})
        if self.policy.token is None:
            return redirect
        if request.method != "POST":
            return _login_form(200, LOGIN_PROMPT)
        form = parse_qs((await _body(request)).decode("latin-1"), max_num_fields=5)
        if not self.policy.is_token(form.get("token", [""])[0].encode()):
            await asyncio.sleep(WRONG_TOKEN_DELAY)
            return _login_form(401, "Wrong token.")
        secure, value = request.url.scheme == "https", self.policy.cookie_value()
        redirect.set_cookie(COOKIE, value, max_age=COOKIE_SECONDS, httponly=True, samesite="strict", secure=secure)
        return redirect

    async def _not_found(self, request: Request, error: Any) -> Response:
        status = getattr(error, "status_code", 404)
        message = "There is no such page." if status == 404 else "The dashboard is read-only."
        return _conditional(request, self._error(status, "Not found", message, request.url.path.endswith(".json")))

    async def _failed(self, request: Request, error: Exception) -> Response:
        message = f"Internal error ({type(error).__name__}); the log of `khobor serve` has the details."
        return _conditional(request, self._error(500, "Internal error", message, request.url.path.endswith(".json")))

    def _error(self, status: int, title: str, message: str, is_json: bool) -> PageResponse:
        if is_json:
            return _json(status, {"error": message})
        body = jinja_env.plain_page("error.html", title=title, message=message, form=False)
        return PageResponse(status, HTML, body)

    def _deny(self, scope: Scope, denied: Denied) -> ASGIApp:
        if denied.status == 401 and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
            return _login_form(401, LOGIN_PROMPT)
        headers = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "GET, HEAD"}}.get(denied.status)
        return PlainTextResponse(f"{denied.reason}\n", denied.status, headers)


def _login_form(status: int, message: str) -> Response:
    body = jinja_env.plain_page("error.html", title="Khobor", message=message, form=True)
    return Response(body, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None, HTML)


def _json(status: int, data: Data) -> PageResponse:
    return PageResponse(status, JSON, jinja_env.json_bytes(data))


def _conditional(request: Request, page: PageResponse) -> Response:
    """Respond with the page, or with 304 if the browser already has the same body."""
    headers = {"ETag": page.etag, "Cache-Control": "private, no-cache"}
    if page.status == 200 and page.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(page.body, page.status, headers, page.media_type)


async def _body(request: Request) -> bytes:
    """Return the body of a form, or an empty body if it is larger than `MAX_FORM_BYTES`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return b""
    return body
