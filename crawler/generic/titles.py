"""Search for the visible headline of a page, by comparison with the titles in the head of the page."""

from collections.abc import Sequence

from crawler.bengali.text import clean, letter_runs
from crawler.generic.container import Candidate, PageBlocks
from crawler.parsing.page import Page

_MAX_LENGTH = 300
_SAME = 0.7  # share of the words of the shorter of two titles
_LEVELS = {"h1": 0, "h2": 1, "h3": 2}


def declared_titles(page: Page) -> list[str]:
    """Return the titles that the head of a page declares in JSON-LD, meta elements and the ``title`` element.

    A headline in JSON-LD is omitted if it does not agree with the other titles.
    """
    meta = [page.meta_tags.get(name) for name in ("og:title", "twitter:title", "title", "headline", "dc.title")]
    element = page.tree.css_first("title")
    titles = [text for title in (*meta, element.text() if element else "") if (text := clean(title))]
    headlines = (clean(value["headline"]) for value in page.json_ld if isinstance(value.get("headline"), str))
    telling = [text for text in titles if len(_words(text)) > 1]
    agreeing = [text for text in headlines if text and (not telling or any(read_alike(text, each) for each in telling))]
    return list(dict.fromkeys((*agreeing, *titles)))


def find_headline(blocks: PageBlocks, titles: Sequence[str]) -> Candidate | None:
    """Return the text block that is the headline of a page, or None.

    It is the block that resembles one of the titles; of several, the first with the highest heading level. If no block
    resembles a title, it is the only `h1` of the page, unless the `h1` has at most two words, like the name of a site.
    """
    wanted = [words for title in titles if (words := _words(title))]
    short = [(blocks.heading(each), each) for each in blocks.candidates if len(each.block.text) <= _MAX_LENGTH]
    for _, each in sorted(short, key=lambda pair: _LEVELS.get(pair[0], len(_LEVELS))):
        own = _words(each.block.text)
        if any(_are_alike(words, own) for words in wanted):
            return each
    first = [each for level, each in short if level == "h1"]
    return first[0] if len(first) == 1 and len(_words(first[0].block.text)) > 2 else None


def read_alike(one: str, other: str) -> bool:
    """Return True if two titles have the same words.

    One of them may have a few more, such as the name of the site.
    """
    return _are_alike(_words(one), _words(other))


def _words(text: str) -> list[str]:
    return letter_runs(text.casefold())


def _are_alike(one: list[str], other: list[str]) -> bool:
    if one == other:
        return bool(one)
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < 3:
        return False
    common = len(set(shorter) & set(longer))
    return common >= _SAME * len(set(shorter)) and len(shorter) * 2 >= len(longer)


def without_site_name(title: str) -> str:
    """Return a title without the name of the site at its end, which follows a separator such as ` | ` or ` - `."""
    for sign in (" | ", " – ", " — ", " - ", " :: ", " » "):
        head, _, tail = title.rpartition(sign)
        if head and len(tail) < len(head):
            return head
    return title
