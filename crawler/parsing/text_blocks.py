"""Extraction of a story's text as blocks: paragraphs, sub-heads, list items, quotations and table rows."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

_BLOCK = frozenset(
    ("address", "article", "blockquote", "br", "center", "dd", "details", "div", "dl", "dt", "fieldset", "footer")
    + ("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "summary")
    + ("caption", "table", "tbody", "tfoot", "thead", "tr", "ul")
)
_CELL = frozenset(("td", "th"))
# Elements that never contain text of a story, on any site.
_SKIPPED = frozenset(
    ("aside", "audio", "button", "canvas", "datalist", "dialog", "embed", "figcaption", "form", "head", "iframe")
    + ("input", "map", "math", "nav", "noscript", "object", "option", "script", "select", "style", "svg", "template")
    + ("textarea", "title", "video")
)


@dataclass(slots=True)
class TextBlock:
    """One block of text, such as a paragraph.

    :ivar unlinked: the part of the text that is not inside links
    :ivar links: URLs of the links in the block
    :ivar picture: alt text of a picture directly before the block, or "" if that picture has none; None without a
        picture
    :ivar element: the element in which the text of the block begins
    """

    text: str
    unlinked: str = ""
    links: tuple[str, ...] = ()
    picture: str | None = None
    element: LexborNode | None = field(default=None, repr=False, compare=False)


@dataclass(slots=True)
class _BlockBuilder:
    texts: list[str] = field(default_factory=list)  # of the current cell
    unlinked: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    picture: str | None = None
    element: LexborNode | None = None
    text_first: bool = False  # the block has text before the picture, which then belongs to the next block
    has_linked_text: bool = False
    link: LexborNode | None = None
    row: int | None = None  # the table row that becomes one block

    def add_text(self, node: LexborNode) -> None:
        text = node.text_content or ""
        if self.element is None and text.strip():
            self.element = node.parent
        mail = _hidden_mail(node) if text.startswith("[email") else None
        self.texts.append(mail or text)
        if self.link is None or mail:
            self.unlinked.append(mail or text)
            return
        self.has_linked_text = True
        if text.strip() and (href := self.link.attributes.get("href")) is not None:
            self.links.append(href)

    def enter(self, tag: str, node: LexborNode) -> TextBlock | None:
        if tag == "-text":
            self.add_text(node)
        elif tag == "a":
            self.link = node
        elif tag == "img":
            self.picture = node.attributes.get("alt") or ""
            self.text_first = bool(_join(self.texts))
        elif self.row is None and (tag in _BLOCK or tag in _CELL):
            block = self.finish_block()
            if tag == "tr" and _is_data_row(node):
                self.row = node.mem_id
            return block
        elif tag in _BLOCK:
            self.add_space()
        return None

    def leave(self, tag: str, node: LexborNode) -> TextBlock | None:
        if tag == "a":
            self.link = None
        elif tag in _CELL and self.row is not None:
            self.finish_cell()
        elif tag in _BLOCK or tag in _CELL:
            if self.row in (None, node.mem_id):
                self.row = None
                return self.finish_block()
            self.add_space()
        return None

    def finish_block(self) -> TextBlock | None:
        if self.texts:
            self.finish_cell()
        if not self.cells:
            self.links.clear()
            self.element = None
            return None
        text = " | ".join(self.cells)
        unlinked = _join(self.unlinked) if self.has_linked_text or len(self.cells) > 1 else text
        picture = None if self.text_first else self.picture
        block = TextBlock(text, unlinked, tuple(self.links), picture, self.element)
        self.cells, self.unlinked, self.links, self.has_linked_text, self.element = [], [], [], False, None
        self.picture, self.text_first = self.picture if self.text_first else None, False
        return block

    def finish_cell(self) -> None:
        if self.texts:
            if text := _join(self.texts):
                self.cells.append(text)
            self.texts = []

    def add_space(self) -> None:
        self.texts.append(" ")
        self.unlinked.append(" ")


def text_blocks(root: LexborNode, excluded: Container[int] = frozenset()) -> Iterator[TextBlock]:
    """Yield the text blocks below ``root`` in document order, with white space collapsed.

    A table row with several cells is one block. E-mail addresses that Cloudflare has obfuscated are decoded.

    :param excluded: ``mem_id`` of the elements to skip
    """
    builder = _BlockBuilder()
    for tag, node, entering in _walk(root, excluded):
        if block := builder.enter(tag, node) if entering else builder.leave(tag, node):
            yield block
    if block := builder.finish_block():
        yield block


def _walk(root: LexborNode, excluded: Container[int]) -> Iterator[tuple[str, LexborNode, bool]]:
    """Yield (tag, node, entering) at the start and the end of each node.

    There is no recursion, because its limit would restrict the depth of the document.
    """
    node, entering = root.first_child, True
    while node is not None:
        tag = node.tag or ""
        if entering and tag == "-text":
            yield tag, node, True
        elif entering and _is_visible(tag, node, excluded):
            yield tag, node, True
            if (child := node.first_child) is not None:
                node = child
                continue
            yield tag, node, False
        elif entering and tag not in _SKIPPED and (image := node.css_first("img")) is not None:
            yield "img", image, True
        elif not entering:
            yield tag, node, False
        if (following := node.next) is not None:
            node, entering = following, True
        elif (node := node.parent) is not None and node.mem_id == root.mem_id:
            break
        else:
            entering = False


def _is_visible(tag: str, node: LexborNode, excluded: Container[int]) -> bool:
    # Editors wrap tables in figures too.
    return (
        tag not in _SKIPPED
        and tag != "-comment"
        and node.mem_id not in excluded
        and (tag != "figure" or node.css_first("table") is not None)
    )


def _is_data_row(row: LexborNode) -> bool:
    """Return True if a table row has text in several cells and contains no other table.

    A row that contains a table is used for the layout of the page.
    """
    cells, child = 0, row.first_child
    while child is not None and cells < 2:
        cells += child.tag in _CELL and bool((child.text() or "").strip())
        child = child.next
    return cells > 1 and row.css_first("tr table") is None


def _join(texts: list[str]) -> str:
    return " ".join("".join(texts).split())


def _hidden_mail(node: LexborNode) -> str | None:
    """Return the e-mail address that Cloudflare has obfuscated as ``[email protected]``, or None.

    It is stored as hexadecimal bytes, each XORed with the first byte.
    """
    code = node.parent.attributes.get("data-cfemail") if node.parent is not None else None
    try:
        key, *letters = bytes.fromhex(code or "")
        return bytes(letter ^ key for letter in letters).decode()
    except ValueError:
        return None
