"""Pages of Kaler Kantho, Jago News 24, Dhaka Post, Anandabazar and BBC Bangla, after facts/newspapers."""

from datetime import UTC
from html import escape

from . import markup
from .families import DROPPED
from .piece import Piece, bengali_date


def kalerkantho(piece: Piece, url: str, image: str) -> bytes:
    updated = bengali_date(piece.updated, " | আপডেট: {d} {m}, {y} {H}:{M}") if piece.updated else ""
    cut = len(piece.paragraphs) // 2

    def article(texts: tuple[str, ...]) -> str:
        inner = "".join(f"<p>{escape(text)}</p>" for text in texts)
        return f'<article class="details-module__Vu_sVW__detailsBody news-details-content">{inner}</article>'

    body = f"""<header><time>ঢাকা, মঙ্গলবার ০৭ জুলাই ২০২৬</time></header><main>
<div class="details-module__Vu_sVW__sectionArea"><div class="details-module__Vu_sVW__articleArea">
<h1 class="fw-bold display-6">{escape(piece.headline)}</h1>
<div class="details-module__Vu_sVW__detailsTop"><span class="fw-bold">{escape(", ".join(piece.authors))}</span>
<time class="text-black-50">{bengali_date(piece.published, "প্রকাশ: {d} {m}, {y} {H}:{M}")}{updated}</time></div>
<figure><img src="{image}"><figcaption>{escape(piece.caption)}</figcaption></figure>
{article(piece.paragraphs[:cut])}
<div class="google-auto-placed"><ins>{DROPPED}</ins></div>{article(piece.paragraphs[cut:])}
</div></div><section><h2>ট্রেন্ডিং</h2><a href="/online/x/2026/01/01/1">{DROPPED}</a></section>
<div class="details-module__Vu_sVW__articleArea"><h1 class="fw-bold display-6">অন্য এক খবর</h1>
<time class="text-black-50">প্রকাশ: ০১ জানুয়ারি, ২০২৬ ১০:১০</time>{article((DROPPED,))}</div></main>"""
    head = f'<meta property="article:published_time" content="{piece.published.isoformat()}">'
    return markup.page(f"{piece.headline} | কালের কণ্ঠ", body, head, "article")


def jagonews24(piece: Piece, url: str, image: str) -> bytes:
    updated = bengali_date(piece.updated, " আপডেট: {I}:{M} {half}, {d} {m} {y}") if piece.updated else ""
    names = "".join(
        f'<a class="{kind}" href="/author/x">{escape(name)}</a>'
        for name in piece.authors
        for kind in ("hidden-print", "visible-print-view")
    )
    body = f"""<ol class="breadcrumb"><li><a href="/">প্রচ্ছদ</a></li>
<li><a href="/{piece.section}">{piece.section_title}</a></li></ol><h1 class="no-margin">{escape(piece.headline)}</h1>
<span class="small text-muted time-with-author">{names}
{bengali_date(piece.published, "প্রকাশিত: {I}:{M} {half}, {d} {m} {y}")}{updated}</span>
<div class="featured-image"><img src="/placeholder.png" data-src="{image}">
<p class="caption">{escape(piece.caption)}</p></div>
<div class="content-details">{markup.paragraphs(piece)}<p>আরও পড়ুন</p>
<ul><li><a href="/national/news/99">{DROPPED}</a></li></ul></div><ul class="photo-tags"><li><svg></svg></li>
{"".join(f'<li><a href="/topic/x">{tag}</a></li>' for tag in piece.tags)}</ul>"""
    head = markup.json_ld({"@type": "NewsArticle", "image": image, "datePublished": piece.published.isoformat()})
    return markup.page(piece.headline, body, head, "article")


def jagonews24_list(rows: list[tuple[str, Piece]]) -> bytes:
    def pane(name: str, own: list[tuple[str, Piece]]) -> str:
        items = "".join(
            f"""<li class="media"><div class="media-left"><span>{"০১২৩৪৫৬৭৮৯"[rank]}</span></div>
<div class="media-body"><h4 class="media-heading"><a href="{url}">{escape(piece.headline)}</a></h4></div></li>"""
            for rank, (url, piece) in enumerate(own, start=1)
        )
        return f'<div id="{name}"><ul class="media-list">{items}</ul></div>'

    return markup.page("জাগো নিউজ", f'<div class="jagoTab2">{pane("tab21", rows[:9])}{pane("tab22", rows[9:14])}</div>')


def dhakapost(piece: Piece, url: str, image: str) -> bytes:
    body = f"""<a href="https://www.dhakapost.com/cdn-cgi/content?id=x" rel="nofollow noopener"></a>
<article><h1>{escape(piece.headline)}</h1><time datetime="{piece.published.isoformat()}">
{bengali_date(piece.published, "{d} {m} {y}, {H}:{M}")}</time>
<figure><img src="{image}"><figcaption>{escape(piece.caption)}</figcaption></figure>
<div class="news-details prose">{markup.paragraphs(piece)}<p>ফলো করুন</p></div>
{"".join(f'<a href="/topic/x">{tag}</a>' for tag in piece.tags)}</article>"""
    head = markup.news_article(piece, url, image) + f'<meta property="og:image" content="{image}">'
    return markup.page(piece.headline, body, head, "article")


def dhakapost_list(rows: list[tuple[str, Piece]]) -> bytes:
    cards = "".join(f'<a class="group" href="{url}"><h2>{escape(piece.headline)}</h2></a>' for url, piece in rows)
    latest = "".join(
        f'<a class="group mb-6" href="{url}"><h3>{escape(piece.headline)}</h3></a>' for url, piece in rows[:5]
    )
    return markup.page(
        "সর্বশেষ",
        f"""<a href="https://www.dhakapost.com/cdn-cgi/content?id=trap-1" rel="nofollow noopener"></a>
<main><section>{cards}</section><div><div class="mt-3"><h4>সর্বশেষ</h4></div>
<div class="flex flex-col">{latest}</div></div></main>""",
    )


def anandabazar(piece: Piece, url: str, image: str) -> bytes:
    subtitle = f"<h2>{escape(piece.subtitle)}</h2>" if piece.subtitle else ""
    updated = piece.updated or piece.published
    body = f"""<div class="articlebox"><h1>{escape(piece.headline)}</h1>{subtitle}<span>Advertisement</span>
<div class="editbox"><h5>{escape(", ".join(piece.authors))}</h5>
<div class="editbtm"><span>কলকাতা</span><span>{bengali_date(updated, "শেষ আপডেট: {d} {m} {y} {H}:{M}")}</span></div></div>
<div class="leadimgbox"><img src="{image}"><p>{escape(piece.caption)}</p></div>
<div class="contentbox">{markup.paragraphs(piece, f'<div class="stkyadbox">{DROPPED}</div>')}</div></div>"""
    return markup.page(piece.headline, body, markup.news_article(piece, url, image, author=None), "article")


def anandabazar_list(rows: list[tuple[str, Piece]]) -> bytes:
    cards = "".join(
        f"""<li><div class="imgntextbox"><a href="{url.removeprefix("https://www.anandabazar.com")}">
<div class="contentbox"><h2>{escape(piece.headline)}</h2></div></a></div></li>"""
        for url, piece in rows
    )
    return markup.page("বিভাগ", f'<div class="sectioncontainer mt-16"><ul>{cards}</ul></div>')


def bbcbangla(piece: Piece, url: str, image: str) -> bytes:
    names = "".join(f"<ul role='list'><li>{escape(name)}</li></ul>" for name in piece.authors[:1])
    body = f"""<main role="main"><div dir="ltr"><h1 id="content">{escape(piece.headline)}</h1></div>
<section data-testid="byline">{names}</section>
<time datetime="{piece.published:%Y-%m-%d}">{piece.published.day}</time>
<figure><div><img src="{image}"></div><figcaption><span>ছবির উৎস,</span> <span>Getty</span>
<span>ছবির ক্যাপশান,</span> {escape(piece.caption)}</figcaption></figure>
{"".join(f'<div dir="ltr" class="bbc-19j92fr"><p dir="ltr">{escape(text)}</p></div>' for text in piece.paragraphs)}
<section data-e2e="related-content"><h2>এই খবর নিয়ে আরো তথ্য</h2>
<div dir="ltr"><p dir="ltr">{DROPPED}</p></div></section>
<aside aria-labelledby="related-topics"><h2>সম্পর্কিত বিষয়</h2>
{"".join(f'<a href="/bengali/topics/c907347rezkt">{tag}</a>' for tag in piece.tags)}</aside></main>"""
    utc = {
        "datePublished": f"{piece.published.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "dateModified": None,
    }
    about = [{"@type": "Thing", "name": piece.section_title}]
    changes = {"@type": "ReportageNewsArticle", "about": about, "headline": f"{piece.headline}: খোঁজের শিরোনাম"}
    head = markup.news_article(
        piece, url, image, author={"@type": "NewsMediaOrganization", "name": "BBC News বাংলা"}, **utc, **changes
    )
    return markup.page(f"{piece.headline} - BBC News বাংলা", body, head, "article")


def bbcbangla_list(rows: list[tuple[str, Piece]]) -> bytes:
    items = "".join(
        f"""<li role="listitem"><div><span>{"০১২৩৪৫৬৭৮৯"[rank]}</span></div><div>
<a class="focusIndicatorDisplayTableCell" href="{url}">{escape(piece.headline)}</a></div></li>"""
        for rank, (url, piece) in enumerate(rows[:5], start=1)
    )
    return markup.page("সর্বাধিক পঠিত", f'<main role="main"><h1>সর্বাধিক পঠিত</h1><ol role="list">{items}</ol></main>')
