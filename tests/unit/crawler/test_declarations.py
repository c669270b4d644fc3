"""Declarations of a site: what cannot be right is reported with file, line and an example, and spares other sites."""

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from crawler import spiders
from crawler.declarations import declared_at, problems
from crawler.entry_points import EntryPoint, Json, JsonPath, Listing, Pagination, Sitemap
from crawler.registry import SiteLoader, newspapers
from crawler.spiders.kalbela import LAYOUT_2023, Kalbela
from crawler.urls import SkippedUrl


class Paper(Kalbela):
    name = "paper"
    entry_points: tuple[EntryPoint, ...] = (
        Listing(name="all", paths=("/all",)),
        Json(name="api", paths=("/api",)),
    )


def faults(**attributes: Any) -> list[str]:
    return [*problems(type("Changed", (Paper,), attributes))]


@pytest.mark.parametrize(
    "attributes",
    [
        {"story_path": re.compile("/world/[0-9]+")},
        {"examples": ("https://www.kalbela.com/world",)},
        {"examples": ("https://elsewhere.test/world/1",)},
        {"lists": (replace(Kalbela.lists[0], name="newest"),)},
        {"lists": (replace(Kalbela.lists[0], rows="li["),)},
        {"layouts": (replace(LAYOUT_2023, body=("..x",)),)},
        {"entry_points": (Sitemap(name="map", paths=("/map-{day}.xml",)),)},
        {"entry_points": (Sitemap(name="map", paths=("/map-{}.xml",)),)},
        {"entry_points": (Json(name="api", paths=("/api?from={offset}",)),)},
        {"entry_points": (Json(name="api", paths=("/api",), entries=JsonPath(items="data..rows")),)},
        {"entry_points": (Json(name="api", paths=("/api",), ranked="top", incremental=True),)},
        {"entry_points": (Json(name="api", paths=("/api",), ranked="popular"),)},
        {"entry_points": (Listing(name="list", paths=("/video-gallery/list",)),)},
        {"entry_points": (Listing(name="list", paths=("/world/7",)),)},
        {"entry_points": (Listing(name="list", paths=("https://elsewhere.test/",)),)},
        {"entry_points": (Listing(name="list", paths=("/list",), script="script..x"),)},
        {"entry_points": (Listing(name="list", paths=("/list",), pagination=Pagination(button="a[")),)},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_wrong_declaration_is_reported_once(attributes: dict[str, Any]) -> None:
    assert len(faults(**attributes)) == 1


def test_declared_sites_have_no_faults() -> None:
    assert faults(examples=("https://www.kalbela.com/world/1",)) == []
    assert [text for spider in newspapers().values() for text in problems(spider)] == []


def test_every_site_follows_the_rules() -> None:
    for name, spider in newspapers().items():
        rules = spider.make_url_rules()
        assert Path(inspect.getfile(spider)).stem == name
        assert spider.title
        assert spider.examples or spider.seeds, f"{name} names no story that is known to exist"
        assert "facts" in (inspect.getmodule(spider).__doc__ or ""), f"{name}: the header names no facts"
        for setting in ("DOWNLOAD_DELAY", "ROBOTSTXT_OBEY", "CONCURRENT_REQUESTS_PER_DOMAIN"):
            assert setting not in (spider.custom_settings or {})
        trap = rules.identify(f"https://{spider.hosts[0]}/cdn-cgi/content?id=x-1.1")
        assert isinstance(trap, SkippedUrl), f"{name} follows links that trap crawlers"


def test_site_files_are_short() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in Path(spiders.__path__[0]).glob("*.py")}
    assert {name: n for name, n in lines.items() if n > 60} == {}


def test_place_is_the_line_of_the_declaration() -> None:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    for name in ("all", "api"):
        path, _, line = declared_at(Paper, "entry_points", name).rpartition(":")
        assert (path, f'name="{name}"' in lines[int(line) - 1]) == (__file__, True)
    inherited = declared_at(Paper, "story_path")
    assert Path(inherited.rpartition(":")[0]).name == "kalbela.py"


def test_misdeclared_site_spares_other_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "declared_sites"
    package.mkdir()
    good = "import crawler.spiders.kalbela\n\n\nclass Site(crawler.spiders.kalbela.Kalbela):\n    name = {name!r}\n"
    wrong = good.format(name="wrong") + '    examples = ("https://www.kalbela.com/x",)\n'
    for name, text in (("__init__", ""), ("good", good.format(name="good")), ("wrong", wrong)):
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    loader = SiteLoader(Settings({"SPIDER_MODULES": [package.name]}))
    assert loader.list() == ["good"]
    assert "kalbela.py:" in loader.errors["wrong"]
    assert "https://www.kalbela.com/x" in loader.errors["wrong"]
