"""Page data of a Simorgh article: a tree of blocks, and its JSON-LD without the text."""

from itertools import count
from typing import Any

from ..paper import Paper, View
from ..story import Story
from ..wording import milliseconds, utc


def page_data(paper: Paper, story: Story, view: View) -> dict[str, Any]:
    """Return the data that the front end prints into the page of a story."""
    state, ids = story.at(view.at), count(1)

    def text(value: str) -> dict[str, Any]:
        fragment = {"id": f"{next(ids):08x}", "type": "fragment", "model": {"text": value, "attributes": []}}
        return _block("text", [_block("paragraph", [fragment], text=value)])

    blocks = [_block("headline", [text(state.headline)])]
    if story.authors:
        blocks.append(
            _block("byline", [_block("contributor", [_block("name", [text(name)])]) for name in story.authors])
        )
    times = {
        "firstPublished": milliseconds(story.published),
        "lastPublished": milliseconds(state.updated or story.published),
    }
    blocks.append({"type": "timestamp", "model": times})
    if picture := story.picture:
        raw = {"type": "rawImage", "model": {"locator": paper.image(story), "copyrightHolder": picture.credit}}
        caption = [_block("caption", [text(picture.caption)])] if picture.caption else []
        blocks.append(_block("image", [*caption, raw]))
    for kind, texts in state.parts:
        if kind == "item":
            blocks.append(_block("text", [_block("unorderedList", [_block("listItem", [text(t)]) for t in texts])]))
        else:
            blocks.append(_block("subheadline", [text(texts[0])]) if kind == "head" else text(texts[0]))
    metadata = {"id": f"urn:bbc:ares::article:{story.id}", "type": "article", "createdBy": "bengali", **times}
    topics = [{"topicName": story.section.name, "topicId": story.section.path}]
    return {"content": {"model": {"blocks": blocks}}, "metadata": {**metadata, "topics": topics}}


def json_ld(paper: Paper, story: Story, view: View) -> dict[str, Any]:
    """Return the graph with one article; its headline may be the one for search engines."""
    state, url = story.at(view.at), paper.url_of(story)
    headline = (
        f"{story.section.name}: {state.headline}"
        if paper.varies(story, "other headline in JSON-LD")
        else state.headline
    )
    organisation = {"@type": "NewsMediaOrganization", "name": paper.title}
    article = {
        "@type": "ReportageNewsArticle",
        "url": url,
        "publisher": organisation,
        "image": {"@type": "ImageObject", "width": 1024, "height": 576, "url": paper.image(story)},
        "mainEntityOfPage": {"@type": "WebPage", "@id": url, "name": headline},
        "headline": headline,
        "description": state.lead[:150],
        "datePublished": utc(story.published),
        "dateModified": utc(state.updated or story.published),
        "inLanguage": {"@type": "Language", "name": "Bengali", "alternateName": "bn"},
        "about": [{"@type": "Thing", "name": name} for name in (story.section.name, *story.tags)],
        "author": [{"@type": "Person", "name": name} for name in story.authors] or organisation,
    }
    return {"@context": "http://schema.org", "@graph": [article]}


def _block(kind: str, blocks: list[dict[str, Any]], **model: Any) -> dict[str, Any]:
    return {"type": kind, "model": {**model, "blocks": blocks}}
