"""Router from host and path to the response at one time."""

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from . import archive, error_pages, feeds, listings, lists
from .article import article_page
from .decoy_urls import SITE
from .http_messages import HTML, JSON, TEXT, XML, Response, http_date, redirect, unchanged
from .page_frame import FOOTER_PAGES
from .page_layout import PageLayout
from .sections import EMPTY_SECTIONS, SECTIONS
from .site_state import Entry, SiteState, feed_names
from .stories import Story
from .templates import fragment

HOSTS: Final = ("www.kalbela.com", "kalbela.com")
_OTHER_KINDS: Final = ("video-gallery", "video-stories", "photo-stories", "photo-gallery", "opinion-poll", "search")
_MORE: Final = "/templates/web-view/category_page/more_cat_ajax.php"

Headers = Mapping[str, str]


class Router:
    """Responses at one time in one layout; pages are rendered once and cached compressed."""

    def __init__(self, view: SiteState, look: PageLayout, crawl_delay: float | None) -> None:
        self.view, self.look, self.crawl_delay = view, look, crawl_delay
        self._entries = {
            f"/{entry.slot.section}/{entry.slot.number}": entry for entry in (*view.removed, *view.entries)
        }
        self._entries |= {entry.path: entry for entry in view.entries}
        self._lists = lists.lists_of(view)
        self._pages: dict[str, bytes] = {}

    def answer(self, host: str, target: str, headers: Headers) -> Response:
        """The answer to a GET of `target` (path and query) at `host`; names of `headers` are in lower case."""
        parts = urlsplit(target)
        path, query = unquote(parts.path), parse_qs(parts.query)
        if host == "archive.kalbela.com":
            return self._archived(path, headers)
        if host not in HOSTS:
            told = f"Nothing is served for the host {host!r}. This is {HOSTS[0]}: name it in the Host header.\n"
            return Response(421, told.encode(), {"Content-Type": TEXT})
        entry = self._entries.get(path.rstrip("/"))
        if entry is not None:
            return self._story(entry, path.rstrip("/"), headers)
        return self._machine(path, query, headers) or self._listing(path, query, headers) or self._rest(path, headers)

    def _archived(self, path: str, headers: Headers) -> Response:
        if path == "/robots.txt":
            return Response(200, b"User-agent: *\nAllow: /\n", {"Content-Type": TEXT})
        return self._made(f"archive{path}", lambda: archive.page_at(self.view, path), headers, {})

    def page(self, path: str) -> str:
        """The HTML at a path of the paper, without a server."""
        return self.answer(HOSTS[0], path, {}).body.decode()

    def _story(self, entry: Entry, path: str, headers: Headers) -> Response:
        slot = entry.slot
        if slot.decoy:
            return self._decoy(entry, slot.decoy, headers)
        if slot.removed and self.view.gone(slot):
            return self._removed(slot.removed[1], headers)
        if path != entry.path:
            return redirect(301, SITE + entry.path)
        assert entry.story is not None
        state = entry.story.state(self.view.now)
        own = {"Cache-Control": "public, max-age=60"}
        if SECTIONS[entry.story.section(self.view.now)].validators:
            stamp = f"{entry.story.seed}/{slot.number}/{state.revision}/{path}/{self.look.stamp}"
            own |= {"ETag": _tag(stamp), "Last-Modified": http_date(state.since)}
        story = entry.story
        return self._made(path, lambda: self._article(story), headers, own)

    def _removed(self, how: str, headers: Headers) -> Response:
        if how == "home":
            return redirect(302, f"{SITE}/")
        return self._missing(headers, int(how))

    def _decoy(self, entry: Entry, kind: str, headers: Headers) -> Response:
        story = self.view.edition.story(entry.slot)
        if kind == "no text":
            return self._made(entry.path, lambda: self._article(story), headers, {})
        if kind == "cut off":
            whole = self._made(entry.path, lambda: self._article(story), headers, {})
            return Response(200, whole.body, whole.headers, cut=len(whole.body) // 2)
        if kind == "soft 404":
            return self._plain("দুঃখিত", "আপনার কাঙ্ক্ষিত পাতাটি খুঁজে পাওয়া যায়নি", headers)
        if kind == "loop":
            return redirect(301, SITE + entry.path)
        return error_pages.ANSWERS[kind] if kind in error_pages.ANSWERS else self._missing(headers, 404)

    def _machine(self, path: str, query: dict[str, list[str]], headers: Headers) -> Response | None:
        view = self.view
        if path == "/robots.txt":
            return self._made(path, lambda: feeds.robots(self.crawl_delay), headers, {"Content-Type": TEXT})
        if match := re.fullmatch(r"/rss/([\w-]+)-rss\.xml", path):
            name = match[1]
            if name in feed_names():
                return self._tagged(path, lambda: feeds.rss(view, name), headers, XML)
        if match := re.fullmatch(r"/json-feed/([\w-]+)\.json", path):
            name = match[1]
            if name in SECTIONS:
                return self._tagged(path, lambda: feeds.json_feed(view, name), headers, JSON)
        if path == "/sitemap.xml":
            return self._tagged(path, lambda: feeds.sitemap_index(view), headers, XML)
        if path == "/news-sitemap.xml":
            return self._tagged(path, lambda: feeds.news_sitemap(view), headers, XML)
        if (match := re.fullmatch(r"/sitemap/sitemap-(\d{4}-\d\d)\.xml(\.gz)?", path)) and match[1] in view.months():
            month = match[1]
            answer = self._tagged(path, lambda: feeds.sitemap(view, month), {} if match[2] else headers, XML)
            return _as_file(answer) if match[2] else answer
        if path == _MORE:
            page, category = _number(query, "page"), _number(query, "cat")
            key = f"{path}?{page}&{category}"
            return self._made(key, lambda: listings.more_of_category(view, page, category), headers, {})
        return None

    def _listing(self, path: str, query: dict[str, list[str]], headers: Headers) -> Response | None:
        view, look, name = self.view, self.look, path.strip("/")
        if path == "/":
            return self._made(path, lambda: listings.home_page(view, look, self._block(path)), headers, {})
        if name in ("latest-news", "all-news", "popular-news"):
            number, door = _number(query, "page", 1), "popular-news" if name == "popular-news" else "latest-news"
            key = f"{path}?{number}"
            return self._made(key, lambda: listings.long_list_page(view, look, door, number), headers, {})
        if name in SECTIONS or name in EMPTY_SECTIONS or name.startswith("country-news/division-"):
            section = name if name in SECTIONS or name in EMPTY_SECTIONS else "country-news"
            make = partial(listings.category_page, view, look, section, self._block(path))
            return self._made(path, make, headers, {})
        return None

    def _rest(self, path: str, headers: Headers) -> Response:
        """Whatever else is there: other kinds of pages, files, and in the end the page that says that nothing is."""
        first = path.strip("/").partition("/")[0]
        if path.endswith(".pdf"):
            return Response(200, b"%PDF-1.4\n%%EOF\n", {"Content-Type": "application/pdf"})
        if first in ("assets", "cache-images"):
            return Response(200, b"", {"Content-Type": "text/css" if path.endswith(".css") else "image/webp"})
        if first == "print":
            return self._made(path, lambda: archive.printed(self.view, path), headers, {})
        if first in _OTHER_KINDS or path.strip("/") in FOOTER_PAGES:
            title = FOOTER_PAGES.get(path.strip("/"), "ভিডিও ও ছবি")
            return self._plain(title, "এই পাতায় কোনো খবর নেই।", headers)
        return self._missing(headers, 404)

    def _article(self, story: Story) -> str:
        return article_page(self.view, story, self.look, self._block(story.number))

    def _block(self, page: object) -> str:
        placed = {name: self.look.place(name, page, html) for name, html in self._lists.items()}
        return fragment("tab_block", **placed)

    def _plain(self, title: str, text: str, headers: Headers) -> Response:
        make = partial(listings.plain_page, self.view, self.look, title, text, self._block(title))
        return self._made(f"plain/{title}", make, headers, {})

    def _missing(self, headers: Headers, status: int) -> Response:
        told = self._plain("৪০৪", "পাতাটি খুঁজে পাওয়া যায়নি", headers)
        return Response(status, told.body, told.headers)

    def _tagged(self, path: str, make: Callable[[], str], headers: Headers, kind: str) -> Response:
        text = self._kept(path, make)
        return self._made(path, make, headers, {"Content-Type": kind, "ETag": _tag(hashlib.md5(text).hexdigest())})

    def _made(self, key: str, make: Callable[[], str], headers: Headers, own: dict[str, str]) -> Response:
        """The text as an answer, compressed where that is accepted; 304 where the client has it already."""
        own = {"Content-Type": HTML, "Vary": "Accept-Encoding", **own}
        if unchanged(headers, own):
            return Response(304, b"", {name: own[name] for name in ("ETag", "Last-Modified", "Vary") if name in own})
        body = self._kept(key, make)
        if "gzip" in headers.get("accept-encoding", ""):
            return Response(200, body, own | {"Content-Encoding": "gzip"})
        return Response(200, gzip.decompress(body), own)

    def _kept(self, key: str, make: Callable[[], str]) -> bytes:
        if key not in self._pages:
            self._pages[key] = gzip.compress(make().encode(), 5, mtime=0)
        return self._pages[key]


def _as_file(answer: Response) -> Response:
    body = gzip.compress(answer.body, 5, mtime=0)
    return Response(answer.status, body, {"Content-Type": "application/gzip", "ETag": answer.headers["ETag"]})


def _tag(text: str) -> str:
    return f'W/"{hashlib.md5(text.encode()).hexdigest()[:16]}"'


def _number(query: dict[str, list[str]], name: str, otherwise: int = 0) -> int:
    value = query.get(name, [""])[0]
    return int(value) if value.isdecimal() else otherwise
