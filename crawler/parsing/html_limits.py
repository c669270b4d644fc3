"""Limits on nesting, formatting elements, attributes and elements, applied to HTML before it is parsed.

The HTML parser's time is quadratic in the depth of nesting and in the number of attributes of a tag. The parser also
repeats unclosed formatting elements in each block, so that 10,000 tags can take 4 GB. Browsers have similar limits;
ordinary pages stay far below them and are not changed. Text is never removed, and all removed markup is counted.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from crawler.decoding.attribute_limit import limit_attributes
from crawler.decoding.decode_errors import PageTooLarge

MAX_ELEMENTS = 200_000
MAX_DEPTH = 400
# Up to these numbers of tags, the parser needs little more than a second, however the tags are nested.
_MAX_UNCHECKED_FORMATTING = 5_000
_MAX_UNCHECKED_DEPTH = 20_000
# The parser may create an element for each tag and each formatting element that is open at the same time.
_MAX_REPEATED = 1_000_000

# Formatting elements, which can be removed without changing the text.
_FORMATTING = frozenset(("b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"))
# Both cases are written out, because patterns that ignore case are three times slower.
_ANY_FORMATTING = "|".join("".join(f"[{c}{c.upper()}]" for c in name) for name in sorted(_FORMATTING))
_FORMATTING_NAME = f"(?=[bcefinstuBCEFINSTU])({_ANY_FORMATTING})(?=[\\s/>])"
_FORMATTING_TAG = re.compile(f"<(/?){_FORMATTING_NAME}")
# Start tags of formatting elements, and some other tags.
_FORMATTING_START = re.compile(r"<[bcefinstuBCEFINSTU](?=[\s/>]|[iI][gG]|[oO]|[mM]|[tT])")
# A formatting element that the next tag does not close.
_LASTING_FORMATTING = re.compile(f"<{_FORMATTING_NAME}[^<]*+(?!</\\1[\\s>])")
_TAG = re.compile(
    r"""<!--(?:[^-]++|-(?!->))*+
    | <(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>]) (?:[^<]++|<(?!/(?P=raw)[\s/>]))*+
    | <(?P<name>/?[a-z][^\s/<>]*+) (?:[^<>="']++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+ >?""",
    re.VERBOSE | re.IGNORECASE,
)
# Void elements, and elements that their next sibling closes.
_UNNESTED = frozenset(
    ("a", "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "optgroup")
    + ("option", "p", "param", "rb", "rp", "rt", "rtc", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track")
    + ("wbr",)
)
_UNNESTED_SIGNS = frozenset(
    f"{name}{end}"[:3] for name in _UNNESTED - {"a"} for end in (("> ", " c", "/>", "\n ") if len(name) < 3 else ("",))
)
# Elements that limit the effect of end tags: one inside such an element closes nothing outside it.
_SCOPES = frozenset(("applet", "caption", "marquee", "object", "table", "template"))
_FOREIGN = frozenset(("svg", "math"))
# Elements that end an icon (svg) or formula (math), or that are HTML inside it.
_FOREIGN_ENDS = frozenset(
    ("blockquote", "body", "center", "desc", "div", "dl", "foreignobject", "h1", "h2", "h3", "h4", "h5", "h6", "head")
    + ("annotation-xml", "listing", "menu", "mi", "mn", "mo", "ms", "mtext", "ol", "pre", "ruby", "span", "sub", "sup")
    + ("table", "title", "ul", "var")
)


def limit_markup(html: str, removed: Counter[str] | None = None) -> str:
    """Return the HTML without attributes, formatting elements and deeply nested elements beyond the limits.

    :param removed: counter of removed attributes and elements by kind, which is updated
    """
    removed = Counter() if removed is None else removed
    html = limit_attributes(html, removed)
    tags = html.count("<")
    if tags <= _MAX_UNCHECKED_FORMATTING:
        return html
    max_formatting = _MAX_REPEATED // tags
    # The exact count takes longer than parsing, so only the few pages that fail the rough ones need it.
    if (
        len(_FORMATTING_START.findall(html)) > max_formatting
        and len(_LASTING_FORMATTING.findall(html)) > max_formatting
        and _most_open(_FORMATTING_TAG.findall(html)) > max_formatting
    ) or (tags > _MAX_UNCHECKED_DEPTH and _may_be_deep(html)):
        return _limit_elements(html, max_formatting, removed)
    return html


def _may_be_deep(html: str) -> bool:
    """Return True if elements may be nested too deeply, according to a rough count of start and end tags."""
    signs = [part[:3] for part in html.split("<")[1:]]
    starts, ends = Counter[str](), Counter[str]()
    unnested = 0
    for sign, count in Counter(signs).items():
        if sign.startswith("/"):
            ends[sign[1:].lower()] += count
        else:
            starts[sign[:2].lower()] += count
            unnested += count if sign.lower() in _UNNESTED_SIGNS else 0
    if (ends - starts).total() > MAX_DEPTH:
        return True
    kinds = "".join([sign[:1] for sign in signs])
    depth = peak = 0
    for at in range(0, len(kinds), MAX_DEPTH):
        end = at + MAX_DEPTH
        depth = max(
            depth + min(MAX_DEPTH, len(kinds) - at) - 2 * kinds.count("/", at, end) - kinds.count("!", at, end), 0
        )
        peak = max(peak, depth)
    return peak - unnested > MAX_DEPTH


def _most_open(formatting: list[tuple[str, str]]) -> int:
    """Return the maximum number of formatting elements that are open at the same time."""
    opened = _OpenElements()
    for slash, name in formatting:
        opened.format(name.lower(), is_end=bool(slash))
    return opened.most_formatting


@dataclass(slots=True)
class _Scope:
    """A table or similar element; end tags inside it do not close elements outside it."""

    name: str = ""
    stays: bool = True
    names: Counter[str] = field(default_factory=Counter)  # open elements; the stack has no formatting
    stack: list[tuple[str, bool]] = field(default_factory=list)  # name, and if the tag stays


class _OpenElements:
    """Stack of open elements, following the rules of the HTML standard.

    It gives upper bounds for the depth of nesting and the number of open formatting elements.
    """

    def __init__(self) -> None:
        self.scopes = [_Scope()]
        self.open_scopes = Counter[str]()
        self.depth = self.formatting = self.most_formatting = 0
        self.in_foreign = False  # in an icon or formula, where `<path/>` is empty

    def start(self, name: str) -> bool:
        """Open an element; return False if it is nested too deeply, so that its tag must be removed."""
        stays = self.depth < MAX_DEPTH
        self.depth += 1
        self.in_foreign = name in _FOREIGN or (self.in_foreign and name not in _FOREIGN_ENDS)
        if name in _SCOPES:
            self.open_scopes[name] += 1
            self.scopes.append(_Scope(name, stays))
        else:
            self.scopes[-1].names[name] += 1
            self.scopes[-1].stack.append((name, stays))
        return stays

    def end(self, name: str) -> bool:
        """Close the innermost element with a name and all elements in it; return False if the tag must be removed."""
        self.in_foreign = self.in_foreign and name not in _FOREIGN
        if self.open_scopes[name]:
            while True:
                scope = self.scopes.pop()
                self.open_scopes[scope.name] -= 1
                self.depth -= 1 + len(scope.stack)
                self.formatting -= sum(scope.names[inside] for inside in _FORMATTING)
                if scope.name == name:
                    return scope.stays
        scope = self.scopes[-1]
        stays = True
        if scope.names[name]:
            closed = ""
            while closed != name:
                closed, stays = scope.stack.pop()
                scope.names[closed] -= 1
                self.depth -= 1
        return stays

    def format(self, name: str, *, is_end: bool) -> None:
        names = self.scopes[-1].names
        if not is_end:
            names[name] += 1
            self.formatting += 1
            self.most_formatting = max(self.most_formatting, self.formatting)
        elif names[name]:
            names[name] -= 1
            self.formatting -= 1


def _limit_elements(html: str, max_formatting: int, removed: Counter[str]) -> str:
    """Return the HTML without the tags of elements that are nested too deeply.

    If more than ``max_formatting`` formatting elements are open at the same time, all tags of formatting elements are
    removed too.

    :param removed: counter of removed elements by kind, which is updated
    """
    opened = _OpenElements()
    deep: list[tuple[int, int]] = []
    formatting: list[tuple[int, int]] = []
    for tag in _TAG.finditer(html):
        name = (tag["name"] or "").lower()
        is_end = name.startswith("/")
        name = name.removeprefix("/")
        if name in _FORMATTING:
            formatting.append(tag.span())
            opened.format(name, is_end=is_end)
        elif name and name not in _UNNESTED:
            if is_end:
                stays = opened.end(name)
            else:
                is_empty = opened.in_foreign and tag[0].endswith("/>") and name not in _FOREIGN_ENDS
                stays = is_empty or opened.start(name)
            if not stays:
                deep.append(tag.span())
    spans = deep
    if deep:
        removed["deep elements"] += len(deep)
    if opened.most_formatting > max_formatting:
        removed["formatting"] += len(formatting)
        spans = sorted(deep + formatting)
    parts, at = [], 0
    for start, end in spans:
        parts.append(html[at:start])
        at = end
    return "".join((*parts, html[at:])) if parts else html


def check_element_count(body: bytes) -> None:
    """Raise :class:`PageTooLarge` if a page has more elements than the limit, which no page of a newspaper needs."""
    if len(body) > MAX_ELEMENTS and body.count(b"<") > MAX_ELEMENTS:
        raise PageTooLarge(f"more than {MAX_ELEMENTS:,} elements")
