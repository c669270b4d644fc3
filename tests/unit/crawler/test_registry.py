"""Registry of sites: a broken file affects its site only; arguments of `-a` are checked."""

import sys
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from crawler.registry import SiteLoader, newspapers
from crawler.spider import SpiderArgumentError
from crawler.spiders.kalbela import Kalbela

SITE = "import crawler.spiders.kalbela\n\n\nclass Good(crawler.spiders.kalbela.Kalbela):\n    name = 'good'\n"


LAYOUT = "from dataclasses import replace\nfrom crawler.cms import wordpress\nreplace(wordpress.LAYOUT, {}=())\n"


@pytest.mark.parametrize(
    ("source", "line", "hint"),
    [
        ("x = 1\nclass Broken(:\n", 2, ""),
        ("\n\nundefined_name\n", 3, ""),
        ("import no_such_module\n", 1, ""),
        ("import crawler\n", 1, "NewspaperSpider"),
        (LAYOUT.format("headlines"), 3, "'headline'"),
        (LAYOUT.format("zzz"), 3, "story_container, exclude"),
        ("import re\nfrom crawler.entry_points import Layout\n", 2, "from crawler.parsing.layout import Layout"),
        ("from crawler.parsing.layout import wordpress\n", 1, "from crawler.cms import wordpress"),
        ("x = JsonPth()\n", 1, "from crawler.entry_points import JsonPath"),
    ],
)
def test_broken_site_file_spares_other_sites(
    source: str, line: int, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / f"sites_{abs(hash(source))}"
    package.mkdir()
    for name, text in (("__init__", ""), ("broken", source), ("good", SITE)):
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    loader = SiteLoader(Settings({"SPIDER_MODULES": [package.name]}))
    assert loader.list() == ["good"]
    with pytest.raises(UsageError, match=rf"broken\.py:{line}: .*{hint}"):
        loader.load("broken")
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_registry_knows_kalbela() -> None:
    assert newspapers()["kalbela"] is Kalbela


@pytest.mark.parametrize(
    "arguments",
    [
        {"seeds": "https://www.kalbela.com/world/1"},
        {"seed": "https://elsewhere.test/world/1"},
        {"seed": "https://www.kalbela.com/world/1 world"},
        {"seed": "javascript:0"},
    ],
)
def test_invalid_spider_argument_raises(arguments: dict[str, str]) -> None:
    with pytest.raises(SpiderArgumentError):
        Kalbela(**arguments)
    assert Kalbela(seed="https://www.kalbela.com/world/1").starts == ("https://www.kalbela.com/world/1",)
