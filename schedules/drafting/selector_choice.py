"""Choice of a CSS selector for an element, such that it selects the same part on all pages of a template."""

import re
from collections.abc import Callable, Iterator, Sequence

from selectolax.lexbor import LexborNode, SelectolaxError

from crawler.parsing.page import Page
from crawler.parsing.selectors import self_and_ancestors

_NAME = re.compile(r"[A-Za-z][\w-]{1,60}")
# Names of utility classes (Bootstrap, Tailwind), which many elements have, and of states.
_UTILITY = re.compile(
    r"(?:[mp][trblxy]?|no|pull|visible|col|row|container|d|flex|grid|text|bg|w|h|fw|fs|gap|order|justify|align|items|border|rounded|float|space"
    r"|sm|md|lg|xl|xxl|max|min|font|leading|hidden|block|inline|relative|absolute|active|show|fade|clearfix|lazy|img-fluid"
    r"|hover|group|card|shadow|overflow|position|top|left|z|opacity|transition|tracking|line|object)(?:-[\w./:-]*)?"
)
_PLAIN_TAGS = frozenset(("h1", "article", "main", "time", "figcaption"))
_MIN_CODE = 5
MAX_DEPTH = 4


def own_selectors(node: LexborNode) -> Iterator[str]:
    """Yield selectors of an element by its id, classes or tag, the most stable first."""
    attributes = node.attributes
    ident = attributes.get("id") or ""
    if _is_stable(ident) and not re.search(r"\d{3}", ident):
        yield f"#{ident}"
    names = [name for name in (attributes.get("class") or "").split() if _NAME.fullmatch(name)]
    plain = [name for name in names if _is_stable(name)]
    yield from (f".{name}" for name in plain)
    yield from (f"{node.tag}.{name}" for name in plain)
    for name in names:
        if "module__" in name and (match := re.search(r"__([A-Za-z][A-Za-z0-9-]{3,})\Z", name)):
            yield f'[class*="{match[1]}"]'
    if (itemprop := attributes.get("itemprop")) and _NAME.fullmatch(itemprop):
        yield f"[itemprop={itemprop}]"
    if (testid := attributes.get("data-testid")) and _NAME.fullmatch(testid):
        yield f'[data-testid="{testid}"]'
    if node.tag in _PLAIN_TAGS:
        yield str(node.tag)


def selectors_of(node: LexborNode) -> Iterator[str]:
    """Yield selectors of an element: its own, and those of its tag or classes inside an element around it."""
    own = [*own_selectors(node)]
    yield from own
    names = [*own, str(node.tag)]
    for above in [*self_and_ancestors(node)][1 : 1 + MAX_DEPTH]:
        for around in own_selectors(above):
            yield from (f"{around} {name}" for name in names)
    for above in [*self_and_ancestors(node)][1 : 1 + MAX_DEPTH]:
        yield from (f"{above.tag} > {name}" for name in names if above.tag not in ("div", "body", "html"))


def choose_selector(examples: Sequence[tuple[Page, LexborNode]], fits: Callable[[str], bool] = lambda _: True) -> str:
    """Return a selector whose first match on each page is the given element, or "" if there is none.

    :param fits: further condition on the selector
    """
    if not examples:
        return ""
    candidates = dict.fromkeys(selectors_of(examples[0][1]))
    return next((each for each in candidates if all(is_first(each, *one) for one in examples) and fits(each)), "")


def is_first(selector: str, page: Page, node: LexborNode) -> bool:
    try:
        first = page.tree.css_first(selector)
    except (ValueError, SelectolaxError):
        return False
    return first is not None and first.mem_id == node.mem_id


def _is_stable(name: str) -> bool:
    last = re.split("[_-]", name)[-1]
    has_code = len(last) >= _MIN_CODE and last.isalnum() and not last.isalpha() and not last.isdigit()
    is_built = has_code or "__" in name or name.startswith(("css-", "jsx-", "sc-"))  # by a build tool
    return bool(_NAME.fullmatch(name)) and not _UTILITY.fullmatch(name) and not is_built


def same_element(first: LexborNode, second: LexborNode) -> bool:
    return first.mem_id == second.mem_id


def common_ancestor(nodes: Sequence[LexborNode]) -> LexborNode | None:
    """Return the innermost element that contains all given elements and is none of them."""
    if not nodes:
        return None
    chains = [[each.mem_id for each in [*self_and_ancestors(node)][1:]] for node in nodes]
    shared = set(chains[0]).intersection(*chains[1:])
    return next((above for above in [*self_and_ancestors(nodes[0])][1:] if above.mem_id in shared), None)
