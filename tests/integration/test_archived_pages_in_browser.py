"""Archived pages in a browser: the dashboard shows one, and the browser loads nothing for it and runs no script."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipelines.archive.writer import ArchiveWriter
from tests.integration.test_dashboard_in_browser import BROWSER_OPTIONS, CHROMIUM, Tab
from tests.support.builders import LedgerFolder, make_exchange, make_fetch
from tests.support.dashboard_data import MOMENT, DashboardData, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_OPTIONS)
        yield found
        found.close()


@contextmanager
def second_host() -> Iterator[tuple[str, list[str]]]:
    """Run a server that logs each connection and request; gives its URL and the log."""
    log = list[str]()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def setup(self) -> None:
            log.append("connection")
            super().setup()

        def do_GET(self) -> None:
            log.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", log
    finally:
        server.shutdown()
        server.server_close()


LOADING = """<!DOCTYPE html><html manifest="{0}/manifest"><head><meta http-equiv=refresh content="0;url={0}/refresh">
<link rel=prefetch href="{0}/prefetch"><link rel=preload as=image href="{0}/preload"><link rel=icon href="{0}/icon">
<link rel=dns-prefetch href="{0}"><link rel=preconnect href="{0}"><link rel=modulepreload href="{0}/module">
<link rel=stylesheet href="{0}/sheet"><script src="{0}/script"></script><script type=module src="{0}/mjs"></script>
<style>@import "{0}/import"; @font-face {{ font-family: f; src: url({0}/font) }}
body {{ font-family: f; background: url({0}/background); cursor: url({0}/cursor), auto }}
h1::before {{ content: url({0}/content) }} li {{ list-style-image: url({0}/list) }}</style></head>
<body background="{0}/body" onload="fetch('{0}/onload')"><h1 id=title>খবর</h1><li>x</li>
<p style="background:url({0}/p)">x<img src="data:x" onerror="document.title='ran'">
<img src="{0}/img" srcset="{0}/srcset 2x" onerror="fetch('{0}/onerror')">
<picture><source srcset="{0}/source"><img src="{0}/img2"></picture><input type=image src="{0}/input"><a ping="{0}/ping"
 href="{0}/link" autofocus onfocus="fetch('{0}/focus')">x</a><iframe src="{0}/iframe"></iframe><iframe srcdoc="<img
 src={0}/srcdoc>"></iframe><video poster="{0}/poster" src="{0}/video" autoplay></video><audio src="{0}/audio"
 autoplay></audio><track src="{0}/track"><object data="{0}/object"></object><embed src="{0}/embed"><portal
 src="{0}/portal"></portal><svg><image href="{0}/svg"/><use href="{0}/use#x"/><script>fetch("{0}/svgscript")</script>
<style>rect {{ fill: url({0}/fill#x) }}</style><rect width=9 height=9 /></svg><math><mglyph src="{0}/glyph"></math>
<form id=f action="{0}/form" method=post><button autofocus>x</button></form><table background="{0}/table"><td>x</table>
<frameset><frame src="{0}/frame"></frameset><script>new Image().src="{0}/js"; f.submit(); document.title="ran"</script>
<template shadowrootmode=open><img src="{0}/shadow"></template><applet code="{0}/applet"></applet></body></html>"""


def archived_as_html(folder: Path, body: bytes) -> tuple[DashboardData, str]:
    """Store an archived page; returns the folder and the path at which the dashboard shows the page as HTML."""
    run_id = "20260212T020000Z-kalbela-00aa"
    kept = LedgerFolder.at(folder / "data")
    kept.ledger.runs.begin(run_id, MOMENT, "full")
    writer = ArchiveWriter(kept.dataset, kept.ledger, run_id)
    fetch = make_fetch(101, MOMENT, run_id=run_id, status=200, story_id="kalbela:101")
    links = [(b"Link", b"<%b/header>; rel=preload" % body[:9]), (b"Refresh", b"0;url=/elsewhere")]
    place = writer.write(make_exchange(fetch.url, MOMENT, body=body, headers=links))
    fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
    kept.ledger.urls.record(fetch)
    writer.close()
    kept.publish()
    kept.close()
    (folder / "timetable.toml").write_text("")
    path = f"/archive/kalbela/2026-02-12/{run_id}/{place[1]}.html"
    return DashboardData(kept.dataset, folder / "timetable.toml"), path


def test_archived_page_loads_and_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    """The page is first opened as a file, to show that a second host notices what a browser loads for it."""
    with second_host() as (noticing, noticed), second_host() as (host, log):
        page = LOADING.format(noticing).replace("f.submit();", "").replace("http-equiv=refresh", "")
        (tmp_path / "page.html").write_text(page, encoding="utf-8")
        tab = Tab(browser)
        tab.page.goto((tmp_path / "page.html").as_uri(), wait_until="commit")
        for _ in range(100):
            tab.page.wait_for_timeout(100)
            if len({*noticed}) > 15:
                break
        assert len({*noticed}) > 15, noticed
        tab.context.close()
        data, path = archived_as_html(tmp_path, LOADING.format(host).encode())
        with serving(data) as served:
            tab = Tab(browser)
            tab.page.goto(served.url + path)
            assert tab.page.locator("#title").inner_text() == "খবর"
            tab.page.locator("a").first.focus()
            tab.page.wait_for_timeout(1_500)
            assert (tab.page.url, tab.page.title()) == (served.url + path, "")
            tab.context.close()
        assert log == []
