"""Pages of the families jadewits, eMythMakers, Laravel "ajax/load" and Quintype, after facts/newspapers."""

import json
from html import escape

from . import markup
from .piece import Piece, bengali_date

DROPPED = "এই লাইন খবরের অংশ নয়"


def jadewits(piece: Piece, url: str, image: str) -> bytes:
    updated = bengali_date(piece.updated, "আপডেট : {d} {m} {y}, {H}:{M}") if piece.updated else ""
    kicker = f'<h2 class="subtitle mb10">{escape(piece.kicker)}</h2>' if piece.kicker else ""
    names = "".join(f'<div class="author no_propic"><span class="name">{escape(n)}</span></div>' for n in piece.authors)
    body = f"""<div class="breadcrumb"><ul><li><a href="/"><strong>প্রচ্ছদ</strong></a></li>
<li><a href="/{piece.section}"><strong itemprop="name">{piece.section_title}</strong></a></li></ul></div>
<div class="content_detail_left"><div class="content_detail" itemscope itemtype="http://schema.org/NewsArticle">
{kicker}<h1 itemprop="headline" class="title mb10">{escape(piece.headline)}</h1>
<div class="additional_info_container">{names}
<div class="each_row time"><span class="tts_time" itemprop="datePublished" content="{piece.published.isoformat()}">
{bengali_date(piece.published, "প্রকাশ : {d} {m} {y}, {H}:{M}")}</span><span>{updated}</span></div></div>
<div class="content_highlights jw_detail_content_holder"><p>{DROPPED}</p></div>
<div class="featured_image"><img data-src="{image}" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<div class="jw_media_caption">{escape(piece.caption)}</div></div>
<article class="jw_detail_content_holder content mb16"><div itemprop="articleBody" class="viewport jw_article_body">
{markup.paragraphs(piece, '<p><span class="jwembed twitter"><amp-twitter data-tweetid="1"></amp-twitter></span></p>')}
</div></article>
<div class="topic_list">{_tags(piece, "<a href='/topic/x'><strong>{}</strong></a>")}</div></div></div>"""
    article = markup.news_article(piece, url, image, author={"@type": "Person", "name": piece.authors[0]})
    website = markup.json_ld({"@type": "Website", "name": "x", "headline": piece.headline, "url": "/"})
    return markup.page(piece.headline, body, website + article, "article")


def jadewits_list(rows: list[tuple[str, Piece]], widget: int) -> bytes:
    cards = "".join(
        f"""<div class="each col_in has_image image_left content_type_news"><div class="title_holder">
<h2 class="title"><a class="link_overlay" href="{url.removeprefix("https:")}" title="{escape(piece.headline)}">
{f'<span class="subtitle">{piece.kicker}</span>' if piece.kicker else ""} {escape(piece.headline)}</a></h2></div>
<span class="time aitm" data-published="{piece.published.isoformat()}">২ ঘণ্টা আগে</span></div>"""
        for url, piece in rows
    )
    return markup.page("সর্বশেষ", f'<div id="contents_{widget}_ajax_container">{cards}</div>')


def samakal(piece: Piece, url: str, image: str) -> bytes:
    updated = bengali_date(piece.updated, " | আপডেট: {d} {m} {y} | {H}:{M}") if piece.updated else ""
    kicker = f'<h4 class="DsubHead">{escape(piece.kicker)}</h4>' if piece.kicker else ""
    body = f"""<ol class="breadcrumb"><li class="breadcrumb-item"><a href="/">হোম</a></li></ol>
<div class="dheading">{kicker}<h1>{escape(piece.headline)}</h1></div>
<div class="writter"><p>{escape(", ".join(piece.authors))}</p></div>
<div class="dateAndTime"><p>{bengali_date(piece.published, "প্রকাশ: {d} {m} {y} | {H}:{M}")}{updated}</p></div>
<div class="DNewsImg"><img src="/media/common/placeholder.png" data-src="{image}"><p>{escape(piece.caption)} ×</p></div>
<div class="dNewsDesc"><div id="contentDetails">\ufeff{markup.paragraphs(piece, _advert())}
<div class="DContentAdd2">{DROPPED}</div></div></div>
<div class="tagArea"><span>বিষয় :</span><ul>{_tags(piece, "<li><a href='/topic/x'>{}</a></li>")}</ul></div>"""
    # The site gives the headline as the author.
    head = markup.news_article(
        piece, url, image, author={"name": piece.headline}, datePublished=f"{piece.published:%Y-%m-%d %H:%M:%S}"
    )
    return markup.page(piece.headline, body, head + '<meta name="author" content="SAMAKAL">', "article")


def samakal_list(rows: list[tuple[str, Piece]]) -> bytes:
    cards = "".join(
        f"""<div class="CatListNews"><a href="{url}"><div class="CatListhead"><h3>
<span class="subHeading">{piece.kicker or "খবর"} /</span> {escape(piece.headline)}</h3></div></a></div>"""
        for url, piece in rows
    )
    block = "".join(
        f"""<a href="{url}"><div class="dLastNewsText"><h5>
{f'<span class="subHeading">{piece.kicker} /</span>' if piece.kicker else ""} {escape(piece.headline)}</h5></div></a>"""
        for url, piece in rows[:8]
    )
    return markup.page("সর্বশেষ", f'<div id="data-wrapper">{cards}</div><div class="DlastNews-list">{block}</div>')


def bdnews24(piece: Piece, url: str, image: str) -> bytes:
    kicker = f'<p class="shoulder-text">{escape(piece.kicker)}</p>' if piece.kicker else ""
    subtitle = f"<p>{escape(piece.subtitle)}</p>" if piece.subtitle else ""
    body = f"""<div class="details-title">{kicker}<h1>{escape(piece.headline)}</h1>{subtitle}</div>
<div class="detail-author-name"><span class="author">{escape(", ".join(piece.authors))}</span></div>
<div class="detail-author-name"><span class="author">বিডিনিউজ টোয়েন্টিফোর ডটকম</span></div>
<div class="details-brief" id="contentDetails">{markup.paragraphs(piece, _advert())}</div>"""
    dates = {"datePublished": f"{piece.published:%Y-%m-%d %H:%M:%S}", "dateModified": None}
    head = markup.news_article(piece, url, image, author={"name": piece.headline}, **dates)
    return markup.page(piece.headline, body, head, "article")


def bdnews24_list(rows: list[tuple[str, Piece]]) -> bytes:
    cards = "".join(
        f"""<div class="SubCat-wrapper"><a href="{url}"><h5>{escape(piece.headline)}</h5></a>
<span class="category-arch">{piece.section_title}</span></div>"""
        for url, piece in rows
    )
    return markup.page("আর্কাইভ", f'<div id="data-wrapper">{cards}</div>')


def laravel_ajax(piece: Piece, url: str, image: str) -> bytes:
    date = bengali_date(piece.published, "প্রকাশ: {d} {m} {y}, {I}:{M} {half}")
    edition = "প্রিন্ট সংস্করণ" if piece.edition == "print" else "অনলাইন সংস্করণ"
    names = ", ".join(f'<a href="/author/1/x">{escape(name)}</a>' for name in piece.authors)

    def copy(prefix: str) -> str:
        kicker = f'<p class="{prefix}Shoulder">{escape(piece.kicker)}</p>' if piece.kicker else ""
        subtitle = f'<p class="{prefix}Hanger">{escape(piece.subtitle)}</p>' if piece.subtitle else ""
        return f"""<div><p class="{prefix}Cat"><a href="/{piece.section}"><strong>{piece.section_title}</strong></a></p>
{kicker}<h1 class="{prefix}Headline"><strong>{escape(piece.headline)}</strong></h1>{subtitle}
<p class="{prefix}Reporter">{names}</p><p class="{prefix}PTime color1">{date}</p><p class="{prefix}PTime">{edition}</p>
<div class="{prefix}Photo"><figure><img src="{image}"></figure><figcaption><p>{escape(piece.caption)}</p></figcaption>
</div><div class="categoryNewsWidgetDesktop1"><h2>আরও পড়ুন</h2></div>
<div class="{prefix}Body innerAdDiv">{markup.paragraphs(piece, _advert("adDiv"))}<p></p><p></p></div></div>"""

    tabs = '<div class="tabNews"><div id="latestTab"></div><div id="highestTab"></div></div>'
    tags = "".join(f'<a href="/tags/x">{tag}</a>' for tag in piece.tags)
    body = f'{copy("desktopDetail")}<p class="desktopDetailTag">{tags}</p>{copy("detail")}{tabs}'
    modified = piece.updated.isoformat() if piece.updated else None
    head = markup.news_article(piece, url, image, author={"name": piece.authors[0]}, dateModified=modified)
    return markup.page(piece.headline, body, head.replace('", "', '",\n"'), "article")


def laravel_ajax_list(rows: list[tuple[str, Piece]]) -> bytes:
    cards = "".join(
        f"""<div class="media positionRelative"><h4 class="title10">{escape(piece.headline)}</h4>
<a href="{url}" class="linkOverlay"></a></div>"""
        for url, piece in rows
    )
    return markup.page("সর্বশেষ", f'<div class="loadMoreCategoryNewsDesktop">{cards}</div>')


def quintype(piece: Piece, url: str, image: str) -> bytes:
    elements = "".join(
        f"""<div class="story-element"><div class="story-element story-element-text">
<div><p>{escape(text)}</p></div></div></div>"""
        for text in piece.paragraphs
    )
    names = "".join(f'<span class="contributor-name">{escape(name)}</span>' for name in piece.authors)
    body = f"""<div class="story-content-wrapper"><div class="story-title-info IiRps">
{f'<span class="sub-title">{escape(piece.kicker)}</span>' if piece.kicker else ""}
<h1 data-title-0="x">{escape(piece.headline)}</h1></div>
<div class="author-name-location-wrapper">{names}<span class="author-location">ঢাকা</span></div>
<div class="time-social-share-wrapper"><time datetime="{piece.published.isoformat()}">প্রকাশ:
{bengali_date(piece.published, "{d} {m} {y}, {H}: {M}")}</time></div>
<div class="story-page-hero"><img src="{image}" alt="x">
<div class="story-element-image-caption">{escape(piece.caption)}</div></div>{elements}
<div class="story-element story-element-text-also-read"><span>আরও পড়ুন</span><h2><a href="/x">{DROPPED}</a></h2></div>
</div>"""
    crumbs = markup.breadcrumb(("Home", url[:28]), (piece.section_title, url.rpartition("/")[0]), (piece.headline, url))
    text = "".join(f"&lt;p&gt;{escape(each)}&lt;/p&gt;" for each in piece.paragraphs)
    head = crumbs + markup.news_article(piece, url, image, articleBody=text, keywords=",".join(piece.tags))
    return markup.page(piece.headline, body, head, "article")


def quintype_list(rows: list[tuple[str, Piece]]) -> bytes:
    numbers = "".join(
        f"""<div class="numbered-story-headline nYUdR"><div class="content numbered-story-headline hA6x3">
<span class="headline-number DGesc">{"০১২৩৪৫৬৭৮৯"[rank]}</span><div><h3 class="headline-title">
<a aria-label="Title link" class="title-link" href="{url}"><span class="tilte-no-link-parent">
{f'<span class="sub-title">{piece.kicker}</span>' if piece.kicker else ""}{escape(piece.headline)}</span></a></h3></div>
</div></div>"""
        for rank, (url, piece) in enumerate(rows[:5], start=1)
    )
    stories = [{"type": "story", "story": {"headline": p.headline, "url": u, "published-at": 1}} for u, p in rows]
    data = {"qt": {"data": {"collection": {"items": [{"type": "collection", "slug": "latest-all", "items": stories}]}}}}
    return markup.page(
        "সর্বশেষ",
        f"""<div class="serial-stories-tabs"><h2 class="active-tab tab-headline">সর্বশেষ</h2>
<h2 class="tab-headline">পঠিত</h2>
<div class="numbered-story-headline-wrapper">{numbers}</div></div>
<script type="application/json" id="static-page">{json.dumps(data, ensure_ascii=False)}</script>""",
    )


def quintype_api(rows: list[tuple[str, Piece]]) -> bytes:
    items = [
        {"id": piece.ident, "type": "story", "story": {"url": url, "headline": piece.headline}} for url, piece in rows
    ]
    return json.dumps({"items": items, "total-count": len(items)}, ensure_ascii=False).encode()


def _tags(piece: Piece, form: str) -> str:
    return "".join(map(form.format, piece.tags))


def _advert(name: str = "google-auto-placed") -> str:
    return f'<div class="{name}"><ins class="adsbygoogle">{DROPPED}</ins></div>'
