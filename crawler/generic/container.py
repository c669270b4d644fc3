"""Selection of the text blocks that are the story of a page, by the density of prose around the headline.

The search starts at the smallest element that contains the headline and enough prose. It goes down to a child as long
as the child contains most of the prose. It then goes up again as long as this adds much more prose than other text.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.parsing.page import root_of
from crawler.parsing.selectors import self_and_ancestors
from crawler.parsing.text_blocks import TextBlock, text_blocks


@dataclass(frozen=True)
class Thresholds:
    """Limits for the selection of a story's text blocks; `benchmarks/extraction.py` cross-validates them.

    Prose is running text, as opposed to labels and links.

    :param min_prose: minimum number of characters outside links for a block to be prose
    :param min_sentence: the same for a block that ends like a sentence
    :param min_rest: if a page has fewer characters of prose outside the elements whose class or id names boilerplate,
        the name of an element counts only if the element holds at most ``max_noise`` of the page's prose
    :param max_noise: share of the page's prose, see ``min_rest``
    :param near_characters: minimum characters of prose in the element around the headline at which the search starts
    :param near_share: minimum share of the page's prose in that element
    :param main_child: minimum share of an element's prose in one child for the search to go down to the child
    :param climb: minimum characters of prose gained per character of other text for the search to go up
    :param block_cost: number of characters that is added to the length of each block that is not prose
    """

    min_prose: int = 50
    min_sentence: int = 25
    min_rest: int = 300
    max_noise: float = 0.6
    near_characters: int = 400
    near_share: float = 0.15
    main_child: float = 0.7
    climb: float = 8.0
    block_cost: int = 30


DEFAULTS = Thresholds()
# Words in the class or id of an element, as in `related-links`, `share_bar` or `post-comments`, and pairs of words.
_WORDS = frozenset(
    (
        "comment",
        "comments",
        "disqus",
        "respond",
        "share",
        "sharing",
        "sharedaddy",
        "social",
        "newsletter",
        "newsletters",
    )
    + ("ad", "ads", "sidebar", "footer", "foot", "nav", "navigation", "navbar", "menu", "breadcrumb", "breadcrumbs")
    + (
        "cookie",
        "cookies",
        "gdpr",
        "consent",
        "subscribe",
        "subscription",
        "signup",
        "login",
        "popup",
        "modal",
        "overlay",
    )
    + ("tags", "taglist", "topics", "trending", "popular", "latest", "outbrain", "taboola", "caption", "captions")
    + ("credit", "credits", "byline", "dateline", "timestamp", "authorbio", "authorbox", "authorinfo", "bio", "toolbar")
    + ("widget", "banner", "pagination", "pager", "rating", "copyright", "disclaimer", "mostread", "mostviewed")
    + ("morenews", "morestories", "morefrom", "moreon", "readmore", "readnext", "readalso", "visuallyhidden")
)
_BEGINNINGS = re.compile(r"(?:^|[\s_-])(?:related|rec(?:irc|ommend)|promo|advert|sponsor)")
_PAIRS = re.compile(
    r"(?:^|[\s_-])(?:most-(?:read|viewed)|more-(?:news|stories|from|on)|read-(?:more|next|also)|author-(?:bio|box|info)"
    r"|sr-only|screen-reader-text|visually-hidden)(?:$|[\s_-])"
)
_SEPARATOR = re.compile(r"[\s_-]+")
_NAMED = "div, section, aside, ul, ol, dl, footer, header, p, table, figure, h2, h3, h4, small, blockquote"
_MAX_NAMES = 500  # characters of a class
_HIDDEN_STYLE = re.compile(r"display:\s*none|visibility:\s*hidden", re.IGNORECASE)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4"))
_HEADING_DEPTH = 4  # a headline may be in a link in a span in a heading
_NEVER_BOILERPLATE = frozenset(("html", "body", "main", "article"))
_NO_CONTAINER = frozenset(("p", "span", "a", "b", "strong", "em", "i", "li", "blockquote"))
_SENTENCE_END = re.compile(r"[.!?।…:。！？][\"'”’)»」]*$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text block of the page that may belong to the story.

    :ivar chain: ids of the elements that contain the block, with the innermost first
    :ivar prose: number of characters of prose (running text, not labels or links) in the block
    """

    block: TextBlock
    chain: tuple[int, ...]
    prose: int


class PageBlocks:
    """The text blocks of a page, except those in boilerplate elements such as menus and comments."""

    def __init__(self, tree: LexborHTMLParser, limits: Thresholds = DEFAULTS) -> None:
        body = tree.body if tree.body is not None else root_of(tree)
        _unwrap_page_form(body)
        self._limits = limits
        self._elements: dict[int, LexborNode] = {}
        self._chains: dict[int, tuple[int, ...]] = {}
        noise = {node.mem_id for node in body.css(_NAMED) if _is_boilerplate(node)}
        self.candidates = self._candidates(body, noise)
        if sum(each.prose for each in self.candidates) < limits.min_rest:
            every = self._candidates(body, set())
            prose = _sums(every, lambda each: each.prose)
            most = limits.max_noise * sum(each.prose for each in every)
            noise = {key for key in noise if prose[key] <= most}
            self.candidates = [each for each in every if noise.isdisjoint(each.chain)]

    def _candidates(self, body: LexborNode, excluded: set[int]) -> list[Candidate]:
        return [
            Candidate(block, self._chain(block.element), prose_in(block, self._limits))
            for block in text_blocks(body, excluded)
            if block.element is not None
        ]

    def _chain(self, element: LexborNode) -> tuple[int, ...]:
        """Return the ids of an element and its ancestors, with the innermost first; the results are cached."""
        above: list[int] = []
        known: tuple[int, ...] = ()
        for node in self_and_ancestors(element):
            if (found := self._chains.get(node.mem_id)) is not None:
                known = found
                break
            self._elements[node.mem_id] = node
            above.append(node.mem_id)
        for key in reversed(above):
            known = self._chains[key] = (key, *known)
        return known

    def heading(self, candidate: Candidate) -> str:
        """Return the tag name of the heading element (such as `h1`) that contains a block, or an empty string."""
        tags = (self._elements[key].tag or "" for key in candidate.chain[:_HEADING_DEPTH])
        return next((tag for tag in tags if tag in _HEADINGS), "")

    def around(self, headline: Candidate | None) -> list[Candidate]:
        """Return the text blocks of the element that contains the story, found by the density of prose.

        :param headline: block of the headline, where the search starts; None if it is unknown
        """
        if not self.candidates:
            return []
        limits, prose = self._limits, _sums(self.candidates, lambda each: each.prose)
        other = _sums(self.candidates, lambda each: 0 if each.prose else len(each.block.text) + limits.block_cost)
        children: dict[int, dict[int, None]] = defaultdict(dict)
        parents: dict[int, int] = {}
        for each in self.candidates:
            for child, parent in zip(each.chain, each.chain[1:], strict=False):
                children[parent][child] = None
                parents[child] = parent
        start = root = self.candidates[0].chain[-1]
        enough = max(limits.near_characters, limits.near_share * prose[root])
        if headline is not None:
            start = next((key for key in headline.chain if prose[key] >= enough), root)
        chosen = start
        while inside := children[chosen]:
            child = max(inside, key=prose.__getitem__)
            if prose[child] < limits.main_child * prose[chosen] or self._elements[child].tag in _NO_CONTAINER:
                break
            chosen = child
        above = chosen
        while above != start:
            above = parents[above]
            if prose[above] - prose[chosen] > limits.climb * (other[above] - other[chosen]):
                chosen = above
        return [each for each in self.candidates if chosen in each.chain]


def prose_in(block: TextBlock, limits: Thresholds = DEFAULTS) -> int:
    """Return the number of characters of prose in a text block; it is 0 for labels, lists of links and the like."""
    free = len(block.unlinked)
    is_prose = free >= limits.min_prose or (free >= limits.min_sentence and _SENTENCE_END.search(block.text))
    return free if is_prose and free * 2 >= len(block.text) else 0


def _sums(candidates: Iterable[Candidate], value: Callable[[Candidate], int]) -> dict[int, int]:
    sums: dict[int, int] = defaultdict(int)
    for each in candidates:
        if amount := value(each):
            for key in each.chain:
                sums[key] += amount
    return sums


def _is_boilerplate(node: LexborNode) -> bool:
    if node.tag in _NEVER_BOILERPLATE:
        return False
    attributes = node.attributes
    if not attributes:
        return False
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return (
        (names != " " and _names_boilerplate(names))
        or "hidden" in attributes
        or ("style" in attributes and _HIDDEN_STYLE.search(attributes["style"] or "") is not None)
    )


@lru_cache(maxsize=4096)  # the pages of a site have the same few hundred names
def _names_boilerplate(names: str) -> bool:
    names = names[:_MAX_NAMES].lower()
    return (
        not _WORDS.isdisjoint(_SEPARATOR.split(names))
        or _BEGINNINGS.search(names) is not None
        or ("-" in names and _PAIRS.search(names) is not None)
    )


def _unwrap_page_form(body: LexborNode) -> None:
    """Remove the tags of a form that contains most of the page, as in pages of ASP.NET.

    The text in other forms is skipped.
    """
    forms = body.css("form")
    whole = len(body.text()) if forms else 0
    for form in forms:
        if len(form.text()) * 2 > whole:
            form.unwrap()
