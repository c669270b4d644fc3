"""Read-only ASGI web application of the dashboard: routes, login form and error pages."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Semaphore
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from crawler.clock import now
from schedules.dashboard import jinja_env
from schedules.dashboard.access import COOKIE, AccessMiddleware, AccessPolicy, Denied
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.query_params import InvalidQuery, Query, site_info
from schedules.dashboard.views import archived
from schedules.dashboard.views.catalogue import VIEWS, View
from schedules.dashboard.views.runs import run_details, run_log
from schedules.dashboard.views.story import is_story_id, story_details
from schedules.metrics.exposition import exposition

HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json; charset=utf-8", "text/plain; charset=utf-8"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
MAX_FORM_BYTES = 2_048
#: With more sites, the start page is that of all sites, and other pages need a site.
MAX_SITES_AT_START = 20
WRONG_TOKEN_DELAY = 0.5
COOKIE_SECONDS = 30 * 86_400
LOGIN_PROMPT = "Enter the token of this dashboard."
_RUN_ID = re.compile(r"[\w-]{1,80}", re.ASCII)
Data = dict[str, Any]


@dataclass
class Dashboard:
    """Web application that shows the runs and stories of one data folder.

    ``policy`` decides which requests are allowed, and ``clock`` returns the current time as an aware datetime.
    """

    source: DataSource
    policy: AccessPolicy
    clock: Callable[[], datetime] = now
    #: Limits the memory of pages that are rendered at the same time, each in a thread of Starlette.
    rendering: Semaphore = field(default_factory=lambda: Semaphore(2))

    def application(self) -> ASGIApp:
        """Build the ASGI application of the dashboard, wrapped in the middleware for access control."""
        endpoints = {path: self._view(view) for view in VIEWS.values() for path in (view.path, f"/{view.name}.json")}
        routes = [
            *(Route(path, endpoint) for path, endpoint in endpoints.items()),
            Route("/live", self._live),
            Route("/runs/{name}", self._run),
            *(Route(f"/runs/{{name}}/{log}", self._log) for log in ("log", "log.json")),
            Route("/stories/{name}", self._story),
            *(Route(f"{archived.ROUTE}.{form}", self._archived) for form in ("txt", "html")),
            Mount("/static", StaticFiles(directory=jinja_env.STATIC)),
            Route("/metrics", self._metrics),
            Route("/healthz", self._health),
            Route("/login", self._login, methods=["GET", "POST"]),
        ]
        handlers = {404: self._not_found, 405: self._not_found, Exception: self._failed}
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False
        return AccessMiddleware(app, self.policy, self._deny)

    # Pages of data ---------------------------------------------------------------------------------------------------

    def _view(self, view: View) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            has_many = not view.indexed and "site" not in request.query_params
            if has_many and len(self.source.sites()) > MAX_SITES_AT_START:
                return self._choose_site(request, view)
            return self._page(request, "view.html", view.name, view.data, is_long=view.indexed)

        return respond

    def _choose_site(self, request: Request, view: View) -> Response:
        """Respond to a request for a view that has a section for each site, without a site, if there are many."""
        if request.url.path == "/":
            return Response(status_code=303, headers={"Location": "/sites"})
        if request.url.path.endswith(".json"):
            message = f"choose a site with ?site=NAME; this shows at most {MAX_SITES_AT_START} sites at once"
            return self._error(400, "Choose a site", message, is_json=True)
        return self._page(request, "view.html", view.name, lambda query: {})

    def _run(self, request: Request) -> Response:
        run_id = request.path_params["name"].removesuffix(".json")
        details = partial(run_details, run_id=run_id) if _RUN_ID.fullmatch(run_id) else lambda query: None
        return self._page(request, "run.html", "run", details)

    def _log(self, request: Request) -> Response:
        run_id = request.path_params["name"]
        log = partial(run_log, run_id=run_id) if _RUN_ID.fullmatch(run_id) else lambda query: None
        return self._page(request, "log.html", "log", log)

    def _story(self, request: Request) -> Response:
        story_id = request.path_params["name"].removesuffix(".json")
        details = partial(story_details, story_id=story_id) if is_story_id(story_id) else lambda query: None
        return self._page(request, "story.html", "story", details)

    def _archived(self, request: Request) -> Response:
        is_html = request.url.path.endswith(".html")
        with self.rendering:
            body = archived.archived_text(self.source, archived.place_of(request.path_params), is_html=is_html)
        if body is None:
            return self._error(404, "Not archived", "This page is not in the archive, or is not text.", is_json=False)
        return Response(body, headers=archived.HEADERS, media_type=HTML if is_html else TEXT)

    def _page(
        self, request: Request, template: str, view: str, read: Callable[[Query], Data | None], *, is_long: bool = False
    ) -> Response:
        path, is_json = request.url.path, request.url.path.endswith(".json")
        with self.rendering:
            try:
                query = Query.parse(self.source, self.clock(), request.query_params, is_long=is_long)
                data = read(query)
            except InvalidQuery as error:
                return self._error(400, "Invalid parameters", f"{error}.", is_json)
            if data is None:
                return self._error(404, f"No such {view}", f"No {view} with this id is stored.", is_json)
            return _json(200, data) if is_json else self._html(template, query, view, data, path)

    def _html(self, template: str, query: Query, view: str, data: Data, path: str) -> Response:
        json_path = f"/{view}.json" if view in VIEWS else f"{path}.json"
        context: Data = {
            "unreadable": dict(self.source.unreadable),
            "sites": self.source.sites(),
            "json_path": json_path,
        }
        self.source.unreadable.clear()
        return Response(jinja_env.page(template, query, view=view, data=data, **context), media_type=HTML)

    def _live(self, request: Request) -> Response:
        """Return the progress of running crawls as an HTML fragment, which the script `live.js` polls."""
        query = Query(self.source, self.clock())
        sites = [site_info(site) | {"running": query.progress(site)} for site in query.sites]
        return Response(jinja_env.plain_page("views/running.html", data={"sites": sites}), media_type=HTML)

    def _metrics(self, request: Request) -> Response:
        timetable, error = self.source.timetable()
        if timetable is None:
            return Response(
                f"cannot read the timetable: {error or 'each host has its own'}\n".encode(), 503, media_type=TEXT
            )
        return Response(exposition(self.source.dataset, timetable, self.clock()), media_type=EXPOSITION)

    # Other responses -------------------------------------------------------------------------------------------------

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

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
        return self._error(status, "Not found", message, request.url.path.endswith(".json"))

    async def _failed(self, request: Request, error: Exception) -> Response:
        message = f"Internal error ({type(error).__name__}); the log of `khobor serve` has the details."
        return self._error(500, "Internal error", message, request.url.path.endswith(".json"))

    def _error(self, status: int, title: str, message: str, is_json: bool) -> Response:
        if is_json:
            return _json(status, {"error": message})
        body = jinja_env.plain_page("error.html", title=title, message=message, form=False)
        return Response(body, status, media_type=HTML)

    def _deny(self, scope: Scope, denied: Denied) -> ASGIApp:
        if denied.status == 401 and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
            return _login_form(401, LOGIN_PROMPT)
        headers = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "GET, HEAD"}}.get(denied.status)
        return PlainTextResponse(f"{denied.reason}\n", denied.status, headers)


def _login_form(status: int, message: str) -> Response:
    body = jinja_env.plain_page("error.html", title="Khobor", message=message, form=True)
    return Response(body, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None, HTML)


def _json(status: int, data: Data) -> Response:
    return Response(jinja_env.json_bytes(data), status, media_type=JSON)


async def _body(request: Request) -> bytes:
    """Read the body of a form request; return empty bytes if it is larger than `MAX_FORM_BYTES`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return b""
    return body
