"""Limits on nesting, attributes and elements, applied to HTML before it is parsed.

The parser's time is quadratic in the nesting and in the attributes of a tag, and worse for formatting elements that are
never closed: half a megabyte of `<div>` takes 12 seconds. Browsers have similar limits; ordinary pages stay far below
them and are not changed.
"""

import re

from crawler.decoding.decode_errors import PageTooLarge

MAX_ELEMENTS = 200_000
_MAX_UNCHECKED_TAGS = 4_000
_MAX_DEPTH = 400
_MAX_TAG_LENGTH = 10_000
_MAX_ATTRIBUTES = 500  # in a tag of more than that length
_STEP = _MAX_TAG_LENGTH // 2
_BRACKET = re.compile("[<>]")
_LONG_TAG = re.compile(f"<[^<>]{{{_MAX_TAG_LENGTH}}}")
_TAG = re.compile(
    r"""(?P<raw> <!--.*?(?:-->|\Z)
        | <(?P<text>script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>]).*?(?:</(?P=text)(?=[\s/>])|\Z) )
    | <(?P<close>/?) (?P<name>[a-z][^\s/<>]*) (?P<rest>[^<>]*) >?""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# Void elements, and elements that their next sibling closes.
_UNNESTED = frozenset(
    ("a", "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option", "p")
    + ("param", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr")
)
# Formatting elements: without them a text reads the same.
_FORMATTING = frozenset(("b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))


def limit_markup(html: str) -> str:
    """Remove formatting and very deep elements from HTML with very many tags, and tags with very many attributes."""
    if html.count("<") <= _MAX_UNCHECKED_TAGS and not _has_long_tag(html):
        return html
    depth = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal depth
        tag = match[0]
        if match["raw"]:
            return tag
        name, rest = match["name"].lower(), match["rest"]
        if name in _FORMATTING or (len(rest) > _MAX_TAG_LENGTH and len(rest.split()) > _MAX_ATTRIBUTES):
            return ""
        if name in _UNNESTED:
            return tag
        if match["close"]:
            depth = max(depth - 1, 0)
            return "" if depth >= _MAX_DEPTH else tag
        if rest.endswith("/"):  # an empty element, such as a shape of an icon
            return ""
        depth += 1
        return "" if depth > _MAX_DEPTH else tag

    return _TAG.sub(replace, html)


def _has_long_tag(html: str) -> bool:
    # A long tag leaves at least one step of the text without brackets; few pages have such a step.
    steps = range(0, len(html) - _STEP, _STEP)
    return any(_BRACKET.search(html, at, at + _STEP) is None for at in steps) and bool(_LONG_TAG.search(html))


def check_element_count(body: bytes) -> None:
    """Raise :class:`PageTooLarge` for a page with more elements than any newspaper has."""
    if len(body) > MAX_ELEMENTS and body.count(b"<") > MAX_ELEMENTS:
        raise PageTooLarge(f"more than {MAX_ELEMENTS:,} elements")
