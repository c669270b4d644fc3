"""What the head of a story's page says of it: canonical address, Open Graph, JSON-LD, each on some pages only."""

import json
from datetime import datetime
from html import escape

from .bengali_text import DHAKA
from .field_markup import StoryMarkup
from .page_frame import DEFAULT_SHARE_PICTURE


def head(sheet: StoryMarkup) -> str:
    """The head's own lines, in the forms that the story's traits ask for."""
    lines = []
    if sheet.has("canonical"):
        lines.append(f'<link rel="canonical" href="{sheet.url}">')
    if sheet.has("og"):
        lines += _open_graph(sheet)
    if sheet.has("published_time") and sheet.in_head("published_at"):
        lines.append(f'<meta property="article:published_time" content="{_iso(sheet.story.published)}">')
    if sheet.has("json-ld"):
        lines.append(_linked_data(sheet))
    return "".join(f"{line}\n" for line in lines)


def _open_graph(sheet: StoryMarkup) -> list[str]:
    """Open Graph; its picture is at times the paper's own, also where the story has one."""
    picture = sheet.story.picture
    share = picture.url if picture and not sheet.has("default og image") else DEFAULT_SHARE_PICTURE
    said = {"og:type": "article", "og:site_name": "কালবেলা", "og:url": sheet.url}
    if sheet.in_head("headline"):
        said["og:title"] = f"{sheet.state.headline} | কালবেলা"
    if sheet.in_head("image_url"):
        said["og:image"] = share
    return [f'<meta property="{name}" content="{escape(value)}">' for name, value in said.items()]


def _linked_data(sheet: StoryMarkup) -> str:
    story, state = sheet.story, sheet.state
    known = {
        "headline": ("headline", state.headline),
        "published_at": ("datePublished", _iso(story.published)),
        "updated_at": ("dateModified", _iso(state.updated) if state.updated else None),
        "byline": ("author", {"@type": "Person", "name": story.byline} if story.byline else None),
        "image_url": ("image", [story.picture.url] if story.picture else None),
    }
    said = {key: value for name, (key, value) in known.items() if value and sheet.in_head(name)}
    block = json.dumps({"@context": "https://schema.org", "@type": "NewsArticle", **said}, ensure_ascii=False)
    return f'<script type="application/ld+json">{block}</script>'


def _iso(moment: datetime) -> str:
    return moment.astimezone(DHAKA).replace(second=0, microsecond=0).isoformat()
