"""Repair of unclosed elements, such as ``form`` or ``aside``, that the extraction of a story's text skips.

By the HTML standard, an unclosed element contains everything up to the end of its parent. If the rest of a story is
inside it, a browser shows that text, so it must not be skipped.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

# Elements that `text_blocks` skips and that may hold other elements by mistake; the content of a script is no text.
SKIPPED_CONTAINERS = frozenset(
    ("aside", "audio", "button", "canvas", "datalist", "dialog", "figcaption", "figure", "form", "iframe", "map")
    + ("math", "nav", "noscript", "object", "select", "svg", "template", "textarea", "video")
)
_ANY_SKIPPED = ", ".join(sorted(SKIPPED_CONTAINERS))
# Elements that a caption may have; any other shows that it is unclosed and holds paragraphs of the story.
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "cite", "em", "figcaption", "font", "i", "img", "mark", "q", "small", "span", "strong")
    + ("sub", "sup", "time", "u", "wbr")
)
# An unclosed one may have a next sibling: the parser closes it at its end tag, or at the next of its name.
_CLOSED_BY_OTHERS = ("form", "button", "select")
_RAW = "script|style|title|textarea|iframe|xmp|noembed|noframes"
_TOKEN = re.compile(
    rf"""<!--(?:[^-]++|-(?!->))*+
    | (?P<tag><(?P<raw>{_RAW})(?=[\s/>])[^<>]*+>?) (?:[^<]++|<(?!/(?P=raw)[\s/>]))*+ (?P<end><[^<>]*+)?
    | <(?P<close>/?)(?P<name>[a-z][^\s/<>]*+) (?:[^<>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+ >?""",
    re.VERBOSE | re.IGNORECASE,
)
# Void elements, and elements whose end tag may be omitted.
_NOT_NESTED = frozenset(
    ("area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta")
    + ("optgroup", "option", "p", "param", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr")
)
# Elements that may overlap others: their end tag closes nothing else.
_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
_MAX_OVERLAP = 100


@dataclass(slots=True)
class _OpenElements:
    stack: list[tuple[str, int, int]] = field(default_factory=list)  # name, and span of the start tag
    names: Counter[str] = field(default_factory=Counter)
    edits: list[tuple[int, int, str]] = field(default_factory=list)  # span, and its replacement

    def open(self, name: str, start: int, end: int) -> None:
        self.stack.append((name, start, end))
        self.names[name] += 1

    def close(self, name: str, at: int) -> None:
        """Close the innermost element with a name and all elements that are open in it.

        A formatting element such as ``b`` may overlap others, so closing it closes no other element.
        """
        if not self.names[name]:
            return
        if name in _FORMATTING:
            recent = range(len(self.stack) - 1, max(len(self.stack) - _MAX_OVERLAP, 0) - 1, -1)
            if (depth := next((i for i in recent if self.stack[i][0] == name), None)) is not None:
                del self.stack[depth]
                self.names[name] -= 1
            return
        inner: list[tuple[str, int, int]] = []
        while (top := self.stack.pop())[0] != name:
            self.names[top[0]] -= 1
            inner.append(top)
        self.names[name] -= 1
        if name == "form":  # otherwise the parser keeps its elements open, and the rest of the page in the form
            self.edits += [(at, at, f"</{inside}>") for inside, *_ in inner]
        elif name not in SKIPPED_CONTAINERS:
            self.remove(inner)

    def remove(self, elements: list[tuple[str, int, int]]) -> None:
        self.edits += [(start, end, "") for name, start, end in elements if name in SKIPPED_CONTAINERS]


def may_be_unclosed(container: LexborNode) -> bool:
    """Return True if a container has an element that the text extraction skips and that may be unclosed.

    An element may be unclosed if it has text but no next sibling. A ``template``, and some elements with text such as a
    ``form``, may be unclosed even if they have a next sibling. Of nested elements only the outermost is checked: if it
    is closed, all elements in it are closed, except for a ``template``, which hides the end tags.
    """
    skipped = container.css(_ANY_SKIPPED)
    known = {node.mem_id for node in skipped}
    return any(
        node.tag == "template"
        or (
            (node.next is None or node.tag in _CLOSED_BY_OTHERS)
            and (node.text() or "").strip()
            and not _is_inside(node, known, container)
            and not _is_plain_figure(node)
        )
        for node in skipped
    )


def _is_inside(node: LexborNode, elements: set[int], container: LexborNode) -> bool:
    """Return True if a node is inside one of the given elements, which are themselves inside the container.

    :param elements: ``mem_id`` of the elements
    """
    above = node.parent
    while above is not None and above.mem_id != container.mem_id and above.mem_id not in elements:
        above = above.parent
    return above is not None and above.mem_id != container.mem_id


def _is_plain_figure(node: LexborNode) -> bool:
    """Return True if a figure has no other text than one caption, and the caption has only inline elements."""
    captions = node.css("figcaption") if node.tag == "figure" else []
    if len(captions) != 1 or any(inner.tag not in _INLINE for inner in captions[0].css("*")):
        return False
    return (node.text() or "").split() == (captions[0].text() or "").split()


def close_elements(html: str) -> str:
    """Return the HTML without the start tags of unclosed elements that the extraction of text would skip.

    An element is unclosed if it is still open where its parent ends. Its content becomes part of the parent.
    """
    opened = _OpenElements()
    for token in _TOKEN.finditer(html):
        if raw := token["raw"]:
            if not token["end"] and raw.lower() in SKIPPED_CONTAINERS:
                opened.edits.append((*token.span("tag"), ""))
        elif token["name"] and (name := token["name"].lower()) not in _NOT_NESTED:
            is_empty = token[0].endswith("/>") and (opened.names["svg"] or opened.names["math"])
            if token["close"]:
                opened.close(name, token.start())
            elif not is_empty:
                opened.open(name, *token.span())
    opened.remove(opened.stack)
    parts, at = [], 0
    for start, end, replacement in sorted(opened.edits, key=lambda edit: edit[0]):
        parts += [html[at:start], replacement]
        at = end
    return "".join((*parts, html[at:]))
