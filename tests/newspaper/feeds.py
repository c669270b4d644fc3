"""RSS and JSON feeds, robots.txt and sitemaps."""

import json
from datetime import timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

from .bengali_text import DHAKA
from .decoy_urls import SITE
from .ground_truth import sitemap_url
from .site_state import Entry, SiteState
from .stories import Story

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"


def rss(view: SiteState, name: str) -> str:
    """A feed; titles carry the kicker before a slash, with one space before it or two."""
    items = "".join(_item(entry) for entry in view.feed(name))
    return (
        f'{_XML}<rss version="2.0">\n<channel>\n'
        f"<title>কালবেলা - {name}</title>\n<link>{SITE}/</link>\n<description>কালবেলা</description>\n"
        f"{items}</channel>\n</rss>\n"
    )


def json_feed(view: SiteState, path: str) -> str:
    """A section's newest stories: an object of objects, not a list."""
    items = {str(place): _json_item(view, entry.story) for place, entry in enumerate(view.json(path), 1) if entry.story}
    return json.dumps(items, ensure_ascii=False)


def robots(crawl_delay: float | None) -> str:
    """An ordinary robots.txt (the real one is not known)."""
    delay = f"Crawl-delay: {crawl_delay:g}\n" if crawl_delay is not None else ""
    return (
        "User-agent: *\nDisallow: /templates/web-view/opinion_poll/\nDisallow: /search/\n"
        f"{delay}\nSitemap: {SITE}/sitemap.xml\nSitemap: {SITE}/news-sitemap.xml\n"
    )


def sitemap_index(view: SiteState) -> str:
    """The index: one sitemap for each month, compressed for the months of earlier years."""
    names = "".join(
        f"<sitemap><loc>{SITE}/sitemap/sitemap-{month}.xml{'.gz' if month < f'{view.now:%Y}' else ''}</loc>"
        f"<lastmod>{max(e.slot.published for e in entries).astimezone(DHAKA).isoformat()}</lastmod></sitemap>\n"
        for month, entries in view.months().items()
    )
    return f'{_XML}<sitemapindex xmlns="{_NAMESPACE}">\n{names}</sitemapindex>\n'


def sitemap(view: SiteState, month: str) -> str:
    """The sitemap of a month with stories. It forgets nothing: neither what has moved nor what is gone."""
    urls = "".join(
        f"<url><loc>{escape(sitemap_url(entry))}</loc>"
        f"<lastmod>{entry.slot.published.astimezone(DHAKA).isoformat()}</lastmod></url>\n"
        for entry in view.months()[month]
        if sitemap_url(entry).startswith(SITE)
    )
    return f'{_XML}<urlset xmlns="{_NAMESPACE}">\n{urls}</urlset>\n'


def news_sitemap(view: SiteState) -> str:
    urls = "".join(
        f"<url><loc>{escape(entry.href('news-sitemap'))}</loc><news:news><news:publication><news:name>কালবেলা</news:name>"
        f"<news:language>bn</news:language></news:publication><news:publication_date>"
        f"{entry.slot.published.astimezone(DHAKA).isoformat()}</news:publication_date>"
        f"<news:title>{escape(entry.headline)}</news:title></news:news></url>\n"
        for entry in view.fresh(timedelta(hours=48))
        if entry.href("news-sitemap").startswith(SITE)
    )
    return f'{_XML}<urlset xmlns="{_NAMESPACE}" xmlns:news="{_NEWS}">\n{urls}</urlset>\n'


def _item(entry: Entry) -> str:
    gap = "  " if entry.slot.number % 2 else " "
    title = f"{entry.kicker}{gap}/ {entry.headline}" if entry.kicker else entry.headline
    href = escape(entry.href("rss"))
    return (
        f"<item><title>{escape(title)}</title><link>{href}</link><guid>{href}</guid>"
        f"<pubDate>{format_datetime(entry.slot.published.astimezone(DHAKA))}</pubDate></item>\n"
    )


def _json_item(view: SiteState, story: Story) -> dict[str, object]:
    picture = story.picture
    return {
        "id": str(story.number),
        "title": story.state(view.now).headline,
        "shoulder": story.kicker or "",
        "reporter": story.byline or "",
        "photo_caption": (picture.printed or "") if picture else "",
        "news_tags": ",".join(story.tags),
        "news_date_time": f"{story.published.astimezone(DHAKA):%Y-%m-%d %H:%M:%S}",
        "news_edition": 1 if story.edition == "online" else 2,
        "generate_url": story.path(view.now).lstrip("/"),
        "img_url": picture.url if picture else "",
        "parent_cat_url": story.section(view.now).partition("/")[0],
    }
