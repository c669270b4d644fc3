"""Composed pages of the CMS families that Bengali newspapers use; no markup or text is that of a real newspaper.

A line of markup is one line, however long.
"""

# ruff: noqa: E501

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape

_DIGITS = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_MONTHS = ["জানুয়ারি", "ফেব্রুয়ারি", "মার্চ", "এপ্রিল", "মে", "জুন", "জুলাই", "আগস্ট", "সেপ্টেম্বর", "অক্টোবর", "নভেম্বর", "ডিসেম্বর"]
_SECTIONS = ["প্রচ্ছদ", "জাতীয়", "রাজনীতি", "সারাদেশ", "আন্তর্জাতিক", "অর্থনীতি", "খেলা", "বিনোদন", "শিক্ষা", "মতামত", "চাকরি"]
_OTHERS = (
    "বর্ষায় ঢাকার রাস্তায় বাড়তি সতর্কতা",
    "নতুন পাঠ্যক্রমে যা থাকছে এবার",
    "চায়ের বাগানে ফিরছে পুরোনো দিন",
    "মেট্রোরেলের সময়সূচিতে বড় পরিবর্তন",
    "সুন্দরবনে মধু আহরণের মৌসুম শুরু",
    "ইলিশের ভরা মৌসুমে দাম কেন চড়া",
)


@dataclass(frozen=True)
class Story:
    """One composed story: the truth of its pages."""

    id: str
    section: str
    headline: str
    byline: str
    published_at: str
    agency: str | None
    tags: list[str]
    caption: str | None
    paragraphs: list[str]

    @property
    def date(self) -> str:
        """Date and time as printed, ১০ আগস্ট ২০২৬, ০৩:৪২ পিএম."""
        at = datetime.fromisoformat(self.published_at)
        half = "এএম" if at.hour < 12 else "পিএম"
        clock = f"{at:%d} {_MONTHS[at.month - 1]} {at:%Y}, {at:%I:%M} {half}"
        return clock.translate(_DIGITS)


def _menu() -> str:
    return "".join(f'<li><a href="/{number}">{name}</a></li>' for number, name in enumerate(_SECTIONS))


def _links(tag: str = "li") -> str:
    return "".join(f'<{tag}><a href="/news/{number}9">{title}</a></{tag}>' for number, title in enumerate(_OTHERS))


def _json_ld(story: Story, **more: str) -> str:
    value = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": story.headline,
        "datePublished": story.published_at,
        "author": [{"@type": "Person", "name": story.byline}],
        **more,
    }
    return f'<script type="application/ld+json">{json.dumps(value, ensure_ascii=True)}</script>'


def _page(story: Story, head: str, body: str, name: str = "দৈনিক নমুনা") -> str:
    return (
        f'<!doctype html><html lang="bn"><head><meta charset="utf-8"><title>{story.headline} | {name}</title>{head}</head>'
        f"<body>{body}</body></html>"
    )


def _paragraphs(story: Story, between: str = "", after: int = 2) -> str:
    parts = [f"<p>{escape(text, quote=False)}</p>" for text in story.paragraphs]
    return "".join((*parts[:after], between, *parts[after:]))


def wordpress(story: Story) -> str:
    """A WordPress theme: meta elements, entry-content, sharing buttons, related posts and comments."""
    head = (
        f'<meta property="og:type" content="article"><meta property="article:published_time" content="{story.published_at}">'
        f'<meta property="og:title" content="{story.headline}"><meta property="article:section" content="{story.section}">'
        + "".join(f'<meta property="article:tag" content="{tag}">' for tag in story.tags)
    )
    body = (
        f'<header class="site-header"><ul class="menu">{_menu()}</ul></header><main><article class="post type-post tag-desh">'
        f'<h1 class="entry-title">{story.headline}</h1><div class="entry-meta"><span class="author vcard">'
        f'<a rel="author" href="/author/1">{story.byline}</a></span> <time class="entry-date published"'
        f' datetime="{story.published_at}">{story.date}</time></div>'
        f'<div class="entry-content">{_paragraphs(story, "<p>বিজ্ঞাপন</p>")}'
        '<div class="sharedaddy"><h3>শেয়ার করুন</h3><ul><li>ফেসবুক</li><li>টুইটার</li></ul></div></div></article>'
        f'<section class="related-posts"><h3>আরও পড়ুন</h3><ul>{_links()}</ul></section>'
        '<section id="comments" class="comments-area"><h2>মন্তব্য</h2><p>খুব ভালো প্রতিবেদন, এমন খবর আরও চাই। লেখককে'
        " অনেক ধন্যবাদ জানাই এই সুন্দর লেখার জন্য।</p></section></main>"
        "<footer><p>© ২০২৬ দৈনিক নমুনা। সর্বস্বত্ব সংরক্ষিত। সম্পাদক ও প্রকাশক: নমুনা মিডিয়া লিমিটেড।</p></footer>"
    )
    return _page(story, head, body)


def laravel(story: Story) -> str:
    """A Laravel site: Bootstrap columns, dates with labels in two places, lists in tabs beside the text, no meta dates."""
    figure = f'<div class="dtl_pic"><img src="/pics/{story.id}.jpg"><p class="pic-caption">{story.caption}</p></div>'
    body = (
        f'<nav class="navbar"><ul>{_menu()}</ul></nav><div class="container"><div class="row"><div class="col-md-3">'
        f'<div class="reporter"><span>{story.byline}</span><p>প্রকাশ : {story.date}</p></div></div><div class="col-md-6">'
        f'<h1 class="title">{story.headline}</h1><div class="d-md-none">{story.date} | অনলাইন সংস্করণ</div>'
        f'{figure if story.caption else ""}<div class="news-body">'
        f"{_paragraphs(story, f'<p>আরও পড়ুন : <a href=/news/99>{_OTHERS[0]}</a></p>')}</div>"
        '<div class="tags"><a href="/t">' + '</a><a href="/t">'.join(story.tags) + "</a></div>"
        '<p>সর্বশেষ খবর পেতে দৈনিক নমুনার গুগল নিউজ চ্যানেল অনুসরণ করুন</p></div><div class="col-md-3"><div class="tabs">'
        f"<ul><li>সর্বশেষ</li><li>জনপ্রিয়</li></ul><ul>{_links()}</ul></div></div></div></div>"
        '<div class="footer-area"><p>এই ওয়েবসাইটের কোনো লেখা বা ছবি অনুমতি ছাড়া নকল করা আইনত দণ্ডনীয়।</p></div>'
    )
    return _page(story, f'<meta property="og:image" content="/pics/{story.id}.jpg">', body)


def theme_engine(story: Story) -> str:
    """A theme engine: microdata, a paragraph per group, a twin of the headline for phones and lists with dates."""
    groups = "".join(f'<div class="each_group"><p>{text}</p></div>' for text in story.paragraphs)
    rows = "".join(
        f'<div class="row_item"><h3><a href="/{number}8/x">{title}</a></h3><span class="time">২১ মার্চ ২০২৬</span></div>'
        for number, title in enumerate(_OTHERS)
    )
    body = (
        f'<div class="menu_holder"><ul>{_menu()}</ul></div><article itemscope itemtype="https://schema.org/NewsArticle">'
        f'<h1 itemprop="headline" class="title">{story.headline}</h1><div class="author_info"><span itemprop="author">'
        f'{story.byline}</span></div><div class="time_info"><span itemprop="datePublished" content="{story.published_at}">'
        f'প্রকাশ : {story.date}</span></div><div itemprop="articleBody" class="content_detail">{groups}</div></article>'
        f'<div class="widget latest_widget"><h2>সর্বশেষ</h2>{rows}</div>'
    )
    return _page(story, "", body)


def headless(story: Story) -> str:
    """A headless CMS: hashed class names, one container per story element, JSON-LD with the text."""
    elements = "".join(
        f'<div class="story-card-m__wrap__x1"><div class="story-element"><div class="story-element-text"><p>{text}</p></div>'
        "</div></div>"
        for text in story.paragraphs
    )
    body = (
        f'<div id="container"><div class="nav-m__q2"><ul>{_menu()}</ul></div><div class="grid-m__1"><h1>{story.headline}</h1>'
        f'<div class="author-m__aa">{story.byline}</div><div class="time-m__bb"><span>প্রকাশ: {story.date}</span></div>'
        f'<div class="content-m__cc">{elements}</div><div class="slug-list-m__dd">'
        + "".join(f'<a href="/topic/{tag}">{tag}</a>' for tag in story.tags)
        + f'</div><div class="read-more-m__ee"><div>{story.section} থেকে আরও পড়ুন</div>{_links("div")}</div></div></div>'
    )
    return _page(story, _json_ld(story, articleBody="\n".join(story.paragraphs)), body)


def old_tables(story: Story) -> str:
    """A site of the first years: nested tables, line breaks for paragraphs, no class names."""
    text = "<br><br>".join(story.paragraphs)
    body = (
        f'<table><tr><td colspan="3">{" | ".join(f"<a href=/s>{name}</a>" for name in _SECTIONS)}</td></tr><tr><td>'
        f"<table>{''.join(f'<tr><td><a href=/n>{title}</a></td></tr>' for title in _OTHERS)}</table></td><td><table><tr><td>"
        f"<h2>{story.headline}</h2><i>{story.byline}</i><br><small>প্রকাশিত: {story.date}</small></td></tr><tr><td>"
        f"<font size=3>{text}</font></td></tr></table></td><td>বিজ্ঞাপন</td></tr><tr><td colspan=3>স্বত্ব © দৈনিক নমুনা"
        " ২০০৮-২০২৬। যোগাযোগ: ১২ নমুনা সড়ক, ঢাকা।</td></tr></table>"
    )
    return _page(story, "", body)


def scripted(story: Story) -> str:
    """A site that builds its page in the browser: the text is only in JSON-LD, as escaped HTML."""
    markup = escape("".join(f"<p>{text}</p>" for text in story.paragraphs))
    return _page(story, _json_ld(story, articleBody=markup), f'<div id="root"></div><h1>{story.headline}</h1>')


FAMILIES: dict[str, Callable[[Story], str]] = {
    each.__name__: each for each in (wordpress, laravel, theme_engine, headless, old_tables, scripted)
}
