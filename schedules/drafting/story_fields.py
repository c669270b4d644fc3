"""Draft of a layout: for each field of a story, the elements that hold it on several pages of a site."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from selectolax.lexbor import LexborNode

from crawler.bengali.date_patterns import LABEL
from crawler.bengali.text import ascii_digits, clean, compile_nfc, search_key
from crawler.cms import structured_data as data
from crawler.parsing.page import visible_text
from crawler.parsing.selectors import self_and_ancestors
from schedules.drafting.drafted_body import DraftedFields, add_body, add_repeated
from schedules.drafting.selector_choice import choose_selector, own_selectors
from schedules.drafting.site_file import literal
from schedules.drafting.story_page import StoryPage, next_element, previous_element

LABELS = "প্রকাশ|আপডেট|Published|published|Updated|updated"
_BYLINE = re.compile("author|by-?line|reporter|writt?er|correspondent|contributor|journalist", re.IGNORECASE)
_DESK = compile_nfc(r"(?:ডেস্ক|প্রতিবেদক|প্রতিনিধি|রিপোর্টার|সংবাদদাতা|করেসপন্ডেন্ট|Desk|Correspondent|Reporter|Report)\Z")
_KICKER = re.compile("should?er|sholder|kicker|hanger|sub-?head|top-?line|over-?line|strap|eyebrow", re.IGNORECASE)
_SUBTITLE = re.compile("sub-?title|sub-?head|deck|standfirst|excerpt|summary|intro|hanger|lead-?text", re.IGNORECASE)
_AUTHOR_PATH = re.compile("/(?:authors?|writers?|reporters?|profile)/")
_TAG_PATH = re.compile("/(?:topics?|tags?|keywords?)/")
_BREADCRUMB = "[class*=breadcrumb] a[href], [aria-label=breadcrumb] a[href]"
_PICTURE_ATTRIBUTES = ("data-src", "data-original", "src")


def draft_fields(stories: Sequence[StoryPage]) -> DraftedFields:
    """Return the fields of a layout that the pages of several stories support."""
    drafted = DraftedFields(stories)
    has_only_h1 = all(story.heading.tag == "h1" and len(story.page.tree.css("h1")) == 1 for story in stories)
    if heading := "h1" if has_only_h1 else choose_selector([(story.page, story.heading) for story in stories]):
        drafted.add("title", literal(heading), len(stories))
        drafted.add_css("headline", heading)
    add_body(drafted)
    add_repeated(drafted)
    _add_beside_headline(drafted)
    for selector in _most(stories, _bylines) or _varying(stories, _most(stories, _beside_date)):
        drafted.add_css("authors", selector)
    for selector in _most(stories, _labelled_dates):
        drafted.add_css("dates", selector, matching=LABELS)
    if times := sum(1 for story in stories if story.outside("time[datetime]")):
        drafted.add("published", 'attribute("time", "datetime")', times)
    _add_picture(drafted)
    if crumbs := [*_most(stories, lambda story: _parents(story.outside(_BREADCRUMB)))]:
        drafted.add_css("section", f"{crumbs[0]} li:last-child a")
    tags = _varying(stories, _most(stories, _tag_lists))
    for selector in [each for each in tags if all(len(story.page.tree.css(each)) <= 20 for story in stories)][:1]:
        pages = sum(1 for story in stories if story.page.tree.css(selector))
        drafted.add("tags", literal(selector), pages)
    return drafted


def _most(stories: Sequence[StoryPage], find: Any) -> list[str]:
    """Return the selectors that ``find`` yields for at least half of the pages, at most two."""
    counts = Counter(selector for story in stories for selector in dict.fromkeys(find(story)))
    return [selector for selector, count in counts.most_common(2) if count * 2 >= len(stories)]


def _parents(nodes: Sequence[LexborNode]) -> Iterator[str]:
    for node in nodes:
        for above in [*self_and_ancestors(node)][1:4]:
            if selector := next(iter(own_selectors(above)), ""):
                yield selector
                break


def _add_beside_headline(drafted: DraftedFields) -> None:
    """Add the elements directly before and after the headline whose tag or class names a short line."""
    for name, step, pattern in (("kicker", previous_element, _KICKER), ("subtitle", next_element, _SUBTITLE)):
        examples = []
        for story in drafted.stories:
            node = step(story.heading)
            if (
                node is None
                or not 4 <= len(text := visible_text(node) or "") <= 300
                or node.css_first("img") is not None
            ):
                continue
            names = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
            is_heading = re.fullmatch("h[2-6]", node.tag or "") is not None
            if (is_heading or pattern.search(names)) and not _has_date(text):
                examples.append((story.page, node))
        beside = {node.mem_id for _, node in examples}

        def is_only_beside(selector: str, beside: set[int] = beside) -> bool:
            firsts = (story.page.tree.css_first(selector) for story in drafted.stories)
            return all(first is None or first.mem_id in beside for first in firsts)

        if selector := choose_selector(examples, is_only_beside):
            drafted.add_css(name, selector)


def _bylines(story: StoryPage) -> Iterator[str]:
    """Yield selectors of short texts without digits that a class, JSON-LD or the words of a desk mark as a byline."""
    declared = {clean(text) for each in data.AUTHORS for text in each.extract(story.page.article)}
    for node in story.near("[class], [itemprop], [rel=author], a, span, h5, h6, p"):
        text = visible_text(node) or ""
        if not 2 <= len(text) <= 60 or re.search("[0-9]", ascii_digits(text)):
            continue
        attributes = node.attributes
        names = f"{attributes.get('class') or ''} {attributes.get('itemprop') or ''} {attributes.get('rel') or ''}"
        if (
            _BYLINE.search(names)
            or _AUTHOR_PATH.search(attributes.get("href") or "")
            or clean(text) in declared
            or _DESK.search(clean(text) or "")
        ):
            yield from _own_or_parents(node)


def _own_or_parents(node: LexborNode) -> Iterator[str]:
    """Yield the most stable selector of an element, or of its tag in the element around it."""
    if own := next(iter(own_selectors(node)), ""):
        yield own
    elif node.parent is not None and (around := next(iter(own_selectors(node.parent)), "")):
        yield f"{around} {node.tag}"


def _beside_date(story: StoryPage) -> Iterator[str]:
    """Yield selectors of the short texts without digits directly before the date, or before the element around it."""
    headline = {above.mem_id for above in self_and_ancestors(story.heading)}
    for date in _innermost(story):
        for node in (date, date.parent):
            before = previous_element(node) if node is not None else None
            text = visible_text(before) or "" if before is not None else ""
            if (
                before is not None
                and before.mem_id not in headline
                and 4 <= len(text) <= 60
                and not re.search("[0-9]", ascii_digits(text))
            ):
                yield from _own_or_parents(before)


def _varying(stories: Sequence[StoryPage], selectors: Sequence[str]) -> list[str]:
    """Return the selectors whose text differs between stories, as that of a place does not, and is not a headline."""
    kept = []
    for selector in selectors:
        nodes = [node for story in stories if (node := story.page.tree.css_first(selector)) is not None]
        is_headline = any(node.mem_id == story.heading.mem_id for node in nodes for story in stories)
        if len({visible_text(node) for node in nodes}) > len(stories) / 2 and not is_headline:
            kept.append(selector)
    return kept


def _labelled_dates(story: StoryPage) -> Iterator[str]:
    """Yield selectors of the innermost elements with a label such as প্রকাশ or আপডেট before a date."""
    for node in _innermost(story):
        yield next(iter(own_selectors(node)), "") or next(_parents([node]), "div")


def _innermost(story: StoryPage) -> list[LexborNode]:
    found = [node for node in story.outside("time, span, p, div, li, small, h5, h6") if _is_labelled(node)]
    outer = {above.mem_id for node in found for above in [*self_and_ancestors(node)][1:]}
    return [node for node in found if node.mem_id not in outer]


def _is_labelled(node: LexborNode) -> bool:
    text = (node.text(deep=True) or "")[:400]
    if len(text.split()) > 30:
        return False
    text = ascii_digits(search_key(text))
    return LABEL.search(text) is not None and _has_date(text)


def _has_date(text: str) -> bool:
    return re.search("[0-9]{4}", ascii_digits(text)) is not None


def _add_picture(drafted: DraftedFields) -> None:
    around, names = [], dict[str, None]()
    for story in drafted.stories:
        if (lead := _lead_picture(story)) is not None:
            names |= dict.fromkeys(_picture_urls(lead))
            around.append((story.page, lead))
    if len(around) * 2 < len(drafted.stories):
        return
    for depth in (1, 2, 3):
        wrappers = [(page, above[depth]) for page, node in around if len(above := [*self_and_ancestors(node)]) > depth]
        selector = choose_selector(wrappers) if len(wrappers) == len(around) else ""
        if selector:
            attributes = ", ".join(literal(name) for name in _PICTURE_ATTRIBUTES if name in names)
            drafted.add("image", f"attribute({literal(f'{selector} img')}, {attributes})", len(around))
            captions = f"{selector} figcaption, {selector} [class*=caption]"
            has_caption = any(page.tree.css_first(captions) is not None for page, _ in around)
            drafted.add_css("caption", captions if has_caption else selector)
            return


def _lead_picture(story: StoryPage) -> LexborNode | None:
    declared = story.page.meta_tags.get("og:image", "").partition("?")[0]
    pictures = story.page.tree.css("img")[:200]
    by_url = (node for node in pictures if declared and declared in _picture_urls(node).values())
    in_figure = (node for node in pictures if any(above.tag == "figure" for above in self_and_ancestors(node)))
    near = (node for node in story.near("img") if all(above.tag != "a" for above in self_and_ancestors(node)))
    return next((node for nodes in (by_url, in_figure, near) for node in nodes), None)


def _picture_urls(node: LexborNode) -> dict[str, str]:
    return {name: value.partition("?")[0] for name in _PICTURE_ATTRIBUTES if (value := node.attributes.get(name))}


def _tag_lists(story: StoryPage) -> Iterator[str]:
    for node in story.outside("a[href]"):
        match = _TAG_PATH.search(node.attributes.get("href") or "")
        if match and (around := next(_parents([node]), "")):
            yield f'{around} a[href*="{match[0]}"]'
