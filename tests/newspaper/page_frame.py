"""Frame of every page: head, menus, the district search form, advertisements, scripts."""

from functools import cache
from html import escape
from typing import Final

from .bengali_text import WEEKDAYS, bangla_date, digits, long_date
from .decoy_urls import SITE
from .sections import EMPTY_SECTIONS, SECTIONS
from .site_state import SiteState, feed_names
from .templates import fragment
from .vocabulary import WORDS

LAZY: Final = "/assets/images/lazy-logo.png?v=3"
DEFAULT_SHARE_PICTURE: Final = f"{SITE}/assets/images/kalbela-share-default.jpg"
FOOTER_PAGES: Final = {
    "about": "আমাদের সম্পর্কে",
    "privacy-policy": "গোপনীয়তা নীতি",
    "terms": "ব্যবহারের শর্ত",
    "comment-policy": "মন্তব্য প্রকাশের নীতি",
    "converter": "ইউনিকোড কনভার্টার",
    "advertisement": "বিজ্ঞাপন",
    "contact-us": "যোগাযোগ",
}


def page(view: SiteState, *, title: str, head: str, main: str) -> str:
    """A whole page; `head` adds to the head, `main` is everything between header and footer."""
    title = escape(title, quote=False)
    return fragment("page", title=title, head=head, main=main, today=_today(view), **_everywhere())


def advertisement(number: int) -> str:
    """Return an advertisement slot, which a script of the network fills."""
    return fragment("advertisement", number=f"16{number:08d}")


def _today(view: SiteState) -> str:
    """Return the date in the header, never a story's; on every fifth day its Bangla year is one ahead, as observed."""
    bangla = bangla_date(view.now)
    if view.now.toordinal() % 5 == 0:
        year = bangla.split()[-1]
        bangla = bangla.replace(year, digits(int(year) + 1))
    return f"{WEEKDAYS[view.now.weekday()]}, {long_date(view.now)}, {bangla}"


@cache
def _everywhere() -> dict[str, str]:
    names = {path: section.name for path, section in SECTIONS.items()} | EMPTY_SECTIONS
    return {
        "feeds": "\n".join(_feed_link(name) for name in feed_names()),
        "menu": "\n".join(_item("nav-item", path, name) for path, name in names.items()),
        "footer": "\n".join(_item("list-inline-item", path, name) for path, name in FOOTER_PAGES.items()),
        "districts": "\n".join(_mega_column(place, name) for place, name in enumerate(WORDS["districts"])),
        "district_options": _options(list(WORDS["districts"])),
        "thana_options": _options(_thanas()),
        "slots": "\n".join(_slots()),
    }


def _feed_link(name: str) -> str:
    return f'<link rel="alternate" type="application/rss+xml" title="{name}" href="{SITE}/rss/{name}-rss.xml">'


def _item(kind: str, path: str, name: str) -> str:
    return f'<li class="{kind}"><a class="nav-link" href="{SITE}/{path}"><span>{name}</span></a></li>'


def _mega_column(place: int, district: str) -> str:
    path = f"country-news/division-{place % 8 + 1}/district-{place + 1}"
    link = f'<a href="{SITE}/{path}">{district} জেলার খবর</a>'
    return f'<div class="col-md-2 mega_column"><h6 class="mega_title">{district}</h6><ul><li>{link}</li></ul></div>'


def _options(names: list[str]) -> str:
    return "\n".join(f'<option value="{number}">{name}</option>' for number, name in enumerate(names, 1))


def _thanas() -> list[str]:
    sadars = [f"{name} সদর" for name in WORDS["districts"]]
    models = [f"{name} মডেল" for name in WORDS["towns"][:155]]
    return [*sadars, *WORDS["towns"], *WORDS["neighbourhoods"], *models]


def _slots() -> list[str]:
    places = ["home_top", "home_right", "details_top", "details_inner", "details_right", "category_top", "sticky"]
    return [
        f"googletag.defineSlot('/21800000001/kalbela_{place}', [[{size}]], 'div-gpt-ad-{place}-{number}')"
        ".setCollapseEmptyDiv(true, true).addService(googletag.pubads());"
        for number, size in enumerate(("300, 250", "728, 90", "970, 90", "300, 600", "336, 280"))
        for place in places
    ]
