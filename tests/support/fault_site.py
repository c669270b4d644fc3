"""A small Kalbela on a fault server; its lists link behaviours as stories.

`with FaultSite(["cl_longer", "gzip"]) as paper:` serves a front page whose latest list links `/cl_longer/1001` and
so on, with a good story after each, so that no two failures follow each other. `paper.crawl(data)` runs the command.
"""

import gzip
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from html import escape
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import urlsplit

import pandas as pd

from tests.support.fault_server import (
    BEHAVIOURS,
    HEADLINE,
    FaultServer,
    Visit,
    behaviour,
    bomb,
    evil_links,
    fixed,
    redirect,
    then_ok,
)
from tests.support.forked_commands import run_command
from tests.support.hostile_text import HOSTILE_TEXT
from tests.support.processes import crawl_command

HOST = "www.kalbela.com"
SITE = f"https://{HOST}"
SEED = "/world/north-korea/154313"
FIRST_ID, FIRST_GOOD_ID = 1_001, 5_001
PUBLISHED = "প্রকাশ : ১১ জানুয়ারি ২০২৬, ০৭:০৫ পিএম"
_TEXT = """
    রাজধানীতে সকাল থেকে থেমে বৃষ্টি হয়েছে গরম কমেছে নিচু এলাকায় পানি জমেছে যান চলাচল ব্যাহত আবহাওয়া অফিস জানিয়েছে
    আগামী দুই দিন একই অবস্থা থাকতে পারে জেলেদের সাগরে না যাওয়ার পরামর্শ দেওয়া নদীর বাঁধ মেরামত শুরু
"""
_BENGALI = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


@cache
def body_of(path: str) -> tuple[str, ...]:
    """Return the paragraphs of the good story at a path; each story has its own words."""
    rng = Random(path.rpartition("/")[2])
    return tuple(" ".join(rng.choices(_TEXT.split(), k=40)) + "।" for _ in range(6))


def story(path: str, date: str = PUBLISHED) -> bytes:
    text = "\n".join(f"<p>{paragraph}</p>" for paragraph in body_of(path))
    main = f"""<div class="dtl_content_layer"><div id="details_content">
<div class="rpt_info_section"><div class="rpt_name">কালবেলা ডেস্ক</div><div class="entry_update">{date}</div>
<div class="edition">অনলাইন সংস্করণ</div></div>
<div class="headline_content_block"><h1 class="details-title">{HEADLINE}</h1></div>
<div class="dtl_img_section"><img class="detailImg" src="/assets/news_photos/2026/01/11/image-1.webp"></div>
<div class="dtl_section" id="dtl_part"><div class="dtl_content_section">
{text}
</div></div></div></div>"""
    return page(HEADLINE, main)


def page(title: str, main: str, head: str = "") -> bytes:
    """Return a page; without its last forty bytes it counts as cut short."""
    return (
        f'<!DOCTYPE html><html lang="bn"><head><meta charset="utf-8"><title>{title}</title>{head}</head><body>\n'
        f"{main}\n<footer>স্বত্ব © কালবেলা</footer>\n</body>\n</html>"
    ).encode()


def ranked(name: str, rows: Iterable[str]) -> str:
    """Return the markup of a list of hrefs."""
    view = {"latest": "latestview1", "popular": "mostview1"}[name]
    printed = "\n".join(
        f'<div class="sub2-lead-content"><h4 class="title">{HEADLINE}</h4>'
        f'<span class="news_sl">{str(rank).translate(_BENGALI)}</span>'
        f'<a class="link" aria-label="{HEADLINE}" href="{escape(href)}"></a></div>'
        for rank, href in enumerate(rows, 1)
    )
    return f'<div id="{name}_list_block1"><div id="{view}">{printed}</div></div>'


fixed("paper_s304", b"", "304 Not Modified", content_length=None)
fixed("paper_s206", status="206 Partial Content", content_range="bytes 0-999/99999")
redirect("paper_moved", lambda v: f"/ok/{v.argument}")
redirect("paper_sent_home", lambda v: "/")
redirect("paper_endless", lambda v: f"/paper_endless/{int(v.argument) + 1}")
redirect("paper_circle", lambda v: f"/paper_circle/{int(v.argument) ^ 1}")
BEHAVIOURS["paper_front"] = lambda visit: visit.reply(visit.server.page("/"))
for name, date in {
    "future": "১১ জানুয়ারি ২০৯৬, ০৭:০৫ পিএম",
    "1970": "০১ জানুয়ারি ১৯৭০, ০৬:০০ এএম",
    "invalid": "৩২ ফেব্রুয়ারি ২০২৬, ০৫:১০ পিএম",
    "no_year": "১১ জানুয়ারি, ০৭:০৫ পিএম",
}.items():
    BEHAVIOURS[f"paper_date_{name}"] = lambda visit, date=date: visit.reply(  # type: ignore[misc]
        story(visit.target, f"প্রকাশ : {date}")
    )
BEHAVIOURS["paper_forged"] = lambda visit: visit.reply(
    story(visit.target, "প্রকাশ : ৩২ ফেব্রুয়ারি ২০২৬ \x1b[2J\n[root]").replace(HEADLINE.encode(), HOSTILE_TEXT.encode())
)
BEHAVIOURS["paper_date_none"] = lambda visit: visit.reply(story(visit.target, ""))


def hold(name: str, place: str, markup: str) -> None:
    """Add a behaviour: a story with markup that tries to block the parser."""
    spoilt = f"{place}{markup}".encode()
    BEHAVIOURS[f"paper_hold_{name}"] = lambda visit: visit.reply(visit.page.replace(place.encode(), spoilt, 1))


DATELINE, TEXT = '<div class="entry_update">', '<div class="dtl_content_section">'
# The parser compares each attribute with those before it, and each entity with all names.
hold("attributes", TEXT, "<div " + "/".join(f"a{number:06}" for number in range(120_000)) + ">")
hold("names", TEXT, "&amp" * 1_700_000)
# Normalisation sorts each combining mark among those before it.
hold("marks", DATELINE, "ক" + "\u0301\u0323" * 300_000)
hold("marks_in_text", TEXT, "<p>ক" + "\u0301\u0323" * 300_000 + "</p>")
hold("digits", DATELINE, "১" * 600_000)
hold("nesting", TEXT, "<div>" * 60_000)
hold("fonts", TEXT, "".join(f"<font a={number}>" for number in range(1_900)) + "<p>x" * 1_900)


async def _skewed(visit: Visit) -> None:
    """Reply 429 with a Retry-After two seconds after the clock of the server, which is five hours fast."""
    clock = datetime.now(UTC) + timedelta(hours=5)
    until = format_datetime(clock + timedelta(seconds=2), usegmt=True)
    await visit.reply(b"", "429 Slow", date=format_datetime(clock, usegmt=True), retry_after=until)


then_ok("paper_429_skewed", 1, _skewed)


@behaviour
async def paper_maze(visit: Visit) -> None:
    """A good story whose list names twenty that nothing named before, and so on without an end."""
    first = 20 * int(visit.argument)
    rows = ranked("latest", (f"/paper_maze/{first + number}" for number in range(20)))
    await visit.reply(story(visit.target).replace(b"<footer>", rows.encode() + b"<footer>"))


LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
XML = "application/xml"


def sitemap(*links: str, document: str = "", kind: str = "url") -> bytes:
    """A sitemap of these addresses, or an index of sitemaps."""
    root = {"url": "urlset", "sitemap": "sitemapindex"}[kind]
    rows = "".join(f"<{kind}><loc>{link}</loc></{kind}>" for link in links)
    return f'<?xml version="1.0"?>{document}<{root}>{rows}</{root}>'.encode()


fixed("paper_laughs", sitemap(f"{SITE}/ok/7001", "&a11;", document=f"<!DOCTYPE urlset [{LAUGHS}]>"), content_type=XML)
ENTITIES = """<!DOCTYPE urlset SYSTEM "{there}/ok" [
<!ENTITY file SYSTEM "file:///etc/hostname"> <!ENTITY net SYSTEM "{there}/ok">
<!ENTITY % all SYSTEM "{there}/ok"> %all;]>"""
BEHAVIOURS["paper_entities"] = lambda visit: visit.reply(
    sitemap("&file;", "&net;", f"{SITE}/ok/7002", document=ENTITIES.format(there=visit.server.elsewhere)),
    content_type=XML,
)
BEHAVIOURS["paper_nested"] = lambda visit: visit.reply(
    sitemap(f"{SITE}/paper_nested/{int(visit.argument.partition('.')[0]) + 1}.xml", kind="sitemap"), content_type=XML
)
BEHAVIOURS["paper_packed"] = lambda visit: visit.reply(
    bomb("gzip", visit.server.bomb_size), content_type="application/gzip"
)
BEHAVIOURS["paper_half_packed"] = lambda visit: visit.reply(
    gzip.compress(sitemap(f"{SITE}/ok/7003"))[:-9], content_type="application/gzip"
)
BEHAVIOURS["paper_evil_map"] = lambda visit: visit.reply(
    sitemap(*(escape(link) for link in evil_links(visit.server)), f"{SITE}/ok/7004"), content_type=XML
)
fixed("paper_not_a_map", b"<!DOCTYPE html><html><body>no map</body></html>")
MAPS = {
    "paper_laughs": "1.xml",
    "paper_entities": "1.xml",
    "paper_nested": "1.xml",
    "paper_packed": "1.xml.gz",
    "paper_half_packed": "1.xml.gz",
    "paper_evil_map": "1.xml",
    "paper_not_a_map": "1.xml",
}
fixed(
    "robots_maps",
    "".join(f"Sitemap: {SITE}/{name}/{file}\n" for name, file in MAPS.items()).encode(),
    content_type="text/plain",
)


@dataclass(frozen=True)
class CommandResult:
    """Result of a `crawl` command."""

    data: Path
    report: dict[str, Any]
    exit_code: int
    seconds: float
    megabytes: float
    told: str

    def table(self, name: str) -> pd.DataFrame:
        """Return a table; empty if it does not exist."""
        folder = self.data / name
        return pd.read_parquet(folder) if folder.exists() else pd.DataFrame()

    def fetches(self) -> pd.DataFrame:
        """Return the fetches of this run, indexed by path and query (by URL, for other sites)."""
        rows = self.table("fetches")
        rows = rows[rows["run_id"] == self.report["run_id"]]
        return rows.set_index(rows["url"].str.removeprefix(SITE))

    def log(self) -> str:
        return (self.data / "state" / "logs" / f"{self.report['run_id']}.log").read_text()


class FaultSite:
    """The paper. `server` counts hits and bytes; `elsewhere` is a second server that must not receive a request.

    :param behaviours: behaviours linked by the latest list; a name may have its own id (`redir_chain_30/1`)
    :param popular: returns the hrefs of the popular list
    :param robots: behaviour of robots.txt
    :param places: behaviours of single paths
    :param otherwise: the behaviour of every other path
    :param head: markup for the head of the front page
    """

    def __init__(
        self,
        behaviours: Sequence[str] = (),
        *,
        popular: Callable[[FaultServer], Iterable[str]] = lambda server: (f"/ok/{FIRST_GOOD_ID}",),
        robots: str = "robots_404",
        places: Mapping[str, str] | None = None,
        otherwise: str = "ok",
        head: str = "",
        **server: Any,
    ) -> None:
        self.paths = {
            name.partition("/")[0]: f"/{name}" if "/" in name else f"/{name}/{FIRST_ID + number}"
            for number, name in enumerate(behaviours)
        }
        self.good = [f"/ok/{FIRST_GOOD_ID + number}" for number in range(len(self.paths))]
        latest = [path for pair in zip(self.paths.values(), self.good, strict=True) for path in pair]
        self._front = lambda: page("কালবেলা", ranked("latest", latest) + ranked("popular", popular(self.server)), head)
        fixed = {"/robots.txt": robots, "/": "ok", SEED: "ok"} | dict(places or {})
        self.elsewhere = FaultServer()
        self.server = FaultServer(self.page, places=fixed, otherwise=otherwise, **server)

    def __enter__(self) -> Self:
        self.elsewhere.__enter__()
        self.server.elsewhere = self.elsewhere.base
        self.server.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.server.__exit__(*error)
        self.elsewhere.__exit__(*error)

    def page(self, target: str) -> bytes:
        """Return the good page of a URL: the front page, a story, or a page without links."""
        path = urlsplit(target).path
        if path == "/":
            return self._front()
        if path.startswith("/rss/"):
            return f"<rss><item><link>{SITE}{SEED}</link></item></rss>".encode()
        return story(path) if path.rpartition("/")[2].isdigit() else page("কালবেলা", f"<p>{path}</p>")

    def crawl(self, data: Path, *arguments: str, **more: Any) -> CommandResult:
        return crawl(self.server.base, data, *arguments, **more)


def crawl(
    mirror: str,
    data: Path,
    *arguments: str,
    seconds: float = 200,
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> CommandResult:
    """Run `khobor crawl kalbela`; a run that exceeds its time fails the test."""
    chosen = [f"-s{name}={value}" for name, value in settings.items()]
    command = crawl_command(mirror, data, "-sMEMUSAGE_CHECK_INTERVAL_SECONDS=0.1", *chosen, *arguments)
    began = time.monotonic()
    done = run_command(command, timeout=seconds, env=os.environ | dict(environment or {}))
    seconds = time.monotonic() - began
    report = json.loads(done.stdout) if done.stdout else {}
    peaks = [(report.get("stats") or {}).get(f"memusage/{name}", 0) for name in ("max", "reading/max")]
    return CommandResult(data, report, done.returncode, seconds, max(peaks) / 2**20, done.stdout + done.stderr)
