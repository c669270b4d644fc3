"""Markup that would keep the parser busy for hours, made harmless before it is parsed.

The parser's time grows with the square of the nesting and of one tag's attributes, and worse with fonts that are opened
and never closed: half a megabyte of `<div>` takes 12 seconds. Browsers set bounds to the same. Ordinary pages, which is
to say nearly all, are far from them and are not touched.
"""

import re

from crawler.decoding.decode_errors import PageTooLarge

_FEW_TAGS = 4_000
_DEEPEST = 400
_LONG_TAG = 10_000
_STEP = _LONG_TAG // 2
_MOST_ATTRIBUTES = 500
_BRACKET = re.compile("[<>]")
_TAG = re.compile(
    r"""(?P<raw> <!--.*?(?:-->|\Z)
        | <(?P<text>script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>]).*?(?:</(?P=text)(?=[\s/>])|\Z) )
    | <(?P<close>/?) (?P<name>[a-z][^\s/<>]*) (?P<rest>[^<>]*) >?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# What closes itself, or is closed by its next sibling.
_UNNESTED = frozenset(
    ("a", "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p")
    + ("param", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr")
)
# Fonts in the widest sense: without any of them a text reads the same.
_FONTS = frozenset(("b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))


def untangled(html: str) -> str:
    """The same markup; of a page with very many tags, without fonts and without what nests very deep.

    A tag with very many attributes is left out.
    """
    if html.count("<") <= _FEW_TAGS and not _has_long_tag(html):
        return html
    depth = 0

    def kept(found: re.Match[str]) -> str:
        nonlocal depth
        tag = found[0]
        if found["raw"]:
            return tag
        name, rest = found["name"].lower(), found["rest"]
        if name in _FONTS or (len(rest) > _LONG_TAG and len(rest.split()) > _MOST_ATTRIBUTES):
            return ""
        if name in _UNNESTED:
            return tag
        if found["close"]:
            depth = max(depth - 1, 0)
            return "" if depth >= _DEEPEST else tag
        if rest.endswith("/"):  # meant to be empty, as the shapes of an icon are
            return ""
        depth += 1
        return "" if depth > _DEEPEST else tag

    return _TAG.sub(kept, html)


def _has_long_tag(html: str) -> bool:
    """Whether there may be one: it fills at least one step, in which nothing else begins or ends.

    A long script does the same, but the last bracket before it closes its tag.
    """
    before_is_full = False
    for at in range(0, len(html) - _STEP, _STEP):
        is_full = _BRACKET.search(html, at, at + _STEP) is None
        if is_full and not before_is_full:
            start = max(0, at - _STEP)
            if html.rfind("<", start, at) > html.rfind(">", start, at):
                return True
        before_is_full = is_full
    return False


MAX_ELEMENTS = 200_000


def check(body: bytes) -> None:
    """Raises :class:`PageTooLarge` for a page with more elements than any newspaper's."""
    if len(body) > MAX_ELEMENTS and body.count(b"<") > MAX_ELEMENTS:
        raise PageTooLarge(f"more than {MAX_ELEMENTS:,} elements")
