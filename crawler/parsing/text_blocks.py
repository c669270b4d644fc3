"""A story's text as blocks: paragraphs, sub-heads, list items, quotations and table rows, in reading order."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

_BLOCK = frozenset(
    ("address", "article", "blockquote", "br", "center", "dd", "details", "div", "dl", "dt", "fieldset", "footer")
    + ("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "summary")
    + ("caption", "table", "tbody", "tfoot", "thead", "tr", "ul")
)
_CELL = frozenset(("td", "th"))
# What is never text of a story, on any site.
_SILENT = frozenset(
    ("aside", "audio", "button", "canvas", "datalist", "dialog", "embed", "figcaption", "form", "head", "iframe")
    + ("input", "map", "math", "nav", "noscript", "object", "option", "script", "select", "style", "svg", "template")
    + ("textarea", "title", "video")
)
BETWEEN_CELLS = " | "


@dataclass(slots=True)
class Block:
    """One block of text.

    ``plain`` is what of it stands outside any link, ``links`` is where its links lead, and ``picture`` is the
    alternative text of a picture that stands just before it ("" where it has none); None where no picture does.
    """

    text: str
    plain: str = ""
    links: tuple[str, ...] = ()
    picture: str | None = None


@dataclass(slots=True)
class _Line:
    """The block that is being read."""

    texts: list[str] = field(default_factory=list)
    plains: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    picture: str | None = None
    text_first: bool = False  # whether text of the same block stands before the picture, which then leads the next one
    linked: bool = False  # whether any of the text stands inside a link
    link: LexborNode | None = None
    row: int | None = None  # the table row that reads as one line

    def add(self, node: LexborNode) -> None:
        text = node.text_content or ""
        hidden = _hidden_mail(node) if text.startswith("[email") else None
        self.texts.append(hidden or text)
        if self.link is None or hidden:
            self.plains.append(hidden or text)
            return
        self.linked = True
        if text.strip() and (href := self.link.attributes.get("href")) is not None:
            self.links.append(href)

    def enter(self, tag: str, node: LexborNode) -> Block | None:
        if tag == "-text":
            self.add(node)
        elif tag == "a":
            self.link = node
        elif tag == "img":
            self.picture = node.attributes.get("alt") or ""
            self.text_first = bool(_squeezed(self.texts))
        elif self.row is None and (tag in _BLOCK or tag in _CELL):
            block = self.take()
            if tag == "tr" and _is_row(node):
                self.row = node.mem_id
            return block
        elif tag in _BLOCK:
            self._space()
        return None

    def leave(self, tag: str, node: LexborNode) -> Block | None:
        if tag == "a":
            self.link = None
        elif tag in _CELL and self.row is not None:
            self._end_cell()
        elif tag in _BLOCK or tag in _CELL:
            if self.row is None:
                return self.take()
            if node.mem_id == self.row:
                self.row = None
                return self.take()
            self._space()
        return None

    def take(self) -> Block | None:
        self._end_cell()
        if not self.cells:
            self.links.clear()
            return None
        picture = None if self.text_first else self.picture
        text = BETWEEN_CELLS.join(self.cells)
        plain = _squeezed(self.plains) if self.linked or len(self.cells) > 1 else text
        block = Block(text, plain, tuple(self.links), picture)
        self.cells, self.plains, self.links, self.linked = [], [], [], False
        self.picture, self.text_first = self.picture if self.text_first else None, False
        return block

    def _end_cell(self) -> None:
        if self.texts:
            if text := _squeezed(self.texts):
                self.cells.append(text)
            self.texts = []

    def _space(self) -> None:
        self.texts.append(" ")
        self.plains.append(" ")


def blocks(root: LexborNode, dropped: Container[int] = frozenset()) -> Iterator[Block]:
    """The blocks below ``root``, spaces collapsed; ``dropped`` are the ``mem_id`` of elements that are not read.

    A table row of several cells is one block, ``BETWEEN_CELLS`` between them; an e-mail address that Cloudflare hides
    is written out.
    """
    line = _Line()
    for tag, node, entering in _walk(root, dropped):
        block = line.enter(tag, node) if entering else line.leave(tag, node)
        if block:
            yield block
    if block := line.take():
        yield block


def _walk(root: LexborNode, dropped: Container[int]) -> Iterator[tuple[str, LexborNode, bool]]:
    """Tag and node of everything that is read below ``root``, on the way in and out; no page is too deep for it."""
    node, entering = root.first_child, True
    while node is not None:
        tag = node.tag or ""
        if entering and _is_read(tag, node, dropped):
            yield tag, node, True
            if (child := node.first_child) is not None:
                node = child
                continue
            if tag != "-text":
                yield tag, node, False
        elif entering and tag not in _SILENT and (image := node.css_first("img")) is not None:
            yield "img", image, True
        elif not entering:
            yield tag, node, False
        if (following := node.next) is not None:
            node, entering = following, True
        elif (node := node.parent) is not None and node.mem_id == root.mem_id:
            break
        else:
            entering = False


def _is_read(tag: str, node: LexborNode, dropped: Container[int]) -> bool:
    if tag in _SILENT or tag == "-comment" or node.mem_id in dropped:
        return False
    # Editors wrap tables in figures too.
    return tag != "figure" or node.css_first("table") is not None


def _is_row(row: LexborNode) -> bool:
    """Whether a table row holds data: text in several cells, and no further table (which lays out a page)."""
    cells, child = 0, row.first_child
    while child is not None and cells < 2:
        cells += child.tag in _CELL and bool((child.text() or "").strip())
        child = child.next
    return cells > 1 and row.css_first("tr table") is None


def _squeezed(texts: list[str]) -> str:
    return " ".join("".join(texts).split())


def _hidden_mail(node: LexborNode) -> str | None:
    """The e-mail address that Cloudflare replaced by ``[email protected]``: its bytes, XORed with the first of them."""
    code = node.parent.attributes.get("data-cfemail") if node.parent is not None else None
    try:
        key, *letters = bytes.fromhex(code or "")
        return bytes(letter ^ key for letter in letters).decode()
    except ValueError:
        return None
