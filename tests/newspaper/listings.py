"""Pages that list stories: home, the two long lists, sections and their further pages; and pages without stories."""

from html import escape
from random import Random
from typing import Final

from .bengali_text import long_moment
from .decoy_urls import SITE
from .page_frame import advertisement, page
from .page_layout import PageLayout
from .sections import EMPTY_SECTIONS, SECTIONS
from .site_state import PAGE_LENGTH, Entry, SiteState
from .templates import fragment

FIRST_OF_CATEGORY: Final = 20
MORE_OF_CATEGORY: Final = 12


def home_page(view: SiteState, look: PageLayout, lists: str) -> str:
    """The home page: a lead, the two lists and a few cards for each large section."""
    large = [path for path, section in SECTIONS.items() if section.weight > 3]
    main = fragment(
        "home",
        lead=_cards(view.entries[:6], "home"),
        sections="\n".join(_home_section(view, path) for path in large),
        lists=lists,
        advertisements=advertisement(3),
    )
    return look.finished(page(view, title="কালবেলা | বাংলা নিউজ পেপার", head=fragment("home_head"), main=main))


def long_list_page(view: SiteState, look: PageLayout, door: str, number: int) -> str:
    """One page of `latest-news` or `popular-news`, fifty to a page in two columns; empty beyond the last."""
    name = "সর্বশেষ সব খবর" if door == "latest-news" else "জনপ্রিয় সব খবর"
    entries = view.doors[door]
    shown = entries[(number - 1) * PAGE_LENGTH : number * PAGE_LENGTH]
    items = "\n".join(
        fragment("dated_item", time=long_moment(entry.slot.published), **_naming(entry, door)) for entry in shown
    )
    last = -(-len(entries) // PAGE_LENGTH)
    pages = "\n".join(_page_link(door, number) for number in range(1, last + 1))
    main = fragment("long_list", name=name, items=items, pages=pages)
    return look.finished(page(view, title=f"{name} | কালবেলা", head="", main=main))


def category_page(view: SiteState, look: PageLayout, path: str, lists: str) -> str:
    """A section's page: a lead, the first stories, and the button that asks for more."""
    entries, name = view.category(path)[:FIRST_OF_CATEGORY], section_name(path)
    button = f'<a id="find_more" class="btn" data-cat-id="{category_id(view, path)}" href="javascript:;">আরও</a>'
    main = fragment(
        "category",
        name=name,
        lead=_cards(entries[:1], "category"),
        rest=_cards(entries[1:], "category"),
        button=button if entries else "",
        lists=lists,
    )
    return look.finished(page(view, title=f"{name} | কালবেলা", head="", main=main))


def more_of_category(view: SiteState, number: int, category: int) -> str:
    """One of the fragments that go on where a section's page ends; the one after the last story is empty.

    Nobody knows how the real site counts them, so page 1 follows on directly in editions of even seed, and is the
    section's own page once more in the others.
    """
    path = next((path for path in (*SECTIONS, *EMPTY_SECTIONS) if category_id(view, path) == category), None)
    if path is None or number < 1:
        return ""
    entries, repeats = view.category(path), view.edition.seed % 2
    if repeats and number == 1:
        return _cards(entries[:FIRST_OF_CATEGORY], "category")
    start = FIRST_OF_CATEGORY + (number - 1 - repeats) * MORE_OF_CATEGORY
    return _cards(entries[start : start + MORE_OF_CATEGORY], "category")


def plain_page(view: SiteState, look: PageLayout, title: str, text: str, lists: str) -> str:
    """A page of the site without a story: about us, a video, a poll, a page that is not there."""
    main = fragment("plain", title=title, text=text, lists=lists)
    return look.finished(page(view, title=f"{title} | কালবেলা", head="", main=main))


def section_name(path: str) -> str:
    return SECTIONS[path].name if path in SECTIONS else EMPTY_SECTIONS[path]


def category_id(view: SiteState, path: str) -> int:
    """The CMS's number of a section, as its page names it."""
    first = Random(f"{view.edition.seed}/category").randint(2, 40)
    return first + 3 * [*SECTIONS, *EMPTY_SECTIONS].index(path)


def _home_section(view: SiteState, path: str) -> str:
    cards = _cards(view.category(path)[:4], "home")
    return fragment("home_section", path=path, name=section_name(path), cards=cards)


def _cards(entries: list[Entry], place: str) -> str:
    return "\n".join(fragment("card", **_naming(entry, place)) for entry in entries)


def _naming(entry: Entry, place: str) -> dict[str, str]:
    kicker = f'<span class="sholder">{escape(entry.kicker)}&nbsp;/</span> ' if entry.kicker else ""
    return {
        "number": str(entry.slot.number),
        "label": escape(entry.headline),
        "title": escape(entry.headline, quote=False),
        "kicker": kicker,
        "href": escape(entry.href(place)),
    }


def _page_link(door: str, number: int) -> str:
    return f'<li class="page-item"><a class="page-link" href="{SITE}/{door}?page={number}">{number}</a></li>'
