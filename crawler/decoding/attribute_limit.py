"""Limit on the number of attributes of an HTML tag, because parse time is quadratic in it."""

import re
from collections import Counter

MAX_ATTRIBUTES = 500  # of a tag of more than `_WINDOW` characters
_WINDOW = 2_000

_ATTRIBUTE = re.compile(r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:(["'])|[^\s>]*+))?+""")
_TAG_NAME = re.compile(r"<[A-Za-z][^\s/>]{0,99}+")
_RAW_TAG = re.compile(r"<(/?)(?:script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>])", re.IGNORECASE)


def limit_attributes(html: str, removed: Counter[str]) -> str:
    """Return the HTML without the attributes beyond :data:`MAX_ATTRIBUTES` of each tag, and count them in ``removed``.

    For speed, a tag is checked only if it is long: it is found as a long part of the HTML without the character `<`.
    """
    parts, kept_to = [], 0
    checked_to, in_raw_text = 0, False
    at = searched_to = 0
    while 0 <= at <= len(html) - _WINDOW:
        if html.find("<", at, at + _WINDOW) >= 0:
            at += _WINDOW
            continue
        start = html.rfind("<", kept_to, at)
        at = html.find("<", at + _WINDOW)
        if start < 0 or not (name := _TAG_NAME.match(html, start)):
            continue
        if not name[0][1:].isalnum():  # such as `i<n.length` in a script
            end, searched_to = _script_end(html, searched_to, start), start
            if end >= 0:
                at = end
                continue
        keep_to, end, excess = _excess_attributes(html, name.end())
        if excess:
            for tag in _RAW_TAG.finditer(html, checked_to, start):
                in_raw_text = not tag[1]
            checked_to = start
            if not in_raw_text:
                removed["attributes"] += excess
                parts.append(html[kept_to:keep_to])
                kept_to = end
    return "".join((*parts, html[kept_to:])) if parts else html


def _script_end(html: str, searched_to: int, at: int) -> int:
    """Return the end of the script element that contains the position ``at``, or -1 if it is not in a script.

    The search is fast and approximate.
    """
    if (script := html.rfind("<script", searched_to, at)) < 0:
        return -1
    end = html.find("</script", script)
    if end < 0:
        return len(html)
    return end if end > at else -1


def _excess_attributes(html: str, at: int) -> tuple[int, int, int]:
    """Return (start, end, number) of the excess attributes of a tag whose attributes begin at ``at``.

    Attributes beyond :data:`MAX_ATTRIBUTES` are in excess.
    """
    count, keep_to = 0, at
    while attribute := _ATTRIBUTE.match(html, at):
        at = attribute.end()
        if quote := attribute[1]:  # a search is faster than a pattern
            at = max(html.find(quote, at) + 1, at)
        count += 1
        if count == MAX_ATTRIBUTES:
            keep_to = at
    return keep_to, at, max(count - MAX_ATTRIBUTES, 0)
