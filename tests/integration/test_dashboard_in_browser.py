"""The dashboard in a browser: layout at every width, accessibility, and numbers that match the data."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from crawler.clock import now
from pipelines.storage.data_folder import DataFolder
from schedules.dashboard.static_report import report_query, write_report
from tests.newspaper import Newspaper
from tests.support.commands import FinishedCrawl
from tests.support.dashboard_data import (
    HOSTILE_STORY,
    MOMENT,
    REVISED,
    DashboardClient,
    DashboardData,
    make_dashboard_data,
    move_list,
    serving,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
# Root needs --no-sandbox; the rest keeps the browser from contacting other hosts.
BROWSER_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
VIEWS = (
    "/",
    "/sites",
    "/alarms",
    "/history",
    "/disk",
    "/runs",
    "/stories",
    "/fields",
    "/lists",
    "/coverage",
    "/rejects",
    f"/stories/{HOSTILE_STORY}",
)
WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DashboardData:
    made = make_dashboard_data(tmp_path_factory.mktemp("watched"))
    made.write_progress(f"https://www.kalbela.com/{'x' * 300}")
    return made


@pytest.fixture(scope="module")
def served(folder: DashboardData) -> Iterator[DashboardClient]:
    with serving(folder) as page:
        yield page


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> FinishedCrawl:
    """A run against the bundled newspaper."""
    root = tmp_path_factory.mktemp("night")
    paper = Newspaper(stories=60, seed=5)
    with paper.serve() as url:
        crawled = FinishedCrawl(paper, url, root / "data")
        crawled.report = crawled.crawl()
    (root / "timetable.toml").write_text("")
    return crawled


@pytest.fixture(scope="module")
def browser(night: FinishedCrawl) -> Iterator[Browser]:
    # `night` runs first, because Playwright keeps the event loop of this thread.
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_OPTIONS)
        yield found
        found.close()


class Tab:
    """A tab that records its requests and errors."""

    def __init__(self, browser: Browser, **how: Any) -> None:
        self.context = browser.new_context(**how)
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", self._requested)
        self.page.on("console", self._logged)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        self.page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))

    def _requested(self, request: Request) -> None:
        self.requests.append(request.url)

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    opened = Tab(browser, viewport={"width": 1440, "height": 900})
    yield opened
    opened.context.close()


# Texts outside the page, cut off, or over another text of the same chart; tables may scroll in their frames.
_MISPLACED = """() => {
  const wide = document.documentElement.clientWidth, found = [];
  const framed = e => e.closest('.frame, .visually-hidden, .skip, details:not([open])');
  for (const e of document.querySelectorAll('main *, header *, footer *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (own && box.width && !framed(e) && (box.left < -1 || box.right > wide + 1)) found.push('out: ' + e.textContent);
    if (own && !framed(e) && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden')
      found.push('cut: ' + e.textContent);
  }
  for (const picture of document.querySelectorAll('svg.chart')) {
    const texts = [...picture.querySelectorAll('text')].map(t => t.getBoundingClientRect()).filter(b => b.width);
    texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
        found.push('over: ' + picture.textContent);
    }));
  }
  if (document.documentElement.scrollWidth > wide) found.push('wider than the page');
  return found;
}"""


@pytest.mark.parametrize("path", VIEWS)
def test_views_fit_every_width_and_are_accessible(path: str, tab: Tab, served: DashboardClient, tmp_path: Path) -> None:
    page = tab.page
    page.goto(served.url + path)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(_MISPLACED) == []
        assert len(page.screenshot(path=tmp_path / f"{width}.png", full_page=True)) > 10_000
    for details in page.query_selector_all("details"):
        details.evaluate("details => { details.open = true }")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        faults = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in faults] == []
    assert tab.errors == []
    assert {url for url in tab.requests if not url.startswith((f"{served.url}/", "data:"))} == set()


def test_run_table_shows_numbers_of_reports(tab: Tab, served: DashboardClient, folder: DashboardData) -> None:
    tab.page.goto(f"{served.url}/runs")
    rows = _table(tab.page, "Runs of kalbela")
    assert {(row["new"], row["requests"], row["verdict"]) for row in rows} == {
        *(("6", "37", "good"), ("0", "1", "unreachable or blocked")),
        *(("6", "37", "layout changed"), ("1", "37", "good")),
    }
    assert len(rows) == len(folder.reports)
    assert tab.page.locator(".strips svg path.bad").count() == 2
    assert tab.page.locator(".strips svg circle.ink").count() == 3


def test_charts_show_numbers_of_tables(tab: Tab, served: DashboardClient, folder: DashboardData) -> None:
    page = tab.page
    page.goto(f"{served.url}/stories?days=7")
    rows = _table(page, "Stories per day and section")
    stories = pd.read_parquet(folder.dataset.root / "stories")
    assert sum(int(row["all"]) for row in rows) == len(stories) == 12
    assert sum(int(row["world"]) for row in rows) == stories["section"].str.startswith("world").sum()
    assert _bars(page, "stories-kalbela") == [int(row["all"]) for row in rows]
    assert _bars(page, "section-1-kalbela") == [int(row[list(rows[0])[2]]) for row in rows]
    tall = page.locator("svg[aria-labelledby^='stories-kalbela'] rect")
    heights = [float(tall.nth(place).get_attribute("height") or 0) for place in range(tall.count())]
    counts = [int(row["all"]) for row in rows]
    assert [height / max(heights) for height in heights if height > 1] == pytest.approx(
        [count / max(counts) for count in counts if count]
    )


def test_lists_show_rank_headline_and_movement(tab: Tab, served: DashboardClient) -> None:
    tab.page.goto(f"{served.url}/lists")
    rows = tab.page.locator(".ranking").nth(1).locator("li")
    shown = [[part.strip() for part in rows.nth(place).inner_text().split("\n") if part.strip()] for place in range(3)]
    assert [(row[0], row[1]) for row in shown[:2]] == [("1", "শিরোনাম 106"), ("2", "শিরোনাম 103")]
    assert "new" in shown[0]
    assert "unchanged" in shown[1]


def test_story_shows_insertions_and_deletions(tab: Tab, served: DashboardClient) -> None:
    tab.page.goto(f"{served.url}/stories/{REVISED}")
    assert "নতুন" in tab.page.locator("ins").all_inner_texts()[-1]
    assert tab.page.locator("del").all_inner_texts() == ["103।"]
    assert [row["rank"] for row in _table(tab.page, "Ranks over time")] == ["1", "2", "2"]
    assert tab.page.locator(".difference").first.get_attribute("lang") == "bn"


def test_bengali_has_tall_lines_and_own_fonts(tab: Tab, served: DashboardClient) -> None:
    tab.page.goto(f"{served.url}/lists")
    style = tab.page.locator(".title [lang=bn]").first.evaluate(
        "e => { const s = getComputedStyle(e);"
        " return [parseFloat(s.lineHeight) / parseFloat(s.fontSize), s.letterSpacing, s.fontStyle, s.fontSynthesis] }"
    )
    assert style[0] >= 1.6
    assert style[1:3] == ["normal", "normal"]
    assert "none" in style[3]


def test_everything_is_reachable_by_keyboard(tab: Tab, served: DashboardClient) -> None:
    page = tab.page
    page.goto(f"{served.url}/runs")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    reached = set()
    for _ in range(60):
        reached.add(page.evaluate("document.activeElement.tagName + (document.activeElement.className || '')"))
        page.keyboard.press("Tab")
    assert {"A", "SUMMARY", "DIVframe"} <= reached


def test_progress_refreshes_without_reload(tab: Tab, served: DashboardClient, folder: DashboardData) -> None:
    page = tab.page
    page.clock.install()
    page.goto(f"{served.url}/")
    assert page.locator("progress").get_attribute("value") == "7"
    page.evaluate("window.stayed = true")
    folder.write_progress("", requests=11)
    for _ in range(40):
        page.clock.run_for(5_000)
        page.wait_for_timeout(100)
        if page.locator("progress").get_attribute("value") == "11":
            break
    assert page.locator("progress").get_attribute("value") == "11"
    assert page.evaluate("window.stayed")


def test_lists_refresh_without_reload(tab: Tab, tmp_path: Path) -> None:
    mine = make_dashboard_data(tmp_path)
    with serving(mine) as page:
        tab.page.clock.install()
        tab.page.goto(f"{page.url}/lists")
        first = tab.page.locator(".ranking").nth(1).locator(".title").first
        assert first.inner_text() == "শিরোনাম 106"
        move_list(mine, (104, 106))
        for _ in range(60):
            tab.page.clock.run_for(30_000)
            tab.page.wait_for_timeout(100)
            if first.inner_text() == "শিরোনাম 104":
                break
        assert first.inner_text() == "শিরোনাম 104"
    assert tab.errors == []


def test_pages_show_numbers_of_real_run(tab: Tab, night: FinishedCrawl) -> None:
    report = night.report
    with serving(DashboardData(DataFolder(night.data), night.data.parent / "timetable.toml"), clock=now) as page:
        tab.page.goto(f"{page.url}/")
        figures = tab.page.locator(".figures").first.inner_text().split("\n")
        assert figures[figures.index("new stories") + 1] == f"{report['stories']['new']:,}"
        assert figures[figures.index("requests") + 1] == f"{report['requests']:,}"
        tab.page.goto(f"{page.url}/runs/{report['run_id']}")
        outcomes = {row["outcome"]: int(row["URLs"].replace(",", "")) for row in _table(tab.page, "Outcomes")}
        assert outcomes == report["urls"]["outcomes"]
        tab.page.goto(f"{page.url}/lists")
        rankings = night.table("rankings")
        for place, name in enumerate(("latest", "popular")):
            last = rankings[rankings["list"] == name]
            last = last[last["observed_at"] == last["observed_at"].max()].sort_values("rank")
            shown = tab.page.locator(".ranking").nth(place).locator(".title").all_inner_texts()
            assert [" ".join(text.split()) for text in shown] == [" ".join(text.split()) for text in last["headline"]]
    assert tab.errors == []


def test_static_report_works_without_server(browser: Browser, folder: DashboardData, tmp_path: Path) -> None:
    out = tmp_path / "khobor.html"
    write_report(out, report_query(folder.dataset, folder.timetable, MOMENT, 14, None))
    tab = Tab(browser, viewport={"width": 360, "height": 800}, java_script_enabled=True)
    tab.page.goto(out.as_uri())
    for width in WIDTHS:
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert tab.page.evaluate(_MISPLACED) == []
    assert tab.page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
    assert Axe().run(tab.page).response["violations"] == []
    assert tab.errors == []
    assert tab.requests == [out.as_uri()]
    tab.context.close()


def _table(page: Page, label: str) -> list[dict[str, str]]:
    """Return the rows of a table as dicts, also of a closed one."""
    frame = page.locator(f"[aria-label='{label}'] table")
    names = [text.strip() for text in frame.locator("thead th").all_text_contents()]
    rows = frame.locator("tbody tr").all()
    cells = [[" ".join(text.split()) for text in row.locator("th, td").all_text_contents()] for row in rows]
    return [dict(zip(names, row, strict=True)) for row in cells]


def _bars(page: Page, name: str) -> list[int]:
    """Return the numbers in the tooltips of a chart's columns."""
    titles = page.locator(f"svg[aria-labelledby^='{name}-title'] rect title").all_text_contents()
    return [int(re.sub(r"\D", "", title.partition(": ")[2])) for title in titles]
