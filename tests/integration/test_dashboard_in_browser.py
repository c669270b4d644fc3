"""The status page in a browser: what is seen is what the data says, for every eye, hand and width."""

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
from tests.support.commands import Crawled
from tests.support.dashboard_data import (
    HARMLESS,
    HOSTILE_STORY,
    MOMENT,
    REVISED,
    Served,
    Watched,
    move_list,
    serving,
    watched,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the status page was seen by nobody")
# As root it has no sandbox of its own, and it is not to look for anything on the net.
_QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
VIEWS = ("/", "/runs", "/stories", "/fields", "/lists", "/coverage", "/rejects", f"/stories/{HOSTILE_STORY}")
WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    made = watched(tmp_path_factory.mktemp("watched"))
    made.write_progress(f"https://www.kalbela.com/{'x' * 300}")
    return made


@pytest.fixture(scope="module")
def served(found: Watched) -> Iterator[Served]:
    with serving(found) as page:
        yield page


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    """A night against the bundled newspaper."""
    root = tmp_path_factory.mktemp("night")
    paper = Newspaper(stories=60, seed=5)
    with paper.serve() as url:
        crawled = Crawled(paper, url, root / "data")
        crawled.report = crawled.crawl()
    (root / "timetable.toml").write_text("")
    return crawled


@pytest.fixture(scope="module")
def browser(night: Crawled) -> Iterator[Browser]:
    # The night comes first: what drives the browser keeps this thread's event loop.
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        yield found
        found.close()


class Seen:
    """A tab, and everything that it asked for and complained of."""

    def __init__(self, browser: Browser, **how: Any) -> None:
        self.context = browser.new_context(**how)
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._asks)
        self.page.on("console", self._says)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _asks(self, request: Request) -> None:
        self.asked.append(request.url)

    def _says(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def seen(browser: Browser) -> Iterator[Seen]:
    tab = Seen(browser, viewport={"width": 1440, "height": 900})
    yield tab
    tab.context.close()


# Everything that stands outside the page or over another text of its picture; what scrolls in its own frame may.
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
def test_each_view_is_whole_at_every_width_in_light_and_dark(
    path: str, seen: Seen, served: Served, tmp_path: Path
) -> None:
    page = seen.page
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
    assert seen.complaints == []
    assert {url for url in seen.asked if not url.startswith((f"{served.url}/", "data:"))} == set()


def test_a_hostile_headline_is_seen_as_text(seen: Seen, served: Served) -> None:
    seen.page.goto(f"{served.url}/stories/{HOSTILE_STORY}")
    assert " ".join(seen.page.inner_text("h1").split()) == HARMLESS
    assert seen.page.locator("img, h1 script").count() == 0
    assert seen.complaints == []


def test_the_tables_show_the_numbers_of_the_reports(seen: Seen, served: Served, found: Watched) -> None:
    seen.page.goto(f"{served.url}/runs")
    rows = _table(seen.page, "Runs of kalbela")
    told = {
        (row["new"], row["requests"], row["verdict"]) for row in rows
    }  # newest first, as a person looks for the last night
    assert told == {("6", "37", "good"), ("0", "1", "unreachable or blocked"), ("6", "37", "layout changed"),
                    ("1", "37", "good")}  # fmt: skip
    assert len(rows) == len(found.reports)
    assert seen.page.locator(".strips svg path.bad").count() == 2
    assert seen.page.locator(".strips svg circle.ink").count() == 3


def test_the_charts_show_the_numbers_of_the_tables(seen: Seen, served: Served, found: Watched) -> None:
    page = seen.page
    page.goto(f"{served.url}/stories?days=7")
    rows = _table(page, "Stories per day and section")
    stories = pd.read_parquet(found.dataset.root / "stories")
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


def test_the_lists_show_rank_headline_and_movement(seen: Seen, served: Served) -> None:
    seen.page.goto(f"{served.url}/lists")
    rows = seen.page.locator(".ranking").nth(1).locator("li")
    told = [[part.strip() for part in rows.nth(place).inner_text().split("\n") if part.strip()] for place in range(3)]
    assert [(row[0], row[1]) for row in told[:2]] == [("1", "শিরোনাম 106"), ("2", "শিরোনাম 103")]
    assert "new" in told[0]
    assert "unchanged" in told[1]


def test_a_story_shows_what_was_put_in_and_taken_out(seen: Seen, served: Served) -> None:
    seen.page.goto(f"{served.url}/stories/{REVISED}")
    assert "নতুন" in seen.page.locator("ins").all_inner_texts()[-1]
    assert seen.page.locator("del").all_inner_texts() == ["103।"]
    assert [row["rank"] for row in _table(seen.page, "Ranks over time")] == ["1", "2", "2"]
    assert seen.page.locator(".difference").first.get_attribute("lang") == "bn"


def test_bengali_is_set_in_a_face_that_has_it_with_room_for_its_marks(seen: Seen, served: Served) -> None:
    seen.page.goto(f"{served.url}/lists")
    style = seen.page.locator(".title [lang=bn]").first.evaluate(
        "e => { const s = getComputedStyle(e);"
        " return [parseFloat(s.lineHeight) / parseFloat(s.fontSize), s.letterSpacing, s.fontStyle, s.fontSynthesis] }"
    )
    assert style[0] >= 1.6
    assert style[1:3] == ["normal", "normal"]
    assert "none" in style[3]


def test_everything_is_reached_by_keyboard(seen: Seen, served: Served) -> None:
    page = seen.page
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


def test_a_run_that_goes_on_moves_on_the_page_by_itself(seen: Seen, served: Served, found: Watched) -> None:
    page = seen.page
    page.clock.install()
    page.goto(f"{served.url}/")
    assert page.locator("progress").get_attribute("value") == "7"
    page.evaluate("window.stayed = true")
    found.write_progress("", requests=11)
    for _ in range(40):
        page.clock.run_for(5_000)
        page.wait_for_timeout(100)
        if page.locator("progress").get_attribute("value") == "11":
            break
    assert page.locator("progress").get_attribute("value") == "11"
    assert page.evaluate("window.stayed")


def test_a_list_that_moves_moves_on_the_page_by_itself(seen: Seen, tmp_path: Path) -> None:
    mine = watched(tmp_path)
    with serving(mine) as page:
        seen.page.clock.install()
        seen.page.goto(f"{page.url}/lists")
        first = seen.page.locator(".ranking").nth(1).locator(".title").first
        assert first.inner_text() == "শিরোনাম 106"
        move_list(mine, (104, 106))
        for _ in range(60):
            seen.page.clock.run_for(30_000)
            seen.page.wait_for_timeout(100)
            if first.inner_text() == "শিরোনাম 104":
                break
        assert first.inner_text() == "শিরোনাম 104"
    assert seen.complaints == []


def test_after_a_real_night_the_page_shows_what_the_night_brought(seen: Seen, night: Crawled) -> None:
    report = night.report
    with serving(Watched(DataFolder(night.data), night.data.parent / "timetable.toml"), clock=now) as page:
        seen.page.goto(f"{page.url}/")
        figures = seen.page.locator(".figures").first.inner_text().split("\n")
        assert figures[figures.index("new stories") + 1] == f"{report['stories']['new']:,}"
        assert figures[figures.index("requests") + 1] == f"{report['requests']:,}"
        seen.page.goto(f"{page.url}/runs/{report['run_id']}")
        outcomes = {row["outcome"]: int(row["URLs"].replace(",", "")) for row in _table(seen.page, "Outcomes")}
        assert outcomes == report["urls"]["outcomes"]
        seen.page.goto(f"{page.url}/lists")
        rankings = night.table("rankings")
        for place, name in enumerate(("latest", "popular")):
            last = rankings[rankings["list"] == name]
            last = last[last["observed_at"] == last["observed_at"].max()].sort_values("rank")
            shown = seen.page.locator(".ranking").nth(place).locator(".title").all_inner_texts()
            assert [" ".join(text.split()) for text in shown] == [" ".join(text.split()) for text in last["headline"]]
    assert seen.complaints == []


def test_the_report_is_whole_without_a_server(browser: Browser, found: Watched, tmp_path: Path) -> None:
    out = tmp_path / "khobor.html"
    write_report(out, report_query(found.dataset, found.timetable, MOMENT, 14, None))
    tab = Seen(browser, viewport={"width": 360, "height": 800}, java_script_enabled=True)
    tab.page.goto(out.as_uri())
    for width in WIDTHS:
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert tab.page.evaluate(_MISPLACED) == []
    assert tab.page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
    assert Axe().run(tab.page).response["violations"] == []
    assert tab.complaints == []
    assert tab.asked == [out.as_uri()]
    tab.context.close()


def _table(page: Page, label: str) -> list[dict[str, str]]:
    """The rows of a table by the names of its columns, whether it is open or not."""
    frame = page.locator(f"[aria-label='{label}'] table")
    names = [text.strip() for text in frame.locator("thead th").all_text_contents()]
    rows = frame.locator("tbody tr").all()
    cells = [[" ".join(text.split()) for text in row.locator("th, td").all_text_contents()] for row in rows]
    return [dict(zip(names, row, strict=True)) for row in cells]


def _bars(page: Page, name: str) -> list[int]:
    """What the columns of a chart say when a mouse rests on them."""
    titles = page.locator(f"svg[aria-labelledby^='{name}-title'] rect title").all_text_contents()
    return [int(re.sub(r"\D", "", title.partition(": ")[2])) for title in titles]
