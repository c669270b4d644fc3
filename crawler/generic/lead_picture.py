"""Search for the caption of a story's lead picture on a page of any site."""

from urllib.parse import unquote, urlsplit

from selectolax.lexbor import LexborNode

from crawler.parsing.captions import clean_caption
from crawler.parsing.page import Article, visible_text

_SOURCES = ("src", "data-src", "data-original", "data-lazy-src", "srcset", "data-srcset")
_CAPTION = "figcaption, [class*=caption i]"
_MAX_CAPTION = 1_000


def caption_of(article: Article, image_url: str | None) -> str | None:
    """Return the caption of the lead picture as printed on the page, or None.

    It is the caption of the figure with the same image file or, if there is none, of the only figure of the page.
    """
    figures = [node for node in article.css("figure") if node.css_first(_CAPTION) is not None]
    name = _file_name(image_url or "")
    same = [node for node in figures if name and any(name in source for source in _sources_of(node))]
    for figure in same or (figures if len(figures) == 1 else []):
        caption = figure.css_first(_CAPTION)
        text = clean_caption(visible_text(caption) or "") if caption is not None else None
        if text and len(text) <= _MAX_CAPTION:
            article.extracted_by["image_caption"] = "figcaption"
            return text
    return None


def _file_name(url: str) -> str:
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""


def _sources_of(figure: LexborNode) -> list[str]:
    return [unquote(value) for image in figure.css("img") for name in _SOURCES if (value := image.attributes.get(name))]
