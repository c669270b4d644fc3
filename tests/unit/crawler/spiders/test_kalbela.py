"""Kalbela's layout on variants of known pages."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crawler.items import ParsedStory, Story
from crawler.parsing.extractors import css
from crawler.parsing.layout import Layout, choose_layout
from crawler.parsing.page import Page
from crawler.spiders.kalbela import LAYOUT_2023, Kalbela
from crawler.urls import SiteUrl

WWW = "https://www.kalbela.com"
PHOTO = "/assets/news_photos/2026/01/07/image_258210_1767755000.webp"
FETCHED = datetime(2026, 1, 7, 12, tzinfo=UTC)
URL_RULES = Kalbela.make_url_rules()
TITLE = '<div class="headline_content_block"><h1 class="details-title">শিরোনাম</h1></div>'
BODY = '<div class="dtl_content_section"><p>মূল লেখা।</p></div>'


def page(inner: str, head: str = "") -> Page:
    return Page(f"<html><head>{head}</head><body>{inner}</body></html>".encode(), f"{WWW}/national/258210", FETCHED)


def parse(inner: str, head: str = "", layout: Layout = LAYOUT_2023) -> ParsedStory:
    address = URL_RULES.identify(f"{WWW}/national/258210")
    assert isinstance(address, SiteUrl)
    return layout.parse(page(inner, head), address, URL_RULES, Kalbela.zone)


def read(inner: str, head: str = "") -> Story:
    return parse(inner, head).story


def story(*parts: str, head: str = "") -> Story:
    return parsed(*parts, head=head).story


def parsed(*parts: str, head: str = "") -> ParsedStory:
    return parse(f'<div id="details_content">{TITLE}{"".join(parts)}<div class="dtl_section">{BODY}</div></div>', head)


def picture(markup: str, head: str = "") -> Story:
    return story(f'<div class="dtl_img_section">{markup}</div>', head=head)


def test_newest_fitting_layout_is_chosen() -> None:
    older = replace(LAYOUT_2023, name="older", body=(".old",))
    newer = replace(LAYOUT_2023, name="newer", body=(".new",))
    for markup, name in (("old", "older"), ("new", "newer"), ("other", None), ("old new", "newer")):
        chosen = choose_layout((newer, older), page(f'{TITLE}<div class="{markup}">x</div>'))
        assert (chosen.name if chosen else None) == name


OTHER_PAGE = "<h1>জাতীয়</h1><div class='sub-news'></div>"


@pytest.mark.parametrize(("inner", "title"), [(BODY, ""), (BODY, " | কালবেলা"), (TITLE, ""), (OTHER_PAGE, ""), ("", "")])
def test_layout_needs_headline_and_body_element(inner: str, title: str) -> None:
    assert LAYOUT_2023.missing(page(inner, f"<meta property='og:title' content='{title}'>" if title else ""))
    assert not LAYOUT_2023.missing(page(TITLE + BODY))
    assert not LAYOUT_2023.missing(page(BODY, "<meta property='og:title' content='শিরোনাম | কালবেলা'>"))


@pytest.mark.parametrize(
    ("title", "headline"),
    [
        *((f"এক{rest}", "এক") for rest in (" | কালবেলা", " | কালবেলা | বাংলা নিউজ পেপার", " - কালবেলা", " – দৈনিক কালবেলা")),
        ("জন্মদিন-কালবেলার উৎসব | কালবেলা", "জন্মদিন-কালবেলার উৎসব"),
        *((title, title) for title in ("সামনে কালবেলা", "এক | দুই")),
    ],
)
def test_site_name_is_removed_from_title(title: str, headline: str) -> None:
    assert read(BODY, f"<meta property='og:title' content='{title}'>").headline == headline


# The facts about the dates leave open in which element they stand, and which copy comes first.
LABELLED = "প্রকাশ : ০৭ জানুয়ারি ২০২৬, ০৯:১০ এএম"
UPDATED = "আপডেট : ০৭ জানুয়ারি ২০২৬, ০৯:৪০ এএম"
BARE = "০৭ জানুয়ারি ২০২৬, ০৯:৪০ এএম | অনলাইন সংস্করণ"
BOTH = ("03:10", "03:40")


@pytest.mark.parametrize(
    ("meta", "moments"),
    [
        (f'<div class="rpt_info_section">{LABELLED} {UPDATED}</div>', BOTH),
        (f'<div class="rpt_info_section">{LABELLED}</div><div class="rpt_info_section">{UPDATED}</div>', BOTH),
        (f'<div class="rpt_info_section"><p>{UPDATED}<p>{LABELLED}</div>', BOTH),
        (f'<div class="entry_update">{LABELLED}</div><div class="entry_update">{UPDATED}</div>', BOTH),
        (f'<div class="rpt_and_share_block"><div>{LABELLED}</div><div>{UPDATED}</div></div>', BOTH),
        # The copy for phones has no label: it counts where no other does, even if it comes first.
        (f'<div class="rpt_info_section">{BARE}</div><div class="rpt_info_section">{LABELLED}</div>', ("03:10", None)),
        (f'<div class="mobile_post_meta"><div class="rpt_info_section">{BARE}</div></div>', ("03:40", None)),
        (f'<div class="mobile_post_meta">{BARE}</div>', ("03:40", None)),
        (f'<div class="mobile_post_meta">{BARE}</div><div class="entry_update">{UPDATED}</div>', ("03:40", "03:40")),
        # Neither the date of the day nor that of another story is this story's.
        ('<div class="rpt_info_section">বুধবার, ০৭ জানুয়ারি ২০২৬, ২৩ পৌষ ১৪৩২</div>', (None, None)),
        (f'<div class="sub-news"><div class="time">{BARE}</div></div>', (None, None)),
        (f'<div class="date_line">{BARE}</div>', (None, None)),
        ('<div class="rpt_info_section">প্রকাশ : </div>', (None, None)),
        ("", (None, None)),
    ],
)
def test_dates_are_found_in_all_places(meta: str, moments: tuple[str | None, str | None]) -> None:
    found = story(meta)
    read_moments = tuple(moment and f"{moment:%H:%M}" for moment in (found.published_at, found.updated_at))
    assert read_moments == moments


ISO = "<meta property='article:published_time' content='2026-01-07T08:00:00+06:00'>"


def test_labelled_date_precedes_meta_date() -> None:
    found = parsed(f'<div class="rpt_info_section">{LABELLED}</div>', head=ISO)
    assert f"{found.story.published_at:%H:%M}" == "03:10"
    assert found.extracted_by["published_at"] == ".rpt_info_section having প্রকাশ|আপডেট"
    silent = story(f'<div class="rpt_info_section">{UPDATED}</div>', head=ISO)
    assert (f"{silent.published_at:%H:%M}", f"{silent.updated_at:%H:%M}") == ("02:00", "03:40")


def test_unreadable_date_is_null_and_reported() -> None:
    wrong = LABELLED.replace("০৭ জা", "৩২ জা")
    meta = f'<div class="rpt_info_section">{wrong}</div>'
    found = parsed(meta, f'<div class="mobile_post_meta">{meta}</div>')
    assert found.story.published_at is None
    assert len(found.unreadable_dates) == 1
    assert "published_at" not in found.extracted_by


@pytest.mark.parametrize("iso", ["", "soon", "2026-01-07", "2062-01-07T00:00:00Z", "0000-00-00 00:00:00", "২০২৬"])
def test_unreadable_meta_date_is_null(iso: str) -> None:
    found = parsed(head=f"<meta property='article:published_time' content='{iso}'>")
    assert found.story.published_at is None
    assert "published_at" not in found.extracted_by


@pytest.mark.parametrize(
    ("markup", "url"),
    [
        (f'<img class="detailImg" src="{PHOTO}">', WWW + PHOTO),
        (f'<img class="detailImg lazy" src="/assets/images/lazy-logo.png?v=3" data-original="{PHOTO}">', WWW + PHOTO),
        (f'<img class="detailImg lazy" src="/assets/images/lazy-logo.png?v=3" data-src="{PHOTO}">', WWW + PHOTO),
        (f'<div class="detailImg" data-src="{PHOTO}"><img src="/assets/images/lazy-logo.png"></div>', WWW + PHOTO),
        (f'<img src="/assets/images/logo.png"><img src="{PHOTO}">', WWW + PHOTO),
        (f'<img src="/x.webp"><img class="detailImg" src="{PHOTO}">', WWW + PHOTO),
        (f'<img class="detailImg" src="https://kalbela.com{PHOTO}">', WWW + PHOTO),
        (f'<img class="detailImg" src="http://www.kalbela.com{PHOTO}?v=2">', WWW + PHOTO + "?v=2"),
        (f'<img class="detailImg" src="//cdn.example.com{PHOTO}">', "https://cdn.example.com" + PHOTO),
        (f'<noscript><img class="detailImg" src="{PHOTO}"></noscript>', WWW + PHOTO),
        ('<img class="detailImg lazy" src="/assets/images/lazy-logo.png?v=3">', None),
        ('<img class="detailImg" src="data:image/gif;base64,R0lGOD">', None),
        ('<img class="detailImg" src="javascript:x"><img class="detailImg" src="http://["><img src="">', None),
        ('<img class="detailImg" src="/assets/images/icon.svg">', None),
        ("", None),
    ],
)
def test_lead_picture_is_never_a_placeholder(markup: str, url: str | None) -> None:
    assert picture(markup).image_url == url


def json_ld(kind: str, image: str) -> str:
    return f'<script type="application/ld+json">{{"@type":"{kind}","image":{image}}}</script>'


@pytest.mark.parametrize(
    ("head", "url"),
    [
        (f"<meta property='og:image' content='{WWW}{PHOTO}'>", WWW + PHOTO),
        (f"<meta property='og:image' content='{WWW}/assets/images/logo.png'>", None),
        (f"<meta property='og:image' content='{WWW}/assets/importent_images/share.jpg'>", None),
        (json_ld("NewsArticle", f'"{PHOTO}"'), WWW + PHOTO),
        (json_ld("NewsArticle", f'["{PHOTO}","/x"]'), WWW + PHOTO),
        (json_ld("NewsArticle", f'{{"url":"{PHOTO}"}}'), WWW + PHOTO),
        (json_ld("NewsArticle", '"/assets/logo.png"'), None),
        (json_ld("Organization", f'"{PHOTO}"'), None),
    ],
)
def test_meta_picture_must_be_of_story(head: str, url: str | None) -> None:
    assert story(head=head).image_url == url
    assert picture(f'<img class="detailImg" src="{PHOTO}x">', head).image_url == f"{WWW}{PHOTO}x"


CAPTION = "চরে মানুষ। ছবি : কালবেলা"


@pytest.mark.parametrize(
    "markup",
    [
        f'<div class="dtl_img_section"><img src="{PHOTO}"><div class="dtl_img_caption">{CAPTION}</div></div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}"><p>{CAPTION}</p></div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}">{CAPTION}</div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}"><p>{CAPTION}</p><p>{CAPTION}</p></div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}"><p>চরে মানুষ।</p><p>ছবি : কালবেলা</p></div>',
        f'<div class="dtl_img_section"><figure><img src="{PHOTO}"><figcaption>{CAPTION}</figcaption></figure></div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}" alt="{CAPTION}"></div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}" title="{CAPTION}"></div>',
        f'<div class="dtl_img_section"><i data-sub-html="ছবির ক্যাপশন: {CAPTION}"><img src="{PHOTO}"></i></div>',
        f'<div class="dtl_img_section"><i data-sub-html="ছবির ক্যাপশন: "><img alt="{CAPTION}"></i></div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}"></div><p>{CAPTION}</p>',
        f'<div class="dtl_img_section"><img src="{PHOTO}"></div><div class="img_caption">{CAPTION}</div>',
        f'<div class="dtl_img_section"><img src="{PHOTO}"><script>x</script><p>{CAPTION}</p></div>',
        f'<div class="dtl_img_section"><div class="caption">{CAPTION}<div class="dtl_section">লেখা</div></div></div>',
    ],
)
def test_caption_is_found_in_all_places(markup: str) -> None:
    found = story(markup)
    assert (found.image_caption, found.image_credit) == ("চরে মানুষ।", "কালবেলা")
    assert found.body == "মূল লেখা।"


H1 = "<h1 class=details-title>শ</h1>"


@pytest.mark.parametrize(
    ("block", "kicker"),
    [
        *((f"{above}{H1}", "ক") for above in ("<h5>ক</h5>", "<h6>ক</h6>", "<h5><a href=/x>ক</a> /</h5>")),
        (f"<h6>লাল</h6><h5>নীল</h5>{H1}", "নীল"),
        ("<div><h5>ক</h5></div><div class=headline_section><h1 class=details-title>শ</h1></div>", "ক"),
        ("<div class=headline_section><h5>ক</h5><h1 class=details-title>শ</h1></div>", "ক"),
        ("<h1 class=details-title><span class=sholder>ক&nbsp;/</span> শ</h1>", "ক"),
        *(
            (block, None)
            for block in (f"{H1}<h6>ক</h6>", f"{H1}<div><h5>ক</h5></div>", f"<h5></h5><h5> / </h5>{H1}", H1)
        ),
    ],
)
def test_kicker_is_above_headline(block: str, kicker: str | None) -> None:
    found = read(f"<h5>অন্য</h5><div class=headline_content_block>{block}</div>{BODY}")
    assert (found.kicker, found.headline) == (kicker, "শ")


@pytest.mark.parametrize(
    ("meta", "edition"),
    [
        ('<div class="edition">প্রিন্ট সংস্করণ</div>', "print"),
        ('<div class="edition"> অনলাইন&nbsp;সংস্করণ</div>', "online"),
        ('<div class="mobile_post_meta">১০:০০ | প্রিন্ট সংস্করণ</div>', "print"),
        ('<div class="edition"></div><div class="rpt_info_section">অনলাইন ভার্সন</div>', "online"),
        ('<div class="rpt_info_section"><div class="rpt_name">অনলাইন ডেস্ক</div></div>', None),
        ('<div class="edition">ই-পেপার</div>', None),
        ("", None),
    ],
)
def test_edition_is_online_print_or_null(meta: str, edition: str | None) -> None:
    assert story(meta).edition == edition


def test_split_body_is_joined_once() -> None:
    pieces = "".join(f'<div class="dtl_content_section"><p>{text}</p></div>' for text in ("এক", "দুই", "এক"))
    outside = '<div class="dtl_content_section"><p>পাশের লেখা</p></div>'
    found = read(f'{TITLE}<div class="dtl_section"><div class="dtl_content_section"></div>{pieces}</div>{outside}')
    assert found.body == "এক\n\nদুই"


def test_nested_body_is_read_once() -> None:
    inner = '<div class="dtl_content_section"><p>ভেতরে</p></div>'
    found = read(f'{TITLE}<div class="dtl_section"><div class="dtl_content_section"><p>বাইরে</p>{inner}</div></div>')
    assert found.body == "বাইরে\n\nভেতরে"


def second(inner: str = "") -> str:
    body = '<div class="dtl_content_section"><p>দ্বিতীয় লেখা।</p></div>'
    return f'{inner}<div class="headline_content_block"><h1 class="details-title">দ্বিতীয়</h1></div>{body}'


META = f'<div class="rpt_info_section"><div class="rpt_name">দ্বিতীয়ের লেখক</div>{LABELLED}</div>'


@pytest.mark.parametrize(
    "markup",
    [
        f'<div id="details_content">{TITLE}{BODY}{second(META)}</div>',
        f'<div id="details_content"><div>{TITLE}{BODY}</div><div>{second(META)}</div></div>',
        f'<div id="details_content"><div>{TITLE}{BODY}</div><div>{META}</div><div>{second()}</div></div>',
        f'<div id="details_content"><div><div>{TITLE}</div><div>{BODY}</div></div><div>{second(META)}</div></div>',
        f'<div id="details_content"><div>{TITLE}{BODY}{second(META)}</div></div>',
        f'<div id="details_content">{TITLE}{BODY}<div>{second(META)}<div>{second(META)}</div></div></div>',
        f'<div id="details_content">{TITLE}{BODY}</div><div id="details_content">{second(META)}</div>',
        f"{TITLE}{BODY}{second(META)}{second(META)}",
        f"<div><div>{TITLE}<div>{BODY}</div></div></div>{META}<h5>কিকার</h5>{second()}",
    ],
)
def test_infinite_scroll_gives_first_story(markup: str) -> None:
    found = read(markup)
    assert (found.headline, found.body) == ("শিরোনাম", "মূল লেখা।")
    assert (found.byline, found.published_at, found.kicker) == (None, None, None)


def test_missing_body_is_not_borrowed() -> None:
    found = read(f'<div id="details_content"><div>{TITLE}</div><div>{second(META)}</div></div>')
    assert (found.headline, found.body, found.byline) == ("শিরোনাম", "", None)


def test_repeated_headline_is_one_story() -> None:
    meta = f'<div class="rpt_info_section">{LABELLED}</div>'
    found = read(f"<div>{TITLE}</div><div>{TITLE}{meta}{BODY}</div>")
    assert (found.body, found.published_at is None) == ("মূল লেখা।", False)


def test_title_in_widget_is_ignored() -> None:
    widget = '<div class="widget"><h3 class="details-title">পাশের খবর</h3></div>'
    for markup in (f"{widget}{TITLE}{BODY}", f"{TITLE}{BODY}{widget}", f"<div>{widget}</div><div>{TITLE}{BODY}</div>"):
        assert (read(markup).headline, read(markup).body) == ("শিরোনাম", "মূল লেখা।")


def test_parsing_leaves_page_unchanged() -> None:
    scrolling = page(f'<div id="details_content">{TITLE}{BODY}{second(META)}</div>')
    address = URL_RULES.identify(scrolling.url)
    assert isinstance(address, SiteUrl)
    first, again = (LAYOUT_2023.parse(scrolling, address, URL_RULES, Kalbela.zone) for _ in range(2))
    assert first == again
    assert len(scrolling.tree.css(".details-title")) == 2


def test_extractor_of_field_is_recorded() -> None:
    found = parsed(f'<div class="rpt_info_section"><div class="rpt_name">কেউ</div>{LABELLED}</div>', head="")
    assert found.extracted_by["byline"] == ".rpt_info_section .rpt_name"
    assert found.extracted_by["body"] == ".dtl_content_section"
    assert "kicker" not in found.extracted_by
    renamed = replace(LAYOUT_2023, headline=(css(".gone"), css("h1")))
    assert parse(TITLE + BODY, layout=renamed).extracted_by["headline"] == "h1"


def test_field_outside_usual_region_is_found() -> None:
    meta = f'<div class="rpt_info_section"><div class="rpt_name">কেউ</div>{LABELLED}</div>'
    tags = '<div id="tags_list"><a href="/x">ট্যাগ</a></div>'
    found = read(f'{meta}<div id="details_content">{TITLE}{BODY}</div>{tags}')
    assert (found.byline, found.tags, found.published_at is None) == ("কেউ", ["ট্যাগ"], False)


MEGABYTE = 2**20


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("inner", "head"),
    [
        (f'{TITLE}{BODY}<div class="dtl_img_section"><p>ছবি : {"." * MEGABYTE}x</p></div>', ""),
        (f'{TITLE}{BODY}<div class="dtl_img_section"><p>{"ছবি : ক " * 50_000}</p></div>', ""),
        (f'{TITLE}<div class="dtl_content_section"><p>{"সর্বশেষ খবর পেতে " * 50_000}</p></div>', ""),
        (f'{TITLE}<div class="dtl_content_section"><p>আরও পড়ুন {"-" * MEGABYTE}<a href="/x/1">x</a></p></div>', ""),
        (f'{TITLE}<div class="dtl_content_section"><p>{"খবর ক ও এপি " * 50_000}</p></div>', ""),
        (f'{TITLE}<div class="dtl_section">{"<div class=dtl_content_section>ক" * 30_000}</div>', ""),
        (BODY, f"<meta property='og:title' content='x{' ' * MEGABYTE}x'>"),
        (f"{TITLE}{BODY}{'<div>' * 100_000}", ""),
        ("".join(f"<div>{second()}</div>" for _ in range(3_000)), ""),
    ],
    ids=["dots", "credits", "promo", "dashes", "agencies", "texts", "spaces", "depth", "stories"],
)
def test_hostile_page_is_parsed_in_time(inner: str, head: str) -> None:
    assert read(inner, head).headline
