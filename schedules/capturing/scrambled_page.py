"""Scrambling of a page: all text is replaced letter by letter, and the page is parsed as before.

Markup, class names, ids, hosts, numbers in URLs, keys of JSON and dates stay, so that selectors still match. Replaced
are texts, the attributes that hold text, texts in JSON, in the strings of scripts and in comments, and in URLs Bengali
words and slugs. The same word becomes the same word everywhere, also in URLs.
"""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from schedules.capturing.known_words import KnownWords
from schedules.capturing.letters import LetterScrambler

_ATTRIBUTE = re.compile(r"""(?<![^\s"'<>/=])([^\s"'<>/=]++)(\s*+=\s*+)("[^"]*+"|'[^']*+'|[^\s>"']++)""")
_TEXT_ATTRIBUTES = frozenset(
    ("alt", "title", "placeholder", "aria-label", "summary", "label", "data-title", "data-caption", "data-sub-html")
    + ("data-text", "data-alt", "data-headline", "data-description")
)
_META_TEXT = re.compile(
    r"""(?:name|property|itemprop)\s*=\s*["']?[^"'\s>]*(?:title|description|keywords|author|caption|alt|headline|tag|section)\b""",
    re.IGNORECASE,
)
_URL = re.compile(r"\A\s*+(?:(?:https?:)?+//\S|/\S*+\s*+\Z|[^\s\"<>%]*+%[0-9A-Fa-f]{2})", re.IGNORECASE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SCRIPT_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+"' + r"|'(?:[^'\\\n]|\\.)*+'" + r"|`(?:[^`\\]|\\.)*+`", re.DOTALL)
_IDENTIFIER = re.compile(r"[\x21-\x7e]*+")
_REFERENCE = re.compile(r"&#(?:x[0-9A-Fa-f]{1,6}|[0-9]{1,7});")
_ESCAPED_LETTER = re.compile(r"\\u(?!00[0-7])([0-9A-Fa-f]{4})")
_ESCAPED_UTF8 = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_SLUG = re.compile(r"(?<![A-Za-z0-9-])[A-Za-z]++(?:-[A-Za-z0-9]++){3,}+")
_FRAGMENT = re.compile(r"(<[^<>]*+>)|[^<]++|<")
_QUERY_VALUE = re.compile(r"(?<==)[^&]++")
_QUERY_WORD = re.compile(r"(%[0-9A-Fa-f]{2})|[A-Za-z]++")
_RAW = ("script", "style", "textarea", "title")
_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
_TAG_NAME = re.compile(r"</?\s*([A-Za-z][\w:-]*)")


class PageScrambler:
    """Scrambler of one page and of its URLs.

    :param site: class of the site's spider, whose own words are kept
    """

    def __init__(self, html: str, seed: str = "khobor", site: type[Any] | None = None) -> None:
        self._html = _plain_letters(html)
        self._letters = LetterScrambler(seed, KnownWords(site), f"{unescape(self._html)} {unquote(self._html)}")

    def page(self) -> str:
        return "".join(self._pieces())

    def url(self, url: str) -> str:
        """Return a URL with its Bengali words and slugs replaced; hosts, numbers and short names stay."""

        def replace(match: re.Match[str]) -> str:
            plain = unquote(match[0])
            lower = "%e" in match[0] or "%a" in match[0]
            encoded = quote(self._letters.text(plain, latin=False), safe="")
            return encoded.lower() if lower else encoded

        url = _ESCAPED_UTF8.sub(replace, url)
        path, mark, query = url.partition("?")
        path = _SLUG.sub(lambda match: self._letters.text(match[0].replace("-", " ")).replace(" ", "-"), path)
        if " " in unquote_plus(query):  # a text, such as the headline in a link for sharing
            query = _QUERY_VALUE.sub(
                lambda match: match[0] if "%2F" in match[0].upper() else self._query_text(match[0]), query
            )
        return self._letters.text(path + mark + query, latin=False)

    def _query_text(self, text: str) -> str:
        """Replace the words of a text in a query, in which spaces are `+` or `%20`."""
        if "%2F" in text.upper():  # a URL
            return text
        return _QUERY_WORD.sub(lambda match: match[0] if match[1] else self._letters.text(match[0]), text)

    def _pieces(self) -> Iterator[str]:
        html, place, raw = self._html, 0, ""
        while place < len(html):
            if raw:
                end = _end_of_raw(html, place, raw)
                yield self._raw(html[place:end], raw)
                place, raw = end, ""
                continue
            start = _TAG_START.search(html, place)
            if start is None:
                yield self._letters.text(html[place:])
                return
            yield self._letters.text(html[place : start.start()])
            place = _end_of_tag(html, start.start())
            tag = html[start.start() : place]
            if tag.startswith("<!--"):
                yield f"<!--{self._letters.text(tag[4:-3])}-->" if tag.endswith("-->") else ""
                continue
            yield self._tag(tag)
            name = _TAG_NAME.match(tag)
            if name and not tag.startswith("</") and name[1].lower() in _RAW:
                raw = name[1].lower()
                self._is_json = "json" in tag

    def _tag(self, tag: str) -> str:
        is_text_meta = tag[:5].lower() == "<meta" and _META_TEXT.search(tag) is not None

        def replace(match: re.Match[str]) -> str:
            name, equals, value = match.groups()
            sign = value[0] if value[0] in "\"'" else ""
            inner = value[len(sign) : len(value) - len(sign)] if sign else value
            is_text = name.lower() in _TEXT_ATTRIBUTES or (is_text_meta and name.lower() == "content")
            if is_text and "<" in inner:
                inner = self._fragment(inner)
            elif is_text and not _URL.match(inner):
                inner = self._letters.text(inner)
            elif _URL.match(inner):
                inner = self.url(inner)
            else:
                inner = self._letters.text(inner, latin=False)
            return f"{name}{equals}{sign}{inner}{sign}"

        return self._sub(_ATTRIBUTE, replace, tag)

    def _raw(self, text: str, name: str) -> str:
        if name in ("title", "textarea"):
            return self._letters.text(text)
        if name == "style":
            return self._letters.text(text, latin=False)
        if self._is_json or text.lstrip()[:1] in ("{", "["):
            return self._json(text)
        return self._sub(_SCRIPT_STRING, lambda match: self._letters.text(match[0], latin=" " in match[0]), text)

    def _json(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            value = match[0][1:-1]
            if re.compile(r"\s*:").match(text, match.end()) or not value:
                return match[0]
            plain = value.replace("\\/", "/")
            if _URL.match(plain) and " " not in plain:
                changed = self.url(plain)
                return f'"{changed.replace("/", chr(92) + "/") if plain != value else changed}"'
            if _IDENTIFIER.fullmatch(value):
                return match[0]
            return f'"{self._fragment(value) if "<" in value else self._letters.text(value)}"'

        return self._sub(_STRING, replace, text)

    def _sub(self, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str) -> str:
        """Replace the matches of a pattern, and the letters between them that are not Latin."""
        done, pieces = 0, []
        for match in pattern.finditer(text):
            pieces += [self._letters.text(text[done : match.start()], latin=False), replace(match)]
            done = match.end()
        return "".join([*pieces, self._letters.text(text[done:], latin=False)])

    def _fragment(self, text: str) -> str:
        """Scramble text with tags inside an attribute or a string."""
        return re.sub(
            r"(<[^<>]*+>)|[^<]+|<", lambda match: match[0] if match[1] else self._letters.text(match[0]), text
        )


def _plain_letters(html: str) -> str:
    """Replace references and escapes of letters by the letters; those of signs stay."""

    def reference(match: re.Match[str]) -> str:
        letter = unescape(match[0])
        return letter if letter.isalnum() or "\u0980" <= letter <= "\u09ff" or letter in "\u200c\u200d" else match[0]

    def escape(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if letter.isalnum() or "\u0980" <= letter <= "\u09ff" else match[0]

    return _ESCAPED_LETTER.sub(escape, _REFERENCE.sub(reference, html))


def _end_of_raw(html: str, place: int, name: str) -> int:
    found = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, place)
    return found.start() if found else len(html)


def _end_of_tag(html: str, start: int) -> int:
    """Return the place after a tag or comment; a sign in quotes does not end a tag."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        return len(html) if end < 0 else end + 3
    match = re.compile(r"""<(?:[^<>"']|"[^"]*+"|'[^']*+')*+>""").match(html, start)
    if match:
        return match.end()
    end = html.find(">", start)
    return len(html) if end < 0 else end + 1
